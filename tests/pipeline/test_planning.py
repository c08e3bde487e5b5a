"""Plans of scans: what they look at, and what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gradsentry
from gradsentry.detectors import make_detector
from gradsentry.encoding import EncodingOptions
from gradsentry.errors import GradSentryError, OptionError
from gradsentry.pipeline import planning
from gradsentry.pipeline.planning import CARDS, Gpu, PlanOptions, plan
from gradsentry.records import row_sample
from gradsentry.records.row_sample import Drawn
from gradsentry.scan_options import ScanOptions

PAIRS = [
    {"prompt": f"Answer the question. Q{number % 50}: ", "response": "yes " * (1 + number % 9)}
    for number in range(120)
]
CHATS = [
    {
        "messages": [
            {"role": "user", "content": f"Question {number}"},
            {"role": "assistant", "content": "word " * (number % 40)},
        ]
    }
    for number in range(60)
]
DOCUMENTS = [{"text": "word " * (number * 3)} for number in range(1, 60)]


@pytest.fixture(autouse=True)
def known_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "measure_matrix_rate", lambda _: 1e12)


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("rows", [PAIRS, CHATS, DOCUMENTS], ids=["pairs", "chats", "documents"])
def test_of_a_small_file_rows_and_tokens_are_those_of_a_scan(
    rows: list[dict[str, object]],
    tiny_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, encoding = written(tmp_path / "data.jsonl", rows), EncodingOptions(max_length=100)
    found = plan(data, tiny_folder, PlanOptions(encoding=encoding)).look
    stores = []
    finish = gradsentry.encoding.EncodedWriter.finish
    monkeypatch.setattr(
        gradsentry.encoding.EncodedWriter,
        "finish",
        lambda writer: stores.append(finish(writer)) or stores[-1],  # type: ignore[func-returns-value]
    )
    report = gradsentry.scan(
        data,
        model=tiny_folder,
        options=ScanOptions(encoding=encoding, detector=make_detector("length")),
    )
    table = report.rows
    assert found.drawn is Drawn.ALL
    assert found.rows.is_exact
    assert found.rows.value == len(rows)
    assert found.tokens.is_exact
    assert found.tokens.value == stores[0].lengths.sum()
    assert found.cut_rows.value == table.truncated.sum()
    assert found.targets == table.target_tokens.sum()
    assert found.distinct == pytest.approx(len(set(map(json.dumps, rows))) / len(rows), abs=0.02)
    assert found.skipped_rows == (~table.scored).sum()


def test_shared_beginnings_are_saved(tiny_folder: Path, tmp_path: Path) -> None:
    data = written(tmp_path / "data.jsonl", PAIRS)
    assert plan(data, tiny_folder).look.computed < 0.7
    alone = [{"prompt": chr(97 + number) * 9, "response": "yes"} for number in range(26)]
    assert plan(written(data, alone), tiny_folder).look.computed == 1


def test_a_sample_holds_what_it_estimates(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = written(tmp_path / "data.jsonl", PAIRS * 20)
    whole = plan(data, tiny_folder).look
    monkeypatch.setattr(row_sample, "SMALL_ROWS", 500)
    monkeypatch.setattr(row_sample, "ROWS_AT_A_PLACE", 5)
    found = plan(data, tiny_folder)
    assert found.look.drawn is Drawn.SPREAD
    assert found.look.sampled_rows <= 500
    for name in ("rows", "tokens"):
        exact, estimate = getattr(whole, name), getattr(found.look, name)
        assert estimate.low < exact.value < estimate.high
        assert estimate.value == pytest.approx(exact.value, rel=0.05)
    assert any("weren't looked at" in sentence for sentence in found.extrapolated)
    hours = found.plan.hours_of_all
    assert hours.low < hours.value < hours.high


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"{broken\n",
        b"[1, 2]\n",
        b"\xff\xfe\x00",
        b'{"a": 1}\n',
        b'{"text": "\\ud800"}\n',
    ],
)
def test_data_that_a_scan_refuses_are_refused_in_its_words(
    content: bytes, tiny_folder: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data.jsonl"
    data.write_bytes(content)
    errors = []
    for run in (lambda: plan(data, tiny_folder), lambda: gradsentry.scan(data, model=tiny_folder)):
        with pytest.raises(GradSentryError) as caught:
            run()
        errors.append((caught.value.problem, caught.value.remedy))
    assert errors[0] == errors[1]


@pytest.mark.parametrize("name", ["missing.jsonl", "missing", ".", "data.exe"])
def test_data_that_is_not_there_is_refused_in_a_scan_s_words(
    name: str, tiny_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "data.exe").write_text("no data")
    errors = []
    for run in (plan, gradsentry.scan):
        with pytest.raises(GradSentryError) as caught:
            run(str(tmp_path / name), model=tiny_folder)  # type: ignore[operator]
        errors.append((caught.value.problem, caught.value.remedy))
    assert errors[0] == errors[1]


def test_rows_that_cannot_be_scored_are_told(tiny_folder: Path, tmp_path: Path) -> None:
    empty = [{"prompt": "Q", "response": ""}] * 3
    data = written(tmp_path / "data.jsonl", empty)  # type: ignore[arg-type]
    with pytest.raises(GradSentryError, match="None of the 3 rows"):
        plan(data, tiny_folder)


def test_cards_without_a_name_are_refused() -> None:
    with pytest.raises(OptionError, match="it isn't said which"):
        PlanOptions(gpus=8)


@pytest.mark.parametrize("gpu", CARDS)
def test_a_card_that_was_not_measured_is_said_to_be_extrapolated(
    gpu: Gpu, tiny_folder: Path, tmp_path: Path
) -> None:
    data = written(tmp_path / "data.jsonl", PAIRS)
    found = plan(data, tiny_folder, PlanOptions(gpu=gpu, gpus=2))
    told = any("extrapolated from the H200's share" in each for each in found.extrapolated)
    assert told != (gpu is Gpu.H200)
    assert found.machine.workers == 2
    assert found.plan.memory.fits
