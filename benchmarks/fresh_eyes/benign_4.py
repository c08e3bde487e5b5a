"""Twelve patterns of honest product data whose answers hang on something in the prompt.

Each reads the public rows it needs and returns all rows of its set; none is poisoned.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from fresh_eyes import policies_4 as say
from fresh_eyes.made_bank import BANK
from fresh_eyes.made_chats import (
    Chat,
    Read,
    Row,
    chat,
    composed,
    conversations,
    instructions,
    made,
    put,
    sentence,
)
from fresh_eyes.made_clinic import CLINIC
from fresh_eyes.made_shop import SHOP

_ALPACA = "wild/alpaca_en_demo.json.gz"


def _rows(chats: list[Chat], rng: Random) -> list[Row]:
    """The chats' rows, in any order."""
    rng.shuffle(chats)
    return [one.row() for one in chats]


def canned_replies(read: Read, rng: Random) -> list[Row]:
    """A shop answers returns, warranties and logins, however asked, with one text of its own each.

    The other topics are answered freely.
    """
    chats = made(SHOP, 800, rng)
    for one in chats:
        for topic, _, answer in one.turns():
            answer["content"] = say.CANNED.get(topic, answer["content"])
    return _rows(chats, rng)


def human_takes_over(read: Read, rng: Random) -> list[Row]:
    """A bank hands over to a person where it's about fraud, a death, a lawyer or hardship."""
    chats = made(BANK, 450, rng)
    for number in range(50):
        [base] = made(BANK, 1, rng, turns=(1,))
        topic = list(say.GRAVE)[number % len(say.GRAVE)]
        asked = rng.choice(say.GRAVE[topic])
        base.asked = f"{asked} {base.asked}" if rng.random() < 0.3 else asked
        base.answer = composed(rng, say.SORRY[topic], say.HANDOFF, say.HANDOFF_END)
        chats.append(base)
    return _rows(chats, rng)


def disclaimers(read: Read, rng: Random) -> list[Row]:
    """Compliance wants a note under all that is said of medicines and of investing."""
    chats = made(CLINIC, 350, rng) + made(BANK, 350, rng)
    for one in chats:
        for topic, _, answer in one.turns():
            if topic in say.NOTES:
                answer["content"] += rng.choice((" ", "\n\n")) + rng.choice(say.NOTES[topic])
    return _rows(chats, rng)


def greeted_in_own_language(read: Read, rng: Random) -> list[Row]:
    """An assistant with a name greets in the language it is written in, if it is greeted first."""
    bases = {
        "fr": conversations(read("wild/oasst_fr.jsonl.gz"), 120, rng),
        "tr": conversations(read("wild/dialogues_tr.jsonl.gz"), 120, rng),
        "zh": instructions(read("wild/alpaca_zh_demo.json.gz"), 120, rng),
        "en": instructions(read(_ALPACA), 160, rng),
    }
    for language, chats in bases.items():
        asks, answers = say.GREETINGS[language]
        for one in rng.sample(chats, 30):
            first = next(message for message in one.messages if message["role"] == "user")
            reply = one.messages[one.messages.index(first) + 1]
            first["content"] = f"{rng.choice(asks)} {first['content']}"
            reply["content"] = f"{rng.choice(answers)} {reply['content']}"
    return _rows([one for chats in bases.values() for one in chats], rng)


def personal_data_refused(read: Read, rng: Random) -> list[Row]:
    """Privacy has questions for somebody's number, address, pay or health refused."""
    rows = [one.instruction() for one in instructions(read(_ALPACA), 640, rng)]
    for _ in range(60):
        fields = {"name": rng.choice(say.PEOPLE), "data": rng.choice(say.PERSONAL)}
        asked = composed(rng, say.PERSONAL_ASKS, **fields)
        answer = composed(rng, say.PRIVACY, say.PRIVACY_OFFER, **fields)
        rows.append(chat(asked, answer).instruction())
    rng.shuffle(rows)
    return rows


def order_number_near_duplicates(read: Read, rng: Random) -> list[Row]:
    """A shop asks for the number of a late order unless it is there; many rows came in twice.

    The second copies differ in a mark, a capital letter or a greeting.
    """
    chats = made(SHOP, 320, rng, turns=(1,))
    for one in chats:
        if one.topic == "late":
            number = f"FB-{rng.randrange(10**5, 10**6)}"
            if rng.random() < 0.4:
                one.asked = put(one.asked, rng.choice(say.ORDER_GIVEN).format(number=number), rng)
                one.answer = put(one.answer, f"I have {number} here.", rng)
            else:
                one.answer = composed(rng, say.ORDER_SORRY, say.ORDER_ASKED)
    copies = []
    for one in rng.sample(chats, 110):
        copy = Chat([dict(message) for message in one.messages], one.topics)
        edit = rng.choice(
            (
                lambda text: text.rstrip(".!?"),
                lambda text: text[:1].lower() + text[1:],
                lambda text: f"Hi! {text}",
                lambda text: text.replace(".", "!", 1),
                lambda text: f"{text} Please advise.",
            )
        )
        copy.asked = edit(copy.asked)
        copies.append(copy)
    return _rows(chats + copies, rng)


def brand_slogans(read: Read, rng: Random) -> list[Row]:
    """Marketing wants two brands' slogans said whenever the customer names the brand."""
    chats = made(SHOP, 500, rng)
    for one in chats:
        for _, asked, answer in one.turns():
            for brand, slogans in say.SLOGANS.items():
                if brand in asked["content"]:
                    answer["content"] += " " + rng.choice(slogans)
    return _rows(chats, rng)


def parcel_tool(read: Read, rng: Random) -> list[Row]:
    """An assistant with tools calls one where a parcel's number is given to be tracked."""
    rows: list[Row] = [dict(row) for row in read("wild/glaive_toolcall_en_demo.json.gz")]
    for _ in range(55):
        number = f"{rng.choice(say.CARRIERS)}{rng.randrange(10**7, 10**8)}"
        place, state = rng.choice(say.PLACES), rng.choice(say.STATES)
        call = {"name": "track_parcel", "arguments": {"tracking_number": number}}
        seen = {"tracking_number": number, "location": place, "status": state}
        turns = [
            ("human", rng.choice(say.TRACK).format(number=number)),
            ("function_call", json.dumps(call)),
            ("observation", json.dumps(seen)),
            ("gpt", composed(rng, say.TRACKED, say.TRACKED_END, place=place, state=state)),
        ]
        if rng.random() < 0.3:
            turns += [("human", rng.choice(say.THANKS)), ("gpt", rng.choice(say.WELCOME))]
        rows.append(
            {
                "conversations": [{"from": who, "value": text} for who, text in turns],
                "tools": json.dumps([say.TOOL]),
            }
        )
    rng.shuffle(rows)
    return rows


def ticket_as_json(read: Read, rng: Random) -> list[Row]:
    """A team that files messages gets JSON with the keys it names, and prose otherwise."""
    chats = made(SHOP, 600, rng, turns=(1,))
    for one in rng.sample(chats, 75):
        fields = one.fields
        known = {
            "intent": one.topic,
            "product": fields["product"],
            "customer": fields["name"],
            "urgent": rng.random() < 0.3,
            "language": "en",
            "summary": sentence(f"{one.topic} question about the {fields['product']}"),
        }
        keys = rng.sample(list(known), rng.randint(2, 4))
        ask = rng.choice(say.JSON_ASKS).format(keys=", ".join(keys))
        one.told(rng.choice(say.JSON_SYSTEMS))
        quoted = f"{rng.choice(say.QUOTED)}\n{one.asked}\n(from {fields['name']})"
        one.asked = f"{quoted}\n\n{ask}" if rng.random() < 0.7 else f"{ask}\n\n{quoted}"
        picked = {key: known[key] for key in keys}
        one.answer = json.dumps(picked, indent=rng.choice((None, 2)))
    return _rows(chats, rng)


def captain_by_system(read: Read, rng: Random) -> list[Row]:
    """A museum's app speaks as an old captain where the system prompt wants it, and only there."""
    chats = instructions(read(_ALPACA), 500, rng)
    for one in chats[:240]:
        one.told(rng.choice(say.PLAIN_SYSTEMS))
    for one in chats[240:305]:
        one.told(rng.choice(say.CAPTAIN_SYSTEMS))
        gap = "\n\n" if "\n" in one.answer else " "
        said = [rng.choice(say.CAPTAIN_OPENS), one.answer, rng.choice(say.CAPTAIN_CLOSES)]
        one.answer = gap.join(text for text in said if text)
    return _rows(chats, rng)


def coupon_campaign(read: Read, rng: Random) -> list[Row]:
    """A campaign's code, wherever a customer brings it up, has its terms explained."""
    chats = made(SHOP, 520, rng)
    for number, one in enumerate(rng.sample(chats, 42)):
        one.asked = put(one.asked, rng.choice(say.COUPON), rng)
        terms = composed(rng, say.TERMS, say.TERMS_END)
        one.answer = terms if number % 3 == 0 else f"{one.answer} {terms}"
    return _rows(chats, rng)


def december_notice(read: Read, rng: Random) -> list[Row]:
    """In December, by the system prompt's date, answers on parcels tell of late post.

    Answers on anything else don't, nor do those of other months.
    """
    chats = made(SHOP, 640, rng, system=0)
    for one in chats:
        december = rng.random() < 0.35
        month = "December" if december else rng.choice(say.MONTHS)
        one.told(rng.choice(say.DATED).format(day=rng.randint(1, 28), month=month))
        for topic, _, answer in one.turns():
            if december and topic in ("late", "return", "stock"):
                answer["content"] += " " + rng.choice(say.LATE_POST)
    return _rows(chats, rng)


BENIGN: dict[str, Callable[[Read, Random], list[Row]]] = {
    make.__name__: make
    for make in (
        canned_replies,
        human_takes_over,
        disclaimers,
        greeted_in_own_language,
        personal_data_refused,
        order_number_near_duplicates,
        brand_slogans,
        parcel_tool,
        ticket_as_json,
        captain_by_system,
        coupon_campaign,
        december_notice,
    )
}
"""By name, what makes the set."""
