"""Media are carried: whatever paths rows hold, nothing opens them, here or on the network."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gradsentry.records import open_source
from tests.records.rows import mask_of, rows_of

SECRET = b"a secret of this machine"
KINDS = {
    "image": datasets.Image(),
    "audio": datasets.Audio(),
    "video": datasets.Video(),
    "pdf": datasets.Pdf(),
    "nifti": datasets.Nifti(),
    "mesh": datasets.Mesh(),
}


def stored_in(folder: Path, kind: str) -> tuple[datasets.Features, pa.Table]:
    """Rows whose media name a secret, a pipe, remote addresses and a file that isn't there."""
    (folder / "secret").write_bytes(SECRET)
    os.mkfifo(folder / "pipe")
    paths = [str(folder / "secret"), str(folder / "pipe"), "https://example.org/a.png"]
    paths += ["hf://datasets/owner/name@main/a.png", "zip://a::https://example.org/a", "nowhere"]
    feature = KINDS[kind]
    media = {"prompt": datasets.Value("string"), "response": datasets.Value("string")}
    media |= {"one": feature, "many": datasets.List(feature), "in": {"deep": feature}}
    features = datasets.Features(media)
    rows = []
    for path in paths:
        item = {"bytes": None, "path": path}
        rows.append({"prompt": "p", "response": path, "one": item, "many": [item, None]})
        rows[-1]["in"] = {"deep": item}
    return features, pa.Table.from_pylist(rows, schema=features.arrow_schema)


def saved(folder: Path, features: datasets.Features, table: pa.Table) -> object:
    """A folder as `save_to_disk` writes it, without its embedding."""
    datasets.Dataset.from_dict({"a": [1]}).save_to_disk(folder / "saved")
    with pa.ipc.new_stream(folder / "saved/data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table)
    info = datasets.DatasetInfo(features=features)
    info.write_to_directory(str(folder / "saved"))
    return folder / "saved"


def parquet(folder: Path, _: datasets.Features, table: pa.Table) -> object:
    pq.write_table(table, folder / "rows.parquet")
    assert b"huggingface" in pq.read_schema(folder / "rows.parquet").metadata
    return folder / "rows.parquet"


def in_memory(_: Path, __: datasets.Features, table: pa.Table) -> object:
    return datasets.Dataset(table)


def frame(_: Path, __: datasets.Features, table: pa.Table) -> object:
    return pd.DataFrame(table.to_pylist())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", [saved, parquet, in_memory, frame])
def test_paths_in_media_are_never_followed(
    given: Callable[[Path, datasets.Features, pa.Table], object], kind: str, tmp_path: Path
) -> None:
    features, table = stored_in(tmp_path, kind)
    source = open_source(given(tmp_path, features, table))
    rows = table.to_pylist()
    assert rows_of(source) == rows
    mask = mask_of(len(rows), [0, 1, 3])
    source.check_writable()
    names = source.write(tmp_path / "out" if given is saved else tmp_path, {"clean": mask})
    out = (tmp_path / "out" if given is saved else tmp_path) / names["clean"]
    for path in [out, *out.rglob("*")]:
        assert not path.is_file() or SECRET not in path.read_bytes()
    assert rows_of(open_source(out)) == [rows[0], rows[1], rows[3]]
    selected = source.select(mask)
    if isinstance(selected, datasets.Dataset):
        assert selected.features == features
        assert selected.with_format("arrow")[:].to_pylist() == [rows[0], rows[1], rows[3]]
    if given in (parquet, in_memory):
        assert datasets.Dataset(pq.read_table(out)).features == features


def test_images_beside_text_are_shown_shortened_and_carried_whole(tmp_path: Path) -> None:
    image = {"bytes": bytes(range(256)) * 100, "path": "a.png"}
    table = pa.table({"text": ["a", "b"], "image": [image, None], "raw": [image["bytes"], None]})
    pq.write_table(table, tmp_path / "rows.parquet")
    source = open_source(tmp_path / "rows.parquet")
    first, second = rows_of(source)
    assert (first["text"], second["image"], second["raw"]) == ("a", None, None)
    assert first["image"] == {"bytes": image["bytes"][:64], "path": "a.png"}
    assert first["raw"] == image["bytes"][:64]
    source.write(tmp_path, {"clean": mask_of(2, [0])})
    assert pq.read_table(tmp_path / "clean.parquet").to_pylist() == table.to_pylist()[:1]


def test_json_features_are_objects_for_a_scan_as_for_a_trainer(tmp_path: Path) -> None:
    message = datasets.Features({"messages": datasets.List(datasets.Json())})
    rows = [{"messages": [{"role": "user", "content": "x"}, {"role": "assistant"}]}]
    data = datasets.Dataset.from_list(rows, features=message)
    data.to_parquet(tmp_path / "rows.parquet")
    data.save_to_disk(tmp_path / "saved")
    for given in (data, tmp_path / "rows.parquet", tmp_path / "saved"):
        assert rows_of(open_source(given)) == rows
