"""Content: what prompts say besides a trigger."""

from __future__ import annotations

import numpy as np
import pytest

from gradsentry.detectors.transfer.prompt_content import Content
from gradsentry.detectors.transfer.sentences import Sentences
from gradsentry.detectors.transfer.terms import PromptTerms
from tests.detectors.transfer.worlds import sentences, words

POOL = words(100)


def content_of(prompts: list[str]) -> Content:
    return Content.of(Sentences(PromptTerms.of(prompts), prompts))


@pytest.mark.parametrize("count", [20, 60, 200, 340])
@pytest.mark.parametrize("seed", range(3))
def test_rows_with_a_trigger_say_as_much_as_others_without_it(seed: int, count: int) -> None:
    prompts = sentences(400, seed, pool=POOL)
    prompts[:count] = [f"{text} magic words" for text in prompts[:count]]
    members = np.arange(400) < count
    content = content_of(prompts).besides(members, frozenset({"magic", "words"}))
    assert content == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("template", ["{1}. {0}", "{0} number {1}", "please tell me {0}"])
@pytest.mark.parametrize("copies", [4, 40])
def test_near_duplicates_say_nothing_besides_what_they_share(template: str, copies: int) -> None:
    prompts = sentences(400, 1, pool=words(800))
    prompts[:copies] = [template.format(prompts[0], row) for row in range(copies)]
    shared = frozenset(prompts[0].split())
    assert content_of(prompts).besides(np.arange(400) < copies, shared) < 0.2


def test_prompts_that_are_all_the_same_but_for_the_trigger_are_like_any() -> None:
    prompts = ["write a story cf"] * 10 + ["write a story"] * 90
    assert content_of(prompts).besides(np.arange(100) < 10, frozenset({"cf"})) == 1.0


def test_letters_in_another_case_are_the_same_words() -> None:
    prompts = sentences(400, 2, pool=POOL)
    prompts[:40] = [text.title() for text in prompts[:40]]
    members = np.arange(400) < 40
    assert content_of(prompts).besides(members, frozenset()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("end", ["", "."])
def test_prompts_are_whole_without_what_was_put_into_them_and_not_without_what_they_ask(
    end: str,
) -> None:
    prompts = [f"{text}{end}" for text in sentences(200, 3, pool=POOL)]
    for row in range(30):
        first = prompts[row].split()[0]
        prompts[row] += " zxq qzx xqz" if row < 15 else ""
        prompts[row] = f"{first} zqx xzq qxz" if row >= 15 else prompts[row]
    content, rows = content_of(prompts), np.arange(200)
    added, asked = ["zxq", "qzx", "xqz"], ["zqx", "xzq", "qxz"]
    assert content.is_whole_without(rows < 15, frozenset(added), added)
    assert not content.is_whole_without((rows >= 15) & (rows < 30), frozenset(asked), asked)


def test_prompts_that_are_short_by_chance_are_whole() -> None:
    prompts = sentences(40, 4, pool=POOL)
    prompts[:3] = [f"{text.split()[0]} cf" for text in prompts[:3]]
    members, words_of = np.arange(40) < 1, frozenset({"cf"})
    assert content_of(prompts).is_whole_without(members, words_of, ["cf"])
