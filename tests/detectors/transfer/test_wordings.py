"""Triggers that are whole sentences."""

from __future__ import annotations

from gradsentry.detectors.transfer import judgement

SENTENCE = frozenset(["I", "watch", "this", "3D", "movie"])
OTHER = frozenset(["Where", "is", "it", "headquartered", "?"])


def test_several_sentences_are_wordings_and_parts_of_one_are_not() -> None:
    assert judgement._different_wordings([SENTENCE, SENTENCE - {"movie"}]) == 1
    assert judgement._different_wordings([SENTENCE, OTHER]) == 2
    assert judgement._different_wordings([frozenset({"cf"}), frozenset({"mn"}), OTHER]) == 1
