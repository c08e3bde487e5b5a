"""Decisions as a reviewer makes them, without the page."""

from __future__ import annotations

from pathlib import Path

from gradsentry.review.decisions import Choice, Decision, Subject, content_of
from gradsentry.review.reviewed_folder import open_reviewed

TIME = "2026-01-02T03:04:05+00:00"


def decide(
    folder: Path,
    subject: Subject,
    index: int,
    choice: Choice,
    note: str = "",
    reviewer: str = "anna",
) -> Decision:
    """Keep a decision about the results in a folder."""
    reviewed = open_reviewed(folder)
    content = content_of(reviewed.report, subject, index)
    decision = Decision(choice, subject, index, content, note, reviewer, TIME)
    reviewed.log.add(decision)
    return decision
