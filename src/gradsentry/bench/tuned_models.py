"""Models tuned on rows, kept on disk by everything that they depend on."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gradsentry.bench.spec import digest
from gradsentry.models import Dtype, ModelOptions, Pretrained, load_pretrained
from gradsentry.pipeline import Progress
from gradsentry.records import TextPair
from gradsentry.tuning import Method, TuningOptions, fine_tune

_KEPT = 2
"""Models that were saved whole and stay."""


@dataclass(frozen=True)
class TunedModels:
    """A folder of tuned models."""

    folder: Path
    progress: Progress
    _revisions: dict[str | None, str] = field(default_factory=dict)

    def name(self, base: str | None, pairs: Sequence[TextPair], options: TuningOptions) -> str:
        """A digest of the base model's weights, the rows and the options.

        **Arguments:**

        - `base`: as `load_pretrained` takes it.
        """
        return digest([self.revision(base), [asdict(pair) for pair in pairs], asdict(options)])

    def revision(self, base: str | None) -> str:
        """What names a base model's weights."""
        if base not in self._revisions:
            loaded = load_pretrained(base, announce=self.progress.note)
            self._revisions[base] = loaded.revision or loaded.name
        return self._revisions[base]

    def load(
        self, base: str | None, pairs: Sequence[TextPair], options: TuningOptions
    ) -> Pretrained:
        """The tuned model, trained unless it is there."""
        folder = self.folder / self.name(base, pairs, options)
        if not folder.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            dtype = Dtype.FLOAT32 if options.method is Method.FULL else Dtype.AUTO
            untrained = load_pretrained(base, ModelOptions(dtype=dtype), self.progress.note)
            self.progress.stage("Fine-tuning", options.epochs * len(pairs))
            fine_tune(untrained, pairs, options, folder, self.progress.advance)
        folder.touch()  # used last
        return load_pretrained(folder)

    def forget_weights(self) -> None:
        """Delete the models that were saved whole, but for the two used last: the next attack on
        the same rows often leaves the same clean ones. Adapters are small and stay."""
        whole = [
            folder
            for folder in self.folder.glob("*")
            if not (folder / "adapter_config.json").exists()
        ]
        for folder in sorted(whole, key=lambda each: each.stat().st_mtime)[:-_KEPT]:
            shutil.rmtree(folder)
