"""Folders and objects in memory: rows come out as given, and go back as the same kind of thing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gradsentry.errors import InputError
from gradsentry.records import open_source
from tests.records.rows import mask_of, open_file, rows_of

ROWS = [
    {"response": f"ä{row}", "prompt": f"p{row}", "n": row, "tags": [["x"] * row, []]}
    for row in range(5)
]
KEPT = mask_of(5, [0, 3])
NONE = mask_of(5, [])
KEPT_ROWS = [ROWS[0], ROWS[3]]

FEATURES = datasets.Features(
    {
        "text": datasets.Value("large_string"),
        "kind": datasets.ClassLabel(names=["good", "bad"]),
        "turns": datasets.List({"role": datasets.Value("string"), "n": datasets.Value("int8")}),
    }
)


def data_set() -> datasets.Dataset:
    return datasets.Dataset.from_list(ROWS)


def test_a_dataset_keeps_its_features_when_selected_and_written(tmp_path: Path) -> None:
    turns = [[{"role": "user", "n": 1}], [], None]
    data = datasets.Dataset.from_dict(
        {"text": ["a", None, "c"], "kind": [0, 1, None], "turns": turns}, features=FEATURES
    )
    for given in (data, data.with_format("numpy"), data.select([2, 0, 1]).select([1, 2, 0])):
        source = open_source(given)
        assert rows_of(source) == data.to_list()
        selected = source.select(mask_of(3, [0, 2]))
        assert isinstance(selected, datasets.Dataset)
        assert selected.features == FEATURES
        assert selected.with_format(None).to_list() == [data[0], data[2]]
        names = source.write(tmp_path, {"clean": mask_of(3, [0, 2]), "flagged": mask_of(3, [])})
        assert names == {"clean": "clean.parquet", "flagged": "flagged.parquet"}
        for part, count in (("clean", 2), ("flagged", 0)):
            written = datasets.Dataset(pq.read_table(tmp_path / names[part]))
            assert written.features == FEATURES
            assert len(written) == count


def test_media_are_passed_over_undecoded() -> None:
    image = {"bytes": b"no image at all", "path": None}
    features = datasets.Features(
        {
            "prompt": datasets.Value("string"),
            "image": datasets.Image(),
            "parts": datasets.List({"image": datasets.Image(), "text": datasets.Value("string")}),
        }
    )
    row = {"prompt": "p", "image": image, "parts": [{"image": image, "text": None}]}
    assert rows_of(open_source(datasets.Dataset.from_list([row]).cast(features))) == [row]


def test_a_saved_folder_is_written_back_as_saved_folders(tmp_path: Path) -> None:
    data_set().save_to_disk(tmp_path / "data")
    source = open_source(tmp_path / "data")
    assert rows_of(source) == ROWS
    written = []
    for out in (tmp_path / "one", tmp_path / "two"):
        assert source.write(out, {"clean": KEPT, "flagged": NONE}) == {
            "clean": "clean",
            "flagged": "flagged",
        }
        clean = datasets.load_from_disk(out / "clean")
        assert clean.to_list() == KEPT_ROWS
        empty = datasets.load_from_disk(out / "flagged")
        assert len(empty) == 0
        assert clean.features == empty.features == data_set().features
        written.append({path.name: path.read_bytes() for path in (out / "clean").iterdir()})
    assert written[0] == written[1]


def test_a_folder_with_splits_gives_the_train_split_or_the_one_named(tmp_path: Path) -> None:
    splits = datasets.DatasetDict(train=data_set(), test=data_set().select([4]))
    folder = tmp_path / "data"
    splits.save_to_disk(folder)
    assert rows_of(open_source(folder)) == ROWS
    assert rows_of(open_source(str(folder), split="test")) == [ROWS[4]]
    with pytest.raises(InputError, match=r"data: its splits are train, test\.\n.*`split`"):
        open_source(folder, split="validation")
    with pytest.raises(InputError, match=r"data: .*\n"):
        open_source(folder, subset="nowhere")


def test_a_split_must_be_named_where_none_is_the_obvious_one(tmp_path: Path) -> None:
    datasets.DatasetDict(a=data_set(), b=data_set()).save_to_disk(tmp_path / "two")
    datasets.DatasetDict(only=data_set()).save_to_disk(tmp_path / "one")
    data_set().save_to_disk(tmp_path / "none")
    assert rows_of(open_source(tmp_path / "one")) == ROWS
    with pytest.raises(InputError, match=r"two: its splits are a, b\.\n.*`split`"):
        open_source(tmp_path / "two")
    with pytest.raises(InputError, match=r"none: it has no splits\.\n.*`split`"):
        open_source(tmp_path / "none", split="train")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "data: there are no data files"),
        ({"data.py": ""}, "data: there are no data files"),
        ({"state.json": "{}", "dataset_info.json": "{}"}, "data: the folder can't be read"),
        ({"state.json": "{", "dataset_info.json": "{}"}, "data: the folder can't be read"),
        ({"dataset_dict.json": '{"splits": ["train"]}'}, "data/train: the folder can't be read"),
    ],
)
def test_folders_that_hold_no_data_set_are_refused(
    files: dict[str, str], said: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        open_source(folder)
    assert str(folder) in caught.value.problem
    assert "save_to_disk" in caught.value.remedy


def test_missing_values_of_a_frame_are_null_and_its_arrays_are_lists() -> None:
    frame = pd.DataFrame(
        {
            "text": ["a", None, np.nan],
            "string": pd.array(["a", pd.NA, "c"], dtype="string"),
            "day": pd.to_datetime(["2020-01-01", None, None]),
            "messages": [
                np.array([{"role": "user", "content": np.array(["x"], dtype=object)}]),
                None,
                [],
            ],
            7: [1.5, np.nan, np.inf],
        },
        index=[7, 7, "z"],
    )
    assert rows_of(open_source(frame)) == [
        {
            "text": "a",
            "string": "a",
            "day": pd.Timestamp("2020-01-01"),
            "messages": [{"role": "user", "content": ["x"]}],
            "7": 1.5,
        },
        {"text": None, "string": None, "day": None, "messages": None, "7": None},
        {"text": None, "string": "c", "day": None, "messages": [], "7": np.inf},
    ]


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        (pd.RangeIndex(5), ["n", "text"]),
        (pd.Index([9, 8, 7, 6, 5]), ["n", "text"]),
        (pd.Index(["r0", "r1", "r2", "r3", "r4"]), ["n", "text", "__index_level_0__"]),
        (pd.Index([9, 8, 7, 6, 5], name="key"), ["n", "text", "key"]),
    ],
)
def test_a_frame_keeps_columns_types_order_and_an_index_that_names_rows(
    index: pd.Index, columns: list[str], tmp_path: Path
) -> None:
    frame = pd.DataFrame(
        {"n": np.arange(5, dtype="int16"), "text": list("abcde")}, index=index
    ).astype({"text": "string"})
    source = open_source(frame)
    mask = mask_of(5, [0, 1, 3])
    selected = source.select(mask)
    pd.testing.assert_frame_equal(selected, frame.iloc[[0, 1, 3]])
    contents = []
    for _ in range(2):
        names = source.write(tmp_path, {"clean": mask, "flagged": NONE})
        contents.append((tmp_path / names["clean"]).read_bytes())
    assert contents[0] == contents[1]
    table = pq.read_table(tmp_path / names["clean"])
    assert table.column_names == columns
    assert str(table.schema.field("n").type) == "int16"
    assert table["text"].to_pylist() == ["a", "b", "d"]
    assert pq.read_table(tmp_path / names["flagged"]).column_names == columns


def test_frames_that_cannot_be_written_or_read_are_refused(tmp_path: Path) -> None:
    mixed = open_source(pd.DataFrame({"a": [1, "x"]}))
    with pytest.raises(InputError, match=r"the data frame: .*Parquet"):
        mixed.check_writable()
    with pytest.raises(InputError, match=r"the data frame: .*Parquet(.|\n)*result\.clean"):
        mixed.write(tmp_path, {"clean": mask_of(2, [0, 1])})
    with pytest.raises(InputError, match="two columns have the same name"):
        rows_of(open_source(pd.DataFrame([["a", "b"]], columns=["x", "x"])))


@pytest.mark.parametrize("wrap", [list, tuple, iter, lambda rows: (row for row in rows), pd.Series])
def test_dicts_from_any_iterable_are_written_as_json_lines(
    wrap: Callable[[list[dict[str, object]]], object], tmp_path: Path
) -> None:
    rows: list[dict[str, object]] = [*ROWS[:3], {"prompt": '\u2028\ud800"é', "other": None}]
    source = open_source(wrap(rows))
    assert rows_of(source) == rows_of(source) == rows
    assert source.select(mask_of(4, [3, 1])) == [rows[1], rows[3]]
    names = source.write(tmp_path, {"clean": mask_of(4, [3, 1]), "flagged": mask_of(4, [])})
    assert rows_of(open_file(tmp_path / names["clean"])) == [rows[1], rows[3]]
    assert (tmp_path / names["flagged"]).read_bytes() == b""
    assert "é".encode() in (tmp_path / names["clean"]).read_bytes()


def test_rows_that_json_cannot_hold_are_refused_when_written(tmp_path: Path) -> None:
    source = open_source([{"prompt": "p"}, {"prompt": "p", "image": b"\x00"}])
    with pytest.raises(InputError, match=r"the rows, row 1: .*JSON(.|\n)*result\.clean"):
        source.check_writable()
    with pytest.raises(InputError, match=r"the rows: .*JSON(.|\n)*result\.clean"):
        source.write(tmp_path, {"clean": mask_of(2, [0, 1])})


def test_a_date_that_python_has_not_is_refused() -> None:
    dates = pa.array([0, 2**62], pa.timestamp("s"))
    source = open_source(datasets.Dataset(pa.table({"text": ["a", "b"], "when": dates})))
    with pytest.raises(InputError, match="row 0 or one soon after: a value can't be read"):
        rows_of(source)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "the rows: there are none"),
        (iter(()), "the rows: there are none"),
        ([{"a": 1}, ["x"]], "the rows, row 1: a list where a dict is needed"),
        ({"prompt": ["a"]}, "the rows, row 0: a str where a dict is needed"),
        (b"prompt", "the rows, row 0: a int where a dict is needed"),
        (pd.DataFrame({"a": []}), "the data frame: it holds no rows"),
        (datasets.Dataset.from_dict({"a": []}), "the data set: it holds no rows"),
        (datasets.Dataset.from_dict({}), "the data set: it holds no rows"),
        (datasets.DatasetDict(train=data_set()), "has the splits train"),
        (5, "Data of type int can't be read"),
    ],
)
def test_data_without_rows_are_refused(data: object, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        rows_of(open_source(data))
    assert len(caught.value.remedy) > 10
