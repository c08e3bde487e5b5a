"""A benchmark replaces what it wrote itself; whatever else is in the way is kept."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from gradsentry import LanguageModel, OutputError
from gradsentry.bench.folder import kept_in, replacing_result
from gradsentry.bench.results import read_result, write_result
from gradsentry.bench.state_cache import StateCache
from gradsentry.encoding import EncodedRow, EncodedWriter
from gradsentry.work.progress import Silent

RESULT = {"auroc": 0.75, "answers": ["yes", "ü"], "rows": 3, "threshold": None}


def write(out: Path, text: str, name: str = "results.md") -> None:
    with replacing_result(out, out / name) as part:
        part.write_text(text)


def test_tables_that_nobody_changed_are_replaced(tmp_path: Path) -> None:
    for text in ("first", "second", "second", "third"):
        write(tmp_path, text)
        assert (tmp_path / "results.md").read_text() == text
    assert kept_in(tmp_path) == set()


@pytest.mark.parametrize("change", ["edited", "link", "folder", "no list", "a broken list"])
def test_tables_that_somebody_changed_are_kept(tmp_path: Path, change: str) -> None:
    path, own = tmp_path / "results.md", tmp_path / ".gradsentry-bench-results"
    write(tmp_path, "first")
    if change == "edited":
        path.write_text("my notes")
    elif change == "link":
        path.unlink()
        path.symlink_to(tmp_path / "elsewhere")
    elif change == "folder":
        path.unlink()
        path.mkdir()
        (path / "notes").write_text("my notes")
    elif change == "no list":
        own.unlink()
    else:
        own.write_bytes(own.read_bytes().replace(b"results", b"resultz"))
    write(tmp_path, "second")
    assert path.read_text() == "second"
    (kept,) = kept_in(tmp_path)
    if change == "edited":
        assert kept.read_text() == "my notes"
    elif change == "link":
        assert kept.readlink() == tmp_path / "elsewhere"
    elif change == "folder":
        assert (kept / "notes").read_text() == "my notes"
    else:
        assert kept.read_text() == "first"
    write(tmp_path, "third")
    assert kept_in(tmp_path) == {kept}


def test_a_result_with_any_byte_changed_is_none(tmp_path: Path) -> None:
    path, draw = tmp_path / "cells" / "a.json", random.Random(0)
    write_result(path, RESULT)
    whole = path.read_bytes()
    assert read_result(path) == RESULT
    for _ in range(200):
        place = draw.randrange(len(whole))
        damaged = bytearray(whole)
        damaged[place] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        assert read_result(path) is None
    path.write_bytes(whole[: len(whole) // 2])
    assert read_result(path) is None


def test_a_file_in_a_results_place_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "cells" / "a.json"
    write_result(path, RESULT)
    write_result(path, {**RESULT, "rows": 4})
    assert kept_in(tmp_path) == set()
    path.write_text('{"auroc": 1.0}')
    write_result(path, RESULT)
    assert read_result(path) == RESULT
    (kept,) = kept_in(tmp_path)
    assert kept.read_text() == '{"auroc": 1.0}'


def test_a_folder_in_the_place_of_states_is_left_alone(tiny: LanguageModel, tmp_path: Path) -> None:
    with EncodedWriter(tmp_path) as writer:
        writer.append(EncodedRow(np.arange(3, 9, dtype=np.int32), np.arange(6) > 3, False, False))
        store = writer.finish()
    cache = StateCache.open(tmp_path / "cache", tiny, 32)
    (cache.folder / "part").mkdir()
    (cache.folder / "part" / "draft.tex").write_text("precious")
    with pytest.raises(OutputError, match="no run of yours made this folder"):
        cache.of_store(store, Silent())
    assert (cache.folder / "part" / "draft.tex").read_text() == "precious"
    (cache.folder / "part").rename(tmp_path / "mine")
    cache.of_store(store, Silent())
    assert [path.name[:5] for path in cache.folder.iterdir()] == ["shard"]
