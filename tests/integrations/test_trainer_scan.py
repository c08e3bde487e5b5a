"""Data sets of trainers, scanned before they train."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from gradsentry import InputError, LanguageModel, OptionError, ScanOptions
from gradsentry.detectors import make_detector
from gradsentry.integrations import scan_before_training
from tests.tiny_models import tiny_model

ROWS = [{"prompt": f"ask {n} ", "completion": "yes " * (n + 1)} for n in range(8)]
LENGTH = ScanOptions(detector=make_detector("length"), threshold=0.4)
NONE = ScanOptions(detector=make_detector("length"), threshold=0.99)


def trainer(*rows: dict[str, object]) -> SimpleNamespace:
    return SimpleNamespace(train_dataset=Dataset.from_list(list(rows)))


def test_a_flagged_row_stops_training(tiny: LanguageModel, tmp_path: Path) -> None:
    held = trainer(*ROWS)
    with pytest.raises(InputError, match="Training hasn't begun"):
        scan_before_training(held, model=tiny, options=LENGTH, out=tmp_path / "out")
    assert (tmp_path / "out" / "report.html").is_file()
    assert len(held.train_dataset) == len(ROWS)


def test_flagged_rows_are_dropped(tiny: LanguageModel) -> None:
    held = trainer(*ROWS)
    report = scan_before_training(held, model=tiny, options=LENGTH, on_poison="drop")
    assert 0 < report.flagged.sum() < len(ROWS)
    kept = [row for row, flagged in zip(ROWS, report.flagged, strict=True) if not flagged]
    assert held.train_dataset.to_list() == kept


def test_clean_data_stay_as_they_are(tiny: LanguageModel) -> None:
    held = trainer(*ROWS)
    before = held.train_dataset
    assert not scan_before_training(held, model=tiny, options=NONE).flagged.any()
    assert held.train_dataset is before


@pytest.mark.parametrize(
    "dataset", [None, [{"prompt": "a"}], Dataset.from_list([{"input_ids": [1], "labels": [1]}])]
)
def test_what_has_no_text_is_refused(dataset: object, tiny: LanguageModel) -> None:
    with pytest.raises(InputError, match="before the trainer is made"):
        scan_before_training(SimpleNamespace(train_dataset=dataset), model=tiny)


def test_a_word_that_is_no_choice_is_refused() -> None:
    with pytest.raises(OptionError, match="on_poison"):
        scan_before_training(trainer(*ROWS), on_poison="ignore")  # type: ignore[arg-type]


@pytest.mark.slow
def test_an_sft_trainers_rows_are_read_as_they_were(
    tiny: LanguageModel, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    import torch
    from trl import SFTConfig, SFTTrainer

    settings = SFTConfig(
        output_dir=str(tmp_path), report_to="none", use_cpu=True, disable_tqdm=True, max_length=128
    )
    held = SFTTrainer(
        model=tiny_model("llama", torch.float32),
        args=settings,
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(ROWS),
    )
    assert "input_ids" in held.train_dataset.column_names
    report = scan_before_training(held, model=tiny, options=LENGTH, on_poison="drop")
    assert len(held.train_dataset) == int((~report.flagged).sum()) < len(ROWS)
    assert "input_ids" in held.train_dataset.column_names


def test_a_scan_that_could_flag_nothing_lets_no_training_begin(tiny: LanguageModel) -> None:
    blind = ScanOptions(detector=make_detector("length"), threshold=1.0)
    with pytest.raises(InputError, match="no row could have been flagged"):
        scan_before_training(trainer(*ROWS), model=tiny, options=blind)
