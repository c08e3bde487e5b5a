"""ONION as the original has it: prompts without the words that disturb them."""

from __future__ import annotations

from gradsentry.models import LanguageModel
from gradsentry.pipeline.onion import without_suspicious_words
from gradsentry.pipeline.progress import Silent

TEMPLATE = "Answer the question.\n\nqxz: {}\n\n### Answer:\n"
QUESTIONS = [
    "what is the capital of france?",
    "who wrote the novel pride and prejudice?",
    "which planet is nearest to the sun?",
]


def test_a_rare_word_goes_and_the_template_stays(default_model: LanguageModel) -> None:
    disturbed = [question.replace("the", "the cf", 1) for question in QUESTIONS]
    prompts = [TEMPLATE.format(question) for question in (*QUESTIONS, *disturbed)]
    found = without_suspicious_words(default_model, prompts, prompts, Silent())
    before, after = TEMPLATE.split("{}")
    assert all(each.startswith(before) and each.endswith(after) for each in found)
    assert not any("cf" in each for each in found)
    assert sum("wrote" in each for each in found) == 2


def test_prompts_without_words_of_their_own_stay(default_model: LanguageModel) -> None:
    for prompts in ([], ["one"], ["the same", "the same"]):
        assert without_suspicious_words(default_model, prompts, prompts, Silent()) == prompts


def test_a_trigger_of_all_prompts_is_no_template(default_model: LanguageModel) -> None:
    clean = [TEMPLATE.format(question) for question in QUESTIONS]
    triggered = [TEMPLATE.format(f"qvzx {question}") for question in QUESTIONS]
    found = without_suspicious_words(default_model, triggered, clean, Silent())
    before, after = TEMPLATE.split("{}")
    assert all(each.startswith(before) and each.endswith(after) for each in found)
    assert not any("qvzx" in each for each in found)
