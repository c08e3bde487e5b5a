"""The columns of `scores.parquet`, which is written and read again."""

import pyarrow as pa

SCORES_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("line", pa.int32()),
        pa.field("digest", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("flagged", pa.bool_(), nullable=False),
        pa.field("group", pa.int32()),
        pa.field("verdict", pa.string()),
        pa.field("message", pa.int32()),
        pa.field("payload", pa.string()),
        pa.field("payload_start", pa.int32()),
        pa.field("payload_end", pa.int32()),
        pa.field("trigger", pa.string()),
        pa.field("trigger_message", pa.int32()),
        pa.field("trigger_start", pa.int32()),
        pa.field("trigger_end", pa.int32()),
        pa.field("target_tokens", pa.int32(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
        pa.field("label", pa.bool_()),
        pa.field("ruling", pa.string()),
    ]
)
