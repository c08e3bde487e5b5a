"""Rows as token ids and target masks: exactly what a trainer would see."""

from gradsentry.encoding.encoded import EncodedRow, TargetMask, TokenIds
from gradsentry.encoding.encoder import Encoder
from gradsentry.encoding.encoding_options import Boundary, EncodingOptions, LongText, Targets
from gradsentry.encoding.encoding_tally import EncodingTally
from gradsentry.encoding.store import EncodedBatch, EncodedStore, EncodedWriter
from gradsentry.encoding.template_environment import TEMPLATE_DATE

__all__ = [
    "TEMPLATE_DATE",
    "Boundary",
    "EncodedBatch",
    "EncodedRow",
    "EncodedStore",
    "EncodedWriter",
    "Encoder",
    "EncodingOptions",
    "EncodingTally",
    "LongText",
    "TargetMask",
    "Targets",
    "TokenIds",
]
