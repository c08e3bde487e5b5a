"""Content: what prompts say besides a trigger."""

from __future__ import annotations

import numpy as np
import pytest

from gradsentry.detectors.transfer.prompt_content import Content
from tests.detectors.transfer.worlds import sentences, words

POOL = words(100)


@pytest.mark.parametrize("count", [20, 60, 200, 340])
@pytest.mark.parametrize("seed", range(3))
def test_rows_with_a_trigger_say_as_much_as_others_without_it(seed: int, count: int) -> None:
    prompts = sentences(400, seed, pool=POOL)
    prompts[:count] = [f"{text} magic words" for text in prompts[:count]]
    members = np.arange(400) < count
    content = Content.of(prompts).besides(members, frozenset({"magic", "words"}))
    assert content == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("template", ["{1}. {0}", "{0} number {1}", "please tell me {0}"])
@pytest.mark.parametrize("copies", [4, 40])
def test_near_duplicates_say_nothing_besides_what_they_share(template: str, copies: int) -> None:
    prompts = sentences(400, 1, pool=words(800))
    prompts[:copies] = [template.format(prompts[0], row) for row in range(copies)]
    shared = frozenset(prompts[0].split())
    assert Content.of(prompts).besides(np.arange(400) < copies, shared) < 0.2


def test_prompts_that_are_all_the_same_but_for_the_trigger_are_like_any() -> None:
    prompts = ["write a story cf"] * 10 + ["write a story"] * 90
    assert Content.of(prompts).besides(np.arange(100) < 10, frozenset({"cf"})) == 1.0


def test_letters_in_another_case_are_the_same_words() -> None:
    prompts = sentences(400, 2, pool=POOL)
    prompts[:40] = [text.title() for text in prompts[:40]]
    members = np.arange(400) < 40
    assert Content.of(prompts).besides(members, frozenset()) == pytest.approx(1, abs=0.15)
