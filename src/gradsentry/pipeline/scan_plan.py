"""What a scan will take, from what its data, its model and its machine are like. Mathematics alone.

Products of matrices are counted, and divided by the rate at which the machine makes them times the
share of that rate that scans were measured at. Besides there is what a scan does in the process
that was started, for each row or for a bounded sample, whatever the number of workers.

The constants were measured (docs/findings/plan.md, docs/findings/speed.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from gradsentry.detectors.transfer.correction import (
    MAX_VOCABULARY,
    MAX_WIDTH,
    MIN_STEPS,
    STEP_TOKENS,
)
from gradsentry.detectors.transfer.evidence_sample import EVIDENCE_ROWS, EVIDENCE_TOKENS
from gradsentry.detectors.transfer.folds import FOLDS
from gradsentry.detectors.transfer.transfer import Transfer
from gradsentry.work.data_look import DataLook, Estimate

FIT_OPERATIONS = 18
"""Of fitting both corrections, a target, a kind of target token and a dimension, at the rate of a
forward pass: 16 to 20 were measured."""
LEAST_FIT_TOKENS = FOLDS * MIN_STEPS * STEP_TOKENS
"""Corrections take as many steps as that, however few targets there are."""
EVIDENCE_SECONDS_A_ROW, EVIDENCE_SECONDS_A_TOKEN = 3e-3, 8e-6
"""Of the processor. It is a third to twice of that, by how many patterns are asked about."""
JUDGING_SECONDS_A_ROW = 1.3e-4
"""Of the processor of a worker, to seek in every row what evidence was found for."""
START_SECONDS = 7.0
"""Of the processor, for libraries and a small model."""
DRIVER_SECONDS_A_ROW = 1.5e-4
"""Of the processor of the process that was started: reading, digests, folds and batches take 0.07
ms (`benchmarks/driver_rows.py`), the results as much again."""

ID_AND_MASK_BYTES = 5
"""Of a token in the work folder."""
TABLE_BYTES = 12
"""Of a target there: its id, surprise and gain. Shards hold the same once more."""
SCORES_BYTES, PAGE_BYTES = 48, 50_000
"""Of a row in scores.parquet, compressed, and of the page and the checksums."""
ROW_BYTES, WORD_BYTES = 170, 15.5
"""Of a row, and of each different word of its prompt, in the driver's memory while a scan starts
(docs/findings/growth.md)."""
ORDER_BYTES = 950
"""Of a row there while rows are ordered, with what is kept of it (`benchmarks/driver_rows.py`)."""
EVIDENCE_BYTES = 200
"""Of a token that evidence is sought in: texts, words and strings with their places."""
RUNTIME_BYTES = 750e6
"""Of a process with its libraries, before it loads a model."""
STATES_BYTES, INNER_BYTES = 8, 4
"""How many numbers of each size a token of a batch takes at once: of a 7B shape on an H200, the
2.7 GB beside its weights; the head's blocks are among them."""
OPTIMIZER_NUMBERS = 5
"""Of four bytes for each weight of a correction while it is fitted."""


@dataclass(frozen=True)
class ModelSize:
    """What a scan's costs depend on; as in `ModelOutline`."""

    weights: int
    body: int
    hidden: int
    intermediate: int
    vocabulary: int
    bytes_a_weight: int


@dataclass(frozen=True)
class Machine:
    """What a scan runs on."""

    name: str
    rate: float
    """Operations a second of one device's products of matrices."""
    share: float
    """Of that rate, which a scan's forward pass makes."""
    devices: int
    workers: int
    batch_tokens: int
    device_memory: float | None
    """Bytes of one device; None where it is the machine's own."""

    @property
    def busy(self) -> int:
        """Devices that have a worker. Workers of one device share its rate."""
        return min(self.devices, self.workers)


@dataclass(frozen=True)
class Hours:
    """How long each part of a scan takes."""

    texts: float
    """Tokenising and judging, on the workers' processors."""
    body: float
    """Products of the model's weights with tokens, likewise."""
    head: float
    """Products of the output head with targets, likewise."""
    fitting: float
    """Corrections, on the driver's device."""
    evidence: float
    """A bounded sample, on the driver's processor."""
    driver: float
    """Starting, and what the driver does for every row meanwhile, or before and after."""

    @property
    def total(self) -> float:
        """All of them, one after the other."""
        shared = self.texts + self.body + self.head
        return shared + self.fitting + self.evidence + self.driver


@dataclass(frozen=True)
class Memory:
    """Bytes at the most."""

    worker: float
    """On the device of a worker, or in its process where that is the processor."""
    worker_host: float
    """Of the process of a worker, besides a GPU's memory."""
    driver: float
    """Of the process that is started, besides a GPU's memory."""
    fits: bool | None
    """Whether the workers of a device fit into its memory; None where that isn't known."""


@dataclass(frozen=True)
class Disk:
    """Bytes."""

    token_ids: float
    """With the masks that say which of them are targets."""
    examples: float
    tables: float
    shards: float
    """With the hidden states that corrections are fitted on."""
    results: float
    """In the output folder; unpacked, where the data is compressed."""

    @property
    def work_folder(self) -> float:
        """The most that it holds, with results before they are put in their place."""
        return self.token_ids + self.examples + self.tables + self.shards + self.results


@dataclass(frozen=True)
class ScanPlan:
    """What a scan will take."""

    computed_tokens: Estimate
    """Those that go through the model."""
    hours: Hours
    hours_of_all: Estimate
    """With the interval of the data's size. How well rates hold isn't in it."""
    memory: Memory
    disk: Disk


def plan_scan(look: DataLook, model: ModelSize, machine: Machine) -> ScanPlan:
    """The plan of a scan with the detector `transfer`."""
    share = look.distinct * look.computed
    computed = Estimate(
        *(share * tokens for tokens in (look.tokens.value, look.tokens.low, look.tokens.high))
    )
    hours = _hours(look, model, machine, computed.value)
    ends = (
        hours.total * end / look.tokens.value if look.tokens.value else 0.0
        for end in (look.tokens.low, look.tokens.high)
    )
    return ScanPlan(
        computed_tokens=computed,
        hours=hours,
        hours_of_all=Estimate(hours.total, *ends),
        memory=_memory(look, model, machine),
        disk=_disk(look, model),
    )


def _hours(look: DataLook, model: ModelSize, machine: Machine, computed: float) -> Hours:
    one = machine.rate * machine.share
    together = one * machine.busy
    targets = look.targets * look.distinct
    evidence_rows, evidence_tokens = _evidence(look)
    fitting = (
        FIT_OPERATIONS
        * max(LEAST_FIT_TOKENS, min(targets, Transfer.fit_tokens))
        * min(look.target_kinds, MAX_VOCABULARY)
        * min(model.hidden, MAX_WIDTH)
    )
    seconds = (
        (look.encoding_seconds + JUDGING_SECONDS_A_ROW * look.rows.value) / machine.workers,
        2.0 * model.body * computed / together,
        2.0 * model.hidden * model.vocabulary * targets / together,
        fitting / one,
        EVIDENCE_SECONDS_A_ROW * evidence_rows + EVIDENCE_SECONDS_A_TOKEN * evidence_tokens,
        START_SECONDS + DRIVER_SECONDS_A_ROW * look.rows.value,
    )
    return Hours(*(second / 3600 for second in seconds))


def _evidence(look: DataLook) -> tuple[float, float]:
    """Rows and tokens that evidence is sought in."""
    rows, tokens = look.scored_rows * look.distinct, look.tokens.value * look.distinct
    kept = min(1.0, EVIDENCE_ROWS / max(1.0, rows), EVIDENCE_TOKENS / max(1.0, tokens))
    return rows * kept, tokens * kept


def _memory(look: DataLook, model: ModelSize, machine: Machine) -> Memory:
    weights = float(model.weights * model.bytes_a_weight)
    a_token = STATES_BYTES * model.hidden + INNER_BYTES * model.intermediate
    batch = float(machine.batch_tokens * a_token * model.bytes_a_weight)
    kinds = min(look.target_kinds, MAX_VOCABULARY)
    correction = 4.0 * OPTIMIZER_NUMBERS * kinds * min(model.hidden, MAX_WIDTH)
    _, evidence_tokens = _evidence(look)
    rows = max(
        ORDER_BYTES * look.scored_rows,
        ROW_BYTES * look.scored_rows + WORD_BYTES * look.words,
    )
    own = RUNTIME_BYTES + rows + EVIDENCE_BYTES * evidence_tokens
    if machine.device_memory is None:
        worker = RUNTIME_BYTES + weights + batch
        driver = own + weights + max(batch, correction)
        return Memory(worker, worker, driver, None)
    on_device = weights + max(batch, correction)
    there = -(-machine.workers // machine.devices)
    fits = on_device * there <= machine.device_memory
    return Memory(on_device, RUNTIME_BYTES + weights, own + weights, fits)


def _disk(look: DataLook, model: ModelSize) -> Disk:
    targets = look.targets * look.distinct
    a_state = model.hidden * model.bytes_a_weight + 4
    return Disk(
        token_ids=ID_AND_MASK_BYTES * look.tokens.value,
        examples=look.example_bytes,
        tables=TABLE_BYTES * targets,
        shards=TABLE_BYTES * targets + a_state * min(targets, Transfer.fit_tokens),
        results=look.content_bytes + SCORES_BYTES * look.rows.value + PAGE_BYTES,
    )
