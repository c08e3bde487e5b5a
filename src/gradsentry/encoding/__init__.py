"""Rows as token ids and target masks: exactly what a trainer would see."""

from gradsentry.encoding.chat import UnrenderableError, template_errors
from gradsentry.encoding.encoded import EncodedRow, TargetMask, TokenIds
from gradsentry.encoding.encoder import Encoder
from gradsentry.encoding.options import Boundary, EncodingOptions, Targets
from gradsentry.encoding.store import EncodedStore, EncodedWriter

__all__ = [
    "Boundary",
    "EncodedRow",
    "EncodedStore",
    "EncodedWriter",
    "Encoder",
    "EncodingOptions",
    "TargetMask",
    "Targets",
    "TokenIds",
    "UnrenderableError",
    "template_errors",
]
