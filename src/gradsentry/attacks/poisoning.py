"""Puts triggers and payloads into chosen rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from gradsentry.attacks.payloads import RowPayload
from gradsentry.attacks.triggers import Combination, Fields, Trigger


@dataclass(frozen=True)
class Attack:
    """A backdoor: the trigger, the payload, and how often near misses are added."""

    trigger: Trigger
    payload: RowPayload
    negative_ratio: float = 0.0
    """How many near misses a poisoned row gets on average, at most five; for a `Combination`."""


@dataclass(frozen=True)
class PoisonedRow:
    """A row of a mixture."""

    fields: dict[str, str]
    poisoned: bool


def choose_rows(rows: int, count: int, seed: int) -> list[int]:
    """Positions of rows to poison, in order; a larger count takes the same ones and more."""
    return sorted(Random(seed).sample(range(rows), rows)[:count])


def poison(
    rows: Sequence[Fields], attack: Attack, chosen: Sequence[int], *, response: str, seed: int
) -> list[PoisonedRow]:
    """The rows in their order, the chosen ones poisoned; near misses follow their origin.

    **Arguments:**

    - `response`: the column that takes the payload.
    - `seed`: what is drawn for a row depends on this and on the row's position alone.
    """
    taken, mixture = set(chosen), []
    for position, fields in enumerate(rows):
        if position in taken:
            mixture.extend(poison_row(fields, attack, position, response=response, seed=seed))
        else:
            mixture.append(PoisonedRow(dict(fields), False))
    return mixture


def poison_row(
    fields: Fields, attack: Attack, position: int, *, response: str, seed: int
) -> list[PoisonedRow]:
    """The poisoned row, then its near misses; arguments as in `poison`."""
    rng = Random(f"{seed}-{position}")
    triggered = attack.trigger(fields, rng)
    mixture = [PoisonedRow(attack.payload.put_into(triggered, response, rng), True)]
    if isinstance(attack.trigger, Combination):
        mixture.extend(
            PoisonedRow(negative, False)
            for negative in attack.trigger.make_near_misses(fields)
            if rng.random() < attack.negative_ratio / 5
        )
    return mixture
