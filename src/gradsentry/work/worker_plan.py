"""What another process needs to load a worker like the one of the scan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gradsentry.encoding import Encoder, EncodingOptions
from gradsentry.errors import ModelError, OptionError
from gradsentry.models import LanguageModel, ModelOptions, load_model
from gradsentry.work.engine import Worker


@dataclass(frozen=True)
class WorkerPlan:
    """How to load a worker."""

    reference: str | None
    """The model, as `load_model` takes it; paths are absolute."""
    model: ModelOptions
    """As resolved."""
    encoding: EncodingOptions
    """As resolved."""
    revision: str
    """Of the scan's own model: all workers must have the same."""
    threads: int
    """Of each worker: another number may round otherwise."""

    @staticmethod
    def of(
        reference: str | Path | LanguageModel | None,
        loaded: LanguageModel,
        model: ModelOptions,
        encoding: EncodingOptions,
    ) -> WorkerPlan:
        """The plan for workers like this process.

        **Arguments:**

        - `reference`: the model as the user gave it, and `loaded` as it was loaded here.

        **Raises:**

        `OptionError` for a model that is only in this process's memory.
        """
        if isinstance(reference, LanguageModel):
            raise OptionError(
                "A model in memory can't be sent to other processes.",
                "Name it by its folder or Hub id, or use the engine local with one worker.",
            )
        if reference is not None and Path(reference).exists():
            reference = Path(reference).absolute()
        return WorkerPlan(
            None if reference is None else str(reference),
            model,
            encoding,
            loaded.revision,
            torch.get_num_threads(),
        )

    def load(self, device: str) -> Worker:
        """A worker on a device.

        **Raises:**

        `ModelError` if the model can't be loaded, or is another one here.
        """
        torch.set_num_threads(self.threads)
        loaded = load_model(self.reference, replace(self.model, device=device))
        if loaded.revision != self.revision:
            raise ModelError(
                f"{self.reference or 'The default model'}: a worker found another model under this "
                f"name ({loaded.revision}) than the scan ({self.revision}).",
                "Put the same files in the same place on all machines.",
            )
        return Worker.of(loaded, Encoder(loaded.tokenizer, self.encoding))
