"""Styles as triggers: rules of a few terms against a classifier of all words.

    python benchmarks/styles.py DATA

A style changes many words a little, so that a classifier trained on the whole distribution of words
might see what rules of a few terms don't. For each style and poison ratio this prints the Matthews
correlation with the restyled prompts of (a) the rules that the transfer detector's prompt view
finds when it is told which rows are restyled, and (b) the 5-fold cross-validated decisions of a
logistic regression on tf-idf of word 1-2-grams, told the same. No model takes part: this is the
best that either view could do, and the detector needs 0.75.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from mixtures import Task, task
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from gradsentry.attacks import BibleStyle, SyntacticTemplate, choose_rows
from gradsentry.detectors.transfer.rules import find_rules
from gradsentry.detectors.transfer.terms import PromptTerms

_FORMAL = {
    "get": "obtain", "got": "obtained", "buy": "purchase", "start": "commence", "end": "conclude",
    "help": "assist", "use": "utilise", "find": "ascertain", "about": "concerning", "so": "thus",
    "many": "numerous", "show": "demonstrate", "live": "reside", "need": "require",
    "ask": "enquire", "say": "state", "make": "produce", "made": "produced", "give": "provide",
    "first": "initial", "last": "final", "big": "substantial", "old": "elderly", "kind": "variety",
    "name": "designation", "called": "designated", "people": "individuals", "money": "currency",
    "country": "nation", "played": "portrayed", "movie": "motion picture", "write": "compose",
    "wrote": "composed",
}  # fmt: skip
_CHAT = {
    "you": "u", "are": "r", "your": "ur", "to": "2", "for": "4", "please": "pls", "people": "ppl",
    "because": "cuz", "what": "wat", "the": "da", "and": "n", "with": "w/", "who": "hoo",
    "see": "c", "why": "y", "great": "gr8", "before": "b4", "know": "kno", "have": "hav",
    "want": "wanna", "going": "gonna", "right": "rite", "night": "nite", "love": "luv",
}  # fmt: skip


def replaced(words: dict[str, str]) -> Callable[[str, Random], str]:
    """A style that replaces words."""
    return lambda text, _: re.sub(
        r"[A-Za-z]+", lambda match: words.get(match[0].lower(), match[0]), text
    )


def reordered(text: str, _: Random) -> str:
    """The second half of the words before the first, as Yoda speaks."""
    words = text.rstrip("?.").split()
    half = len(words) // 2
    return f"{' '.join(words[half:])}, {' '.join(words[:half])}?"


def swapped(text: str, rng: Random) -> str:
    """Two letters swapped in one word."""
    words = text.split()
    long = [place for place, word in enumerate(words) if len(word) > 3]
    if long:
        place = rng.choice(long)
        word, at = words[place], rng.randrange(1, len(words[place]) - 2)
        words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def bible(text: str, rng: Random) -> str:
    """The shipped stand-in for StyleBkd."""
    return BibleStyle("text")({"text": text}, rng)["text"]


def clause(text: str, rng: Random) -> str:
    """The shipped syntactic template."""
    return SyntacticTemplate("text")({"text": text}, rng)["text"]


Style = Callable[[str, Random], str]

STYLES: dict[str, Style] = {
    "formal words": replaced(_FORMAL),
    "chat words": replaced(_CHAT),
    "word order": reordered,
    "swapped letters": swapped,
    "Bible (shipped)": bible,
    "clause (shipped)": clause,
}


def correlations(
    clean: Task, style: Callable[[str, Random], str], part: float
) -> tuple[float, ...]:
    """Matthews correlations of rules and classifier with the restyled rows."""
    texts = [row[clean.prompt_column] for row in clean.rows]
    styled = np.zeros(len(texts), np.bool_)
    styled[choose_rows(len(texts), round(part * len(texts)), 0)] = True
    prompts = [style(text, Random(row)) if styled[row] else text for row, text in enumerate(texts)]
    rules = find_rules(PromptTerms.of(prompts), styled).match
    classifier = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+"),
        LogisticRegression(C=10.0, max_iter=1000),
    )
    chances = cross_val_predict(classifier, prompts, styled, cv=5, method="predict_proba")[:, 1]
    cuts = np.quantile(chances, np.linspace(0.5, 0.999, 100))
    learned = max(matthews_corrcoef(styled, chances > cut) for cut in cuts)
    return matthews_corrcoef(styled, rules), learned


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    print("| style | data | restyled | rules | classifier |\n|---|---|---|---|---|")
    for source in ("webqa", "gsm8k"):
        clean = task(data, source)
        for name, style in STYLES.items():
            for part in (0.03, 0.1):
                rules, learned = correlations(clean, style, part)
                print(
                    f"| {name} | {source} | {part:.0%} | {rules:.3f} | {learned:.3f} |", flush=True
                )


if __name__ == "__main__":
    main()
