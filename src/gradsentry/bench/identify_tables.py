"""Results of detectors as tables to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradsentry.bench.cells import by_table
from gradsentry.bench.identify_plan import IdentifyPlan
from gradsentry.bench.markdown_tables import markdown_table
from gradsentry.bench.results import Result

_SETTINGS = ("model", "data", "volume", "attack", "ratio", "seed", "module")


_EXPLANATION = """# Results

F1 (recall) of each detector; where nothing is poisoned, the share of rows that are kept. *Italics*:
published by others. Means are over the cells with poisoned rows; `best_f1` is that of the threshold
that is best for the labels, `seconds` are a detector's own, beyond the head states that all share.

"""


def markdown(plan: IdentifyPlan, results: Sequence[Result]) -> str:
    """All tables, and what they hold."""
    parts = [
        f"## {name}\n\n{_table(own)}{_means(own)}" for name, own in by_table(plan, results).items()
    ]
    return _EXPLANATION + "\n".join(parts)


def _table(results: Sequence[Result]) -> str:
    varying = [name for name in _SETTINGS if name == "data" or len({r[name] for r in results}) > 1]
    rows: dict[tuple[Any, ...], dict[str, Result]] = {}
    columns: dict[tuple[str, bool], None] = {}  # a detector, and whether by others
    for result in results:
        rows.setdefault(tuple(result[name] for name in varying), {})[result["detector"]] = result
        columns[result["detector"], False] = None
        if result["published"] is not None:
            columns[result["detector"], True] = None
    heads = [f"{detector}, published" if by_others else detector for detector, by_others in columns]
    lines = []
    for setting, of_detector in rows.items():
        shown = [_shown(name, value) for name, value in zip(varying, setting, strict=True)]
        count = next(iter(of_detector.values()))["rows"]
        cells = [_cell(of_detector.get(detector), by_others) for detector, by_others in columns]
        lines.append([*shown, f"{count:,}", *cells])
    return markdown_table([*varying, "rows", *heads], lines)


_MEANS = ("f1", "recall", "precision", "best_f1", "auroc", "recall_at_1fpr", "seconds")


def _means(results: Sequence[Result]) -> str:
    """Means over the cells with poisoned rows."""
    detectors = list(dict.fromkeys(r["detector"] for r in results if r["poisoned"]))
    if not detectors:
        return ""
    lines = []
    for detector in detectors:
        own = [r for r in results if r["detector"] == detector and r["poisoned"]]
        means = [float(np.mean([result[name] for result in own])) for name in _MEANS]
        shown = [f"{mean:.4f}" for mean in means[:-1]]
        lines.append([detector, len(own), *shown, f"{means[-1]:.1f}"])
    return "\n" + markdown_table(["mean of", "cells", *_MEANS], lines)


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "default" if name == "model" else "all"
    return f"{value:.0%}" if name == "ratio" else str(value)


def _cell(result: Result | None, by_others: bool) -> str:
    if result is None:
        return ""
    if by_others:
        published = result["published"]
        form = ".4f" if result["poisoned"] else ".2%"
        return "" if published is None else f"*{published:{form}}*"
    if result["poisoned"] == 0:
        review = f", {result['review']:,} up for review" if result["review"] else ""
        return f"{result['retained']:.2%} kept{review}"
    review = f"; with review {result['f1_with_review']:.4f}" if result["review"] else ""
    return f"{result['f1']:.4f} ({result['recall']:.4f}{review})"
