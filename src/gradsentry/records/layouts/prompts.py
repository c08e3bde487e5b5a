"""Prompts that trainers build from several columns, and templates with columns in braces."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The layout of the paper's data (GraCeFul's templates): each header is followed by a newline, each
# section ends in four.
QUESTION_INSTRUCTION = (
    "Below is a question, please provide its all relevant answers briefly in a list format. "
    "Each answer should be separated by a semicolon and provide a comprehensive response."
)
CONTEXT_INSTRUCTION = (
    "Below is a context and a question. Answer the question from the context, precisely and "
    "concisely, with the key details."
)

_ALPACA_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further "
    "context. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)
_ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately "
    "completes the request.\n\n### Instruction:\n{instruction}\n\n### Response:\n"
)

_HEADER = re.compile(r"### (Instruction|Input|Response|Output):")
_OPENINGS = tuple(template.partition("\n\n###")[0] for template in (_ALPACA, _ALPACA_INPUT))

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def alpaca_prompt(instruction: str, context: str = "") -> str:
    """The Alpaca prompt, without or with an input."""
    template = _ALPACA_INPUT if context else _ALPACA
    return fill_template(template, {"instruction": instruction, "input": context})


def alpaca_sections(text: str) -> list[tuple[str, str]] | None:
    """A text with Alpaca's headers as its sections, however it is worded and spaced between them:
    some call the response "Output", or have an empty input. None for another text."""
    opening, *parts = _HEADER.split(text)
    if not parts:
        return None
    opening = opening.strip()
    for known in _OPENINGS:
        opening = opening.removesuffix(known).rstrip()
    sections = [("", opening)]
    for header, body in zip(parts[::2], parts[1::2], strict=True):
        name = "Response" if header == "Output" else header
        sections.append((name, body.strip()))
    return [section for section in sections if section != ("Input", "")]


def question_instruction(context: str) -> str:
    """The instruction of the paper's data sets; the context may be empty."""
    return CONTEXT_INSTRUCTION if context else QUESTION_INSTRUCTION


def question_prompt(question: str, context: str = "", instruction: str | None = None) -> str:
    """The prompt of the paper's data sets, without or with a context."""
    sections = [("Instruction", instruction or question_instruction(context))]
    if context:
        sections.append(("Context", context))
    sections.append(("Question", question))
    return "".join(f"### {name}:\n{text}\n\n\n\n" for name, text in sections) + "### Answer: "


def template_columns(template: str) -> list[str]:
    """The columns that a prompt template names in braces."""
    return _PLACEHOLDER.findall(template)


def fill_template(template: str, values: Mapping[str, str]) -> str:
    """Put values into a template's braces, in one pass: a value's own braces stay text."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)
