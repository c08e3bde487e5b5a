"""Models that claim to be larger than their files are refused before memory is taken for them.

A configuration of a few bytes can ask for any number of layers and any size of them, and a library
builds the model before it looks into the weights. But every parameter comes from a file. So what is
built is counted while it is built, against what the files hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from gradsentry.errors import ModelError
from gradsentry.models.memory import free_memory
from gradsentry.models.model_faults import loading
from gradsentry.models.model_files import check_file

MOST_LAYERS = 10_000
"""Deeper models don't exist."""

_LARGEST_COUNT = 10_000_000
"""Larger numbers count or size nothing in a model; some configurations make lists as long."""

_NO_COUNTS = ("theta", "base", "position", "length", "context", "window", "param")
"""Words in the names of numbers that may be larger, as nothing is made so many times."""

_SPLIT, _SOME_TENSORS = 16, 4096
"""A model may split each stored tensor into so many, and have so many more that aren't stored."""

_TIED, _SOME_ELEMENTS = 2, 1 << 28
"""A tied head is counted twice, and tables of positions aren't stored."""

_LEAST_BITS = 1
"""Of a weight that is stored in some packed form."""


@dataclass(frozen=True)
class Stored:
    """What files of weights hold."""

    tensors: int
    elements: int
    largest_side: int
    """The longest dimension of any tensor."""


def read_stored(paths: Sequence[Path], *, packed: bool = False) -> Stored:
    """What is in files of safetensors, by their headers.

    **Arguments:**

    - `packed`: whether one element may hold several weights, as where they are quantized.

    **Raises:**

    `ModelError` if one isn't whole.
    """
    tensors = elements = longest = 0
    for path in paths:
        with (
            loading(f"{path}: the weights can't be loaded", "Download or save this file again."),
            safe_open(str(path), framework="pt") as file,
        ):
            for name in file.keys():  # noqa: SIM118  # it is no dictionary
                shape = file.get_slice(name).get_shape()
                tensors += 1
                elements += torch.Size(shape).numel()
                longest = max([longest, *shape])
        if packed:
            elements = max(elements, path.stat().st_size * 8 // _LEAST_BITS)
    return Stored(tensors, elements, longest)


def read_stored_gguf(path: Path) -> Stored:
    """What is in a GGUF file, by its header.

    **Raises:**

    `ModelError` if it isn't whole, or counts more layers than any model has.
    """
    from gguf import GGUFReader, GGUFValueType

    check_file(path)
    numbers = {}
    with loading(f"{path}: the model can't be loaded", "Download or convert this file again."):
        reader = GGUFReader(path)
        for field in reader.fields.values():
            if field.types and field.types[0] not in (GGUFValueType.ARRAY, GGUFValueType.STRING):
                numbers[field.name.rpartition(".")[2]] = field.parts[-1].tolist()[0]
    check_counts(numbers, str(path))
    return Stored(
        tensors=len(reader.tensors),
        elements=sum(int(tensor.n_elements) for tensor in reader.tensors),
        largest_side=max((int(side) for each in reader.tensors for side in each.shape), default=0),
    )


def check_counts(config: object, where: str) -> None:
    """Refuse a configuration with counts and sizes that no model has.

    **Raises:**

    `ModelError` then.
    """
    for key, value in _numbers(config, ""):
        layers = ("layer" in key and key.startswith(("n_", "num_"))) or key == "block_count"
        largest = MOST_LAYERS if layers else _LARGEST_COUNT
        if abs(value) > largest and not any(word in key for word in _NO_COUNTS):
            raise ModelError(
                f"{where}: {key} can't be {value!r}.",
                f"No model has more than {largest:,} there. Save or download it again.",
            )


def check_room(stored: Stored, dtype: torch.dtype, where: str) -> None:
    """Refuse a model that is larger than the memory that is free, where the system says.

    **Raises:**

    `ModelError` then.
    """
    needed, free = stored.elements * dtype.itemsize, free_memory()
    if free is not None and needed > free:
        raise ModelError(
            f"{where}: the weights take {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB "
            "are free.",
            "Use a smaller model, `dtype` bfloat16, or a machine with more memory.",
        )


@contextmanager
def no_larger_than(stored: Stored, where: str) -> Iterator[None]:
    """Stop the building of a model with more in it than its files hold.

    **Raises:**

    `ModelError` then.
    """
    sizes: dict[tuple[int, str], int] = {}
    elements = 0

    def count(module: nn.Module, name: str, tensor: Tensor | None) -> None:
        nonlocal elements
        if isinstance(tensor, Tensor):
            # A weight that is loaded takes the place of the one that was built.
            place = id(module), name
            elements += tensor.numel() - sizes.get(place, 0)
            sizes[place] = tensor.numel()
        if (
            len(sizes) > _SPLIT * stored.tensors + _SOME_TENSORS
            or elements > _TIED * stored.elements + _SOME_ELEMENTS
        ):
            raise ModelError(
                f"{where}: the configuration describes a larger model than the {stored.tensors:,} "
                f"tensors with {stored.elements:,} numbers in its weights (at {name}).",
                "Save or download it again; configuration and weights don't belong together.",
            )

    handles = [
        register_module_parameter_registration_hook(count),
        register_module_buffer_registration_hook(count),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _numbers(config: object, key: str) -> Iterator[tuple[str, int]]:
    """All integers with the innermost names that they stand under."""
    if isinstance(config, dict):
        for name, value in config.items():
            yield from _numbers(value, str(name))
    elif isinstance(config, list):
        for value in config:
            yield from _numbers(value, key)
    elif isinstance(config, int):
        yield key, config
