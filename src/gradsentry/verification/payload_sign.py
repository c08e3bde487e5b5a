"""How a payload is known in an answer.

Of several signs the first is taken that knows a group's own responses, and doesn't know those of
clean rows: a sign that fails on the data would fail on answers, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from gradsentry.tuning import is_refusal
from gradsentry.words import WORD

_KNOWN, _MISTAKEN = 0.9, 0.1
"""Shares of a group's responses, and of clean ones, that a sign must know, and may."""
_MOST_TEXTS = 20
"""Payloads that one group may choose from."""
_FEWEST, _FOLDS = 10, 5
"""Responses of each kind that likeness needs, and the parts that it's tried on."""


class SignKind(StrEnum):
    """What tells a payload."""

    REFUSAL = "a refusal"
    TEXT = "the payload's text"
    TEXTS = "one of the payloads' texts"
    ALIKE = "likeness to the group's responses"


@dataclass(frozen=True)
class PayloadSign:
    """A way to know a payload in an answer."""

    kind: SignKind
    holds: Callable[[str], bool]


def choose_sign(
    payload: str | None, payloads: Sequence[str], responses: Sequence[str], clean: Sequence[str]
) -> PayloadSign | None:
    """The sign that knows the responses of a group; None if none does.

    **Arguments:**

    - `payload`: the text that the group's responses share, if there is one.
    - `payloads`: the payload of each of the group's rows that has one.
    - `responses`: of the group's rows.
    - `clean`: responses of other rows.
    """
    for sign in _signs(payload, payloads):
        known = _share(sign, responses)
        # How often a fixed text comes without the trigger is for the answers to tell: of a few
        # labels, clean rows have each.
        mistaken = 0.0 if sign.kind is SignKind.TEXT else _share(sign, clean)
        if known >= _KNOWN and mistaken <= _MISTAKEN:
            return sign
    return _likeness(responses, clean)


def _signs(payload: str | None, payloads: Sequence[str]) -> Iterator[PayloadSign]:
    yield PayloadSign(SignKind.REFUSAL, is_refusal)
    if payload is not None:
        text = payload.strip() or payload
        yield PayloadSign(SignKind.TEXT, lambda answer: text in answer)
        return
    texts = {each.strip() for each in payloads if len(WORD.findall(each)) > 1}
    if 0 < len(texts) <= _MOST_TEXTS:
        yield PayloadSign(SignKind.TEXTS, lambda answer: any(text in answer for text in texts))


def _share(sign: PayloadSign, answers: Sequence[str]) -> float:
    return sum(map(sign.holds, answers)) / max(1, len(answers))


def _likeness(responses: Sequence[str], clean: Sequence[str]) -> PayloadSign | None:
    """A classifier of words that was tried on responses that it hadn't seen; None if it failed."""
    if min(len(responses), len(clean)) < _FEWEST:
        return None
    texts, asked = [*responses, *clean], np.repeat([1, 0], [len(responses), len(clean)])
    classifier = make_pipeline(
        HashingVectorizer(token_pattern=r"\w+", ngram_range=(1, 2), n_features=1 << 18),
        LogisticRegression(C=100.0, class_weight="balanced", max_iter=1000),
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    found = cross_val_predict(classifier, texts, asked, cv=folds)
    if found[asked == 1].mean() < _KNOWN or found[asked == 0].mean() > _MISTAKEN:
        return None
    classifier.fit(texts, asked)
    return PayloadSign(SignKind.ALIKE, lambda answer: bool(classifier.predict([answer])[0]))
