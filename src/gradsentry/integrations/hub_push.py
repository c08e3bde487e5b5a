"""The clean rows on the Hub, with a card that states the scan."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from datasets import Dataset
from huggingface_hub import DatasetCard

from gradsentry.detectors import Verdict
from gradsentry.errors import InputError
from gradsentry.report import ScanReport
from gradsentry.report.rulings import Ruling, Rulings
from gradsentry.safe_text import excerpt

_HEADING = "## Scan for backdoors"
_NEXT_HEADING = re.compile(r"\n#{1,2} ")
_SHOWN = 100


def push_clean_to_hub(
    report: ScanReport,
    repo_id: str,
    *,
    private: bool = True,
    token: str | None = None,
    split: str | None = None,
) -> None:
    """Upload the rows that were scored and not flagged, and state the scan in the card.

    Rows for review are among them, and the card says how many. What else the card of the
    repository says is kept.

    **Arguments:**

    - `repo_id`: owner/name; it is made if it isn't there.
    - `private`: whether a new repository is private.
    - `token`: as `datasets.Dataset.push_to_hub` takes it; None takes the one that is logged in.

    **Raises:**

    `InputError` if no row is clean, or if the data can't be read again.
    """
    clean = _as_dataset(report.clean)
    if not len(clean):
        raise InputError("No row is clean, so there is nothing to upload.", "Look at the report.")
    clean.push_to_hub(repo_id, private=private, token=token, split=split)
    card = DatasetCard.load(repo_id, repo_type="dataset", token=token)
    card.text = with_statement(card.text, report)
    card.data.tags = sorted({*(card.data.get("tags") or []), "gradsentry"})
    card.push_to_hub(repo_id, repo_type="dataset", token=token)


def with_statement(text: str, report: ScanReport) -> str:
    """A card's text with the statement of this scan, in place of an earlier one.

    That goes to the next heading of its level, or a higher one.
    """
    before, _, old = text.partition(_HEADING)
    heading = _NEXT_HEADING.search(old)
    rest = "" if heading is None else old[heading.start() :]
    return f"{before.rstrip()}\n\n{scan_statement(report)}\n{rest}".lstrip("\n")


def scan_statement(report: ScanReport) -> str:
    """What a card says of a scan, as Markdown.

    Triggers and payloads aren't in it: a public page needn't spread them.
    """
    summary = report.summary()
    verdicts = Counter(report.group_verdict(index) for index in range(len(report.groups)))
    poison, review = verdicts[Verdict.POISON], verdicts[Verdict.REVIEW]
    facts = [
        f"{summary['rows']:,} rows were read, and {summary['scored']:,} of them scored.",
        f"{summary['flagged']:,} rows were flagged and are left out"
        + (f" (groups of poison: {poison:,})." if poison else "."),
        f"{summary['review']:,} rows follow patterns that may be meant; they are in this data set"
        + (f" (groups for review: {review:,})." if review else "."),
        f"{summary['skipped']:,} rows had no score and are left out.",
        *_ruled(report.rulings),
        f"Detector: {_code(summary['detector'])}; model: {_code(_public_name(summary['model']))}, "
        f"revision {_code(summary['model_revision'])}.",
        f"Data before the scan: {_code(summary['data_digest'] or 'not in files')}.",
        f"Scanned on {_code(summary['date'])}.",
    ]
    listed = "\n".join(f"- {fact}" for fact in facts)
    return (
        f"{_HEADING}\n\n"
        f"Scanned with [GradSentry](https://github.com/gradsentry/gradsentry) "
        f"{_code(summary['version'])}. A scan that finds nothing is no proof that nothing is "
        f"there.\n\n{listed}\n"
    )


def _ruled(rulings: Rulings | None) -> list[str]:
    """What people decided, without their names and notes, which are no business of the public."""
    if rulings is None:
        return []
    confirmed, cleared = rulings.count(Ruling.CONFIRMED), rulings.count(Ruling.CLEARED)
    accepted = rulings.count(Ruling.ACCEPTED)
    return [
        f"People confirmed {confirmed:,} rows as poison and cleared {cleared:,} rows; a baseline "
        f"accepted {accepted:,}."
    ]


def _public_name(model: str) -> str:
    """A model's name without the folders of this machine."""
    is_path = model.startswith(("/", ".", "~")) or "\\" in model or model.count("/") > 1
    return re.split(r"[/\\]", model.rstrip("/\\"))[-1] if is_path else model


def _code(text: str) -> str:
    """A text as inline code: names may be somebody else's."""
    return f"`{excerpt(str(text), _SHOWN).replace('`', chr(39))}`"


def _as_dataset(clean: Any) -> Dataset:
    """Clean rows as a data set, whatever they were given as."""
    if isinstance(clean, Dataset):
        return clean
    if isinstance(clean, list):
        return Dataset.from_list(clean)
    return Dataset.from_pandas(clean, preserve_index=False)
