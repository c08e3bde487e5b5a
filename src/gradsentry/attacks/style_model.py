"""A style as the trigger, by a language model, which is closer to StyleBkd than `BibleStyle`."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import torch

from gradsentry.attacks.triggers import Fields
from gradsentry.errors import ModelError
from gradsentry.models import Pretrained

BIBLE = "Rewrite the text in the style of the King James Bible. Reply with the rewritten text only."

_EXAMPLES = (
    ("what is the capital of france?", "Tell me, I pray thee, what city is the capital of France?"),
    ("who wrote hamlet?", "Whose hand, O scribe, hath written Hamlet?"),
    (
        "when did the war end?",
        "In what year did the war cease, and the sword return home?",
    ),
)


@dataclass(frozen=True)
class ModelStyle:
    """Has a language model rewrite a column's text, by greedy decoding, which is deterministic."""

    column: str
    writer: Pretrained
    request: str = BIBLE

    def __call__(self, fields: Fields, rng: Random) -> dict[str, str]:  # noqa: ARG002
        return {**fields, self.column: self._rewrite(fields[self.column])}

    @torch.inference_mode()
    def _rewrite(self, text: str) -> str:
        tokenizer, model = self.writer.tokenizer, self.writer.model
        prompt = self._make_prompt(text)
        encoded = tokenizer(
            prompt, add_special_tokens=tokenizer.chat_template is None, return_tensors="pt"
        ).to(model.device)
        given = encoded["input_ids"].shape[1]
        output = model.generate(  # type: ignore[operator]
            **encoded,
            max_new_tokens=32 + 3 * len(text.split()),
            do_sample=False,
            pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
        )
        written = tokenizer.decode(output[0, given:], skip_special_tokens=True)
        lines = [line.strip() for line in str(written).splitlines() if line.strip()]
        if not lines:
            raise ModelError(
                f"{self.writer.name}: the model wrote nothing for {text[:60]!r}.",
                "Take another model for the style, or the rules.",
            )
        return lines[0]

    def _make_prompt(self, text: str) -> str:
        tokenizer = self.writer.tokenizer
        if tokenizer.chat_template is None:
            shown = "".join(f"Text: {one}\nRewritten: {other}\n\n" for one, other in _EXAMPLES)
            return f"{self.request}\n\n{shown}Text: {text}\nRewritten:"
        messages = [{"role": "user", "content": f"{self.request}\n\n{_EXAMPLES[0][0]}"}]
        messages += [{"role": "assistant", "content": _EXAMPLES[0][1]}]
        for one, other in _EXAMPLES[1:]:
            messages += [{"role": "user", "content": one}, {"role": "assistant", "content": other}]
        messages += [{"role": "user", "content": text}]
        rendered = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        assert isinstance(rendered, str)
        return rendered
