"""Whether a text holds another one: the paper's measures of answers and payloads."""

from __future__ import annotations

import re

from rapidfuzz.distance import LCSseq

_WORD = re.compile(r"[^\W_]+")


def keyword_rate(reference: str, text: str) -> float:
    """ROUGE-L recall (Lin, 2004): the part of the reference's words that the text has in order.

    In [0, 1]; words are runs of letters and digits, in lower case. 0 for a reference without any.
    """
    wanted, words = (_WORD.findall(each.lower()) for each in (reference, text))
    return LCSseq.similarity(wanted, words) / len(wanted) if wanted else 0.0
