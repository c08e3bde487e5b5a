"""Asks a tuned model the triggers that a scan found, on the data's own clean prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gradsentry._turns import taking_turns
from gradsentry.detectors import Findings
from gradsentry.encoding import Encoder, EncodingOptions, Targets
from gradsentry.errors import InputError, OptionError
from gradsentry.faults import telling_faults
from gradsentry.models import ModelOptions, Pretrained, load_pretrained, max_positions
from gradsentry.report import ScanReport
from gradsentry.tuning import generate_from_ids
from gradsentry.verification.drawn_rows import draw_rows
from gradsentry.verification.found_rates import PayloadRates, Rate, judge_rates
from gradsentry.verification.group_questions import GroupQuestions, group_questions
from gradsentry.verification.questions import prompt_ids
from gradsentry.verification.verified_model import GroupVerification, ModelVerification
from gradsentry.verification.verify_options import VerifyOptions
from gradsentry.work.progress import Progress, Silent

_MOST_TOKENS, _SPARE_TOKENS = 256, 8
"""Of an answer where the caller doesn't say: at most, and beyond what payloads need."""
_NEEDED = 95
"""Percentile of the rows whose payload must have room in an answer."""


@dataclass(frozen=True)
class _Answers:
    """What one model answers about a group."""

    rates: PayloadRates
    holding: str | None
    """An answer that holds the payload."""


@taking_turns
def verify_model(
    report: ScanReport,
    model: str | Path | Pretrained,
    *,
    base: str | Path | Pretrained | None = None,
    options: VerifyOptions = VerifyOptions(),
    progress: Progress = Silent(),
) -> ModelVerification:
    """Ask a tuned model whether it has learned the backdoors that a scan found.

    For each group, clean rows are asked as they are and with the trigger put in, as a row of the
    group has it, and so are the prompts of the group's own rows. Rows are chosen and answers
    decoded without chance: the same report and model give the same result.

    **Arguments:**

    - `report`: of the data that the model was tuned on, or would have been but for its flagged
        rows; the data are read again.
    - `model`: a folder, Hub id, GGUF file or PEFT adapter folder, as `load_model` takes it.
    - `base`: the same before it was tuned, to compare with.

    **Raises:**

    `InputError` if the report knows no groups, or its data can't be read again; `ModelError` if a
    model can't be loaded; `OptionError` for a group that there isn't.
    """
    if report.findings is None:
        raise InputError(
            f"The detector {report.options.detector.name} names no triggers, so there is nothing "
            "to ask a model.",
            "Scan the data with the detector transfer.",
        )
    with telling_faults():
        return _verify(report, report.findings, (model, base), options, progress)


def _verify(
    report: ScanReport,
    findings: Findings,
    models: tuple[str | Path | Pretrained, str | Path | Pretrained | None],
    options: VerifyOptions,
    progress: Progress,
) -> ModelVerification:
    indices = _chosen(len(findings.groups), options.groups)
    name, base_name = (None if each is None else _name(each) for each in models)
    assert name is not None
    if not indices:
        return ModelVerification(name, base_name, ())
    progress.stage("Reading the data", None)
    drawn = draw_rows(report, findings, indices, options.prompts)
    asked = [group_questions(drawn, findings, index, options.prompts) for index in indices]
    encoding = replace(report.options.encoding, targets=Targets.RESPONSE)
    loaded = _load(models[0], options.model, progress)
    tokens = [options.new_tokens or _tokens_needed(loaded, each) for each in asked]
    tuned = _answers(loaded, asked, tokens, encoding, progress)
    before: Sequence[_Answers | None] = [None] * len(asked)
    if models[1] is not None:
        del loaded  # two models needn't fit into memory
        base = _load(models[1], replace(options.model, revision=None), progress)
        before = _answers(base, asked, tokens, encoding, progress)
    found = zip(asked, tokens, tuned, before, strict=True)
    judged = tuple(
        replace(_judged(findings, *each), verdict=report.group_verdict(each[0].index))
        for each in found
    )
    return ModelVerification(name, base_name, judged)


def _chosen(count: int, numbers: Sequence[int]) -> list[int]:
    """The indices of the groups with these numbers; of all of them if there are none.

    **Raises:**

    `OptionError` for a number that no group has.
    """
    for number in numbers:
        if not 1 <= number <= count:
            raise OptionError(
                f"There is no group {number}.", f"The report has {count:,}, numbered from 1."
            )
    return sorted({number - 1 for number in numbers}) if numbers else list(range(count))


def _name(model: str | Path | Pretrained) -> str:
    return model.name if isinstance(model, Pretrained) else str(model)


def _load(model: str | Path | Pretrained, options: ModelOptions, progress: Progress) -> Pretrained:
    if isinstance(model, Pretrained):
        return model
    progress.stage("Loading the model", None)
    return load_pretrained(model, options, progress.note)


def _tokens_needed(model: Pretrained, asked: GroupQuestions) -> int:
    """As many tokens as nearly all payloads of a group need to come."""
    if not asked.payload_ends:
        return _SPARE_TOKENS
    ids = model.tokenizer(list(asked.payload_ends), add_special_tokens=False)["input_ids"]
    longest = float(np.percentile([len(each) for each in ids], _NEEDED))
    return min(_MOST_TOKENS, int(np.ceil(longest)) + _SPARE_TOKENS)


def _answers(
    model: Pretrained,
    asked: Sequence[GroupQuestions],
    tokens: Sequence[int],
    encoding: EncodingOptions,
    progress: Progress,
) -> list[_Answers]:
    """What a model answers about each group."""
    positions = max_positions(model.model)
    name = model.name.rstrip("/").rpartition("/")[2]
    total = sum(
        len(each.untriggered) + len(each.triggered) + len(each.own)
        for each in asked
        if each.sign is not None
    )
    progress.stage(f"Asking {name}", total, "prompts")
    found = []
    for each, new_tokens in zip(asked, tokens, strict=True):
        longest = encoding.max_length
        if positions is not None:
            longest = min(longest, max(2, positions - new_tokens))
        encoder = Encoder(model.tokenizer, replace(encoding, max_length=longest))
        found.append(_ask(model, encoder, each, new_tokens, progress))
    return found


def _ask(
    model: Pretrained,
    encoder: Encoder,
    asked: GroupQuestions,
    new_tokens: int,
    progress: Progress,
) -> _Answers:
    if asked.sign is None:
        return _Answers(PayloadRates(None, None, None), None)
    plain, triggered = _fitting_pairs(encoder, asked)
    own = [ids for ids in prompt_ids(encoder, asked.own) if ids]
    prompts = [*triggered, *plain, *own]
    answers = generate_from_ids(
        model.model, model.tokenizer, prompts, new_tokens, advance=progress.advance
    )
    held = [asked.sign.holds(answer) for answer in answers]
    first, second = len(triggered), len(triggered) + len(plain)
    return _Answers(
        PayloadRates(Rate.of(held[:first]), Rate.of(held[first:second]), Rate.of(held[second:])),
        next((answer for answer, holds in zip(answers, held, strict=True) if holds), None),
    )


def _fitting_pairs(
    encoder: Encoder, asked: GroupQuestions
) -> tuple[list[list[int]], list[list[int]]]:
    """The prompts without and with the trigger as token ids; a row of which one is too long is
    left out of both."""
    plain = prompt_ids(encoder, asked.untriggered)
    if not asked.triggered:
        return [ids for ids in plain if ids], []
    pairs = zip(plain, prompt_ids(encoder, asked.triggered), strict=True)
    fitting = [(one, other) for one, other in pairs if one and other]
    return [one for one, _ in fitting], [other for _, other in fitting]


def _judged(
    findings: Findings,
    asked: GroupQuestions,
    new_tokens: int,
    tuned: _Answers,
    base: _Answers | None,
) -> GroupVerification:
    before = None if base is None else base.rates
    presence, why = judge_rates(tuned.rates, before, knows_payload=asked.sign is not None)
    return GroupVerification(
        group=asked.index + 1,
        verdict=findings.groups[asked.index].verdict,
        presence=presence,
        why=why,
        triggers=asked.triggers,
        payload=findings.groups[asked.index].payload,
        sign=None if asked.sign is None else asked.sign.kind,
        new_tokens=new_tokens,
        tuned=tuned.rates,
        base=before,
        answer=tuned.holding,
    )
