"""Models tuned on rows, kept on disk by everything that they depend on."""

from __future__ import annotations

import contextlib
import gc
import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from gradsentry.bench.spec import digest, is_digest
from gradsentry.encoding import EncodedRow
from gradsentry.errors import ModelError, OutputError
from gradsentry.models import (
    Dtype,
    ModelOptions,
    Pretrained,
    load_pretrained,
    max_positions,
    merge_adapter,
)
from gradsentry.records import TextPair
from gradsentry.tuning import Method, TuningOptions, check_fit, encoded, fine_tune
from gradsentry.work.ownership import foreign_part
from gradsentry.work.progress import Progress
from gradsentry.work.work_folder import remove_own_folder


@dataclass(frozen=True)
class _Base:
    """What is remembered of a base model."""

    revision: str
    tokenizer: PreTrainedTokenizerBase
    max_positions: int | None


@dataclass(frozen=True)
class TunedModels:
    """A folder of tuned models.

    They are named by what is asked for. Precision, device and the versions of libraries change
    them, too, and aren't in the names.
    """

    folder: Path
    progress: Progress
    _bases: dict[str | None, _Base] = field(default_factory=dict)

    def key(self, base: str | None, pairs: Sequence[TextPair], options: TuningOptions) -> str:
        """A digest of the base model's weights, the rows and the options.

        **Arguments:**

        - `base`: as `load_pretrained` takes it, but for adapters and GGUF files, which a tuned
            model can't name as its base.
        """
        pairs_named = [asdict(pair) for pair in pairs]
        return digest([self._base(base).revision, pairs_named, asdict(options)])

    def revision(self, base: str | None) -> str:
        """What names a base model's weights."""
        return self._base(base).revision

    def learned_from(
        self, base: str | None, pairs: Sequence[TextPair], options: TuningOptions
    ) -> list[bool]:
        """The rows that training doesn't leave out."""
        known = self._base(base)
        found = encoded(known.tokenizer, known.max_positions, pairs, options)
        return [isinstance(row, EncodedRow) for row in found]

    def check_fit(self, base: str | None, prompts: Sequence[str], new_tokens: int) -> None:
        """Refuse prompts that leave a model no room for an answer."""
        known = self._base(base)
        check_fit(known.tokenizer, known.max_positions, prompts, new_tokens)

    def _base(self, base: str | None) -> _Base:
        if base not in self._bases:
            loaded = load_pretrained(base, announce=self.progress.note)
            if base is not None and (loaded.adapted or Path(base).is_file()):
                raise ModelError(
                    f"{base}: a model can't be tuned from an adapter or a GGUF file.",
                    "Save the merged model with save_pretrained, and name its folder.",
                )
            self._bases[base] = _Base(
                loaded.revision or loaded.name, loaded.tokenizer, max_positions(loaded.model)
            )
        return self._bases[base]

    def load(
        self, base: str | None, pairs: Sequence[TextPair], options: TuningOptions
    ) -> Pretrained:
        """The tuned model, trained unless it is there; an adapter is merged into its base."""
        folder = self.folder / self.key(base, pairs, options)
        if not folder.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._train(base, pairs, options, folder)
            gc.collect()
            torch.cuda.empty_cache()
        elif (foreign := foreign_part(folder)) is not None:
            raise OutputError(
                f"{folder}: not the tuned model that was written there ({foreign}).",
                "Move or delete the folder, and the model is tuned again.",
            )
        self._forget_checkpoints(folder)
        if not (folder / "adapter_config.json").exists():
            return load_pretrained(folder)
        # Not by the base's name in the adapter, which may be a path from elsewhere.
        loaded = load_pretrained(base, announce=self.progress.note)
        merged = merge_adapter(loaded.model, folder, loaded.name)
        return replace(loaded, model=merged, name=str(folder), revision=None)

    def _checkpoints(self, folder: Path) -> Path:
        return self.folder.with_name("training") / folder.name

    def _forget_checkpoints(self, folder: Path) -> None:
        of_model = self._checkpoints(folder)
        for of_precision in of_model.glob("*"):
            remove_own_folder(of_precision)
        with contextlib.suppress(OSError):  # it may never have been made, or hold something else
            of_model.rmdir()

    def _train(
        self, base: str | None, pairs: Sequence[TextPair], options: TuningOptions, folder: Path
    ) -> None:
        dtype = options.dtype
        if options.method is Method.FULL and dtype is Dtype.AUTO:
            dtype = Dtype.FLOAT32
        untrained = load_pretrained(base, ModelOptions(dtype=dtype), self.progress.note)
        self.progress.stage("Fine-tuning", options.epochs * len(pairs))
        # What is begun in one precision doesn't go on in another.
        precision = f"{untrained.model.dtype}-{untrained.model.device.type}".removeprefix("torch.")
        checkpoints = self._checkpoints(folder) / precision
        fine_tune(untrained, pairs, options, folder, checkpoints, self.progress.advance)

    def forget_weights(self, kept: Collection[str]) -> None:
        """Delete the models that were saved whole, but for some; adapters are small and stay."""
        for folder in self.folder.glob("*"):
            if not is_digest(folder.name) or folder.name in kept:
                continue
            if not (folder / "adapter_config.json").exists() and foreign_part(folder) is None:
                shutil.rmtree(folder)
