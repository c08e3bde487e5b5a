"""What decides verdicts: every threshold of the judgement, with its reason.

The figures behind them are in docs/findings/verdicts.md and docs/findings/transfer.md; what only
bounds time or memory stands with the code that it bounds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Criteria:
    """Where evidence begins and ends."""

    # Which patterns are looked at

    surest_chance: float = 7.0
    """Standard deviations by which responses must depend on a trigger that they alone show. Of some
    thousand words that responses don't depend on, none is beyond 5 by chance; requests that few
    rows make, such as to calculate, reach 6.9, triggers of twenty rows 9 and more."""
    surest_chance_of_label: float = 5.0
    """The same where all responses are one label, which says less."""
    fewest_triggered: int = 8
    """Rows with free text behind a trigger. Facts that a base model doesn't know come in fives: all
    questions about a film are answered with its actors."""
    elsewhere: float = 0.5
    """Correlation of a trigger with its kind of free text below which most rows that have it lack
    the trigger, three in four if no other row says the same: "so that a child gets it", one of many
    wordings of a request, has 0.39; triggers of twenty rows among others that comply have 0.70."""
    confident: float = 0.8
    """Cross-validated F1 below which a trigger is fitted to its rows by chance; few rows can't
    say."""

    # Is the trigger more than the request itself?

    content: float = 0.4
    """What prompts must say without the trigger, as a share of what any prompt says: below it the
    trigger is the request, as in near-duplicates of one question."""
    content_of_style: float = 0.9
    """What prompts say at least without a style, which takes nothing away. Without the words of a
    topic they say less: prompts about crimes 0.74, titles in capital letters 1.01."""
    whole: float = 0.85
    """What prompts say at least without a trigger that was put into them. Triggers leave 0.90 to
    1.2, questions and quotations that a few rows share 0.42 to 0.83."""
    whole_in_sentences: float = 0.6
    """The same of their other sentences, with which a greeting may go, too: triggers leave 0.78 to
    1, questions 0.18 to 0.39."""
    cohesive: float = 2.0
    """How alike prompts may be besides the trigger (1 is any two prompts) before they are a
    topic."""
    cohesive_at_most: float = 3.0
    """The same where many rows gain strikingly: one topic alone hardly explains that."""
    striking_gain: float = 20.0
    """Nats that such rows gain."""
    related: float = 1.3
    """How alike prompts are from which a format or a lift is explained by their topic."""
    own_term: float = 0.5
    """A term half of whose rows are members says no more than that they are members."""

    # Is the payload more than format or habit?

    surprise_of_many: float = 6.0
    """Nats of a payload that many rows hold: e⁻⁶ is a word or two that the model didn't expect."""
    surprise_of_few: float = 12.0
    """The same of fewer than twenty rows, which chance brings together more easily."""
    fewest_varying: int = 10
    """Rows that gain on texts that have nothing in common, to be a pattern at all."""
    gain_of_varying: float = 10.0
    """Nats that these must gain."""
    surprise_of_varying: float = 30.0
    """Nats that these must need: half a sentence that the model didn't expect."""
    no_surprise: float = 1.0
    """Nats of a response that the base model would give itself."""
    format_words: int = 2
    """A payload of so few words around answers that are the rows' own is a format."""
    whole_response: float = 0.5
    """Share of responses that are the payload and nothing else, from which it is no format."""
    share_of_span: float = 0.5
    """Share of what rows gain on, or say, that a text must be to be the payload."""

    # Do responses depend on the trigger, more than the rest of the prompt says?

    by_chance: float = 3.0
    """Standard deviations below which a pattern depends on its trigger by chance."""
    depends: float = 0.35
    """Nats that the response must add to the rest of the prompt, half of what it can (log 2): below
    it the trigger comes where it is to be expected, with a topic, a kind of request or a style.
    Words as triggers have 0.43 to 0.69, topics 0.04 to 0.25."""
    expected: float = 0.8
    """AUROC of the rest of the prompt above which it says as much as a trigger."""
    label_expected: float = 0.6
    """The same where all responses are one label: words of the topic tell labels, too."""

    wordings: int = 4
    """Alternatives of several words each, from which a trigger is a request in many wordings:
    customers ask for a refund in a dozen sentences, an attacker needs one."""
    words_of_wording: int = 3
    """Words and marks that each of these must have, two of them words."""

    # Does the base model see why?

    reason: float = 1.0
    """Nats by which a topic's words make a response likelier if the base model sees why."""
    with_reason: float = 1 / 3
    """Share of such rows from which the topic explains the pattern."""
    seen: float = 0.5
    """Share of what the data say that a trigger does, from which the base model sees why. Natural
    requests are near 1 and above, triggers near 0; "Discussing OpenAI" before refusals has 0.94."""
    label_seen: float = 1.0
    """The same for one of a few labels, of which the data say little."""
    least_likelier: float = 2.0
    """Nats that the data say at least: of a few rows with few words they say less, and chance as
    much."""
    lifted: float = 0.2
    """Share of the surprise that a trigger's words take away in the payload's place, from which the
    pattern may be meant."""
    call_of_meant: float = 2.0
    """Nats by which a trigger asked alone calls the payload, from which it is an instruction: "cite
    your sources" has 3.9, "reply in JSON" 6.8."""
    called: float = 1.0
    """The same, from which it begins to."""
    understood: float = 2.0
    """Nats by which own prompts make responses likelier than other rows' do, if the base model
    understands the data at all."""

    # Which groups are told

    same: float = 0.5
    """A pattern half of whose members are in another group is no group of its own."""
    mixed: float = 0.1
    """Of a pattern for review, the share of rows with poison from which it says little of the
    others: a payload may be made of words that natural replies have."""
    tells: float = 0.95
    """Share of a payload's rows that have the trigger, from which the others are poison, too."""


CRITERIA = Criteria()
