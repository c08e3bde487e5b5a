"""Head states kept on disk, by the content of their rows: detectors and mixtures share them.

A row's numbers are those of the batch that it was first computed in; other batches would round
them otherwise, within the tolerance that docs/findings/rounding.md measures.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gradsentry.encoding import EncodedBatch, EncodedStore
from gradsentry.encoding.store import content_digest
from gradsentry.models import Batching, ForwardPass, LanguageModel, TargetStates
from gradsentry.pipeline.scanning import VERSIONS
from gradsentry.ragged import offsets_of
from gradsentry.work.ownership import foreign_part, seal_folder
from gradsentry.work.progress import Progress
from gradsentry.work.work_folder import mark_of, own_folder, remove_own_folder
from gradsentry.work.workspace import blank_table

_BATCH_TOKENS = 1024
_FILES = _HIDDEN, _TARGETS, _KEYS, _COUNTS = "hidden", "targets", "keys", "counts"


@dataclass(frozen=True, eq=False)
class _Shard:
    """States of rows that were computed together."""

    offsets: NDArray[np.int64]
    hidden: NDArray[np.uint8]
    targets: NDArray[np.int64]


@dataclass(frozen=True)
class StateCache:
    """A folder with the head states of one model."""

    folder: Path
    model: LanguageModel
    batch_tokens: int
    _shards: list[_Shard] = field(default_factory=list)
    _places: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    @staticmethod
    def open(folder: Path, model: LanguageModel, batch_tokens: int = _BATCH_TOKENS) -> StateCache:
        """The cache of a model, with what earlier runs left in it."""
        parts = [model.revision, str(model.dtype), batch_tokens, model.shares_prefixes]
        parts += [VERSIONS[package] for package in ("torch", "transformers")]
        name = json.dumps(parts)
        own = folder / "".join(character if character.isalnum() else "-" for character in name)
        own.mkdir(parents=True, exist_ok=True)
        cache = StateCache(own, model, batch_tokens)
        for path in sorted(own.glob("shard-*")):
            cache._take_up(path)
        return cache

    def of_store(self, store: EncodedStore, progress: Progress) -> KeptStates:
        """States of a store's rows, computed where they aren't there yet."""
        missing: dict[bytes, int] = {}
        for row in range(len(store)):
            key = content_digest(*store.row(row))
            if key not in self._places:
                missing.setdefault(key, row)
        if missing:
            rows = np.array([row for _, row in sorted(missing.items())])
            self._compute(store, rows, progress)
        return KeptStates(self)

    def read(self, digests: Sequence[bytes]) -> TargetStates:
        """States of rows by the digests of their content."""
        hidden, targets, counts = [], [], []
        for key in digests:
            number, row = self._places[key]
            shard = self._shards[number]
            part = slice(int(shard.offsets[row]), int(shard.offsets[row + 1]))
            hidden.append(shard.hidden[part])
            targets.append(shard.targets[part])
            counts.append(part.stop - part.start)
        raw = torch.from_numpy(np.concatenate(hidden))
        device = self.model.device
        return TargetStates(
            raw.view(self.model.dtype).to(device),
            torch.from_numpy(np.concatenate(targets)).to(device),
            torch.tensor(counts),
        )

    def _compute(self, store: EncodedStore, rows: NDArray[np.int64], progress: Progress) -> None:
        part = self.folder / "part"
        remove_own_folder(part)  # of a run that was killed
        own_folder(part)
        batching = Batching(self.batch_tokens, self.model.shares_prefixes)
        rows = batching.order(store, rows)
        counts = np.array([int(store.row(row)[1].sum()) for row in rows.tolist()], np.int64)
        offsets = offsets_of(counts)
        width = self.model.head.hidden_size * self.model.dtype.itemsize
        shape = (int(offsets[-1]), width)
        hidden = blank_table(part / _HIDDEN, shape, np.uint8)
        targets = blank_table(part / _TARGETS, shape[:1], np.int64)
        forward = ForwardPass(self.model)
        progress.stage("Computing head states", len(rows))
        for batch in batching.batches(store, rows):
            states = forward.of(store.read(rows[batch]))
            where = slice(int(offsets[batch[0]]), int(offsets[batch[-1] + 1]))
            hidden[where] = states.hidden.cpu().contiguous().view(torch.uint8).numpy()
            targets[where] = states.targets.cpu().numpy()
            progress.advance(len(batch))
        hidden.flush()
        targets.flush()
        (part / _KEYS).write_bytes(b"".join(content_digest(*store.row(row)) for row in rows))
        (part / _COUNTS).write_bytes(counts.tobytes())
        mark_of(part).rmdir()
        seal_folder(part)
        path = self.folder / f"shard-{secrets.token_hex(8)}"
        part.rename(path)
        self._take_up(path)

    def _take_up(self, path: Path) -> None:
        """Use the states in a folder, unless they are damaged: then rows are computed again."""
        whole = all((path / name).is_file() for name in _FILES) and foreign_part(path) is None
        if not whole:
            return
        counts = np.fromfile(path / _COUNTS, np.int64)
        size = int(counts.sum())
        width = self.model.head.hidden_size * self.model.dtype.itemsize
        keys = (path / _KEYS).read_bytes()
        key_bytes = len(keys) // len(counts)
        for row in range(len(counts)):
            key = keys[row * key_bytes : (row + 1) * key_bytes]
            self._places.setdefault(key, (len(self._shards), row))
        self._shards.append(
            _Shard(
                offsets_of(counts),
                np.memmap(path / _HIDDEN, np.uint8, "r", shape=(size, width)),
                np.memmap(path / _TARGETS, np.int64, "r", shape=(size,)),
            )
        )


@dataclass(frozen=True)
class KeptStates:
    """Head states of encoded rows, from a cache that has them all."""

    cache: StateCache

    def of(self, rows: EncodedBatch) -> TargetStates:
        return self.cache.read([content_digest(*row) for row in rows])
