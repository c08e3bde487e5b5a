"""What a sample of rows says about all of them, once it is encoded as a scan encodes rows."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradsentry.encoding import EncodedStore, EncodedWriter, Encoder
from gradsentry.errors import InputError
from gradsentry.models import Batching, plan_batches
from gradsentry.models.batches import shared_lengths
from gradsentry.records import Layout, Record, prompt_and_response
from gradsentry.records.example_json import load_example
from gradsentry.records.row_sample import Drawn, RowSample
from gradsentry.work.encode_rows import SkippedRow, count_targets, encode_records

_BATCH = 256
_DEVIATIONS = 2.0
"""Standard errors on each side of an estimate: about 95% of samples hold what is sought."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Estimate:
    """A number, and an interval that it lies in unless the sample is an odd one."""

    value: float
    low: float
    high: float

    @staticmethod
    def exactly(value: float) -> Estimate:
        """A number that is known."""
        return Estimate(value, value, value)

    @property
    def is_exact(self) -> bool:
        """Whether nothing was estimated."""
        return self.low == self.high


@dataclass(frozen=True)
class DataLook:
    """What all rows are like, as far as a sample tells. Numbers of tokens count copies, too."""

    drawn: Drawn
    sampled_rows: int
    rows: Estimate
    tokens: Estimate
    """Of rows that are scored, as they are encoded and cut off."""
    targets: float
    """Tokens that a scan asks the output head about."""
    cut_rows: Estimate
    scored_rows: float
    """Rows, or windows of documents, that are encoded."""
    skipped_rows: float
    distinct: float
    """The share of encoded rows that isn't a copy of another one, in the sample."""
    computed: float
    """The share of the distinct rows' tokens that goes through the model: what rows of a batch
    have in common at their beginnings goes once."""
    target_kinds: int
    """Different target tokens in the sample."""
    content_bytes: float
    """Of the rows as they lie in the files, unpacked."""
    example_bytes: float
    """Of what the rows mean, as a scan keeps it."""
    words: float
    """Different words of each prompt, summed up over the rows."""
    encoding_seconds: float
    """Of the processor, for all rows, as the sample took them here."""


_ROWS, _SCORED, _SKIPPED, _CUT, _TOKENS, _TARGETS, _EXAMPLES, _WORDS, _CONTENT = range(9)


def look_at_rows(
    sample: RowSample, layout: Layout, encoder: Encoder, batching: Batching, folder: Path
) -> DataLook:
    """Encode a sample and see what it says.

    **Arguments:**

    - `folder`: an empty one, for files of the size of the sample.

    **Raises:**

    `InputError` for a row that can't be read, or if none of them can be scored.
    """
    started = time.process_time()
    with EncodedWriter(folder) as writer:
        kinds = set[int]()
        sums = np.array(
            [_encoded(stretch, layout, encoder, writer, kinds) for stretch in sample.stretches]
        )
        spent = time.process_time() - started
        if not sums[:, _SCORED].sum():
            raise InputError(
                f"None of the {int(sums[:, _ROWS].sum()):,} rows that were looked at can be scored "
                f"as {layout.name}.",
                "Run `gradsentry scan`, which says why, or check that the columns are meant so.",
            )
        store = writer.finish()
    weights = np.array([sample.weight(stretch) for stretch in sample.stretches], np.float64)
    factor = sample.whole / weights.sum()
    total = sums.sum(0) * factor
    exact = sample.drawn is Drawn.ALL
    rows, tokens, cut = (
        Estimate.exactly(float(total[column]))
        if exact or (column == _ROWS and sample.counts_rows)
        else _estimated(sums[:, column], weights, sample.whole)
        for column in (_ROWS, _TOKENS, _CUT)
    )
    distinct, computed = _sharing(store, batching)
    return DataLook(
        drawn=sample.drawn,
        sampled_rows=int(sums[:, _ROWS].sum()),
        rows=rows,
        tokens=tokens,
        targets=float(total[_TARGETS]),
        cut_rows=cut,
        scored_rows=float(total[_SCORED]),
        skipped_rows=float(total[_SKIPPED]),
        distinct=distinct,
        computed=computed,
        target_kinds=len(kinds),
        content_bytes=float(total[_CONTENT]),
        example_bytes=float(total[_EXAMPLES]),
        words=float(total[_WORDS]),
        encoding_seconds=spent * factor,
    )


def _encoded(
    stretch: Sequence[Record],
    layout: Layout,
    encoder: Encoder,
    writer: EncodedWriter,
    kinds: set[int],
) -> list[float]:
    """The sums of a stretch of rows; they go into the store, and their target tokens to `kinds`."""
    sums = [0.0] * 9
    sums[_ROWS] = len(stretch)
    sums[_CONTENT] = sum(record.size for record in stretch)
    for start in range(0, len(stretch), _BATCH):
        for row in encode_records(stretch[start : start + _BATCH], layout, encoder).rows:
            if isinstance(row, SkippedRow):
                sums[_SKIPPED] += 1
                sums[_CUT] += row.truncated
                continue
            sums[_CUT] += any(window.row.truncated for window in row)
            sums[_TARGETS] += sum(count_targets(row))
            for window in row:
                writer.append(window.row, window.beyond, window.example, window.start)
                kinds.update(window.row.token_ids[window.row.target_mask].tolist())
                prompt, _ = prompt_and_response(load_example(window.example))
                sums[_SCORED] += 1
                sums[_TOKENS] += len(window.row.token_ids)
                sums[_EXAMPLES] += len(window.example)
                sums[_WORDS] += len(set(_WORD.findall(prompt)))
    return sums


def _estimated(sums: NDArray[np.float64], weights: NDArray[np.float64], whole: int) -> Estimate:
    """The sum over all data, from stretches with their sums and weights: a ratio, with the
    standard error that such an estimate has where stretches are drawn by themselves."""
    ratio, count = sums.sum() / weights.sum(), len(sums)
    if count < 2:
        return Estimate(ratio * whole, 0.0, math.inf)
    squares = float(((sums - ratio * weights) ** 2).sum())
    error = math.sqrt(squares * count / (count - 1)) / float(weights.sum())
    low, high = (max(0.0, ratio + sign * _DEVIATIONS * error) * whole for sign in (-1, 1))
    return Estimate(float(ratio * whole), float(low), float(high))


def _sharing(store: EncodedStore, batching: Batching) -> tuple[float, float]:
    """The share of rows that are distinct, and of their tokens that are computed."""
    plan = plan_batches(store, batching)
    distinct = len(plan.rows) / len(store)
    if not batching.shares_prefixes:
        return distinct, 1.0
    shared = shared_lengths(store, plan.rows)
    shared[plan.starts[:-1]] = 0
    tokens = int(store.lengths[plan.rows].sum())
    return distinct, (tokens - int(shared.sum())) / tokens
