"""The files of a results folder: each format in a file of its own, named in the registry."""

from gradsentry.outputs.output_format import Format

__all__ = ["Format"]
