"""Files of labelled rows: JSON lines with a manifest beside them.

The manifest is sealed and holds the digest of the rows. It tells whether somebody changed a file,
which is then never replaced.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from gradsentry._version import __version__
from gradsentry.errors import InputError, OutputError
from gradsentry.records import Record
from gradsentry.records.compression import Compression, open_write
from gradsentry.work.ownership import (
    file_digest,
    sealed_json,
    sync,
    unsealed_json,
    write_synced,
)
from gradsentry.work.work_folder import work_folder
from gradsentry.work.workspace import Workspace, resolved

_MANIFEST_SUFFIX = ".manifest.json"
_DIGEST = "sha256"


@dataclass(frozen=True)
class Draft:
    """A mixture that isn't in its place yet."""

    path: Path
    manifest: Path
    described: dict[str, object] = field(default_factory=dict)
    """What the manifest will say, besides the version and the digest."""


@dataclass(frozen=True)
class MixtureFile:
    """A file of labelled rows."""

    path: Path
    force: bool
    """Whether it may replace what an earlier run wrote."""

    @property
    def manifest(self) -> Path:
        """The file beside it that says how it was made."""
        return self.path.with_name(self.path.name + _MANIFEST_SUFFIX)

    def resolve(self) -> MixtureFile:
        """The file that the path leads to, through any links."""
        return MixtureFile(resolved(self.path), self.force)

    def check_replaceable(self) -> None:
        """Check that nothing is there, or what an earlier run wrote and `force` replaces.

        **Raises:**

        `OutputError` if something else is there.
        """
        there = [path for path in (self.path, self.manifest) if os.path.lexists(path)]
        if not there:
            return
        if not self.force:
            raise OutputError(f"{there[0]}: there already.", "Use `force` to replace it.")
        if (problem := self._find_change(there)) is not None:
            raise OutputError(
                problem,
                "Move or delete it, or choose another file with `out`; `force` only replaces what "
                "GradSentry wrote.",
            )

    @contextlib.contextmanager
    def replace(self, keep: Sequence[str] = ()) -> Iterator[Draft]:
        """A draft to write, which takes this file's place when the block ends without an error.

        **Arguments:**

        - `keep`: names of what is read meanwhile and must not lie in the work folder.
        """
        with work_folder(self.path, "run", keep) as folder:
            place = Workspace(folder, self.path).result_folder()
            draft = Draft(place / self.path.name, place / self.manifest.name)
            yield draft
            self._publish(draft)

    def _publish(self, draft: Draft) -> None:
        sync(draft.path)
        described = {**draft.described, "gradsentry": __version__}
        write_synced(draft.manifest, sealed_json({**described, _DIGEST: file_digest(draft.path)}))
        self.check_replaceable()  # again, since writing may have taken hours
        # The manifest goes first: without its mixture it can be replaced, and a mixture without
        # its manifest can't.
        draft.manifest.replace(self.manifest)
        draft.path.replace(self.path)
        sync(self.path.parent)

    def _find_change(self, there: list[Path]) -> str | None:
        """What isn't as an earlier run wrote it; None if all is."""
        described = unsealed_json(self.manifest)
        if described is None:
            if self.manifest in there:
                return f"{self.manifest}: no manifest as GradSentry wrote it."
            return f"{self.path}: there is no manifest beside it, so it may be anybody's."
        if self.path not in there:
            return None
        is_file = self.path.is_file() and not self.path.is_symlink()
        if is_file and file_digest(self.path) == described.get(_DIGEST):
            return None
        return f"{self.path}: not as GradSentry wrote it (its manifest has another digest)."


@dataclass(frozen=True)
class LabelledLines:
    """Rows written as JSON lines, each with its label."""

    file: TextIO
    label_column: str

    def write(self, fields: Mapping[str, object], poisoned: bool, record: Record) -> None:
        """Write one row.

        **Arguments:**

        - `record`: the row that it comes from, for errors.

        **Raises:**

        `InputError` if it has the label's column already, or a value that JSON can't hold.
        """
        column = self.label_column
        if column in fields:
            raise InputError(
                f"{record.location}: there is a column {column!r} already.",
                "Name another with `label_column`.",
            )
        try:
            line = json.dumps({**fields, column: poisoned}, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(
                f"{record.location}: a value can't be written as JSON ({error}).",
                "Leave out the column with it.",
            ) from None
        self.file.write(line + "\n")


@contextlib.contextmanager
def open_lines(path: Path, label_column: str) -> Iterator[LabelledLines]:
    """A file to write labelled rows to, compressed if its name ends in .gz."""
    compression = Compression.GZIP if path.suffix == ".gz" else Compression.NONE
    # Half of a surrogate pair, which JSON may hold as an escape, is written as that escape again.
    with (
        open_write(path, compression) as raw,
        io.TextIOWrapper(raw, "utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        yield LabelledLines(file, label_column)
