"""What the owner of a partition shows of its work: metrics and the fields of its log lines."""

import time
from typing import Any

from faust.types import TP

from sstl import metrics
from sstl.agents.prepare import Prepared
from sstl.agents.runner import Runner
from sstl.agents.store import PartitionStore
from sstl.core.stage import PASSED
from sstl.models.records import Heartbeat


def reached_ms(prepared: Prepared) -> int | None:
    """Return the arrival time that the stage has reached, if this transaction moved it."""
    passed = prepared.decoded.get((PASSED, ""))
    if passed is not None:
        return int(passed.reached_ms)
    for output in prepared.outcome.outputs:
        if isinstance(output.message, Heartbeat):
            return output.message.reached_ms
    return None


class Showing:
    """Metrics of one partition.

    Args:
        tp: The source partition.
        runner: Its stage.
        live: False in a backfill: its watermark lies in the past, which is no lag.
    """

    def __init__(self, tp: TP, runner: Runner, *, live: bool) -> None:
        self._tp, self._runner, self._live = tp, runner, live

    @property
    def name(self) -> str:
        """How messages call the partition."""
        return f"{self._tp.topic}/{self._tp.partition}"

    @property
    def where(self) -> dict[str, Any]:
        """Fields of a log line."""
        tp = self._tp
        return {"stage": self._runner.name, "topic": tp.topic, "partition": tp.partition}

    def committed(self, prepared: Prepared, records: int, fold_s: float, commit_s: float) -> None:
        """Show a committed transaction."""
        stage = self._runner.name
        metrics.TRANSACTION.labels(stage, "committed").observe(commit_s)
        if records:
            metrics.PROCESSING.labels(stage).observe(fold_s)
            metrics.BATCH.labels(stage).observe(records)
            metrics.EVENTS_IN.labels(stage, self._tp.topic).inc(records)
        for (topic, _), messages in prepared.outputs.items():
            metrics.OUTPUTS.labels(stage, topic).inc(len(messages))
        metrics.observe_counts(stage, prepared.outcome.counts)
        self._runner.on_committed(prepared.outcome.outputs)
        reached = reached_ms(prepared)
        if reached is not None:
            metrics.set_watermark(stage, self._tp.partition, reached, live=self._live)

    def lost(self, outcome: str) -> None:
        """Count a transaction that came to nothing."""
        metrics.TRANSACTION.labels(self._runner.name, outcome).observe(0.0)

    def stale(self) -> None:
        """Count a batch that was dropped because the partition had moved since it was read."""
        metrics.STALE_BATCHES.labels(self._runner.name).inc()

    def quarantined(self, number: int) -> None:
        """Count messages that were set aside."""
        metrics.QUARANTINED.labels(self._runner.name).inc(number)

    def restoring(self, began: float, restored: int, remaining: int, *, running: bool) -> None:
        """Show how far a restore is; ``began`` by the monotonic clock."""
        metrics.set_restore(
            self._runner.name,
            self._tp.partition,
            records=restored,
            expected=restored + remaining,
            seconds=time.monotonic() - began,
            running=running,
        )

    def state(self, store: PartitionStore) -> None:
        """Show how large the state is."""
        stage, partition = self._runner.name, self._tp.partition
        metrics.STATE_CELLS.labels(stage, partition).set(store.cell_count)
        metrics.STATE_BYTES.labels(stage, partition).set(store.size_bytes)

    def lag(self, records: int) -> None:
        """Show how many records are still to be read or folded."""
        metrics.LAG_RECORDS.labels(self._runner.name, self._tp.topic, self._tp.partition).set(
            records
        )

    def forget(self) -> None:
        """Take back what only the owner may show."""
        metrics.forget_partition(self._runner.name, self._tp.topic, self._tp.partition)
