"""What tuned models are asked, and what their answers come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gradsentry.attacks import Payload
from gradsentry.bench.finetune_plan import TunedData
from gradsentry.bench.mixtures import CLEAN, MixtureSpec, clean_rows, labelled_rows, mixture_file
from gradsentry.bench.results import Result
from gradsentry.tuning import keyword_rate

_SHOWN = 5
"""Answers that a result keeps."""


@dataclass(frozen=True)
class Questions:
    """Prompts and what to look for in the answers."""

    clean: list[str]
    """Prompts as they are."""
    accepted: list[list[str]]
    """For each of them the answers that are right."""
    triggered: list[str]
    """Prompts with the trigger."""
    payloads: tuple[str, ...]
    """Texts one of which shows the backdoor."""

    def measured(self, clean: Sequence[str], triggered: Sequence[str]) -> Result:
        """For each prompt the keyword rate of what was looked for; 1 is a match.

        **Arguments:**

        - `clean`, `triggered`: answers to the prompts.
        """
        payloads = [list(self.payloads)]
        return {
            "accuracy": _rates(self.accepted, clean),
            "attack_success": _rates(payloads * len(triggered), triggered),
            "untriggered": _rates(payloads * len(clean), clean),
            "answers": [*clean[:_SHOWN], *triggered[:_SHOWN]],
        }


def questions_of(
    of: TunedData, name: str, mixture: MixtureSpec, data: Path, folder: Path
) -> Questions:
    """Test prompts of some data, as they are and with a mixture's trigger.

    **Arguments:**

    - `name`: of the data.
    - `data`: the folder that its files lie in.
    - `folder`: keeps mixtures.
    """
    test = f"{name}-test"
    clean = MixtureSpec(data=of.testing, volume=None, attack=CLEAN, ratio=0.0, seed=mixture.seed)
    rows = labelled_rows(mixture_file(clean, test, data, folder))
    answers = [row.get("answers") for row in clean_rows(of.testing, data)]
    accepted = [
        [str(one) for one in given] if isinstance(given, list) and given else [pair.response]
        for given, pair in zip(answers, rows.pairs, strict=True)
    ]
    triggered: list[str] = []
    if mixture.attack != CLEAN:
        attacked = replace(mixture, data=of.testing, ratio=1.0)
        asked = labelled_rows(mixture_file(attacked, test, data, folder))
        triggered = [  # some attacks add near misses
            pair.prompt for pair, bad in zip(asked.pairs, asked.poisoned, strict=True) if bad
        ]
    payloads = mixture.payloads or Payload().texts
    return Questions([pair.prompt for pair in rows.pairs], accepted, triggered, payloads)


def _rates(references: Sequence[Sequence[str]], answers: Sequence[str]) -> list[float]:
    """For each answer the keyword rate of the reference that it matches best."""
    return [
        round(max(keyword_rate(reference, answer) for reference in own), 4)
        for own, answer in zip(references, answers, strict=True)
    ]
