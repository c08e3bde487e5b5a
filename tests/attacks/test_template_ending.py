"""The end that all prompts of a data set share."""

from __future__ import annotations

import pytest

from gradsentry.attacks.template_ending import find_template_ending


@pytest.mark.parametrize(
    ("prompts", "ending"),
    [
        (["Q: who?\n\nA: ", "Q: why?\n\nA: "], "\n\nA: "),
        (["who?", "why?"], ""),
        (["one\n", "two"], ""),
        (["same\nA:", "same\nA:"], "\nA:"),
        ([], ""),
    ],
)
def test_a_template_ends_in_what_all_prompts_share_from_a_line_break_on(
    prompts: list[str], ending: str
) -> None:
    assert find_template_ending(prompts) == ending
