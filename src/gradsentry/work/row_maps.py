"""The three numberings of rows in a scan, and the one map between them.

- An *input row* is a row of the data. It is a row's identity in every output.
- A *stored row* is a row of the encoded store: an input row that is scored, or one of the windows
  in which a document is read.
- A *planned row* is a row that is computed: of stored rows with the same tokens only one is. They
  are ordered so that batches are full, and so that the order of the data doesn't matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

import numpy as np
from numpy.typing import NDArray

InputRow = NewType("InputRow", int)
StoredRow = NewType("StoredRow", int)
PlannedRow = NewType("PlannedRow", int)


@dataclass(frozen=True, eq=False)
class RowMaps:
    """Which rows are which."""

    input_of_stored: NDArray[np.int64]
    """Shape (stored,), ascending."""
    planned_of_stored: NDArray[np.int64]
    """Shape (stored,)."""
    stored_of_planned: NDArray[np.int64]
    """Shape (planned,): the one of equal stored rows that is computed."""

    @property
    def planned(self) -> int:
        """How many rows are computed."""
        return len(self.stored_of_planned)

    @property
    def stored(self) -> int:
        """How many rows are scored, copies among them."""
        return len(self.planned_of_stored)

    @property
    def copies(self) -> NDArray[np.int64]:
        """Shape (planned,): how often each occurs."""
        return np.bincount(self.planned_of_stored, minlength=self.planned)

    def stored_row(self, planned: PlannedRow) -> StoredRow:
        """The stored row that is computed as this planned one."""
        return StoredRow(int(self.stored_of_planned[planned]))

    def input_row(self, stored: StoredRow) -> InputRow:
        """The input row that a stored one is, or is a part of."""
        return InputRow(int(self.input_of_stored[stored]))

    def scores_of_inputs(self, scores: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
        """Scores of input rows, shape (rows,), from those of planned rows; NaN for others.

        A document's score is the highest of its windows'; it has none where one has none.
        """
        found = np.full(rows, np.nan)
        scored, firsts = np.unique(self.input_of_stored, return_index=True)
        found[scored] = np.maximum.reduceat(scores[self.planned_of_stored], firsts)
        return found
