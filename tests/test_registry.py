"""Names of what can be plugged in: each stands for one thing, of one package."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

import gradsentry
from gradsentry import LanguageModel, OptionError
from gradsentry.registry import DETECTORS, FORMATS, LAYOUTS, Registry

ALL = pytest.mark.parametrize(
    "registry", [DETECTORS, FORMATS, LAYOUTS], ids=lambda registry: registry.kind
)
UNUSED = "raise AssertionError('nobody asked for it')\n"
ROWS = [{"prompt": f"question {n}?", "response": "answer " * (n % 7)} for n in range(9)]


@ALL
def test_every_name_of_ours_is_there(registry: Registry) -> None:
    assert registry.names()[: len(registry.own)] == list(registry.own)
    for name in registry.own:
        assert registry.load(name) is not None


@ALL
def test_names_are_in_one_order_however_packages_are_found(
    registry: Registry, install: Callable[..., None]
) -> None:
    for name in ("zebra", "apple", "mango"):
        install(registry.group, name, f"a_{name[::-1]}:Thing", UNUSED)
    assert registry.names() == [*registry.own, "apple", "mango", "zebra"]


@ALL
@pytest.mark.parametrize("name", ["no-such-name", "", 3, None, ["length"]])
def test_an_unknown_name_is_refused_with_all_that_are_known(
    registry: Registry, install: Callable[..., None], name: object
) -> None:
    install(registry.group, "added", "adding:Added", UNUSED)
    with pytest.raises(OptionError) as refused:
        registry.load(name)
    assert f"`{registry.kind}` can't be {name!r}" in refused.value.problem
    assert refused.value.remedy.endswith(f"It is one of: {', '.join(registry.names())}.")
    assert "added" in refused.value.remedy


def test_the_nearest_name_is_proposed() -> None:
    with pytest.raises(OptionError, match="Did you mean spectral"):
        gradsentry.make_detector("spectrall")


@ALL
def test_what_a_package_declares_is_what_its_entry_point_names(
    registry: Registry, install: Callable[..., None]
) -> None:
    install(registry.group, "added", "adding:Added.inner", "class Added:\n    inner = 'this'\n")
    assert registry.load("added") == "this"


@ALL
@pytest.mark.parametrize(
    "code", ["import nothing_of_that_name\n", "raise ValueError('no')\n", "", "def broken(\n"]
)
def test_what_cannot_be_imported_is_told_with_its_package(
    registry: Registry, install: Callable[..., None], code: str
) -> None:
    install(registry.group, "broken", "broken_thing:Broken", code)
    with pytest.raises(OptionError) as refused:
        registry.load("broken")
    assert f"{registry.kind} broken can't be imported" in refused.value.problem
    assert "broken_thing" in refused.value.remedy


@ALL
def test_a_name_of_two_packages_is_refused_with_both(
    registry: Registry, install: Callable[..., None]
) -> None:
    for package in ("one_package", "another_package"):
        install(registry.group, "taken", f"{package}:Taken", UNUSED)
    with pytest.raises(OptionError) as refused:
        registry.load("taken")
    assert "taken" in refused.value.problem
    assert "another_package and one_package" in refused.value.problem
    assert registry.names().count("taken") == 1


@ALL
def test_one_of_our_names_in_another_package_is_refused_with_both(
    registry: Registry, install: Callable[..., None]
) -> None:
    name, *others = registry.own
    install(registry.group, name, "usurper:Usurper", UNUSED)
    with pytest.raises(OptionError, match="gradsentry and usurper") as refused:
        registry.load(name)
    assert name in refused.value.problem
    assert "Remove usurper" in refused.value.remedy
    assert registry.names() == [name, *others]
    for other in others:
        assert registry.load(other) is not None


def test_a_package_that_is_found_in_two_places_is_one(
    install: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("gradsentry.detectors", "added", "adding:Added", "Added = 'this'\n")
    (tmp_path / "site").rename(tmp_path / "copy")
    monkeypatch.syspath_prepend(tmp_path / "copy")
    install("gradsentry.detectors", "added", "adding:Added", "Added = 'this'\n")
    importlib.invalidate_caches()
    assert DETECTORS.load("added") == "this"


@pytest.mark.parametrize("group", [FORMATS.group, LAYOUTS.group])
def test_no_scan_runs_with_a_name_of_two_packages(
    tiny: LanguageModel, tmp_path: Path, install: Callable[..., None], group: str
) -> None:
    for package in ("one_package", "another_package"):
        install(group, "taken", f"{package}:Taken", UNUSED)
    with pytest.raises(OptionError, match="another_package and one_package"):
        gradsentry.scan(ROWS, model=tiny, detector="length", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
