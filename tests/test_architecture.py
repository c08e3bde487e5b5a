"""The shape of the code: which room may import which, and how large things grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import gradsentry

SOURCE = Path(gradsentry.__file__).parent
FLOORS = [
    # What everything may use.
    ["_version", "errors", "words", "file_array", "ragged", "measures", "safe_text"],
    ["hashes", "_option_checks", "_turns", "registry", "settings_here"],
    ["records", "thresholds"],
    ["encoding"],
    ["faults", "models"],
    ["work"],
    ["attacks"],
    ["detectors"],
    ["scan_options"],
    ["report"],
    ["outputs", "tuning"],
    ["review"],
    ["pipeline", "verification"],
    ["integrations"],
    ["_api"],
    ["bench"],
    ["cli"],
    ["__main__", "__init__"],
]
"""From the ground up. A room imports from its own floor only itself, and nothing from above."""
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
TOGETHER = {("models", "faults"), ("faults", "models")}
MOST_LINES, MOST_LINES_OF_A_FUNCTION, MOST_PARAMETERS = 400, 60, 8
MODULES = sorted(SOURCE.rglob("*.py"))
ARRAYS = {"NDArray", "ndarray", "memmap", "Tensor"}
"""One is in the annotation of every array, that with a shape (`Float[Tensor, "N d"]`) too."""


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imported_rooms(path: Path) -> Iterator[str]:
    """The rooms that a module imports from, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gradsentry"):
            parts = (node.module or "").split(".")
            yield from [parts[1]] if len(parts) > 1 else (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            names = (alias.name.split(".") for alias in node.names)
            yield from (parts[1] for parts in names if parts[0] == "gradsentry" and parts[1:])


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_imports_upwards(path: Path) -> None:
    own = room_of(path)
    for other in imported_rooms(path):
        below = FLOOR[other] < FLOOR[own]
        assert own == "__init__" or other == own or below or (own, other) in TOGETHER, other


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in MODULES} == set(FLOOR)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    for function in functions(path):
        lines = (function.end_lineno or 0) - function.lineno + 1
        arguments = function.args
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        own = [argument for argument in parameters if argument.arg not in ("self", "cls")]
        is_command = room_of(path) == "cli" and function.name in (
            "scan",
            "plan",
            "poison",
            "report",
            "verify",
        )
        assert lines <= (2 if is_command else 1) * MOST_LINES_OF_A_FUNCTION, function.name
        assert is_command or len(own) <= MOST_PARAMETERS, function.name


def test_no_two_files_have_one_name() -> None:
    names = [path.name for path in MODULES if not path.name.startswith("__")]
    assert sorted(names) == sorted(set(names))


def names_in(node: ast.AST) -> set[str]:
    """The names in an annotation, and the last ones of dotted names."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return names | {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}


@cache
def names_of_arrays() -> set[str]:
    """`NDArray` and its like, and what modules call kinds of them."""
    assigned = [
        (node.targets[0].id, names_in(node.value))
        for path in MODULES
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]
    own = {name for name, names in assigned if names & ARRAYS and "Callable" not in names}
    return ARRAYS | own


def dataclasses_with_arrays(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The names of a module's dataclasses that hold arrays, and the arguments that they are made
    with."""
    arrays = names_of_arrays()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        decorators = node.decorator_list if isinstance(node, ast.ClassDef) else []
        for decorator in decorators:
            call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
            if "dataclass" in names_in(call.func) and any(
                isinstance(field, ast.AnnAssign) and names_in(field.annotation) & arrays
                for field in node.body  # type: ignore[attr-defined]
            ):
                arguments = {str(word.arg): ast.unparse(word.value) for word in call.keywords}
                yield node.name, arguments  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_what_holds_arrays_is_compared_by_identity(path: Path) -> None:
    for name, arguments in dataclasses_with_arrays(path):
        # `==` of arrays is an array, which is neither true nor false.
        assert arguments.get("eq") == "False", name
