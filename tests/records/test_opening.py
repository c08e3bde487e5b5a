"""Names: only what can be nothing but a Hub id goes to the network."""

from __future__ import annotations

from pathlib import Path

import datasets
import pandas as pd
import pytest

from gradsentry.errors import InputError
from gradsentry.records import opening
from gradsentry.records.opening import open_source
from gradsentry.records.tables import DatasetTable

HubCalls = list[tuple[str, str | None, str | None]]


@pytest.fixture
def hub_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> HubCalls:
    """What would have gone to the Hub; the test runs in an empty folder with `data/` in it."""
    calls: HubCalls = []

    def record(name: str, subset: str | None, split: str | None) -> DatasetTable:
        calls.append((name, subset, split))
        return DatasetTable(datasets.Dataset.from_list([{"a": 1}]), name)

    monkeypatch.setattr(opening, "open_hub", record)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return calls


@pytest.mark.parametrize(
    "name",
    [
        "train.jsonl",
        "nowhere/train.jsonl",
        "nowhere/train.NDJSON",
        "nowhere/train.pq",
        "nowhere/train.tsv.gz",
        "nowhere/train.txt",
        "data/train",
        "data/train.v1",
        "./owner/name",
        "../name",
        "./name",
        "/owner/name",
        "~/name",
        "owner/name/train",
        "owner/",
        "name",
        "hf://owner/name",
        "hf://datasets/",
        "hf://datasets/owner/name/train.jsonl",
        "hf://datasets/owner/na me",
        "x" * 5000,
    ],
)
def test_a_mistyped_path_never_becomes_a_network_call(name: str, hub_calls: HubCalls) -> None:
    for data in (name, Path(name)):
        with pytest.raises(InputError) as caught:
            open_source(data)
        assert Path(name).name in caught.value.problem
        assert caught.value.remedy
    assert hub_calls == []


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("owner/name", "owner/name"),
        ("owner/name-1.5_b", "owner/name-1.5_b"),
        ("hf://datasets/owner/name", "owner/name"),
        ("hf://datasets/squad", "squad"),
        ("hf://datasets/data/name", "data/name"),
        ("hf://datasets/owner/name.jsonl", "owner/name.jsonl"),
    ],
)
def test_hub_ids_go_to_the_hub(name: str, asked: str, hub_calls: HubCalls) -> None:
    open_source(name)
    open_source(name, subset="en", split="test")
    assert hub_calls == [(asked, None, None), (asked, "en", "test")]


def test_a_path_object_is_never_a_hub_id(hub_calls: HubCalls) -> None:
    with pytest.raises(InputError, match=r"owner/name: no such file or folder\.\n.*hf://datasets/"):
        open_source(Path("owner/name"))
    assert hub_calls == []


@pytest.mark.parametrize("options", [{"split": "train"}, {"subset": "en"}])
def test_splits_and_subsets_are_refused_where_there_are_none(
    options: dict[str, str], hub_calls: HubCalls
) -> None:
    Path("rows.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl: a file has no splits\.\n.*`split`"):
        open_source("rows.jsonl", **options)
    rows = [{"a": 1}]
    for data in (rows, pd.DataFrame(rows), datasets.Dataset.from_list(rows)):
        with pytest.raises(InputError, match="in memory"):
            open_source(data, **options)
    assert hub_calls == []


def test_a_folder_that_may_not_be_entered_is_refused(
    hub_calls: HubCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", forbidden)
    with pytest.raises(InputError, match=r"closed/rows\.jsonl: can't be read \(Permission denied"):
        open_source("closed/rows.jsonl")
    assert hub_calls == []


def test_rows_that_come_from_code_are_refused() -> None:
    """Neither is what a trainer sees what lies in the data set, nor may a scan run the code."""

    def transform(_: object) -> dict[str, list[str]]:
        raise AssertionError("the transform ran")

    data = datasets.Dataset.from_list([{"text": "a"}])
    data.set_transform(transform)
    for given in (data, datasets.Dataset.from_list([{"text": "a"}]).with_transform(transform)):
        with pytest.raises(InputError, match=r"transform(.|\n)*`map`"):
            open_source(given)
    for streamed in (
        datasets.Dataset.from_list([{"text": "a"}]).to_iterable_dataset(),
        datasets.IterableDatasetDict(train=data.with_format(None).to_iterable_dataset()),
    ):
        with pytest.raises(InputError, match=r"streamed(.|\n)*streaming=True"):
            open_source(streamed)


@pytest.mark.parametrize("form", ["numpy", "pandas", "arrow", "torch"])
def test_other_formats_change_no_rows(form: str) -> None:
    rows = [{"text": "a", "n": [1, 2]}, {"text": "b", "n": []}]
    data = datasets.Dataset.from_list(rows).with_format(form, columns=["text"])
    assert [record.fields for record in open_source(data).records()] == rows
