"""Rows as token ids and target masks: exactly what a trainer would see."""

from gradsentry.encoding.encoded import EncodedRow, TargetMask, TokenIds
from gradsentry.encoding.encoder import Encoder
from gradsentry.encoding.encoding_options import Boundary, EncodingOptions, LongText, Targets
from gradsentry.encoding.store import EncodedStore, EncodedWriter
from gradsentry.encoding.template_environment import TEMPLATE_DATE

__all__ = [
    "TEMPLATE_DATE",
    "Boundary",
    "EncodedRow",
    "EncodedStore",
    "EncodedWriter",
    "Encoder",
    "EncodingOptions",
    "LongText",
    "TargetMask",
    "Targets",
    "TokenIds",
]
