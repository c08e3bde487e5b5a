"""The files of a results folder: each format in a file of its own, named in the registry.

The parts of the data (`clean.*`, `flagged.*`, `skipped.*`) are written by the source that they were
read from: `records.Source.write`.
"""

from gradsentry.outputs.output_format import Format

__all__ = ["Format"]
