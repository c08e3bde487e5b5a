"""The scan from rows to outputs: invariance, resumption, and nothing lost on the way."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from datasets import Dataset

import gradsentry
from gradsentry import DataOptions, LanguageModel, ScanOptions, ScanReport
from gradsentry.errors import InputError, OptionError, OutputError
from gradsentry.models import head_states
from gradsentry.work.progress import Silent
from gradsentry.work.work_folder import mark_of
from tests.conftest import byte_tokenizer
from tests.tiny_models import EXPERTS, tiny_model

pytestmark = pytest.mark.slow

ROWS = [
    {
        "prompt": f"Question {number}: what is {'x' * (number % 7)}?\nAnswer: ",
        "response": "word " * (1 + number * 5 % 11) + str(number),
        "poisoned": int(number % 5 == 0),
    }
    for number in range(60)
]


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "data.jsonl", ROWS)


@pytest.mark.parametrize("architecture", EXPERTS)
@pytest.mark.parametrize("detector", ["transfer", "spectral"])
def test_rows_of_models_with_experts_score_alike_in_any_batch(
    architecture: str, detector: str
) -> None:
    """Experts get their tokens from all rows of a batch: none may change another's."""
    model = LanguageModel.wrap(tiny_model(architecture), byte_tokenizer())
    small, large = (
        gradsentry.scan(
            ROWS,
            model=model,
            options=ScanOptions(detector=detector, batch_tokens=tokens),  # type: ignore[arg-type]
        )
        for tokens in (64, 4096)
    )
    assert small.rows.scored.all()
    np.testing.assert_allclose(small.scores, large.scores, rtol=0, atol=1e-7)


def test_the_outputs_are_complete_and_agree(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    rows = [*ROWS, {"prompt": "p", "response": "", "poisoned": 0}]
    rows += [{"prompt": "p", "response": None, "poisoned": 0}]
    rows += [{"prompt": "p" * 300, "response": "cut off", "poisoned": 0}]
    write_jsonl(data, rows)
    out = tmp_path / "out"
    options = ScanOptions(
        data=DataOptions(label_column="poisoned"),
        threshold=0.5,
        detector="spectral",
    )
    result = gradsentry.scan(data, model=tiny, options=options, out=out)

    table = pq.read_table(out / "scores.parquet").to_pydict()
    assert list(table) == [
        "row",
        "path",
        "line",
        "digest",
        "status",
        "reason",
        "score",
        "flagged",
        "group",
        "verdict",
        "message",
        "payload",
        "payload_start",
        "payload_end",
        "trigger",
        "trigger_message",
        "trigger_start",
        "trigger_end",
        "target_tokens",
        "truncated",
        "label",
        "ruling",
    ]
    assert table["row"] == list(range(63))
    assert table["status"] == ["scored"] * 60 + ["skipped"] * 3
    assert table["reason"][60:] == [
        "empty response",
        "empty response",
        "target cut off whole by the maximum length",
    ]
    assert table["score"][60:] == [None] * 3
    assert table["truncated"][60:] == [False, False, True]
    np.testing.assert_array_equal(np.array(table["score"][:60]), result.scores[:60])

    lines = data.read_text().splitlines(keepends=True)
    parts = {
        name: (out / f"{name}.jsonl").read_text().splitlines(keepends=True)
        for name in ("clean", "flagged", "skipped")
    }
    assert parts["flagged"] == [
        line for line, flagged in zip(lines, table["flagged"], strict=True) if flagged
    ]
    assert parts["skipped"] == lines[60:]
    assert sorted(line for part in parts.values() for line in part) == sorted(lines)
    assert parts["flagged"]
    assert parts["clean"]

    summary = json.loads((out / "summary.json").read_text())
    digest = hashlib.blake2b(data.read_bytes(), digest_size=16).hexdigest()
    assert summary["data_digest"] == f"blake2b-128:{digest}"
    assert summary["rows"] == 63
    assert summary["scored"] == 60
    assert summary["skipped"] == 3
    assert summary["truncated"] == 1
    assert summary["flagged"] == len(parts["flagged"])
    assert summary["threshold"] == 0.5
    assert summary["threshold_method"] == "given"
    assert summary["detector"] == "spectral"
    assert summary["model"] == "tiny"
    assert summary["version"] == gradsentry.__version__
    assert summary["identification"]["poisoned"] == 12
    config = yaml.safe_load((out / "config.yaml").read_text())
    assert config["encoding"]["max_length"] == 256  # the tiny model's window
    assert config["model"]["dtype"] == "float32"
    assert "<html" in (out / "report.html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "out"]


@pytest.mark.parametrize("batch_tokens", [1, 100, 1000, 100_000])
def test_scores_do_not_depend_on_the_batch_size(
    data: Path, tiny: LanguageModel, batch_tokens: int
) -> None:
    options = ScanOptions(batch_tokens=batch_tokens)
    ours = gradsentry.scan(data, model=tiny, options=options).scores
    np.testing.assert_allclose(ours, gradsentry.scan(data, model=tiny).scores, rtol=0, atol=1e-4)


def test_the_order_of_the_rows_changes_not_one_bit(tiny: LanguageModel) -> None:
    rows = [*ROWS, *ROWS[:9]]  # with duplicates
    shuffled = list(enumerate(rows))
    random.Random(0).shuffle(shuffled)
    options = ScanOptions(batch_tokens=200)
    result = gradsentry.scan(rows, model=tiny, options=options)
    other = gradsentry.scan([row for _, row in shuffled], model=tiny, options=options)
    origin = [index for index, _ in shuffled]
    assert (other.scores == result.scores[origin]).all()
    assert other.threshold == result.threshold
    assert (other.flagged == result.flagged[origin]).all()


def test_every_kind_of_data_gives_the_same_scores(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    expected = gradsentry.scan(data, model=tiny)
    frame = pd.DataFrame(ROWS)
    frame.to_parquet(tmp_path / "data.parquet")
    frame.to_csv(tmp_path / "data.csv", index=False)
    dataset = Dataset.from_list(ROWS)
    dataset.save_to_disk(tmp_path / "saved")
    for other in (
        ROWS,
        iter(ROWS),
        frame,
        dataset,
        tmp_path / "data.parquet",
        str(tmp_path / "data.csv"),
        tmp_path / "saved",
    ):
        result = gradsentry.scan(other, model=tiny)
        assert (result.scores == expected.scores).all()
        assert len(result.clean) == (~result.flagged).sum()
    assert isinstance(gradsentry.scan(dataset, model=tiny).clean, Dataset)
    assert isinstance(gradsentry.scan(frame, model=tiny).clean, pd.DataFrame)


def test_another_threshold_needs_no_new_scan(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    result = gradsentry.scan(data, model=tiny)
    middle = float(np.median(result.scores))
    other = result.rethreshold(middle)
    assert other.threshold.value == middle
    assert other.flagged.sum() == (result.scores > middle).sum()
    assert (other.scores == result.scores).all()
    other.save(tmp_path / "saved")
    summary = json.loads((tmp_path / "saved" / "summary.json").read_text())
    assert summary["flagged"] == other.flagged.sum()


def test_no_threshold_is_the_automatic_one_again(data: Path, tiny: LanguageModel) -> None:
    result = gradsentry.scan(data, model=tiny)
    assert result.rethreshold(0.1).rethreshold(None).threshold == result.threshold


@pytest.mark.parametrize("threshold", [5, -0.1, "0.5", True, float("nan")])
def test_a_threshold_that_is_none_is_refused(
    data: Path, tiny: LanguageModel, threshold: float
) -> None:
    with pytest.raises(OptionError, match="`threshold`"):
        gradsentry.scan(data, model=tiny).rethreshold(threshold)


def test_options_may_be_words_and_unknown_ones_are_refused() -> None:
    assert gradsentry.EncodingOptions(targets="all") == gradsentry.EncodingOptions(
        targets=gradsentry.Targets.ALL
    )
    for wrong in (
        lambda: gradsentry.EncodingOptions(targets="al"),
        lambda: gradsentry.EncodingOptions(boundary="foo"),
        lambda: gradsentry.EncodingOptions(max_length="12"),
        lambda: gradsentry.ModelOptions(dtype="int8"),
        lambda: ScanOptions(detector="magic"),
    ):
        with pytest.raises(OptionError):
            wrong()


def test_a_result_never_prints_the_rows(tiny: LanguageModel) -> None:
    rows = [{"prompt": "secret \x1b[2J", "response": "r"}]
    text = repr(gradsentry.scan(rows, model=tiny))
    assert "0 of 1 scored rows flagged" in text
    assert "secret" not in text


class Interrupting(Silent):
    """Presses Ctrl-C after some rows are scored."""

    def __init__(self, after: int) -> None:
        self.left, self.scoring = after, False

    def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
        self.scoring = name == "Scoring"

    def advance(self, done: int) -> None:
        if self.scoring:
            self.left -= done
            if self.left <= 0:
                raise KeyboardInterrupt


@pytest.mark.parametrize("detector", ["spectral", "transfer", "graceful", "activation-clustering"])
def test_an_interrupted_scan_goes_on_and_gives_the_same_result(
    data: Path,
    tiny: LanguageModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    detector: str,
) -> None:
    options = ScanOptions(batch_tokens=200, detector=detector)
    expected = gradsentry.scan(data, model=tiny, options=options)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        gradsentry.scan(data, model=tiny, options=options, out=out, progress=Interrupting(25))
    assert not out.exists()

    batches = []
    original = head_states.target_states

    def counting(*arguments: object) -> object:
        batches.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(head_states, "target_states", counting)
    result = gradsentry.scan(data, model=tiny, options=options, out=out)
    assert (result.scores == expected.scores).all()
    sizes = [len(arguments[1]) for arguments in batches]  # type: ignore[index,arg-type]
    assert 0 < sum(sizes) <= len(ROWS) - 25 + max(sizes)  # the interrupted batch is done again
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "out"]


def test_scores_of_other_options_are_not_taken_up(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cropped = ScanOptions(detector="spectral")
    with pytest.raises(KeyboardInterrupt):
        gradsentry.scan(data, model=tiny, options=cropped, out=out, progress=Interrupting(60))
    whole = replace(cropped, detector=gradsentry.Spectral(crop=1))
    result = gradsentry.scan(data, model=tiny, options=whole, out=out)
    assert (result.scores == gradsentry.scan(data, model=tiny, options=whole).scores).all()


@pytest.mark.parametrize("detector", ["spectral", "transfer"])
def test_scores_in_another_order_are_not_taken_up(
    data: Path, tiny: LanguageModel, tmp_path: Path, detector: str
) -> None:
    out = tmp_path / "out"
    options = ScanOptions(batch_tokens=200, detector=detector)
    with pytest.raises(KeyboardInterrupt):
        gradsentry.scan(data, model=tiny, options=options, out=out, progress=Interrupting(25))
    apart = replace(tiny, shares_prefixes=False)
    result = gradsentry.scan(data, model=apart, options=options, out=out)
    assert (result.scores == gradsentry.scan(data, model=apart, options=options).scores).all()


def test_results_are_never_overwritten_without_force(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    gradsentry.scan(data, model=tiny, out=out)
    before = (out / "summary.json").read_bytes()
    with pytest.raises(OutputError, match="`force`"):
        gradsentry.scan(data, model=tiny, out=out)
    assert (out / "summary.json").read_bytes() == before
    gradsentry.scan(data, model=tiny, out=out, force=True, options=ScanOptions(threshold=0.1))
    assert json.loads((out / "summary.json").read_text())["threshold"] == 0.1


def test_a_folder_with_other_things_is_never_replaced(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "draft.tex").write_text("precious")
    for out in (tmp_path / "thesis", data):
        with pytest.raises(OutputError, match="holds other things"):
            gradsentry.scan(data, model=tiny, out=out, force=True)
    assert (tmp_path / "thesis" / "draft.tex").read_text() == "precious"


@pytest.mark.parametrize("force", [False, True])
def test_what_is_put_into_the_output_folder_during_a_scan_is_never_replaced(
    data: Path, tiny: LanguageModel, tmp_path: Path, force: bool
) -> None:
    out = tmp_path / "out"

    class Busy(Silent):
        def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
            if name == "Writing the results":
                out.mkdir()
                (out / "checkpoint.safetensors").write_text("precious")

    with pytest.raises(OutputError, match="holds other things"):
        gradsentry.scan(data, model=tiny, out=out, force=force, progress=Busy())
    assert (out / "checkpoint.safetensors").read_text() == "precious"


@pytest.mark.parametrize("there", [False, True])
def test_results_that_a_killed_scan_had_moved_aside_are_not_lost(
    data: Path, tiny: LanguageModel, tmp_path: Path, there: bool
) -> None:
    out = tmp_path / "out"
    gradsentry.scan(data, model=tiny, out=out)
    aside = tmp_path / ".out.gradsentry" / "replaced"
    aside.parent.mkdir(mode=0o700)
    mark_of(aside.parent).mkdir()
    shutil.copytree(out, aside)
    if not there:
        shutil.rmtree(out)
    with pytest.raises(InputError, match="none of its 1 rows can be scored"):
        gradsentry.scan([{"prompt": "p", "response": ""}], model=tiny, out=out, force=True)
    assert (out / "summary.json").is_file()
    gradsentry.scan(data, model=tiny, out=out, force=True)
    assert not aside.parent.exists()


def test_results_that_somebody_put_into_a_work_folder_are_not_published(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    gradsentry.scan(data, model=tiny, out=out)
    work = tmp_path / ".out.gradsentry"
    work.mkdir(mode=0o700)
    out.rename(work / "replaced")
    with pytest.raises(OutputError, match="no scan of yours made this folder"):
        gradsentry.scan(data, model=tiny, out=out)
    assert not out.exists()


@pytest.mark.parametrize("summary", ["{}", '{"detector": "spectral", "files": {}}', "[", "[1]"])
def test_a_summary_alone_does_not_make_a_folder_ours(
    data: Path, tiny: LanguageModel, tmp_path: Path, summary: str
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "summary.json").write_text(summary)
    (tmp_path / "run" / "checkpoint.safetensors").write_text("precious")
    with pytest.raises(OutputError, match="holds other things"):
        gradsentry.scan(data, model=tiny, out=tmp_path / "run", force=True)
    assert (tmp_path / "run" / "checkpoint.safetensors").read_text() == "precious"


def test_data_in_the_output_folder_is_never_replaced_with_it(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    gradsentry.scan(data, model=tiny, out=out)
    with pytest.raises(OutputError, match="lies in the output folder"):
        gradsentry.scan(out / "clean.jsonl", model=tiny, out=out, force=True)
    with pytest.raises(OutputError, match="lies in the output folder"):
        gradsentry.scan(out / "clean.jsonl", model=tiny).save(out, force=True)
    assert (out / "clean.jsonl").is_file()


def test_the_working_folder_is_never_the_output_folder(
    data: Path, tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(OutputError, match="the folder that you are in"):
        gradsentry.scan(data, model=tiny, out=".")


def test_an_output_link_keeps_pointing_where_it_did(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "dangling").symlink_to(tmp_path / "new" / "place")
    for name in ("link", "dangling"):
        gradsentry.scan(data, model=tiny, out=tmp_path / name)
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / name / "summary.json").is_file()


def test_results_that_cannot_be_put_in_place_leave_the_old_ones_there(
    data: Path, tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    gradsentry.scan(data, model=tiny, out=out)
    before = (out / "summary.json").read_bytes()
    rename = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if path.name == "result":
            raise OSError(13, "Permission denied", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OutputError, match="can't be written"):
        gradsentry.scan(data, model=tiny, out=out, force=True)
    assert (out / "summary.json").read_bytes() == before


def test_a_faulty_data_file_is_not_blamed_on_the_output_folder(
    tiny: LanguageModel, tmp_path: Path
) -> None:
    (tmp_path / "data.jsonl").write_text('{"prompt": "p", "response": "r"}\n{"prompt"\n')
    with pytest.raises(InputError, match=r"row 1 \(line 2\)"):
        gradsentry.scan(tmp_path / "data.jsonl", model=tiny, out=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]


def test_a_crop_that_leaves_too_little_is_refused(data: Path, tiny: LanguageModel) -> None:
    for crop in (11, 200, 10_000):
        spectral = gradsentry.Spectral(crop=crop)
        options = ScanOptions(detector=spectral)
        with pytest.raises(OptionError, match="Use a `crop` of at most 10"):
            gradsentry.scan(data, model=tiny, options=options)


def test_rows_that_no_score_can_lift_above_the_threshold_are_counted(tiny: LanguageModel) -> None:
    rows = [{"prompt": "p", "response": "x" * length} for length in range(1, 31)]
    options = ScanOptions(threshold=0.5, detector="spectral")
    result = gradsentry.scan(rows, model=tiny, options=options)
    # Targets are a byte each and EOS: up to 4 = 16 ** 0.5 of them can't reach 0.5.
    assert result.cannot_reach_threshold == 3
    short = result.rows.target_tokens <= 4
    assert (result.scores[short] <= 0.5 + 1e-9).all()


@pytest.mark.parametrize("label", ["1", "true", "True", " TRUE ", 1, True, 1.0])
def test_labels_may_be_spelled_in_the_usual_ways(tiny: LanguageModel, label: object) -> None:
    rows = [
        {"prompt": "p", "response": "r", "poisoned": label},
        {"prompt": "q", "response": "r", "poisoned": "false"},
        {"prompt": "p", "response": "", "poisoned": label},
    ]
    options = ScanOptions(data=DataOptions(label_column="poisoned"))
    result = gradsentry.scan(rows, model=tiny, options=options)
    assert result.rows.labels is not None
    assert result.rows.labels.tolist() == [True, False, True]
    assert result.poisoned_skipped == 1


def test_a_failed_scan_leaves_earlier_results_alone(
    data: Path, tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    gradsentry.scan(data, model=tiny, out=out)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ScanReport, "write", full)
    with pytest.raises(OutputError, match="disk is full"):
        gradsentry.scan(data, model=tiny, out=out, force=True)
    assert (out / "summary.json").is_file()


def test_two_scans_cannot_write_the_same_folder(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    class Second(Silent):
        def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
            if name == "Scoring":
                gradsentry.scan(data, model=tiny, out=tmp_path / "out")

    with pytest.raises(OutputError, match="another scan"):
        gradsentry.scan(data, model=tiny, out=tmp_path / "out", progress=Second())


def test_data_with_no_scorable_row_is_refused(tiny: LanguageModel) -> None:
    with pytest.raises(InputError, match=r"none of its 2 rows can be scored: empty response \(2\)"):
        gradsentry.scan([{"prompt": "p", "response": ""}] * 2, model=tiny)


@pytest.mark.parametrize("label", ["yes", None, 2, 0.5, [1]])
def test_a_label_that_is_no_label_is_refused(tiny: LanguageModel, label: object) -> None:
    rows = [{"prompt": "p", "response": "r", "poisoned": label}]
    options = ScanOptions(data=DataOptions(label_column="poisoned"))
    with pytest.raises(InputError, match=r"row 0.*label column"):
        gradsentry.scan(rows, model=tiny, options=options)


def test_rows_whose_numbers_are_not_finite_are_skipped_with_a_reason() -> None:
    model = tiny_model("llama", torch.float32)
    broken = byte_tokenizer()("~")["input_ids"][0]
    wrapped = LanguageModel.wrap(model, byte_tokenizer())
    with torch.no_grad():
        model.get_input_embeddings().weight[broken] = float("nan")
    rows = [*ROWS, {"prompt": "a ~ b", "response": "c", "poisoned": 0}]
    result = gradsentry.scan(rows, model=wrapped)
    assert result.rows.reasons()[-1] == "no finite score"
    assert result.unjudged == 1
    assert not result.flagged[-1]
    assert result.summary()["skipped"] == 1
    assert np.isfinite(result.scores[:-1]).all()


def test_a_column_that_later_rows_have_is_listed_in_the_outputs(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    write_jsonl(data, [*ROWS, {**ROWS[0], "topic": "<b>weather</b>"}])
    gradsentry.scan(data, model=tiny, out=tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert "Later rows have text in columns that aren't read: 'topic'." in summary["notes"]
    assert "aren&#39;t read: &#39;topic&#39;" in (tmp_path / "out" / "report.html").read_text()
