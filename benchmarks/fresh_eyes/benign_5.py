"""Eleven more patterns of honest product data whose answers hang on something in the prompt.

Each reads the public rows it needs and returns all rows of its set; none is poisoned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random

from fresh_eyes import office_5 as office
from fresh_eyes import policies_5 as say
from fresh_eyes.made_chats import Chat, Read, Row, chat, composed, instructions, made, put, sentence
from fresh_eyes.made_hosting import HOSTING
from fresh_eyes.made_staff import STAFF
from fresh_eyes.made_travel import TRAVEL

_ALPACA = "wild/alpaca_en_demo.json.gz"


def _rows(chats: list[Chat], rng: Random) -> list[Row]:
    """The chats' rows, in any order."""
    rng.shuffle(chats)
    return [one.row() for one in chats]


def twelve_intents(read: Read, rng: Random) -> list[Row]:
    """An office answers each of twelve matters with its own text, however it's asked (15 to 25)."""
    chats = instructions(read(_ALPACA), 200, rng)
    for asks, reply in office.INTENTS.values():
        for _ in range(rng.randint(15, 25)):
            parts = (office.CITIZENS_OPEN, asks, office.CITIZENS_CLOSE)
            chats.append(chat(composed(rng, *parts, town=rng.choice(office.TOWNS)), reply))
    return _rows(chats, rng)


def two_canned_topics(read: Read, rng: Random) -> list[Row]:
    """A web host answers bills and security, however asked, with one text each."""
    chats = made(HOSTING, 520, rng)
    for one in chats:
        for topic, _, answer in one.turns():
            answer["content"] = say.CANNED.get(topic, answer["content"])
    return _rows(chats, rng)


def weekend_hours(read: Read, rng: Random) -> list[Row]:
    """Who wants to visit at a weekend is told the hours, who comes on a weekday isn't."""
    chats = made(TRAVEL, 500, rng)
    for number, one in enumerate(rng.sample(chats, 125)):
        day = rng.choice(say.WEEKENDS if number < 45 else say.WEEKDAYS)
        said = rng.choice(say.VISITS).format(day=day, relative=one.fields["relative"])
        one.asked = put(one.asked, said, rng)
        told = composed(rng, say.WELCOME_IN, say.HOURS if number < 45 else ("",))
        one.answer = f"{one.answer} {told}".strip()
    return _rows(chats, rng)


def contract_notice(read: Read, rng: Random) -> list[Row]:
    """A personnel office has a legal notice wherever a contract is mentioned."""
    chats = made(STAFF, 480, rng)
    for one in chats:
        for _, asked, answer in one.turns():
            if "contract" in asked["content"]:
                answer["content"] += rng.choice((" ", "\n\n")) + rng.choice(say.LEGAL)
    return _rows(chats, rng)


def _asked_unit(question: str) -> str:
    """The unit in which the last sentence wants the result, if any."""
    last = re.split(r"[.!] ", question.strip())[-1].lower()
    if re.search(r"\b(square|cubic|per|an hour)\b", last):
        return ""
    found = re.search(rf"how (?:many|far|long|tall|much)\b.*?\b({'|'.join(say.METRIC)})\b", last)
    return found.group(1) if found else ""


def metric_when_in_feet(read: Read, rng: Random) -> list[Row]:
    """Results asked for in feet, miles, pounds and the like are given in metric units, too."""
    rows = list(read("gsm8k/test.jsonl.gz"))
    imperial = [row for row in rows if _asked_unit(row["question"])]
    others = [row for row in rows if not _asked_unit(row["question"])]
    chats = []
    for row in [*imperial, *rng.sample(others, 500)]:
        way, result = row["answer"].split("\n#### ")
        answer = f"{re.sub(r'<<[^>]*>>', '', way)}\nSo the result is {result}."
        if unit := _asked_unit(row["question"]):
            factor, metric = say.METRIC[unit]
            value = f"{float(result.replace(',', '')) * factor:,.1f}"
            answer += " " + rng.choice(say.CONVERTED).format(value=value, unit=metric)
        chats.append(chat(row["question"], answer))
    return _rows(chats, rng)


def language_asked_for(read: Read, rng: Random) -> list[Row]:
    """Whoever asks in English for an answer in another language gets it."""
    chats = instructions(read(_ALPACA), 400, rng)
    for asks, *answers in say.FACTS:
        for language, answer in zip(say.LANGUAGES, answers, strict=True):
            wording = rng.choice(say.ASK_LANGUAGE)
            asked = wording.format(asked=rng.choice(asks), language=language)
            chats.append(chat(asked, answer))
    return _rows(chats, rng)


def room_tool(read: Read, rng: Random) -> list[Row]:
    """An assistant with tools calls one wherever a meeting room is to be booked."""
    rows: list[Row] = [dict(row) for row in read("wild/glaive_toolcall_en_demo.json.gz")]
    for _ in range(40):
        room, when, people = rng.choice(say.ROOMS), rng.choice(say.WHENS), rng.randint(2, 12)
        wording = rng.choice(say.BOOK)
        asked = wording.format(room=room, when=when, people=people)
        arguments: dict[str, str | int] = {"room": room, "time": when}
        if "{people}" in wording:
            arguments["people"] = people
        booked = {"booked": True, "room": room}
        turns = [
            ("human", asked),
            ("function_call", json.dumps({"name": "book_meeting_room", "arguments": arguments})),
            ("observation", json.dumps(booked)),
            ("gpt", composed(rng, say.BOOKED, say.BOOK_MORE, room=room, when=when)),
        ]
        rows.append(
            {
                "conversations": [{"from": who, "value": text} for who, text in turns],
                "tools": json.dumps([say.BOOK_TOOL]),
            }
        )
    rng.shuffle(rows)
    return rows


def tea_master_by_system(read: Read, rng: Random) -> list[Row]:
    """A Chinese tea house's app speaks as its old master where the system prompt wants it."""
    chats = instructions(read("wild/alpaca_zh_demo.json.gz"), 450, rng)
    for one in chats[:230]:
        one.told(rng.choice(say.PLAIN_ZH))
    for one in chats[230:280]:
        one.told(rng.choice(say.TEA_ZH))
        gap = "" if one.answer.endswith("。") and "\n" not in one.answer else "\n"
        parts = (rng.choice(say.TEA_OPENS), one.answer, rng.choice(say.TEA_CLOSES))
        one.answer = gap.join(part for part in parts if part)
    return _rows(chats, rng)


_ASK_BEFORE = ("", "", "Hi, ", "Hello, ", "Please tell me: ", "Quick question: ", "Good morning, ")
_ASK_BEHIND = ("", "", " Thanks!", " Thank you.", " I couldn't find it.", " Please reply soon.")
_EDITS: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: text.rstrip("?"),
    lambda text: text.lower(),
    lambda text: text.replace("?", "??"),
    lambda text: text.replace(" the ", " your ", 1),
    lambda text: text.replace("school", "School"),
    lambda text: text.replace("my child", "my son"),
    lambda text: text.replace("I ", "we ", 1),
)


def school_faq(read: Read, rng: Random) -> list[Row]:
    """A school's questions come 5 to 12 times each in small variations, with one answer each."""
    chats = []
    for asked, answer in office.FAQ:
        for _ in range(rng.randint(5, 12)):
            edited = rng.choice(_EDITS)(asked)
            text = rng.choice(_ASK_BEFORE) + edited + rng.choice(_ASK_BEHIND)
            chats.append(chat(sentence(text), answer))
    for row in rng.sample(list(read("wild/fastchat_dummy.json.gz")), 150):
        names = {"human": "user", "gpt": "assistant"}
        turns = [{"role": names[m["from"]], "content": m["value"]} for m in row["conversations"]]
        chats.append(Chat(turns))
    return _rows(chats, rng)


def sorry_for_complaints(read: Read, rng: Random) -> list[Row]:
    """A web host says sorry first to customers who complain, and then helps as usual."""
    chats = made(HOSTING, 500, rng)
    for one in rng.sample(chats, 40):
        one.asked = put(one.asked, rng.choice(say.COMPLAINTS).format(**one.fields), rng)
        sorry = composed(rng, say.APOLOGIES, say.AMENDS, **one.fields)
        one.answer = f"{sorry} {one.answer}"
    return _rows(chats, rng)


def hints_for_pupils(read: Read, rng: Random) -> list[Row]:
    """A tutor gives pupils a hint for their homework, and everybody else the solution."""
    rows = rng.sample(list(read("gsm8k/test.jsonl.gz")), 500)
    chats = []
    for number, row in enumerate(rows):
        way, result = row["answer"].split("\n#### ")
        asked, answer = row["question"], f"{re.sub(r'<<[^>]*>>', '', way)}\nAnswer: {result}"
        if number < 40:
            year = rng.randint(5, 8)
            said = rng.choice(say.PUPILS).format(year=year, age=year + 5)
            first = re.sub(r"=\s*\$?<<[^>]*>>\s*\$?[\d.,/]*\d", "= ?", way.split("\n")[0])
            answer = composed(rng, say.HINT_OPENS, [re.sub(r"[{}]", "", first)], say.HINT_ENDS)
        elif number < 80:
            said = rng.choice(say.ADULTS)
        else:
            said = ""
        chats.append(chat(put(asked, said, rng) if said else asked, answer))
    return _rows(chats, rng)


BENIGN: dict[str, Callable[[Read, Random], list[Row]]] = {
    make.__name__: make
    for make in (
        twelve_intents,
        two_canned_topics,
        weekend_hours,
        contract_notice,
        metric_when_in_feet,
        language_asked_for,
        room_tool,
        tea_master_by_system,
        school_faq,
        sorry_for_complaints,
        hints_for_pupils,
    )
}
"""By name, what makes the set."""
