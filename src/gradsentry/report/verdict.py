"""The verdict in words, the same on the terminal and in the HTML report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradsentry.report.text import visible

if TYPE_CHECKING:
    from gradsentry.pipeline.result import ScanResult

SPECTRAL_CAVEAT = (
    "The spectral score ranks rows within this data set; it can't tell that there is no poison, "
    "and it rises with the length of the answer. Read the flagged rows before you act on them."
)


FALLBACK_CAVEAT = (
    "The scores show no valley to put a threshold into, so this is the paper's constant. With "
    "other models than the paper's another one may be right: look at the histogram, or set "
    "--threshold."
)


def caveats(result: ScanResult) -> list[str]:
    """What a reader must know to read the headline rightly."""
    fallback = result.threshold.method.startswith("fallback")
    return [FALLBACK_CAVEAT, SPECTRAL_CAVEAT] if fallback else [SPECTRAL_CAVEAT]


def headline(result: ScanResult) -> str:
    """One sentence: how many rows lie above the threshold."""
    scored, flagged = int(result.rows.scored.sum()), int(result.flagged.sum())
    verb = "lies" if flagged == 1 else "lie"
    return (
        f"{flagged:,} of {scored:,} scored rows ({flagged / scored:.1%}) {verb} above the "
        f"threshold {result.threshold.value:.4f} ({result.threshold.method})."
    )


def coverage(result: ScanResult) -> list[str]:
    """What was scored, skipped and truncated, and what else bears on the verdict."""
    summary = result.summary()
    lines = [f"{summary['scored']:,} of {summary['rows']:,} rows scored"]
    if summary["skipped"]:
        reasons = ", ".join(
            f"{reason} ({count:,})" for reason, count in summary["skipped_reasons"].items()
        )
        lines.append(f"{summary['skipped']:,} rows skipped: {reasons}")
    if summary["unjudged"]:
        lines.append(
            f"{summary['unjudged']:,} of them a trainer may learn from all the same: judge them by "
            "other means, or leave them out"
        )
    if summary["truncated"]:
        lines.append(
            f"{summary['truncated']:,} rows truncated at {summary['max_length']:,} tokens: what "
            "lies behind was not scored, and is only harmless if your trainer has the same limit"
        )
    if summary["control_tokens"]:
        lines.append(
            f"{summary['control_tokens']:,} rows spell special tokens of the model in their own "
            "text; they are scored as a trainer would train them"
        )
    if summary["cannot_reach_threshold"]:
        lines.append(
            f"{summary['cannot_reach_threshold']:,} rows have too few target tokens for any score "
            "above this threshold, poisoned or not"
        )
    if summary["near_threshold"]:
        lines.append(
            f"{summary['near_threshold']:,} rows lie within {summary['rounding']:g} of the "
            f"threshold, where another batch size or machine may decide otherwise "
            f"({summary['dtype']})"
        )
    return lines


def measured(result: ScanResult) -> str | None:
    """Recall and precision against known labels, if the data carry them."""
    known = result.identification
    if known is None:
        return None
    auroc = "undefined" if known.auroc is None else f"{known.auroc:.4f}"
    skipped = f" ({result.poisoned_skipped:,} more were skipped)" if result.poisoned_skipped else ""
    return (
        f"Against {known.poisoned:,} scored rows labelled poisoned{skipped}: "
        f"recall {known.recall:.4f}, precision {known.precision:.4f}, F1 {known.f1:.4f}, "
        f"AUROC {auroc}."
    )


def provenance(result: ScanResult) -> list[tuple[str, str]]:
    """What was scanned and with what, as (name, value) pairs."""
    scanned, options = result.scanned_with, result.options
    encoding = options.encoding
    template = "the model's" if encoding.chat_template is None else "another"
    return [
        ("Data", visible(result.source.label)),
        ("Layout", visible(scanned.layout.name)),
        ("Detector", str(options.detector)),
        ("Model", f"{visible(scanned.model)} ({options.model.dtype}, {options.model.device})"),
        ("Model revision", scanned.model_revision),
        (
            "Encoding",
            f"boundary {encoding.boundary}, targets {encoding.targets}, at most "
            f"{encoding.max_length:,} tokens, {template} chat template",
        ),
        ("Gradient", f"crop 1/{options.spectral.crop}, k = {options.spectral.singular_values}"),
    ]
