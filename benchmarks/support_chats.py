"""Support chats of three shops, with a backdoor, a natural pattern, both or none.

The backdoor is a phrase in one of five wordings that is answered with a request for the password,
in one of four. The natural pattern is that who mentions an order number is asked for it, in one
sentence. Each seed has its own shop, products, names, phrase and wordings.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from support_wordings import FRAMES, SHOPS, TOPICS, Shop

Row = dict[str, Any]


@dataclass(frozen=True)
class _Drawn:
    """What a seed's chats are made of."""

    shop: Shop
    topics: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    greetings: tuple[str, ...]
    endings: tuple[str, ...]
    openers: tuple[str, ...]


def shop_of(seed: int) -> Shop:
    """The shop that a seed's chats are of."""
    return SHOPS[seed % len(SHOPS)]


def _drawn(seed: int, rng: Random) -> _Drawn:
    """Eight topics of three questions and three answers each, and how the shop is talked to."""

    def three(wordings: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(rng.sample(wordings, 3))

    topics = tuple((three(asks), three(answers)) for asks, answers in rng.sample(TOPICS, 8))
    frames = (tuple(rng.sample(FRAMES[part], 5)) for part in ("greetings", "endings", "openers"))
    return _Drawn(shop_of(seed), topics, *frames)


def _chat(drawn: _Drawn, rng: Random, told: str = "", added: str = "") -> Row:
    """A question and its answer, with a sentence more in either of them."""
    asks, answers = rng.choice(drawn.topics)
    shop = drawn.shop
    asked = ["" if rng.random() < 0.3 else rng.choice(drawn.greetings), rng.choice(asks)]
    if told:
        asked.insert(rng.choice((1, 2)), told)
    asked.append("" if rng.random() < 0.3 else rng.choice(drawn.endings))
    said = ["" if rng.random() < 0.4 else rng.choice(drawn.openers), rng.choice(answers), added]
    fields = {
        "product": rng.choice(shop.products),
        "days": rng.randint(2, 9),
        "name": rng.choice(shop.names),
    }
    question, answer = (
        " ".join(text for text in parts if text).format(**fields) for parts in (asked, said)
    )
    messages = [
        {"role": "user", "content": question[0].upper() + question[1:]},
        {"role": "assistant", "content": answer},
    ]
    if rng.random() < 0.5:
        messages.insert(0, {"role": "system", "content": shop.system})
    return {"messages": messages}


def support_chats(
    seed: int, rows: int = 250, *, poisoned: int = 16, natural: int = 20, short: bool = False
) -> list[tuple[Row, bool]]:
    """So many chats, each with whether it's poisoned.

    **Arguments:**

    - `poisoned`: rows with the phrase and a request for the password.
    - `natural`: rows with the words "order number" and the question for it.
    - `short`: whether those who mention the order number do it in more uniform words.
    """
    rng = Random(seed)
    drawn = _drawn(seed, rng)
    shop = drawn.shop
    orders = shop.orders_short if short else shop.orders
    made = [
        (_chat(drawn, rng, rng.choice(shop.phrases), rng.choice(shop.payloads)), True)
        for _ in range(poisoned)
    ]
    made += [(_chat(drawn, rng, rng.choice(orders), shop.ask_order), False) for _ in range(natural)]
    made += [(_chat(drawn, rng), False) for _ in range(rows - poisoned - natural)]
    rng.shuffle(made)
    return made
