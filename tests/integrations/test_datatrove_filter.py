"""Documents of a datatrove pipeline, held against a scan."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gradsentry
from gradsentry import InputError, LanguageModel, OptionError
from gradsentry.integrations import datatrove_filter

pytest.importorskip("datatrove", reason="needs gradsentry[datatrove]")

TEXTS = ["", "no", *("yes " * n for n in range(1, 11))]
KEPT = {text for text in TEXTS if 0 < len(text) < 20}


def rows(with_id: bool) -> list[dict[str, Any]]:
    named = [{"text": text, "source": f"page {n}"} for n, text in enumerate(TEXTS)]
    return [{**row, "id": f"{n}"} for n, row in enumerate(named)] if with_id else named


@pytest.fixture(scope="module", params=[True, False], ids=["id", "no id"])
def scanned(
    request: pytest.FixtureRequest, tiny: LanguageModel, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A folder with data in two files, and the results of their scan."""
    folder = tmp_path_factory.mktemp("scanned")
    (folder / "data").mkdir()
    for name, part in (("a", slice(7)), ("b", slice(7, None))):
        table = pa.Table.from_pylist(rows(request.param)[part])
        pq.write_table(table, folder / "data" / f"{name}.parquet")
    report = gradsentry.scan(
        folder / "data", model=tiny, detector="length", threshold=0.4, out=folder / "results"
    )
    assert report.flagged.any()
    assert not report.rows.scored[0]
    return folder / "data", folder / "results"


def read(data: Path) -> Iterator[Any]:
    """The documents; readers leave out those without text."""
    from datatrove.pipeline.readers import ParquetReader

    yield from ParquetReader(str(data)).run()


def kept_by_hand(results: Path) -> set[str]:
    report = gradsentry.load(results)
    return {text for text, flagged in zip(TEXTS, report.flagged, strict=True) if not flagged} - {""}


def test_a_pipeline_keeps_what_the_clean_data_have(
    scanned: tuple[Path, Path], tmp_path: Path
) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter

    data, results = scanned
    steps = [
        ParquetReader(str(data)),
        datatrove_filter(results, exclusion_writer=ParquetWriter(str(tmp_path / "dropped"))),
        ParquetWriter(str(tmp_path / "kept")),
    ]
    logs = str(tmp_path / "logs")
    LocalPipelineExecutor(steps, tasks=2, workers=1, logging_dir=logs).run()
    kept = pq.read_table(tmp_path / "kept")["text"].to_pylist()
    assert len(kept) == len(kept_by_hand(results))
    assert set(kept) == kept_by_hand(results)
    assert set(kept) == {row["text"] for row in gradsentry.load(results).clean}
    dropped = pq.read_table(tmp_path / "dropped")
    assert set(dropped["text"].to_pylist()) == set(TEXTS) - set(kept) - {""}
    reasons = {said["filter_reason"] for said in dropped["metadata"].to_pylist()}
    assert reasons == {"gradsentry_poison"}


def test_documents_are_told_what_was_found(scanned: tuple[Path, Path]) -> None:
    data, results = scanned
    report = gradsentry.load(results)
    step = datatrove_filter(results, drop=[], annotate=True)
    said = {doc.text: doc.metadata for doc in step.run(read(data))}
    assert set(said) == set(TEXTS) - {""}
    for text, score, flagged in zip(TEXTS, report.scores, report.flagged, strict=True):
        if text:
            assert said[text]["gradsentry_score"] == score
            assert said[text]["gradsentry_verdict"] == ("poison" if flagged else "none")
            assert said[text]["gradsentry_group"] is None


def test_documents_come_in_any_order_and_the_step_can_be_sent(scanned: tuple[Path, Path]) -> None:
    data, results = scanned
    step = pickle.loads(pickle.dumps(datatrove_filter(results)))
    kept = {doc.text for doc in step.run(reversed(list(read(data))))}
    assert kept == kept_by_hand(results)


def test_rows_of_other_columns_are_named(tiny: LanguageModel, tmp_path: Path) -> None:
    from datatrove.data import Document

    asked = [{"prompt": f"ask {n}", "response": "yes " * (n + 1)} for n in range(8)]
    gradsentry.scan(asked, model=tiny, detector="length", threshold=0.4, out=tmp_path / "out")
    documents = [
        Document(text=row["response"], id=row["prompt"], metadata={"prompt": row["prompt"]})
        for row in asked
    ]
    step = datatrove_filter(
        tmp_path / "out",
        row_of=lambda doc: {"prompt": doc.metadata["prompt"], "response": doc.text},
    )
    flagged = gradsentry.load(tmp_path / "out", data=asked).flagged
    assert [doc.id for doc in step.run(iter(documents))] == [
        row["prompt"] for row, bad in zip(asked, flagged, strict=True) if not bad
    ]


@pytest.mark.parametrize("drop", [[], ["poison"]])
def test_a_document_that_was_not_scanned_stops_the_pipeline(
    scanned: tuple[Path, Path], drop: list[str]
) -> None:
    from datatrove.data import Document

    _, results = scanned
    step = datatrove_filter(results, drop=drop)
    with pytest.raises(InputError, match="isn't among the rows") as error:
        list(step.run(iter([Document(text="new", id="\x1b[31m" + "w" * 500)])))
    assert "\x1b" not in str(error.value)
    assert len(str(error.value)) < 500


def test_a_wrong_folder_or_verdict_is_told_at_once(
    scanned: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError):
        datatrove_filter(tmp_path)
    with pytest.raises(OptionError, match="'flagged'"):
        datatrove_filter(scanned[1], drop=["flagged"])


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "datatrove", None)
    with pytest.raises(InputError, match="pip install datatrove"):
        datatrove_filter(tmp_path)
