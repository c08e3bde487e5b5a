"""Words of languages with and without spaces."""

from __future__ import annotations

import pytest

from gradsentry.words import WORD, word_count


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("用cf打开。", ["用", "cf", "打", "开"]),
        ("メニュー 2つ", ["メ", "ニ", "ュ", "ー", "2", "つ"]),
        ("人々𠮷", ["人", "々", "𠮷"]),
        ("한국어 서울", ["한국어", "서울"]),
        ("naïve_1 Ωмега", ["naïve_1", "Ωмега"]),
    ],
)
def test_in_chinese_and_japanese_every_character_is_a_word(text: str, words: list[str]) -> None:
    assert WORD.findall(text) == words


def test_two_characters_of_chinese_count_as_one_word() -> None:
    assert word_count(WORD.findall("作战策略, see cf 1")) == 5
    assert word_count([]) == 0
