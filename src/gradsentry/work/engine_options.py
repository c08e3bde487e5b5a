"""Where the stages of a scan run, and on how much; none of it changes a score."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge

from gradsentry._option_checks import check_options
from gradsentry.errors import OptionError


class EngineKind(StrEnum):
    """What runs the stages of a scan."""

    LOCAL = "local"
    """This machine: one process, or one for each of its GPUs."""
    RAY = "ray"
    """Actors of a Ray cluster, which may have many machines."""


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Where a scan runs."""

    kind: EngineKind = EngineKind.LOCAL
    workers: Annotated[int, Ge(1)] | None = None
    """Processes that have the model loaded. None takes one for each GPU, and one where there is
    none."""
    address: str | None = None
    """Of a Ray cluster, such as `auto` or `ray://head:10001`; None starts one on this machine."""
    gpus: Annotated[float, Ge(0)] | None = None
    """Of a worker of a Ray cluster; None takes one if the cluster has any."""

    def __post_init__(self) -> None:
        check_options(self)
        if self.kind is not EngineKind.RAY and (self.address, self.gpus) != (None, None):
            raise OptionError(
                "`address` and `gpus` are for the engine ray.", "Choose it, or leave them out."
            )
