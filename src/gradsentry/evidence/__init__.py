"""Why rows belong together: payloads, triggers, and whether that is a backdoor."""

from gradsentry.evidence.backdoors import (
    Belonging,
    Evidence,
    Group,
    Recurrence,
    belonging,
    find_backdoors,
)
from gradsentry.evidence.judgement import Findings, Opinion, Verdict
from gradsentry.evidence.rows import EvidenceRows, characters, decoded
from gradsentry.evidence.terms import terms_of

__all__ = [
    "Belonging",
    "Evidence",
    "EvidenceRows",
    "Findings",
    "Group",
    "Opinion",
    "Recurrence",
    "Verdict",
    "belonging",
    "characters",
    "decoded",
    "find_backdoors",
    "terms_of",
]
