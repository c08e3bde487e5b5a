"""Head states that are kept are taken up, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradsentry import OutputError
from gradsentry.bench.state_cache import StateCache
from gradsentry.encoding import EncodedRow, EncodedWriter
from gradsentry.models import LanguageModel
from gradsentry.work.progress import Silent


def test_a_cache_is_taken_up_by_the_next_run(
    tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EncodedWriter(tmp_path) as writer:
        for number in range(5):
            ids = np.arange(3, 9 + number, dtype=np.int32)
            writer.append(EncodedRow(ids, np.arange(len(ids)) > 3, False, False))
        store = writer.finish()
    first = StateCache.open(tmp_path / "cache", tiny, 32).of_store(store, Silent())
    order = store.read(np.array([3, 0, 4]))
    expected = first.of(order)
    monkeypatch.setattr(StateCache, "_compute", None)
    again = StateCache.open(tmp_path / "cache", tiny, 32).of_store(store, Silent()).of(order)
    assert (again.hidden == expected.hidden).all()
    assert (again.targets == expected.targets).all()
    assert again.counts.tolist() == [int(mask.sum()) for _, mask in order]


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
