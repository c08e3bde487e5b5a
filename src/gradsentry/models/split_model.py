"""One model over several devices: its first layers on the first one, its last on the last.

accelerate moves what a layer is given to where the layer is. The devices work one after the other,
so that this makes room and saves no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from transformers import PreTrainedModel

from gradsentry.errors import ModelError, OptionError

SPLIT = "split"
"""The name among devices that stands for all GPUs."""
_ROOM = 0.8
"""Of the memory that is free on a GPU; batches need some, too."""


def gpus_to_split_over() -> list[torch.device]:
    """All GPUs that are there.

    **Raises:**

    `OptionError` if there is none.
    """
    found = [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    if not found:
        raise OptionError(
            f"`device` {SPLIT} puts a model's layers on several GPUs, and there is none.",
            "Use cpu or auto.",
        )
    return found


def free_room(devices: Sequence[torch.device]) -> dict[int, int]:
    """Bytes for weights on each GPU, by its place among the devices."""
    return {
        number: int(_ROOM * torch.cuda.mem_get_info(device)[0])
        for number, device in enumerate(devices)
    }


def split_model(
    model: PreTrainedModel, devices: Sequence[torch.device], room: Mapping[int, int], name: str
) -> None:
    """Put a model's layers on devices, as evenly as they go.

    **Arguments:**

    - `room`: bytes for weights on each device, by its place in `devices`.
    - `name`: of the model, for errors.

    **Raises:**

    `ModelError` without accelerate, or if there isn't room for all layers.
    """
    try:
        from accelerate import dispatch_model, infer_auto_device_map
        from accelerate.utils import get_balanced_memory
    except ImportError:
        raise ModelError(
            f"`device` {SPLIT} needs the package accelerate.",
            "Install it with: pip install 'gradsentry[split]'.",
        ) from None
    whole = sorted(model._no_split_modules or ())
    balanced = get_balanced_memory(model, dict(room), no_split_module_classes=whole)
    places = infer_auto_device_map(model, balanced, no_split_module_classes=whole)
    if not all(isinstance(place, int) for place in places.values()):
        raise ModelError(
            f"{name}: the model doesn't fit on {len(devices)} GPUs together.",
            "Use a smaller model, or more GPUs.",
        )
    dispatch_model(
        model,
        {layer: devices[place] for layer, place in places.items()},
        main_device=devices[0],
        force_hooks=True,
    )
