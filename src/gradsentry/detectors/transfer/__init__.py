"""The detector `transfer`: what the rest of the data teaches about a row, and why.

From head states to gains (`correction`), from gains and texts to patterns (`strings`, `terms`,
`rules`, `patterns`), from patterns to verdicts (`judgement`, which asks `opinion`).
"""
