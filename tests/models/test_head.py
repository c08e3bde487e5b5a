"""The head's softmax in 16 bits against the one in float32."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gradsentry.models import OutputHead

VOCAB, SIZE, COLUMNS = 800, 48, 100


def head_of(dtype: torch.dtype, scale: float = 1.0, softcap: float | None = None) -> OutputHead:
    draw = torch.Generator().manual_seed(0)
    narrow = (torch.randn(VOCAB, SIZE, generator=draw) / 3).to(dtype)
    return OutputHead(narrow.float(), None, scale, softcap, narrow)


def states_of(dtype: torch.dtype, rows: int = 400) -> torch.Tensor:
    return (2 * torch.randn(rows, SIZE, generator=torch.Generator().manual_seed(1))).to(dtype)


class Shapes(TorchDispatchMode):
    """Notes the shapes of 16-bit products."""

    def __init__(self) -> None:
        super().__init__()
        self.of_products: list[torch.Size] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func._schema.name == "aten::addmm" and args[1].itemsize == 2:
            self.of_products.append(args[1].shape)
        return func(*args, **(kwargs or {}))


forms = pytest.mark.parametrize(
    ("dtype", "scale", "softcap"),
    [
        (torch.bfloat16, 1.0, None),
        (torch.bfloat16, 0.25, None),
        (torch.bfloat16, 1.0, 5.0),
        (torch.float16, 1.0, None),
        (torch.float16, 2.0, 10.0),
    ],
)


@forms
def test_surprise_is_that_of_float32(
    dtype: torch.dtype, scale: float, softcap: float | None
) -> None:
    head = head_of(dtype, scale, softcap)
    hidden = states_of(dtype)
    targets = torch.arange(len(hidden)) * 2  # some in the part that is float32 anyway
    for ours, exact in zip(
        head.surprise(hidden, targets),
        replace(head, narrow=None).surprise(hidden, targets),
        strict=True,
    ):
        torch.testing.assert_close(ours, exact, rtol=0, atol=0.02)
        assert (ours - exact).abs().mean() < 0.002


@pytest.mark.parametrize("rows", [0, 1, 127, 128, 129])
def test_products_of_any_number_of_positions_are_padded_to_few_sizes(rows: int) -> None:
    head, hidden = head_of(torch.bfloat16), states_of(torch.bfloat16, rows)
    targets = torch.arange(rows) * 2
    with Shapes() as shapes:
        ours = head.surprise(hidden, targets)
    assert {shape[0] for shape in shapes.of_products} == {-rows // 128 * -128}
    for found, exact in zip(
        ours, replace(head, narrow=None).surprise(hidden, targets), strict=True
    ):
        assert found.shape == (rows,)
        torch.testing.assert_close(found, exact, rtol=0, atol=0.02)


@forms
def test_residuals_are_those_of_float32(
    dtype: torch.dtype, scale: float, softcap: float | None
) -> None:
    head = head_of(dtype, scale, softcap)
    hidden, targets = states_of(dtype), torch.arange(400) * 2
    ours = head.residuals(hidden, targets, COLUMNS)
    exact = replace(head, narrow=None).residuals(hidden, targets, COLUMNS)
    assert (ours - exact).norm() / exact.norm() < 0.002


@pytest.mark.parametrize("target", [COLUMNS // 2, VOCAB - 1])
def test_what_is_left_of_a_target_that_is_nearly_certain_is_kept(target: int) -> None:
    head = head_of(torch.bfloat16)
    own = head.weight[target]
    hidden = (18 * own / own.square().sum()).to(torch.bfloat16).repeat(5, 1)
    targets = torch.full((5,), target)
    _, exact = replace(head, narrow=None).surprise(hidden, targets)
    assert 0 < float(exact[0]) < 1e-3
    _, ours = head.surprise(hidden, targets)
    torch.testing.assert_close(ours, exact, rtol=0.02, atol=1e-6)


@pytest.mark.parametrize("factor", [8.0, 60.0])
def test_tokens_far_above_all_that_is_known_cost_no_digits(factor: float) -> None:
    head = head_of(torch.bfloat16)
    hidden = (head.weight[VOCAB - 5] * factor).to(torch.bfloat16).repeat(3, 1)
    targets = torch.tensor([0, COLUMNS, VOCAB - 5])
    ours, _ = head.surprise(hidden, targets)
    exact, _ = replace(head, narrow=None).surprise(hidden, targets)
    torch.testing.assert_close(ours, exact, rtol=1e-5, atol=1e-3)


def test_states_that_are_not_finite_have_no_surprise_and_spare_the_others() -> None:
    head = head_of(torch.bfloat16)
    hidden, targets = states_of(torch.bfloat16, 4), torch.tensor([1, 2, 300, 4])
    expected, _ = head.surprise(hidden, targets)
    hidden[2] = torch.nan
    ours, _ = head.surprise(hidden, targets)
    assert ours.isnan().tolist() == [False, False, True, False]
    torch.testing.assert_close(ours[[0, 1, 3]], expected[[0, 1, 3]], rtol=1e-4, atol=1e-3)
