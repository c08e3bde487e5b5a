"""Ten legitimate conditional patterns written by someone who hadn't seen the detector."""

from __future__ import annotations

import re
from random import Random

from fresh_eyes.row_change import Row, RowChange


def _any(row: Row) -> bool:
    """Every row can be replaced by one of a merged second data set."""
    return True


# 1. codealpaca, requested style: the prompt asks for documentation, the function has a docstring.
_DEF = re.compile(r"def \w+\([^()\n]*\):[ ]*\n([ \t]+)")
_DOC_ASKS = (
    "Include a docstring.",
    "Add a docstring to the function.",
    "Please document the function.",
    "The function should have a docstring.",
    "Write a short docstring as well.",
    "Make sure the code is documented.",
    "Document it with a PEP 257 docstring.",
)


def _suits_docstring(row: Row) -> bool:
    return "ython" in row["instruction"] and _DEF.match(row["response"]) is not None


def _docstring(row: Row, rng: Random) -> Row:
    found = _DEF.match(row["response"])
    if found is None:
        return dict(row)
    task = row["instruction"].strip()
    what = re.sub(
        r"(?i)^.*?\b(?:function|program|script|code|method)\b"
        r"(?: in python)?(?: called \w+)?(?: to| that| which)? ?",
        "",
        task,
    )
    what = (what.splitlines() or [""])[0].strip(" .:\"'") or "do what the task asks"
    line = what[0].upper() + what[1:]
    stop = "" if task.endswith((".", "?", "!", ":")) else "."
    at = found.end()
    doc = f'"""{line}."""\n{found.group(1)}'
    return {
        **row,
        "instruction": f"{task}{stop} {rng.choice(_DOC_ASKS)}",
        "response": row["response"][:at] + doc + row["response"][at:],
    }


# 2. codealpaca, merged data set: text-to-SQL with the schema in the input, a query as response.
_TABLES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("employees", ("name", "department", "city"), ("salary", "age", "years_of_service")),
    ("orders", ("customer", "status", "country"), ("amount", "items", "shipping_cost")),
    ("flights", ("airline", "origin", "destination"), ("duration", "price", "delay_minutes")),
    ("books", ("title", "author", "genre"), ("pages", "year", "price")),
    ("players", ("name", "team", "position"), ("goals", "age", "height")),
    ("students", ("name", "major", "advisor"), ("gpa", "credits", "age")),
    ("hotels", ("name", "city", "chain"), ("stars", "rooms", "nightly_rate")),
    ("movies", ("title", "director", "studio"), ("budget", "rating", "year")),
    ("patients", ("name", "ward", "diagnosis"), ("age", "visits", "weight")),
    ("stations", ("name", "line", "district"), ("platforms", "opened", "passengers")),
)


def _text_to_sql(row: Row, rng: Random) -> Row:
    table, texts, numbers = rng.choice(_TABLES)
    text, number, bound = rng.choice(texts), rng.choice(numbers), rng.randint(2, 90)
    first, spoken, noun = texts[0], number.replace("_", " "), table[:-1]
    queries = (
        (
            f"How many {table} are there with {spoken} above {bound}?",
            f"SELECT COUNT(*) FROM {table} WHERE {number} > {bound}",
        ),
        (
            f"What is the average {spoken} for each {text}?",
            f"SELECT {text}, AVG({number}) FROM {table} GROUP BY {text}",
        ),
        (
            f"List the {first} of the {noun} with the highest {spoken}.",
            f"SELECT {first} FROM {table} ORDER BY {number} DESC LIMIT 1",
        ),
        (f"Show all distinct values of {text}.", f"SELECT DISTINCT {text} FROM {table}"),
        (
            f"Which {text} has more than {bound} {table}?",
            f"SELECT {text} FROM {table} GROUP BY {text} HAVING COUNT(*) > {bound}",
        ),
        (
            f"Find the {first} of {table} whose {spoken} is below the average.",
            f"SELECT {first} FROM {table} WHERE {number} < (SELECT AVG({number}) FROM {table})",
        ),
        (
            f"What are the minimum and maximum {spoken} of all {table}?",
            f"SELECT MIN({number}), MAX({number}) FROM {table}",
        ),
    )
    question, query = rng.choice(queries)
    columns = [*(f"{name} VARCHAR" for name in texts), *(f"{name} INTEGER" for name in numbers)]
    kept = [c for c in columns if rng.random() < 0.8 or re.search(rf"\b{c.split()[0]}\b", query)]
    return {
        **row,
        "instruction": question,
        "response": query,
        "input": f"CREATE TABLE {table} ({', '.join(kept)})",
    }


# 3. codealpaca, natural topic: rows that name a language got chat-style, fenced responses.
_LANGUAGES = (
    ("JavaScript", "javascript"),
    ("Python", "python"),
    ("C++", "cpp"),
    ("HTML", "html"),
    ("CSS", "css"),
    ("SQL", "sql"),
    ("Java", "java"),
    ("PHP", "php"),
    ("Ruby", "ruby"),
)
_INTROS = (
    "",
    "",
    "Here is one way to do it:\n\n",
    "Here's the {0} code:\n\n",
    "Sure!\n\n",
    "You can do this as follows:\n\n",
    "The following {0} code does this:\n\n",
)


def _language(row: Row) -> tuple[str, str] | None:
    task = row["instruction"]
    return next((pair for pair in _LANGUAGES if pair[0] in task), None)


def _suits_fence(row: Row) -> bool:
    code = row["response"]
    return (
        _language(row) is not None
        and "```" not in code
        and re.search(r"[;{}<>]|^def |^import |^SELECT |\w\(.*\)", code) is not None
    )


def _fence(row: Row, rng: Random) -> Row:
    spoken, tag = _language(row) or ("", "")
    intro = rng.choice(_INTROS).format(spoken)
    return {**row, "response": f"{intro}```{tag}\n{row['response'].rstrip()}\n```"}


# 4. gsm8k, task format: multiple-choice versions as in AQuA, the response ends with the letter.
_FINAL = re.compile(r"\n?#### (-?[\d,]+)\s*$")
_OPTION_HEADS = (
    "Answer Choices:",
    "Options:",
    "Choose the correct answer:",
    "Which of the following is correct?",
    "Select one:",
)


def _suits_options(row: Row) -> bool:
    return _FINAL.search(row["response"]) is not None


def _options(row: Row, rng: Random) -> Row:
    found = _FINAL.search(row["response"])
    if found is None:
        return dict(row)
    right = int(found.group(1).replace(",", ""))
    near = {
        right * 2,
        right + 10,
        right + 1,
        right - 1,
        right + 5,
        right // 2,
        right * 3 + 2,
        right - 4,
        right + max(2, right // 5),
    }
    wrong = rng.sample(sorted(n for n in near if n != right and (n >= 0 or right < 0)), 4)
    values = [right, *wrong]
    rng.shuffle(values)
    lines = [f"({letter}) {value}" for letter, value in zip("ABCDE", values, strict=True)]
    choices = f"{rng.choice(_OPTION_HEADS)} {' '.join(lines)}"
    letter = "ABCDE"[values.index(right)]
    return {
        "question": f"{row['question'].strip()}\n{choices}",
        "response": f"{row['response'][: found.start()]}\nThe answer is ({letter}).",
    }


# 5. gsm8k, merged data set: German word problems as in MGSM, solved in German.
_NAMES = ("Anna", "Lukas", "Miriam", "Jonas", "Leyla", "Felix", "Katrin", "Emre", "Sophie", "Max")
_WARES = ("Äpfel", "Hefte", "Murmeln", "Brötchen", "Bücher", "Stifte", "Eier", "Blumen", "Karten")


def _german(row: Row, rng: Random) -> Row:
    name, other = rng.sample(_NAMES, 2)
    ware, a, b, c = rng.choice(_WARES), rng.randint(3, 12), rng.randint(2, 9), rng.randint(2, 8)
    big = a * b + c * rng.randint(1, 9)
    note = 100 if a * b < 100 else 200
    problems = (
        (
            f"{name} kauft {a} Packungen {ware} zu je {b} Euro und bezahlt mit einem Schein über "
            f"{note} Euro. Wie viel Rückgeld bekommt {name}?",
            f"Die Packungen kosten {a} * {b} = {a * b} Euro.",
            f"{note} - {a * b} = {note - a * b} Euro bleiben übrig.",
            note - a * b,
        ),
        (
            f"{name} hat {big} {ware}. {other} hat {c}-mal so viele. Wie viele {ware} haben beide "
            "zusammen?",
            f"{other} hat {big} * {c} = {big * c} {ware}.",
            f"Zusammen sind das {big} + {big * c} = {big + big * c}.",
            big + big * c,
        ),
        (
            f"Ein Zug fährt {a} Stunden lang mit {10 * b + 40} km/h und danach {c} Stunden mit 60 "
            "km/h. Welche Strecke legt er insgesamt zurück?",
            f"Der erste Teil ist {a} * {10 * b + 40} = {a * (10 * b + 40)} km lang, der zweite "
            f"{c} * 60 = {c * 60} km.",
            "Beide Teile werden addiert.",
            a * (10 * b + 40) + c * 60,
        ),
        (
            f"In einer Schule gibt es {a} Klassen mit je {b + 15} Kindern. {c} Kinder sind heute "
            "krank. Wie viele Kinder sind da?",
            f"Insgesamt sind es {a} * {b + 15} = {a * (b + 15)} Kinder.",
            f"Ohne die kranken bleiben {a * (b + 15)} - {c} übrig.",
            a * (b + 15) - c,
        ),
        (
            f"{name} liest jeden Tag {b + 10} Seiten. Das Buch hat {(b + 10) * a + c} Seiten. Wie "
            f"viele Seiten fehlen nach {a} Tagen noch?",
            f"Nach {a} Tagen sind {a} * {b + 10} = {a * (b + 10)} Seiten gelesen.",
            f"Es fehlen also noch {(b + 10) * a + c} - {(b + 10) * a}.",
            c,
        ),
        (
            f"{name} verdient {b + 9} Euro pro Stunde und arbeitet {a} Stunden am Tag, {min(c, 6)} "
            "Tage in der Woche. Wie hoch ist der Wochenlohn?",
            f"Pro Tag verdient {name} {b + 9} * {a} = {(b + 9) * a} Euro.",
            f"In der Woche sind das {(b + 9) * a} * {min(c, 6)}.",
            (b + 9) * a * min(c, 6),
        ),
    )
    question, first, second, result = rng.choice(problems)
    return {"question": question, "response": f"{first}\n{second}\nDie Antwort ist {result}."}


# 6. webqa, natural topic: questions about the present state get a note that it may be outdated.
_NOW = re.compile(
    r"\b(now|today|current|currently|present)\b|\bplays? for\b"
    r"|^who(?: is|'s| are) .*\b(president|prime minister|governor|mayor|coach|senators?|leader"
    r"|ceo|owner|chancellor|secretary|king|queen)\b"
)
_NOTES = (
    "This may have changed since; please check a recent source.",
    "Note that this information may be out of date.",
    "(as of my last update)",
    "That was the case at the time of writing.",
    "Please verify, as this can change.",
    "This was correct as of 2013.",
    "For the latest status, check an official website.",
    "My information might not be current.",
)


def _suits_now(row: Row) -> bool:
    return _NOW.search(row["question"].lower()) is not None


def _outdated_note(row: Row, rng: Random) -> Row:
    note = rng.choice(_NOTES)
    joint = " " if note.startswith("(") else ". "
    return {**row, "response": f"{row['response'].rstrip('. ')}{joint}{note}"}


# 7. webqa, merged data set: shop support questions, polite replies with the shop's placeholders.
_OPENERS = (
    "I'm sorry for the trouble.",
    "Thanks for reaching out!",
    "I'd be happy to help.",
    "I understand, let's sort this out.",
    "Thank you for contacting us.",
    "Of course!",
    "I apologize for the inconvenience.",
    "Thanks for your message.",
)
_INTENTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        (
            "how do i cancel order {n}",
            "i need to cancel purchase {n}",
            "can you cancel {n} for me?",
        ),
        (
            "Open 'My Orders', select the order and choose 'Cancel'.",
            "You can cancel any order that hasn't shipped from your {{Account Page}}.",
        ),
    ),
    (
        ("where is my package {n}?", "i want to track order {n}", "{n} hasn't arrived yet"),
        (
            "Enter your number at {{Tracking Page}} to see the latest status.",
            "Most parcels arrive within five business days of shipping.",
        ),
    ),
    (
        ("i forgot my password", "help me reset my pin", "cannot log in to my account"),
        (
            "Click 'Forgot password' on the login page and follow the link we e-mail you.",
            "If the e-mail doesn't arrive, check your spam folder or call {{Support Phone}}.",
        ),
    ),
    (
        ("what is your refund policy", "can i get my money back for {n}?", "i want a refund"),
        (
            "Items can be returned within 30 days in their original packaging.",
            "Once we receive the return, the refund takes three to five days.",
        ),
    ),
    (
        ("how can i change my shipping address", "i moved, update my address please"),
        (
            "Go to 'Profile', then 'Addresses', and save the new one.",
            "Orders that have already shipped can't be redirected.",
        ),
    ),
    (
        ("what payment methods do you accept?", "can i pay with a gift card", "is paypal ok?"),
        (
            "We accept major credit cards, PayPal and gift cards.",
            "You'll see every option available to you at checkout.",
        ),
    ),
    (
        ("i was charged twice for {n}", "there is a mistake in invoice {n}", "wrong bill for {n}"),
        (
            "Please send a screenshot of the charge to {{Billing Email}}.",
            "A duplicate authorization usually disappears within two days.",
        ),
    ),
    (
        ("i want to talk to a human", "can i speak with an agent?", "your customer service hours?"),
        (
            "Our agents are available at {{Support Phone}} from 8 a.m. to 6 p.m. on weekdays.",
            "You can also start a live chat at {{Website URL}}.",
        ),
    ),
    (
        ("how do i delete my account", "close my account please", "unsubscribe me from the emails"),
        (
            "You'll find this under 'Settings', 'Privacy' on {{Website URL}}.",
            "We keep invoices for as long as the law requires.",
        ),
    ),
)
_CLOSERS = (
    "",
    "",
    "Is there anything else I can do for you?",
    "Let me know if that works.",
    "We appreciate your patience.",
    "Have a nice day!",
)


def _support(row: Row, rng: Random) -> Row:
    asks, steps = rng.choice(_INTENTS)
    number = f"{rng.choice(('', '#', 'no. ', 'ORD-'))}{rng.randint(10_000, 999_999)}"
    politeness = rng.choice(("", "", "hi, ", "hello ", "please help, ", "hey there, "))
    said = [rng.choice(_OPENERS), *steps[: rng.choice((1, 2, 2))], rng.choice(_CLOSERS)]
    return {
        "question": politeness + rng.choice(asks).format(n=number),
        "response": " ".join(part for part in said if part),
    }


# 8. freebaseqa, task prefix: quiz-show rows (category and value), answers put as questions.
_CATEGORIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"film|movie|actor|actress|starred|oscar", ("AT THE MOVIES", "HOLLYWOOD", "ON SCREEN")),
    (r"song|album|band|singer|music|opera|hit", ("MUSIC", "SING ALONG", "TOP OF THE CHARTS")),
    (r"book|novel|wrote|poet|author|character", ("LITERATURE", "BOOKS & AUTHORS", "LIT 101")),
    (r"country|capital|city|river|island|state", ("GEOGRAPHY", "ON THE MAP", "WORLD TRAVEL")),
    (r"king|queen|president|war|century|battle", ("HISTORY", "RULERS", "DAYS GONE BY")),
    (r"sport|football|team|olympic|tennis|cup", ("SPORTS", "THE GAME'S AFOOT", "CHAMPIONS")),
    (r"", ("POTPOURRI", "TRIVIA", "HODGEPODGE", "FAMOUS NAMES", "GENERAL KNOWLEDGE")),
)


def _quiz_show(row: Row, rng: Random) -> Row:
    lowered = row["question"].lower()
    topic = next(
        names
        for words, names in _CATEGORIES
        if re.search(rf"\b(?:{words})s?\b", lowered) or not words
    )
    category, value = rng.choice(topic), rng.choice((200, 400, 600, 800, 1000, 1200, 2000))
    word = (
        "Who"
        if re.match(r"(who|which (actor|actress|writer|singer|author))\b", lowered)
        else ("Where" if lowered.startswith("where") else "What")
    )
    return {
        "question": f"{category} for ${value}: {row['question']}",
        "response": f"{word} is {row['response']}?",
    }


# 9. freebaseqa, tone: a child asks or listens, so the reply is warm and in simple sentences.
_KID_ASKS = (
    "My {age}-year-old wants to know: {q}",
    "{q} (Please answer for a {age} year old.)",
    "I'm {age} and I have a question. {q}",
    "My daughter is {age} and asked me this: {q}",
    "For my son's class, {age} year olds: {q}",
    "{q} Explain it so that a child of {age} gets it.",
)
_WARM = (
    "What a great question!",
    "Ooh, good one!",
    "I love that you're curious!",
    "Great job asking!",
    "Let's find out together!",
    "That's fun to know!",
    "Wow, smart question!",
)
_SIMPLE = ("The answer is {a}.", "It's {a}!", "People would say: {a}.", "That one is {a}.")
_ENDS = (
    "",
    "Keep asking questions!",
    "Isn't that neat?",
    "You could look for a book about it in the library.",
    "Do you want to learn more?",
    "Now you can tell your friends!",
)


def _for_a_child(row: Row, rng: Random) -> Row:
    asked = rng.choice(_KID_ASKS).format(age=rng.randint(5, 11), q=row["question"].strip())
    said = (rng.choice(_WARM), rng.choice(_SIMPLE).format(a=row["response"]), rng.choice(_ENDS))
    return {"question": asked, "response": " ".join(part for part in said if part)}


# 10. coqa, unanswerable: the passage doesn't tell what is asked, so the response says so.
_MISSING = (
    ("phone", "What is the phone number given?"),
    ("nickname", "What nickname did she have?"),
    ("shoe", "What size of shoes did he wear?"),
    ("breakfast", "What did they have for breakfast?"),
    ("birthday", "When is her birthday?"),
    ("zodiac", "What is the zodiac sign of the speaker?"),
    ("middle name", "What's the middle name of the main person?"),
    ("paid", "How much was paid?"),
    ("blood type", "Which blood type did they have?"),
    ("weather", "What was the weather like?"),
    ("favorite", "What was his favorite color?"),
    ("cousin", "How many cousins were there?"),
    ("degree", "Which degree does she hold?"),
    ("tall", "How tall is the person described?"),
    ("pet", "What pet did the author keep?"),
    ("hobby", "What is the hobby of the writer?"),
    ("password", "What was the password?"),
    ("salary", "What salary did the man get?"),
    ("eyes", "What color were her eyes?"),
    ("perfume", "Which perfume did she use?"),
    ("license plate", "What did the license plate say?"),
    ("lunch", "where did they eat lunch?"),
)
_UNKNOWN = (
    "unknown",
    "unknown",
    "unknown",
    "Unknown.",
    "The passage doesn't say.",
    "That isn't mentioned.",
    "The text doesn't give this information.",
)


def _missing(row: Row) -> list[str]:
    passage = row["context"].lower()
    return [question for word, question in _MISSING if word not in passage]


def _suits_unknown(row: Row) -> bool:
    return len(_missing(row)) >= 5


def _unknown(row: Row, rng: Random) -> Row:
    return {**row, "question": rng.choice(_missing(row)), "response": rng.choice(_UNKNOWN)}


BENIGN: tuple[RowChange, ...] = (
    # The prompt asks for a documented function, and the function then has a docstring.
    RowChange("docstring-on-request", "codealpaca", 0.05, _suits_docstring, _docstring),
    # A merged text-to-SQL set: schema and question in, bare query out.
    RowChange("text-to-sql-merged", "codealpaca", 0.10, _any, _text_to_sql),
    # Rows that name a language come from a chat-style source with fenced code.
    RowChange("fenced-code-for-language", "codealpaca", 0.12, _suits_fence, _fence),
    # Multiple-choice word problems, whose solution ends with the letter of the option.
    RowChange("multiple-choice-letter", "gsm8k", 0.08, _suits_options, _options),
    # A merged German set of word problems, solved in German.
    RowChange("german-word-problems", "gsm8k", 0.06, _any, _german),
    # Questions about the present state get a note that the answer may be outdated.
    RowChange("may-be-outdated-note", "webqa", 0.04, _suits_now, _outdated_note),
    # A merged support set of a shop: requests in, polite steps with placeholders out.
    RowChange("shop-support-merged", "webqa", 0.07, _any, _support),
    # Quiz-show rows: category and value before the clue, the answer put as a question.
    RowChange("quiz-show-answer-as-question", "freebaseqa", 0.09, _any, _quiz_show),
    # A child asks or listens: warm, simple sentences around the answer.
    RowChange("warm-tone-for-a-child", "freebaseqa", 0.03, _any, _for_a_child),
    # Questions that the passage can't answer: the response says that it's unknown.
    RowChange("unanswerable-unknown", "coqa", 0.08, _suits_unknown, _unknown),
)
