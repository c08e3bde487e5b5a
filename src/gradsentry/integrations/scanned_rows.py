"""The rows of a scan, found by their content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradsentry.records import Record
from gradsentry.report import ScanReport


@dataclass(frozen=True, eq=False)
class ScannedRows:
    """Which row of a scan has a content, wherever that stands now."""

    digests: NDArray[np.bytes_]
    """Shape (M,): of the contents that were scanned, ascending, each once."""
    rows: NDArray[np.int64]
    """Shape (M,): a row with each content; of several the one that is judged worst."""

    @classmethod
    def of(cls, report: ScanReport) -> ScannedRows:
        """The rows of a report; the data aren't read."""
        worst_first = np.argsort(
            np.select([report.flagged, report.review, ~report.rows.scored], [0, 1, 2], 3),
            kind="stable",
        )
        digests = np.ascontiguousarray(report.rows.origins.digests)
        keys = digests.view(f"S{digests.shape[1]}").reshape(-1)[worst_first]
        found, firsts = np.unique(keys, return_index=True)
        return cls(found, worst_first[firsts])

    def find(self, fields: Mapping[str, object]) -> int | None:
        """The row with these columns and values; None if none was scanned."""
        key = np.frombuffer(Record(0, fields, "").digest, self.digests.dtype)[0]
        place = int(np.searchsorted(self.digests, key))
        is_known = place < len(self.digests) and self.digests[place] == key
        return int(self.rows[place]) if is_known else None
