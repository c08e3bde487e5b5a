"""Options of the wrong type: an error that says which, whoever gives them."""

from __future__ import annotations

import pkgutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import gradsentry
from gradsentry import (
    DataOptions,
    EncodingOptions,
    ModelOptions,
    OptionError,
    ScanOptions,
    Spectral,
    SpectralSignatures,
    Transfer,
)
from gradsentry.attacks import OneOf, Payload, RareWords
from gradsentry.attacks.poison_options import PoisonOptions
from gradsentry.tuning.tuning_options import TuningOptions

KINDS = [
    SpectralSignatures,
    DataOptions,
    EncodingOptions,
    ModelOptions,
    Payload,
    PoisonOptions,
    ScanOptions,
    Spectral,
    Transfer,
    TuningOptions,
]
FIELDS = [(kind, field.name) for kind in KINDS for field in fields(kind)]


class Odd:
    """Can't be shown, hashed or compared."""

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise TypeError("no")

    def __eq__(self, other: object) -> bool:
        raise TypeError("no")


WRONG: list[object] = [
    *(b"8", [8], [], {}, {8}, set(), (), (1,), object(), Odd(), 1j, float("nan"), float("inf")),
    *(-1, -1.0, 10**400, "", "8", "\x1b[31m", "\ud800", True, None, Path("x")),
    *(np.array([1, 2]), np.float32("nan")),
]
WITHOUT_FLAG = ("singular_values", "texts", "style_model")


def refusal(kind: type, field: str, value: object) -> str | None:
    try:
        kind(**{field: value})
    except OptionError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_value_of_any_kind_is_taken_or_refused_by_name(kind: type, field: str) -> None:
    for message in filter(None, (refusal(kind, field, value) for value in WRONG)):
        assert field in message.replace("-", "_") or field in WITHOUT_FLAG
        assert "\x1b" not in message


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_bytes_and_objects_are_no_option(kind: type, field: str) -> None:
    for value in (b"8", Odd(), object(), {8}):
        with pytest.raises(OptionError):
            kind(**{field: value})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (lambda: ScanOptions(batch_tokens="8"), "`batch_tokens` can't be '8'"),
        (lambda: ScanOptions(batch_tokens=8.0), "`batch_tokens`"),
        (lambda: ScanOptions(batch_tokens=True), "`batch_tokens`"),
        (lambda: ScanOptions(threshold=float("nan")), "`threshold`"),
        (lambda: ScanOptions(detector=[]), "`detector` can't be"),
        (lambda: ScanOptions(detector=None), "`detector` can't be None"),
        (lambda: ScanOptions(data={"split": "train"}), "`data` can't be"),
        (lambda: Transfer(seed=-1), "`seed`"),
        (lambda: Transfer(seed=2**64), "`seed`"),
        (lambda: Transfer(sensitivity="no"), "`sensitivity`"),
        (lambda: EncodingOptions(max_length=True), "`max_length`"),
        (lambda: Spectral(singular_values=16.0), "`singular_values` can't be 16.0"),
        (lambda: PoisonOptions(ratio="0.1"), "`ratio`"),
        (lambda: PoisonOptions(negative_ratio=[]), "`negative_ratio`"),
        (lambda: Payload("one text"), "payload texts"),
        (lambda: Payload(()), "payload texts"),
        (lambda: Payload(kept=2), "kept"),
        (lambda: RareWords("q", words=()), "words"),
        (lambda: OneOf("q", "text"), "texts"),
    ],
)
def test_the_message_names_the_option(options, named: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OptionError, match=named.replace("'", "'")):
        options()


def test_numbers_of_numpy_become_pythons() -> None:
    options = ScanOptions(
        batch_tokens=np.int64(8),  # type: ignore[arg-type]
        threshold=np.float32(0.5),  # type: ignore[arg-type]
        detector=Transfer(seed=np.int32(3), sensitivity=np.bool_(True)),  # type: ignore[arg-type]
    )
    assert type(options.batch_tokens) is int
    assert type(options.threshold) is float
    assert type(options.detector.seed) is int
    assert options.detector.sensitivity is True
    assert type(ScanOptions(threshold=1).threshold) is float


def test_a_list_of_texts_may_stand_for_a_tuple() -> None:
    assert Payload(["a", "b"]) == Payload(("a", "b"))  # type: ignore[arg-type]


def test_rooms_are_reached_from_the_package() -> None:
    rooms = {
        module.name
        for module in pkgutil.iter_modules(gradsentry.__path__)
        if module.ispkg and module.name != "cli"
    }
    for room in rooms:
        assert getattr(gradsentry, room).__name__ == f"gradsentry.{room}"
    assert rooms | {"attacks", "scan", "__version__"} <= set(dir(gradsentry))
    assert gradsentry.attacks.Payload is Payload
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gradsentry.nothing
