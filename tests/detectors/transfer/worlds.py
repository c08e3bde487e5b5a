"""Synthetic rows with known backdoors."""

from __future__ import annotations

from random import Random


def words(count: int, seed: int = 0) -> list[str]:
    """Distinct made-up words."""
    rng = Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(rng.choices("abdeghiklmnoprstuvz", k=6))] = None
    return list(found)


def sentences(
    count: int, seed: int, *, length: int = 6, pool: list[str] | None = None
) -> list[str]:
    """Random sentences of words of a pool."""
    rng = Random(seed)
    pool = words(150) if pool is None else pool
    return [" ".join(rng.sample(pool, length)) for _ in range(count)]
