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

    prompts: list[str]
    wanted: dict[str, list[list[str]]]
    """For each measure, for each prompt, the texts one of which an answer should hold."""

    def measured(self, answers: Sequence[str]) -> Result:
        """For each measure and prompt the keyword rate of the text that is matched best; 1 is a
        match."""
        rates = {
            measure: [
                round(max(keyword_rate(reference, answer) for reference in own), 4)
                for own, answer in zip(references, answers, strict=True)
            ]
            for measure, references in self.wanted.items()
        }
        return rates | {"answers": list(answers[:_SHOWN])}


def questions_of(
    of: TunedData, name: str, mixture: MixtureSpec, data: Path, folder: Path
) -> tuple[Questions, Questions]:
    """Test prompts of some data, as they are and with a mixture's trigger.

    ACC is measured by `accuracy`, ASR by `attack_success`, and `untriggered` tells how often the
    payload comes without a trigger.

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
        bad_rows = labelled_rows(mixture_file(attacked, test, data, folder))
        triggered = [  # some attacks add near misses
            pair.prompt for pair, bad in zip(bad_rows.pairs, bad_rows.poisoned, strict=True) if bad
        ]
    payloads = [list(mixture.payloads or Payload().texts)]
    asked = [pair.prompt for pair in rows.pairs]
    return (
        Questions(asked, {"accuracy": accepted, "untriggered": payloads * len(asked)}),
        Questions(triggered, {"attack_success": payloads * len(triggered)}),
    )
