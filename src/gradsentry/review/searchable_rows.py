"""The rows' texts in files of our own, so that any of them is at hand, and all can be searched.

Data are read as a stream, and rereading a hundred thousand rows to show one takes seconds.
"""

from __future__ import annotations

import mmap
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradsentry.records import BoolArray, Example, Skipped, prompt_and_response
from gradsentry.records.example_json import dump_example, load_example
from gradsentry.report import ScanReport
from gradsentry.work.progress import Progress

_END = "\0"
"""Behind each text, so that nothing is found across two."""


@dataclass(frozen=True, eq=False)
class RowTexts:
    """What each row says."""

    examples: Path
    """One after the other, as JSON."""
    example_ends: NDArray[np.int64]
    """Shape (rows,): where each ends. A skipped row has none, so it ends where it starts."""
    texts: Path
    """Prompts and responses in lower case."""
    text_ends: NDArray[np.int64]
    """Shape (rows,)."""

    def example(self, row: int) -> Example | None:
        """What a row means; None for a skipped one."""
        start = int(self.example_ends[row - 1]) if row else 0
        end = int(self.example_ends[row])
        if start == end:
            return None
        with self.examples.open("rb") as file:
            file.seek(start)
            return load_example(file.read(end - start))

    def search(self, text: str) -> BoolArray:
        """Shape (rows,): rows whose prompt or response holds a text, upper or lower case."""
        found = np.zeros(len(self.text_ends), np.bool_)
        wanted = text.casefold().encode("utf-8", "replace")
        size = int(self.text_ends[-1])
        if not wanted or _END.encode() in wanted or not size:
            return found
        with (
            self.texts.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            place = data.find(wanted)
            while place >= 0:
                row = int(np.searchsorted(self.text_ends, place, side="right"))
                found[row] = True
                place = data.find(wanted, int(self.text_ends[row]))  # on to the next row
        return found


def collect_texts(report: ScanReport, folder: Path, progress: Progress) -> RowTexts:
    """The texts of a report's rows, written into new files of a folder.

    **Raises:**

    `InputError` if the data aren't there, or aren't those that were scanned.
    """
    progress.stage("Reading the rows", len(report.scores))
    ends, text_ends = array("q"), array("q")
    examples, texts = folder / "examples.jsonl", folder / "texts"
    with examples.open("xb") as example_file, texts.open("xb") as text_file:
        for record in report.source.records():
            example = report.layout.example(record)
            if report.rows.scored[record.row] and not isinstance(example, Skipped):
                example_file.write(dump_example(example) + b"\n")
                text = "\n".join(prompt_and_response(example)).casefold().replace(_END, " ")
                text_file.write((text + _END).encode("utf-8", "replace"))
            ends.append(example_file.tell())
            text_ends.append(text_file.tell())
            progress.advance(1)
    return RowTexts(
        examples, np.frombuffer(ends, np.int64), texts, np.frombuffer(text_ends, np.int64)
    )
