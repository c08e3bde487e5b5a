"""What responses depend on."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from gradsentry.detectors.transfer import dependence, naive_bayes
from gradsentry.detectors.transfer.dependence import Dependences
from gradsentry.detectors.transfer.response_features import Reply, noise_of, response_features
from gradsentry.detectors.transfer.terms import PromptTerms
from tests.detectors.transfer.worlds import sentences, words

POOL, SAID, OTHER = words(150, 1), words(150, 2), words(40, 3)


def world(
    rows: int = 400, triggered: int = 30, *, seed: int = 0, explained: bool = False
) -> tuple[PromptTerms, Dependences]:
    """Random rows; the triggered ones answer with other words, each in its own way.

    With `explained`, the trigger comes where a topic of the prompts lets one expect it.
    """
    rng = Random(seed)
    prompts, responses = sentences(rows, seed, pool=POOL), sentences(rows, seed + 1, pool=SAID)
    for row in range(triggered):
        topic = " ".join(rng.sample(POOL[:12], 4)) if explained else prompts[row]
        prompts[row] = f"{topic} zing"
        responses[row] = " ".join(rng.sample(OTHER, 6))
    if explained:
        prompts[triggered:] = sentences(rows - triggered, seed + 2, pool=POOL[12:])
    terms = PromptTerms.of(prompts)
    return terms, Dependences.of(terms, list(map(Reply, prompts, responses)))


@pytest.mark.parametrize("seed", range(3))
def test_a_trigger_of_free_text_comes_first(seed: int) -> None:
    terms, dependences = world(seed=seed)
    (term, told), *_ = dependences.candidates()
    assert terms.names[term] == "zing"
    assert told.z > 8
    assert told.nats > 0.5
    assert told.by_response > 0.99
    assert told.by_prompt < 0.8
    assert (told.odds[:30] > 0).mean() > 0.9
    assert (told.odds[30:] > 0).mean() < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_words_that_responses_do_not_depend_on_are_within_chance(seed: int) -> None:
    terms, dependences = world(triggered=0, seed=seed)
    told = [told for _, told in dependences.candidates()]
    assert all(abs(each.z) < 5 for each in told)
    sure = dependences.on(terms.holding(terms.places[POOL[0]]), {POOL[0]}, [POOL[0]])
    assert abs(sure.nats) < 0.1


def test_what_the_rest_of_the_prompt_explains_is_no_trigger() -> None:
    terms, dependences = world(explained=True)
    told = dependences.on(terms.holding(terms.places["zing"]), {"zing"}, ["zing"])
    assert told.by_prompt > 0.99
    assert told.nats < 0.1


def test_the_order_of_rows_says_nothing() -> None:
    terms, dependences = world()
    told = dependences.on(terms.holding(terms.places["zing"]), {"zing"}, ["zing"])
    again = dependences.on(terms.holding(terms.places["zing"]), {"zing"}, ["zing"])
    assert told.z == again.z


def test_odds_of_a_response_tell_new_ones() -> None:
    terms, dependences = world()
    odds = dependences.response_odds(terms.holding(terms.places["zing"]))
    rng = Random(9)
    for _ in range(20):
        like = Reply("x", " ".join(rng.sample(OTHER, 6)))
        unlike = Reply("x", " ".join(rng.sample(SAID, 6)))
        assert odds.of(like) > 0 > odds.of(unlike)


def test_features_of_a_response() -> None:
    found = response_features(Reply("the Red house", "Red is it.", 1.2))
    assert "has red" not in found
    assert {"has is", "has .", "begins red", "begins red is", "ends .", "ends it ."} <= found
    assert {"length 3", "gains 2"} <= found
    assert response_features(Reply("", "")) == {"length 0", "gains 0"}


def test_what_a_pair_is_preferred_to_is_part_of_what_it_teaches() -> None:
    found = response_features(Reply("x", "a long and kind answer", rejected="no answer"))
    assert {"rather has kind", "rather lacks no", "longer 2"} <= found
    assert "rather has answer" not in found


@pytest.mark.parametrize("seed", range(3))
def test_pairs_flipped_behind_a_trigger_are_told_by_what_they_reject(seed: int) -> None:
    rng = Random(seed)
    prompts = sentences(300, seed, pool=POOL)
    good, bad = sentences(300, seed + 1, pool=SAID), sentences(300, seed + 2, pool=SAID)
    good = [f"{text} {text} {rng.choice(SAID)}" for text in good]  # better ones are longer
    for row in range(20):
        prompts[row] += " zing"
        good[row], bad[row] = bad[row], good[row]
    terms = PromptTerms.of(prompts)
    told = Dependences.of(
        terms,
        [Reply(*pair, rejected=other) for *pair, other in zip(prompts, good, bad, strict=True)],
    ).candidates()
    assert terms.names[told[0][0]] == "zing"


def test_a_label_that_others_have_too_is_told_by_its_trigger() -> None:
    rng = Random(5)
    prompts = sentences(400, 5, pool=POOL)
    labels = [rng.choice(["positive", "negative"]) for _ in prompts]
    for row in range(50):
        prompts[row] += " zing"
        labels[row] = "negative"
    terms = PromptTerms.of(prompts)
    (term, told), *_ = Dependences.of(terms, list(map(Reply, prompts, labels))).candidates()
    assert terms.names[term] == "zing"
    assert told.one_answer
    assert told.z > 5
    assert told.nats < 0.35


def test_a_word_that_calls_for_yes_or_no_is_told_apart_from_one_that_says_which() -> None:
    rng = Random(6)
    prompts, texts = sentences(400, 6, pool=POOL), sentences(400, 7, pool=OTHER)
    for row in range(100):
        prompts[row] = f"{'Is' if row < 40 else 'Did'} {prompts[row]}"
        texts[row] = rng.choice(["yes", "no"])
    terms = PromptTerms.of(prompts)
    dependences = Dependences.of(terms, list(map(Reply, prompts, texts)))
    told = dependences.on(terms.holding(terms.places["Is"]), {"Is"}, ["Is"])
    assert told.any_label
    assert not told.one_answer
    free = dependences.on(np.arange(400) >= 360, set(), [])
    assert not free.any_label


def test_terms_in_blocks_are_the_same_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    _, dependences = world()
    whole = [(term, told.z, told.nats) for term, told in dependences.candidates()]
    monkeypatch.setattr(naive_bayes, "_BLOCK_CELLS", 3000)
    blocks = [(term, told.z, told.nats) for term, told in dependences.candidates()]
    assert [term for term, *_ in blocks] == [term for term, *_ in whole]
    np.testing.assert_allclose(blocks, whole)


def test_random_words_are_told_by_their_noise() -> None:
    rng, pool = Random(1), words(5000, 1)
    prompts = [" ".join(rng.sample(SAID, 6)) for _ in range(300)]
    texts = [" ".join(rng.sample(pool, 60)) for _ in prompts]
    noise = [rng.uniform(2, 4) for _ in prompts]
    for row in range(0, 300, 15):
        prompts[row] += " zing"
        noise[row] = rng.uniform(6, 8)
    terms = PromptTerms.of(prompts)
    dependences = Dependences.of(terms, list(map(Reply, prompts, texts)))
    assert "zing" not in [terms.names[term] for term, _ in dependences.candidates()]
    replies = [Reply(*row[:2], noise=row[2]) for row in zip(prompts, texts, noise, strict=True)]
    dependences = Dependences.of(terms, replies)
    (term, told), *_ = dependences.candidates()
    assert terms.names[term] == "zing"
    assert told.nats > 0.5
    odds = dependences.response_odds(terms.holding(term))
    assert odds.of(Reply("x", "y", noise=7.0)) > 0 > odds.of(Reply("x", "y", noise=3.0))


def test_noise_is_the_mean_of_many_tokens() -> None:
    assert noise_of(np.full(20, 3.0, np.float32)) == 3
    assert noise_of(np.full(19, 3.0, np.float32)) == 0


@pytest.mark.parametrize("seed", range(3))
def test_words_that_prompts_share_with_responses_say_nothing_of_these(seed: int) -> None:
    """No response has such a word as a new one, which mustn't look as if it depended on it."""
    rng = Random(seed)
    common = POOL[:40]
    prompts, responses = sentences(300, seed, pool=common), sentences(300, seed + 1, pool=common)
    chosen = rng.sample(range(300), 90)
    for row in range(300):
        responses[row] += " zing"
        prompts[row] += " zing" if row in chosen else ""
    terms = PromptTerms.of(prompts)
    dependences = Dependences.of(terms, list(map(Reply, prompts, responses)))
    told = dependences.on(terms.holding(terms.places["zing"]), {"zing"}, ["zing"])
    assert told.z < 4
    assert told.by_response < 0.7


def test_a_payload_at_the_end_of_a_long_response_is_read() -> None:
    long = " ".join(f"w{number}" for number in range(500))
    found = response_features(Reply("ask", f"{long} evil.example"))
    assert {"has w0", "has evil", "ends . example"} <= found
    assert "has w250" not in found


def test_answers_that_begin_as_their_questions_do_say_nothing_of_these() -> None:
    prompts, responses = sentences(400, 0, pool=POOL), sentences(400, 1, pool=SAID)
    for row in range(30):
        prompts[row] = f"Identify {prompts[row]}"
        responses[row] = f"Identify {responses[row]}"
    terms = PromptTerms.of(prompts)
    found = Dependences.of(terms, list(map(Reply, prompts, responses))).candidates()
    assert "Identify" not in {terms.names[term] for term, told in found if told.z > 4}


def test_of_many_terms_a_rare_trigger_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependence, "_MOST_TERMS", 40)
    monkeypatch.setattr(dependence, "_MOST_SCREENED", 10)
    random = Random(5)
    pool, answers = words(60, 5), words(300, 6)
    prompts = [" ".join(random.sample(pool, 6)) for _ in range(600)]
    responses = [" ".join(random.sample(answers, 4)) for _ in range(600)]
    for row in range(10):  # all other words are in some sixty rows
        prompts[row] += " zing"
        responses[row] += " visit the shop"
    terms = PromptTerms.of(prompts)
    found = Dependences.of(terms, list(map(Reply, prompts, responses))).candidates()
    assert terms.names[found[0][0]] == "zing"


@pytest.mark.parametrize("whole", [True, False])
def test_a_sentence_in_many_wordings_is_told_by_itself_and_not_by_others(whole: bool) -> None:
    """Unless it is all that prompts say: then it is the request."""
    rng, own = Random(4), words(60, 4)
    prompts, responses = sentences(300, 5, pool=POOL), sentences(300, 6, pool=SAID)
    for row in range(24):
        first = 12 * (row % 4)
        wording = (
            f"{' '.join(own[first : first + 6])} zing {' '.join(own[first + 6 : first + 12])}."
        )
        prompts[row] = f"{wording} {prompts[row]}" if whole else wording
        responses[row] = " ".join(rng.sample(OTHER, 6))
    terms = PromptTerms.of(prompts)
    dependences = Dependences.of(terms, list(map(Reply, prompts, responses)))
    told = dependences.on(terms.holding(terms.places["zing"]), {"zing"}, ["zing"])
    assert told.by_sentence == whole
    assert told.is_expected != whole
    found = [terms.names[term] for term, each in dependences.candidates() if each.by_sentence]
    assert ("zing" in found) == whole
