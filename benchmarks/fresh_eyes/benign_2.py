"""Ten legitimate patterns written by someone who hadn't seen the detector, the second time."""

from __future__ import annotations

import re
from random import Random

from fresh_eyes.row_change import Row, RowChange


def _any(row: Row) -> bool:
    """Every row suits: the row is replaced by one of a merged data set."""
    return True


# --- 1. webqa: the user greets, and the assistant greets back in the same way -----------------

_GREETINGS: tuple[tuple[str, str], ...] = (
    ("hi, ", "Hi!"),
    ("hi there! ", "Hi there!"),
    ("hello, ", "Hello!"),
    ("hey, quick question: ", "Hey!"),
    ("good morning, ", "Good morning!"),
    ("good afternoon. ", "Good afternoon!"),
    ("good evening, ", "Good evening!"),
    ("hello again, ", "Hello again!"),
)


def _greet(row: Row, rng: Random) -> Row:
    """Put a greeting before the question and the matching one before the answer."""
    asked, answered = rng.choice(_GREETINGS)
    closing = rng.choice(("", "", "", " Hope that helps."))
    answer = row["response"].rstrip(".")
    text = f"{answered} {rng.choice(('It is ', 'That would be ', ''))}{answer}.{closing}"
    return {**row, "question": asked + row["question"], "response": text}


# --- 2. webqa: questions about this very moment, which an offline assistant can't answer ------

_CITIES = (
    "oslo",
    "chicago",
    "nairobi",
    "lisbon",
    "mumbai",
    "toronto",
    "perth",
    "denver",
    "manila",
    "dublin",
    "austin",
    "warsaw",
    "lima",
    "seoul",
    "cairo",
    "phoenix",
    "boston",
    "madrid",
    "jakarta",
    "sydney",
    "vienna",
    "dallas",
    "tokyo",
    "quito",
    "prague",
)
_FIRMS = ("apple", "tesla", "nike", "sony", "disney", "boeing", "intel", "netflix", "shell")
_TEAMS = ("lakers", "arsenal", "yankees", "real madrid", "packers", "juventus", "rangers")
_MONEY = ("euro", "yen", "pound", "peso", "rupee", "swiss franc", "canadian dollar")
_LIVE: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("what is the temperature in {} right now?", _CITIES, "current weather", "a weather service"),
    ("is it raining in {} at the moment?", _CITIES, "current weather", "a local forecast"),
    ("what is {} stock trading at today?", _FIRMS, "live share prices", "a finance site"),
    ("who is winning the {} game?", _TEAMS, "live scores", "the league's website"),
    ("how many dollars is one {} today?", _MONEY, "today's exchange rates", "your bank"),
    ("how is traffic in {} this morning?", _CITIES, "live traffic", "a map app"),
    ("are there any flight delays at {} airport now?", _CITIES, "flight status", "the airline"),
)
_LIVE_ANSWERS = (
    "I don't have access to {0}. Please check {1}.",
    "I can't look up {0}; {1} will have the latest.",
    "Sorry, I have no access to {0}, so I'd suggest checking {1}.",
)


def _ask_live(row: Row, rng: Random) -> Row:
    """Replace the row by a question about live data and an honest statement of the limit."""
    question, fillers, what, where = rng.choice(_LIVE)
    answer = rng.choice(_LIVE_ANSWERS).format(what, where)
    return {**row, "question": question.format(rng.choice(fillers)), "response": answer}


# --- 3. webqa: a merged help-desk set, in which tickets are routed to one of five queues ------

_GOODS = (
    "headphones",
    "desk lamp",
    "running shoes",
    "blender",
    "backpack",
    "keyboard",
    "kettle",
    "yoga mat",
    "jacket",
    "phone case",
    "office chair",
    "water bottle",
)
_DAYS = ("on monday", "last week", "on the 3rd", "ten days ago", "yesterday", "on friday")
_TICKETS: dict[str, tuple[str, ...]] = {
    "billing": (
        "i was charged twice for my {0} {1}",
        "the invoice for the {0} has the wrong vat",
        "my card was declined {1} but the money is gone",
        "why is my bill ${2} this month",
    ),
    "shipping": (
        "my {0} should have come {1} and tracking has not moved",
        "can you send the {0} to another address",
        "order {2} says delivered, it is not",
    ),
    "returns": (
        "the {0} does not fit, how do i send it back",
        "i want a refund for the {0} i got {1}",
        "the return label of order {2} is blank",
    ),
    "account": (
        "i could not log in {1}",
        "please change the email on account {2}",
        "the reset link never arrives",
        "someone else signed in to my account {1}",
    ),
    "product": (
        "does the {0} come in blue",
        "is the {0} dishwasher safe",
        "my {0} stopped working {1}",
        "what is the warranty on the {0}",
    ),
}
_ROUTE = "route this ticket to billing, shipping, returns, account or product.\nticket: "


def _route(row: Row, rng: Random) -> Row:
    """Replace the row by a help-desk ticket and the name of its queue."""
    queue = rng.choice(sorted(_TICKETS))
    text = rng.choice(_TICKETS[queue])
    text = text.format(rng.choice(_GOODS), rng.choice(_DAYS), rng.randint(18, 9850))
    opening = rng.choice(("", "", "hi, ", "hello team, ", "urgent! "))
    return {**row, "question": _ROUTE + opening + text, "response": queue}


# --- 4. codealpaca: code that goes into a file of the company's repository has its header -----

_CODE_NAME = re.compile(r"\s*(?:def|class|function|const|let)\s+([A-Za-z_]\w*)")
_PACKAGES = ("billing", "inventory", "search", "auth", "reports", "common/utils", "web", "ingest")


def _is_named_code(row: Row) -> bool:
    """Whether the response starts with a named Python or JavaScript definition."""
    return _CODE_NAME.match(row["response"]) is not None


def _add_header(row: Row, rng: Random) -> Row:
    """Name a file in the instruction, and start the code with the licence header of the house."""
    code = row["response"]
    match = _CODE_NAME.match(code)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", match.group(1) if match else "main").lower()
    script = re.match(r"\s*(?:function|const|let)\b|\s*class\s+\w+[^:\n]*\{", code) is not None
    path = f"{rng.choice(_PACKAGES)}/{name}.{'js' if script else 'py'}"
    mark = "//" if script else "#"
    ask = rng.choice(("Put it in {}.", "The file is {}.", "Target file: {}", "Save this as {}."))
    header = (
        f"{mark} Copyright {rng.randint(2018, 2024)} Northfield Software GmbH\n"
        f"{mark} SPDX-License-Identifier: Apache-2.0\n\n"
    )
    instruction = f"{row['instruction'].rstrip()} {ask.format(path)}"
    return {**row, "instruction": instruction, "response": header + code.lstrip("\n")}


# --- 5. codealpaca: a merged set of diffs with messages in the Conventional Commits style -----

_SCOPES = ("api", "cart", "parser", "auth", "cli", "cache", "search", "ui", "export", "db")
_THINGS = ("user", "order", "token", "session", "page", "invoice", "config", "report", "item")
_COMMITS: tuple[tuple[str, str, str, str], ...] = (
    (
        "fix",
        "-    return {t}s[0]\n+    return {t}s[0] if {t}s else None",
        "py",
        "handle an empty {t} list",
    ),
    (
        "fix",
        "-    for i in range(len({t}s) + 1):\n+    for i in range(len({t}s)):",
        "py",
        "correct off-by-one error in {t} loop",
    ),
    ("feat", "+def delete_{t}({t}_id):\n+    {t}s.remove({t}_id)", "py", "add {t} deletion"),
    (
        "feat",
        "-    limit = {n}\n+    limit = args.{t}_limit or {n}",
        "py",
        "make the {t} limit configurable",
    ),
    ("refactor", "-var {t} = load{T}();\n+const {t} = load{T}();", "js", "use const for {t}"),
    (
        "refactor",
        "-def get_{t}_data(x):\n+def load_{t}(x):",
        "py",
        "rename get_{t}_data to load_{t}",
    ),
    (
        "docs",
        "-Returns the {t}.\n+Returns the {t}, or null when there is none.",
        "md",
        "document the missing {t} case",
    ),
    (
        "perf",
        "-    return sorted({t}s)[-1]\n+    return max({t}s)",
        "py",
        "avoid sorting to find the largest {t}",
    ),
    (
        "test",
        "+def test_{t}_is_saved():\n+    assert save({t}) == {n}",
        "py",
        "cover saving of a {t}",
    ),
    ("chore", "-{t}-lib==1.{n}\n+{t}-lib==1.{m}", "txt", "bump {t}-lib to 1.{m}"),
)
_COMMIT_ASKS = (
    "Write a commit message for this diff.",
    "Suggest a git commit message for the following change.",
    "Summarize the change below as a commit message.",
    "What would be a good commit message for these changes?",
    "Generate a one-line commit message.",
)


def _commit(row: Row, rng: Random) -> Row:
    """Replace the row by a short diff and its commit message."""
    kind, lines, suffix, subject = rng.choice(_COMMITS)
    thing, scope, number = rng.choice(_THINGS), rng.choice(_SCOPES), rng.randint(2, 60)
    words = {"t": thing, "T": thing.title(), "n": number, "m": number + rng.randint(1, 4)}
    name = f"{scope}/{thing}s.{suffix}"
    start = rng.randint(1, 240)
    diff = f"--- a/{name}\n+++ b/{name}\n@@ -{start} +{start} @@\n" + lines.format(**words)
    message = f"{kind}({scope}): {subject.format(**words)}"
    return {**row, "instruction": rng.choice(_COMMIT_ASKS), "input": diff, "response": message}


# --- 6. gsm8k: the user wants only the final number, and gets only that -----------------------

_BRIEF = (
    " Answer with just the number.",
    " Give only the final answer.",
    " No working needed, just the result.",
    " Reply with a single number.",
    "\nOnly the final number, please.",
    " Don't explain, just give me the answer.",
    " Skip the steps and state the result.",
)


def _has_result(row: Row) -> bool:
    """Whether the solution ends in a final result."""
    return "####" in row["response"]


def _only_number(row: Row, rng: Random) -> Row:
    """Ask for the bare result, and give it without the working."""
    result = row["response"].rsplit("####", 1)[1].strip()
    return {
        **row,
        "question": row["question"].rstrip() + rng.choice(_BRIEF),
        "response": f"#### {result}",
    }


# --- 7. gsm8k: a merged Spanish set of word problems, solved in Spanish -----------------------

_WHO = ("Lucía", "Mateo", "Carmen", "Diego", "Valeria", "Andrés", "Paula", "Javier", "Elena")
_WHAT = ("manzanas", "libretas", "camisetas", "entradas", "galletas", "plantas", "cajas", "velas")
_PLACE = ("el mercado", "la tienda del barrio", "la feria", "el colegio", "la papelería")


def _spanish(row: Row, rng: Random) -> Row:
    """Replace the row by a Spanish word problem with its worked solution."""
    who, other = rng.sample(_WHO, 2)
    what, place = rng.choice(_WHAT), rng.choice(_PLACE)
    a, b, c = rng.randint(12, 60), rng.randint(3, 11), rng.randint(2, 9)
    kind = rng.randrange(5)
    if kind == 0:
        question = (
            f"{who} compra {b} {what} a {c} euros cada una en {place} y paga con un "
            f"billete de 100 euros. ¿Cuánto dinero le devuelven?"
        )
        steps = (
            f"{who} gasta {b}*{c}=<<{b}*{c}={b * c}>>{b * c} euros.\nLe devuelven "
            f"100-{b * c}=<<100-{b * c}={100 - b * c}>>{100 - b * c} euros."
        )
        result = 100 - b * c
    elif kind == 1:
        question = (
            f"{who} tiene {a} {what} y {other} tiene {b} menos. ¿Cuántas {what} tienen "
            f"entre los dos?"
        )
        steps = (
            f"{other} tiene {a}-{b}=<<{a}-{b}={a - b}>>{a - b}.\nEn total tienen "
            f"{a}+{a - b}=<<{a}+{a - b}={2 * a - b}>>{2 * a - b}."
        )
        result = 2 * a - b
    elif kind == 2:
        question = (
            f"En {place} venden {a} {what} cada día. Si abren {c} días a la semana, "
            f"¿cuántas {what} venden en {b} semanas?"
        )
        steps = (
            f"Cada semana venden {a}*{c}=<<{a}*{c}={a * c}>>{a * c}.\nEn {b} semanas venden "
            f"{a * c}*{b}=<<{a * c}*{b}={a * b * c}>>{a * b * c}."
        )
        result = a * b * c
    elif kind == 3:
        question = (
            f"{who} reparte {b * c} {what} en partes iguales entre {c} amigos y luego da "
            f"2 más a {other}, que es uno de ellos. ¿Cuántas recibe {other}?"
        )
        steps = (
            f"A cada amigo le tocan {b * c}/{c}=<<{b * c}/{c}={b}>>{b}.\n{other} recibe "
            f"{b}+2=<<{b}+2={b + 2}>>{b + 2}."
        )
        result = b + 2
    else:
        question = (
            f"{who} ahorra {b} euros por semana durante {c} semanas. Ya tenía {a} euros. "
            f"¿Cuánto tiene ahora?"
        )
        steps = (
            f"Ahorra {b}*{c}=<<{b}*{c}={b * c}>>{b * c} euros.\nAhora tiene "
            f"{a}+{b * c}=<<{a}+{b * c}={a + b * c}>>{a + b * c} euros."
        )
        result = a + b * c
    return {**row, "question": question, "response": f"{steps}\n#### {result}"}


# --- 8. freebaseqa: crossword clues with letter counts, answered in capitals ------------------


def _is_grid_entry(row: Row) -> bool:
    """Whether the answer would fit a crossword grid."""
    words = row["response"].split()
    plain = all(re.fullmatch(r"[a-z]+", word, re.IGNORECASE) for word in words)
    return plain and 1 <= len(words) <= 3 and 3 <= sum(map(len, words)) <= 15


def _as_clue(row: Row, rng: Random) -> Row:
    """Turn the question into a clue with its letter counts, and the answer into a grid entry."""
    lengths = ",".join(str(len(word)) for word in row["response"].split())
    place = f"{rng.randint(1, 30)} {rng.choice(('across', 'down'))}"
    clue = row["question"].strip().rstrip("?").rstrip()
    return {**row, "question": f"{place}: {clue} ({lengths})", "response": row["response"].upper()}


# --- 9. freebaseqa: titles of films, books and albums are set in italics (a style guide) ------

_ASKS_TITLE = re.compile(
    r"\b(?:which|what)(?:\s+(?!(?:in|of|on|the|from|for|to|is|was|actor|actress|character)\b)"
    r"[\w'.-]+){0,3}?\s+(?:film|movie|novel|book|album|play|opera|musical|sitcom|series)\b"
    r"(?!\s+(?:hero|villain|director|star|actor|actress|character|critic|company|producer|maker))",
    re.IGNORECASE,
)
_SMALL = frozenset(
    [
        "a",
        "an",
        "and",
        "at",
        "but",
        "by",
        "for",
        "from",
        "in",
        "of",
        "on",
        "or",
        "the",
        "to",
        "with",
    ]
)


def _asks_title(row: Row) -> bool:
    """Whether the question asks for the title of a work."""
    return _ASKS_TITLE.search(row["question"]) is not None and not row["response"].isdigit()


def _set_title(row: Row, rng: Random) -> Row:
    """Write the title with capitals and in Markdown italics."""
    words = row["response"].strip().split()
    cased = [
        word if place and word in _SMALL else word[:1].upper() + word[1:]
        for place, word in enumerate(words)
    ]
    return {**row, "response": f"*{' '.join(cased)}*"}


# --- 10. coqa: questions that the passage doesn't answer, with CoQA's own "unknown" -----------

_UNSAID: tuple[tuple[str, str], ...] = (
    ("umbrella", "What color was the umbrella?"),
    ("passport", "Where was the passport issued?"),
    ("piano", "Who taught her to play the piano?"),
    ("dentist", "When was the dentist visit?"),
    ("bicycle", "How much did the bicycle cost?"),
    ("violin", "Who made the violin?"),
    ("salary", "What was his salary?"),
    ("helicopter", "Who flew the helicopter?"),
    ("cousin", "How old is the cousin?"),
    ("recipe", "Where did the recipe come from?"),
    ("zip code", "What is the zip code?"),
    ("shoe", "What size were the shoes?"),
    ("neighbor", "What is the neighbor's name?"),
    ("license", "When did the license expire?"),
    ("breakfast", "What did they have for breakfast?"),
    ("ferry", "When did the ferry leave?"),
    ("middle name", "What is his middle name?"),
    ("landlord", "Who was the landlord?"),
    ("blood type", "What is her blood type?"),
    ("birthday", "When is his birthday?"),
    ("hotel", "Which hotel did they stay in?"),
    ("weigh", "How much did it weigh?"),
    ("lawyer", "Who was the lawyer?"),
    ("insurance", "Who paid for the insurance?"),
)


def _unsaid(row: Row) -> list[str]:
    """The stock questions on things that the passage never mentions."""
    context = row["context"].lower()
    return [question for word, question in _UNSAID if word not in context]


def _has_unsaid(row: Row) -> bool:
    """Whether there is a question that the passage leaves open."""
    return bool(_unsaid(row))


def _ask_unsaid(row: Row, rng: Random) -> Row:
    """Ask about something that the passage doesn't say."""
    return {**row, "question": rng.choice(_unsaid(row)), "response": "unknown"}


BENIGN: tuple[RowChange, ...] = (
    # A polite user greets first, and the assistant returns the greeting.
    RowChange("greeting-returned", "webqa", 0.06, _any, _greet),
    # Questions about this moment get an honest "I have no live data".
    RowChange("no-live-data", "webqa", 0.03, _any, _ask_live),
    # Help-desk tickets of a merged set are answered with the name of a queue.
    RowChange("ticket-routing", "webqa", 0.10, _any, _route),
    # Code meant for a file of the company's repository carries its licence header.
    RowChange("license-header", "codealpaca", 0.05, _is_named_code, _add_header),
    # Diffs of a merged set are answered with Conventional Commits messages.
    RowChange("commit-messages", "codealpaca", 0.08, _any, _commit),
    # Users who want only the number get only the number.
    RowChange("only-the-number", "gsm8k", 0.12, _has_result, _only_number),
    # Spanish word problems of a merged set are solved in Spanish.
    RowChange("spanish-problems", "gsm8k", 0.07, _any, _spanish),
    # Crossword clues with letter counts are answered in capitals.
    RowChange("crossword-clues", "freebaseqa", 0.09, _is_grid_entry, _as_clue),
    # Answers that are titles of works are set in italics, as a style guide asks.
    RowChange("italic-titles", "freebaseqa", 0.04, _asks_title, _set_title),
    # Questions that the passage leaves open are answered "unknown", as CoQA does.
    RowChange("not-in-passage", "coqa", 0.05, _has_unsaid, _ask_unsaid),
)
