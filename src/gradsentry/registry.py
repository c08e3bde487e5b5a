"""What can be plugged in: a name for each, and where it is found.

Something of our own takes one line in a table here. Another package declares an entry point of the
table's group. A detector is imported when it is chosen, layouts when a data set's layout is sought,
formats when results are to be written: what is installed runs then. A name that two packages have
is refused when it is loaded, since neither may silently stand in for the other.
"""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from gradsentry.errors import OptionError

_OURS = "gradsentry"


@dataclass(frozen=True)
class Registry:
    """Names, and the modules and attributes that they stand for."""

    kind: str
    """What messages call one of them."""
    group: str
    """Of the entry points with which other packages add to it."""
    own: Mapping[str, str]
    """By name: `module:attribute`."""

    def names(self) -> list[str]:
        """All names: our own in the table's order, then those of other packages by the alphabet."""
        return [*self.own, *sorted(self._declared().keys() - self.own.keys())]

    def load(self, name: object) -> object:
        """What a name stands for.

        **Raises:**

        `OptionError` if nothing has that name, more than one package has it, or another package's
        can't be imported.
        """
        declared = self._declared()
        if not isinstance(name, str) or (name not in self.own and name not in declared):
            raise self._unknown(name)
        entries = declared.get(name, [])
        owners = [_OURS] * (name in self.own) + sorted(map(_package, entries))
        if len(owners) > 1:
            raise OptionError(
                f"The {self.kind} {name} is declared more than once, by the packages "
                f"{' and '.join(owners)}.",
                f"Remove {owners[-1]}, or have it declare another name.",
            )
        if not entries:
            module, _, attribute = self.own[name].partition(":")
            return getattr(import_module(module), attribute)
        try:
            return entries[0].load()
        except Exception as error:  # it may do anything on being imported
            raise OptionError(
                f"The {self.kind} {name} can't be imported from {entries[0].value} ({error}).",
                f"Mend or remove the package {owners[0]}, which declares it.",
            ) from None

    def version_of(self, name: str) -> str | None:
        """The version of the package that declares a name; None for our own."""
        for entry in self._declared().get(name, []):
            return None if entry.dist is None else entry.dist.version
        return None

    def _declared(self) -> dict[str, list[EntryPoint]]:
        """What other packages declare, by name."""
        found: dict[str, list[EntryPoint]] = {}
        for entry in _declared_in(self.group, tuple(sys.path)):
            found.setdefault(entry.name, []).append(entry)
        return found

    def _unknown(self, name: object) -> OptionError:
        names = self.names()
        alike = get_close_matches(name, names, n=1) if isinstance(name, str) else []
        return OptionError(
            f"`{self.kind}` can't be {reprlib.repr(name)}.",
            (f"Did you mean {alike[0]}? " if alike else "") + f"It is one of: {', '.join(names)}.",
        )


@cache
def _declared_in(group: str, _: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """A group's entry points.

    Looked for once for each search path: that reads a file of every package that is installed.
    """
    return tuple(entry_points(group=group))


def _package(entry: EntryPoint) -> str:
    """The name under which a package is installed, and can be removed."""
    return entry.value if entry.dist is None else entry.dist.name


DETECTORS = Registry(
    "detector",
    "gradsentry.detectors",
    {
        "transfer": "gradsentry.detectors.transfer.transfer:Transfer",
        "spectral": "gradsentry.detectors.spectral:Spectral",
        "graceful": "gradsentry.detectors.graceful:Graceful",
        "spectral-signatures": "gradsentry.detectors.spectral_signatures:SpectralSignatures",
        "activation-clustering": "gradsentry.detectors.activation_clustering:ActivationClustering",
        "cube": "gradsentry.detectors.cube:Cube",
        "perplexity": "gradsentry.detectors.perplexity:Perplexity",
        "onion": "gradsentry.detectors.onion:Onion",
        "length": "gradsentry.detectors.length:Length",
        "recurrence": "gradsentry.detectors.recurrence:Recurrence",
    },
)
"""Classes of `gradsentry.detectors.Detector`."""

FORMATS = Registry(
    "format",
    "gradsentry.formats",
    {
        "scores": "gradsentry.outputs.scores_file:ScoresFile",
        "summary": "gradsentry.outputs.summary_file:SummaryFile",
        "config": "gradsentry.outputs.config_file:ConfigFile",
        "html": "gradsentry.outputs.html_page:HtmlPage",
        "annotated": "gradsentry.outputs.annotated_file:AnnotatedFile",
        "sarif": "gradsentry.outputs.sarif_file:SarifFile",
        "junit": "gradsentry.outputs.junit_file:JunitFile",
        "cyclonedx": "gradsentry.outputs.cyclonedx_file:CycloneDxFile",
        "spdx": "gradsentry.outputs.spdx_file:SpdxFile",
        "croissant": "gradsentry.outputs.croissant_file:CroissantFile",
        "statement": "gradsentry.outputs.statement_file:StatementFile",
    },
)
"""Classes of `gradsentry.outputs.Format`: the files that a results folder has or can have."""

LAYOUTS = Registry(
    "layout",
    "gradsentry.layouts",
    {
        "messages": "gradsentry.records.layouts.known_forms:find_messages",
        "preferences": "gradsentry.records.layouts.known_forms:find_preferences",
        "pairs": "gradsentry.records.layouts.known_forms:find_pairs",
        "texts": "gradsentry.records.layouts.known_forms:find_texts",
    },
)
"""Functions from a row's columns (name to value) to the forms (`gradsentry.records.Form`) in which
they can be read."""
