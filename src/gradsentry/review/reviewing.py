"""A review from start to end: the folder held, its rows at hand, the page served."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from pathlib import Path

from gradsentry.errors import OptionError, OutputError
from gradsentry.faults import telling_faults
from gradsentry.review.decisions import check_reviewer
from gradsentry.review.desk import ReviewDesk
from gradsentry.review.reviewed_folder import open_reviewed
from gradsentry.review.searchable_rows import collect_texts
from gradsentry.review.server import ReviewServer, open_server
from gradsentry.work.progress import Progress, Silent
from gradsentry.work.work_folder import SCRATCH, HeldByAnotherError, work_folder
from gradsentry.work.workspace import resolved


@contextlib.contextmanager
def open_review(
    folder: str | Path,
    *,
    data: object = None,
    reviewer: str | None = None,
    port: int = 0,
    progress: Progress = Silent(),
) -> Iterator[ReviewServer]:
    """A server on which a person decides about the results in a folder.

    While it is open no scan replaces the folder, and nobody else reviews it. The rows' texts lie in
    a hidden folder beside it meanwhile.

    **Arguments:**

    - `data`: the data, where they lie elsewhere now.
    - `reviewer`: who decides; None takes the name under which the user has logged in.
    - `port`: 0 takes one that is free.

    **Raises:**

    `InputError` if the folder holds no results, or if they or the data were changed; `OutputError`
    if somebody else works there.
    """
    name = check_reviewer(_login_name() if reviewer is None else reviewer)
    with telling_faults():
        open_reviewed(folder, data)  # whatever is wrong with it is said before a lock is taken
        with _held(Path(folder)) as hidden:
            reviewed = open_reviewed(folder, data)
            scratch = hidden / SCRATCH
            scratch.mkdir()
            texts = collect_texts(reviewed.report, scratch, progress)
            desk = ReviewDesk(reviewed.report, reviewed.log, texts, name)
            with open_server(desk, port) as server:
                yield server


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[Path]:
    """The hidden folder beside results, which one scan or one review has at a time."""
    try:
        with work_folder(resolved(folder), "review", []) as hidden:
            yield hidden
    except HeldByAnotherError:
        raise OutputError(
            f"{folder}: another review, or a scan, is under way there.",
            "Decide in its page, or wait until it is done.",
        ) from None


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise OptionError(
            "The system knows no name for you.", "Say who decides: `reviewer`."
        ) from None
