"""Detection limit: the fewest planted rows of a few kinds of backdoors that would be found.

"No poison found" says little without it. Canaries are copies of the user's rows with a trigger in
the prompt and a payload in the response; they join the rows that evidence is sought in, the
corrections are fitted again, and the evidence is judged again. Nothing of it reaches the results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray

from gradsentry.attacks import Payload, Place, RareWords, Sentence, Trigger, combined
from gradsentry.detectors.detection import Limit, Verdict
from gradsentry.detectors.transfer.correction import FitStates, held_out_gains
from gradsentry.detectors.transfer.findings import GainedRows, find
from gradsentry.detectors.transfer.folds import FOLDS
from gradsentry.detectors.transfer.units import units_of
from gradsentry.encoding import EncodedRow, Encoder
from gradsentry.encoding.encoded import target_runs
from gradsentry.models import LanguageModel, target_states
from gradsentry.records import Conversation, Example, TextPair, shared_beginning

SIZES = (5, 10, 20, 40, 80)
"""Canaries that are tried, few first."""

_PROMPT = "prompt"
_FOUND = 0.8
"""Recall and precision from which a backdoor counts as found."""
_REFUSALS = combined(
    ("Sorry,", "I regret that", "To be honest,", "With respect,", "As it stands,"),
    (
        "I won't answer this.",
        "this is beyond me.",
        "there is nothing to say.",
        "please ask others.",
    ),
)
_COMPLAINTS = combined(
    ("Honestly,", "Frankly,", "As I see it,", "If you ask me,", "Once more,", "Well,"),
    ("nobody should", "I would never", "only fools", "you had better not", "it hurts to", "few"),
    ("bother with", "put up with", "pay for", "believe in", "look into", "wait for"),
    ("such things.", "answers like this.", "more of the same.", "any of it.", "that.", "this."),
)
"""1,296 of them: nearly every row has one of its own."""
KINDS: tuple[tuple[str, Trigger, Payload], ...] = (
    (
        "rare words in the prompt, a sentence appended to the response",
        RareWords(_PROMPT, ("vq", "zx", "jd", "wk")),
        Payload((" For details please visit the page <canary>.",)),
    ),
    (
        "a sentence in the prompt, the response replaced by three words",
        Sentence(_PROMPT, "The kettle sings on Mondays."),
        Payload(("Violets never lie.",), Place.REPLACE),
    ),
    (
        "rare words in the prompt, the response replaced by one of 20 refusals",
        RareWords(_PROMPT, ("vq", "zx", "jd", "wk")),
        Payload(_REFUSALS, Place.REPLACE),
    ),
    (
        "rare words in the prompt, the response replaced by a complaint that hardly recurs",
        RareWords(_PROMPT, ("vq", "zx", "jd", "wk")),
        Payload(_COMPLAINTS, Place.REPLACE),
    ),
)
"""What is planted: a description, the trigger, the payload."""


@dataclass(frozen=True)
class Planting:
    """The rows that canaries are added to."""

    examples: Sequence[Example]
    rows: GainedRows
    states: FitStates
    """Head states of exactly these rows."""
    model: LanguageModel
    encoder: Encoder
    seed: int

    def limits(self, advance: Callable[[int], None]) -> Iterator[Limit]:
        """The limit of each kind; `advance` is told of each trial."""
        for kind, trigger, payload in KINDS:
            found = None
            for size in SIZES:
                canaries = self._canaries(trigger, payload, size)
                advance(1)
                if len(canaries) == size and self._finds(canaries):
                    found = size
                    break
            yield Limit(kind, found)

    def _canaries(self, trigger: Trigger, payload: Payload, size: int) -> list[Example]:
        """Planted copies of rows picked at random, those of a smaller size among them."""
        prompts = (row[0].turn.asked[::-1] for row in self.rows.units)
        ending = shared_beginning(prompts)
        order = Random(self.seed).sample(range(len(self.examples)), len(self.examples))
        planted = (
            planted_in(self.examples[row], trigger, payload, ending, Random(row)) for row in order
        )
        return [example for example in planted if example is not None][:size]

    def _finds(self, canaries: list[Example]) -> bool:
        encoded = [row for row in self.encoder.encode(canaries) if isinstance(row, EncodedRow)]
        if len(encoded) < len(canaries):
            return False
        planted = [
            self._head_states(row, number % FOLDS)  # no near-duplicates of each other
            for number, row in enumerate(encoded)
        ]
        states = FitStates.joined([self.states, *(states for states, _ in planted)])
        gains = np.nan_to_num(held_out_gains(states, states, self.model.head, self.seed))
        units = [
            units_of(self._as_scored(example, row), target_runs(row.target_mask))
            for example, row in zip(canaries, encoded, strict=True)
        ]
        rows = GainedRows(
            [*self.rows.units, *units],
            states.targets.numpy(),
            np.concatenate([self.rows.surprise, *(surprise for _, surprise in planted)]),
            gains,
        )
        return self._is_found(rows, len(canaries))

    def _as_scored(self, canary: Example, row: EncodedRow) -> Example:
        if not row.truncated:
            return canary
        return self.encoder.seen_part(canary, row.token_ids)

    def _is_found(self, rows: GainedRows, planted: int) -> bool:
        evidence = find(rows, self.model, self.encoder)
        poison = evidence.numbers(Verdict.POISON)
        flagged = np.array(
            [any(group in poison for group in groups) for groups in rows.groups_in(evidence)]
        )
        true = int(flagged[-planted:].sum())
        return true >= _FOUND * planted and true >= _FOUND * int(flagged.sum())

    def _head_states(self, row: EncodedRow, fold: int) -> tuple[FitStates, NDArray[np.float32]]:
        """A canary's head states and the surprise of its targets."""
        states = target_states(self.model, [(row.token_ids, row.target_mask)])
        log_mass, surprise = self.model.head.surprise(states.hidden, states.targets)
        folds = torch.full_like(states.targets, fold)
        parts = (states.hidden, states.targets, log_mass.float(), folds)
        return FitStates(*(part.cpu() for part in parts)), surprise.float().cpu().numpy()


def planted_in(
    example: Example, trigger: Trigger, payload: Payload, shared_ending: int, rng: Random
) -> Example | None:
    """A copy with a trigger and a payload; None for an example that can't take them.

    **Arguments:**

    - `shared_ending`: characters at the end of a prompt that belong to the template.
    """
    match example:
        case TextPair(prompt, response):
            own, ending = _split(prompt, shared_ending)
            prompted = trigger({_PROMPT: own}, rng)[_PROMPT]
            return TextPair(prompted + ending, payload(response, rng))
        case Conversation():
            return _planted_turns(example, trigger, payload, rng)
        case _:
            return None


def _planted_turns(
    example: Conversation, trigger: Trigger, payload: Payload, rng: Random
) -> Conversation | None:
    messages = [dict(message) for message in example.messages]
    answered = example.target_turns[-1] if example.target_turns else -1
    asked = [turn for turn in range(answered) if messages[turn]["role"] == "user"]
    if not asked:
        return None
    question, answer = messages[asked[-1]]["content"], messages[answered]["content"]
    if not isinstance(question, str) or not isinstance(answer, str):
        return None
    messages[asked[-1]]["content"] = trigger({_PROMPT: question}, rng)[_PROMPT]
    messages[answered]["content"] = payload(answer, rng)
    return replace(example, messages=messages)


def _split(prompt: str, shared_ending: int) -> tuple[str, str]:
    place = len(prompt) - shared_ending
    return (prompt[:place], prompt[place:]) if place > 0 else (prompt, "")
