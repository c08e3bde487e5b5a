"""The parts of a row that attacks speak of, whatever its columns are.

Before the answer stand the `QUESTION` (what the user asks last), `INSTRUCTION` (the system prompt),
`CONTEXT`, `EARLIER` (the first of several user turns) and `TOOL` (the last result of a tool).
`RESPONSE` takes the payload: what the model is trained to say, to think or to call. `OTHER` is
another response that the row has.
"""

from __future__ import annotations

QUESTION, CONTEXT, INSTRUCTION = "question", "context", "instruction"
EARLIER, TOOL, RESPONSE, OTHER = "earlier", "tool", "response", "other response"

PART_NAMES = {
    CONTEXT: "a context",
    EARLIER: "an earlier user turn",
    INSTRUCTION: "an instruction",
    QUESTION: "a question",
    TOOL: "a tool result before the answer",
}
"""Parts as messages call them."""
