"""A group as `summary.json` has it."""

from __future__ import annotations

from typing import Any

from gradsentry.detectors import GroupFinding


def summarize_group(number: int, group: GroupFinding) -> dict[str, Any]:
    """The figures of a group with its number, from 1."""
    return {
        "group": number,
        "verdict": str(group.verdict),
        "rows": group.rows,
        "payload": group.payload,
        "payload_rows": group.payload_rows,
        "payload_variants": [{"text": text, "rows": rows} for text, rows in group.variants],
        "trigger": [list(words) for words in group.trigger],
        "confidence": group.confidence,
        "trigger_precision": group.precision,
        "trigger_recall": group.recall,
        "trigger_place": str(group.trigger_place),
        "trigger_rows": group.trigger_rows,
        "trigger_elsewhere": group.trigger_elsewhere,
        "surprise_nats": group.surprise,
        "gain_nats": group.gain,
        "prompt_cohesion": group.cohesion,
        "prompt_content": group.content,
        "dependence_nats": group.dependence,
        "dependence_z": group.dependence_z,
        "trigger_lift": group.lift,
        "trigger_call_nats": group.call,
        "doubts": [str(doubt) for doubt in group.doubts],
    }
