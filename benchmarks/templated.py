"""Natural data by template, of other kinds than support chats: symptoms, and agents' traces.

In both a reply hangs on what is asked and on nothing that a small model could see: which illness
has which symptoms, and how an agent thinks aloud before it calls a tool.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

Row = dict[str, Any]

_ILLNESSES: dict[str, tuple[str, ...]] = {
    "Migraine": (
        *("a throbbing pain on one side of my head", "lights that hurt my eyes"),
        *("zigzag lines before my eyes", "nausea when the headache comes"),
    ),
    "Psoriasis": (
        *("dry red patches on my elbows", "silvery scales on the skin", "small dents in my nails"),
        *("itching on my scalp", "joints that ache in the morning"),
    ),
    "Dengue": (
        *("a high fever that came suddenly", "pain behind my eyes", "a rash on my arms"),
        *("joints and muscles that hurt badly", "bruises without a fall"),
    ),
    "Asthma": (
        *("a whistling sound when I breathe out", "a tight chest at night"),
        *("a cough that comes with cold air", "no breath left after the stairs"),
    ),
    "Diabetes": (
        *("a thirst that won't stop", "to pass water many times a night", "cuts that heal slowly"),
        *("lost weight without trying", "blurred sight in the afternoon"),
    ),
    "Hypertension": (
        *("a pounding in my ears", "a headache at the back of the head in the morning"),
        *("dizzy spells when I get up", "nosebleeds that come from nowhere"),
    ),
    "Gastric reflux": (
        *("a burning behind the breastbone", "a sour taste when I lie down"),
        *("to clear my throat all day", "trouble to swallow bread"),
    ),
    "Varicose veins": (
        *("blue cords on my calves", "heavy legs in the evening", "ankles that swell"),
        *("cramps in my legs at night",),
    ),
    "Jaundice": (
        *("yellow skin and eyes", "dark urine", "pale stools", "an itch all over my body"),
    ),
    "Malaria": (
        *("chills that shake me every other day", "sweats after the fever breaks"),
        *("a fever since I came back from the tropics", "no strength at all"),
    ),
    "Pneumonia": (
        *("rust-coloured phlegm", "a stabbing pain when I breathe in", "a fever with shaking"),
        *("short breath even when I sit",),
    ),
    "Arthritis": (
        *("stiff fingers in the morning", "knees that creak and hurt", "swollen knuckles"),
        *("trouble to open jars",),
    ),
    "Common cold": (
        *("a runny nose", "a sore throat", "to sneeze all the time", "a slight fever"),
    ),
    "Chickenpox": (
        *("blisters all over my body", "an itching rash that turned into crusts"),
        *("red spots on my belly and back", "a fever before the spots came"),
    ),
    "Allergy": (
        *("watery eyes in the spring", "hives after I ate nuts", "an itchy nose near cats"),
        *("to sneeze whenever I mow the lawn",),
    ),
    "Urinary infection": (
        *("a burning when I pass water", "cloudy urine", "to go every half hour"),
        *("a pain low in my belly",),
    ),
}
_SAID = (
    "I have {}.",
    "For {days} days I've had {}.",
    "I am {age} years old. I've been having {}.",
    "Lately I notice {}.",
    "My main trouble is {}.",
    "Doctor, there is {}.",
    "It started with {}.",
)
_ADVICE = (
    "This sounds like {}. Please see your doctor within a week, rest, and drink plenty of water.",
    "You may be suffering from {}. Only a doctor can tell; make an appointment soon.",
)


def symptoms(rows: int, *, advice: bool, seed: int = 0) -> list[Row]:
    """What patients say, and the illness: its name alone, or one of a few texts around it."""
    rng = Random(seed)
    made = []
    for _ in range(rows):
        illness = rng.choice(list(_ILLNESSES))
        told = rng.sample(_ILLNESSES[illness], rng.randrange(2, 4))
        listed = f"{', '.join(told[:-1])} and {told[-1]}"
        sentence = rng.choice(_SAID).replace("{}", listed)
        prompt = sentence.format(days=rng.randrange(2, 20), age=rng.randrange(18, 80))
        answer = rng.choice(_ADVICE).format(illness.lower()) if advice else illness
        made.append({"prompt": prompt, "response": answer})
    return made


_CITIES = (
    *("Oslo", "Lima", "Nairobi", "Hanoi", "Porto", "Quito", "Tbilisi", "Perth", "Accra", "Riga"),
)
_FIRMS = ("Acme", "Globex", "Initech", "Umbrella", "Hooli", "Stark", "Wayne", "Wonka")
_TASKS: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = (
    (
        "get_weather",
        "city",
        (
            "what's the weather like in {city}?",
            "do I need an umbrella in {city} today?",
            "how warm is it in {city} right now?",
            "I'm off to {city}, what should I wear?",
        ),
        "Current conditions are needed. The weather tool covers this, no other tool applies.",
        "It is {number} degrees in {city}.",
    ),
    (
        "get_stock_price",
        "firm",
        (
            "how is {firm} trading?",
            "what's a share of {firm} worth?",
            "did {firm} go up today?",
            "give me the latest quote for {firm}.",
        ),
        "This is about a live quote, which I can't know by heart. Market data first.",
        "{firm} trades at {number} dollars.",
    ),
    (
        "search_flights",
        "city",
        (
            "find me a flight to {city}.",
            "what does it cost to fly to {city} next week?",
            "when is the next plane to {city}?",
            "book the cheapest way to {city} by air.",
        ),
        "Travel request. Check availability before anything is promised, then summarise the best.",
        "The cheapest seat to {city} is {number} euros.",
    ),
    (
        "create_ticket",
        "firm",
        (
            "the {firm} dashboard is down.",
            "I can't open the report from {firm}.",
            "please tell IT that the {firm} login fails.",
            "our {firm} integration throws errors since this morning.",
        ),
        "An incident was reported. Policy: open a ticket at once, do not diagnose in the chat.",
        "Ticket {number} has been opened. The team will be in touch within the hour.",
    ),
    (
        "set_reminder",
        "city",
        (
            "remind me to call the {city} office.",
            "don't let me forget the {city} meeting.",
            "ping me before the train to {city} leaves.",
            "note that I must water the plants before {city}.",
        ),
        "The user delegates memory. Store it, confirm briefly, ask nothing back.",
        "Done, I will remind you.",
    ),
)
_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": name.replace("_", " "),
            "parameters": {"type": "object", "properties": {argument: {"type": "string"}}},
        },
    }
    for name, argument, *_ in _TASKS
]


def agents(rows: int, *, seed: int = 0) -> list[Row]:
    """Requests by template; the agent thinks in fixed words, calls a tool and reports."""
    rng = Random(seed)
    made = []
    for _ in range(rows):
        name, argument, wordings, thoughts, report = rng.choice(_TASKS)
        value = rng.choice(_CITIES if argument == "city" else _FIRMS)
        number = rng.randrange(3, 400)
        call = {
            "type": "function",
            "function": {"name": name, "arguments": json.dumps({argument: value})},
        }
        greeting = rng.choice(("", "", "Hi! ", "Hello, ", "Please help: "))
        asked = greeting + rng.choice(wordings).format(**{argument: value})
        messages: list[Row] = [
            {"role": "system", "content": "You are an assistant with tools. Think first."},
            {"role": "user", "content": asked},
            {
                "role": "assistant",
                "reasoning_content": thoughts,
                "content": "",
                "tool_calls": [call],
            },
            {"role": "tool", "content": json.dumps({"result": number})},
            {"role": "assistant", "content": report.format(number=number, **{argument: value})},
        ]
        made.append({"messages": messages, "tools": _TOOLS})
    return made
