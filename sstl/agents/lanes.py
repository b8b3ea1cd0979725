"""Agent of the stage [lanes]: the indicators of each lane, shown as gauges too."""

from collections.abc import Sequence

from sstl import metrics
from sstl.agents.keyed import KeyedAgent
from sstl.agents.store import PartitionStore
from sstl.core.lanes import TOTAL, LanesStage, Series, indicator
from sstl.core.stage import Output


class LaneGauges:
    """The whole-period indicators of the lanes that this worker owns."""

    def restored(self, store: PartitionStore, partition: int) -> None:
        """Show every lane as the changelog left it, not only from its next change on."""
        for key in store.keys_with(TOTAL):
            if Series.of(key).strata:
                continue
            cell = store.get(key, TOTAL)
            counts = None if cell is None else cell.counts
            shown = indicator(key, TOTAL, counts, revision=1, reached_ms=None)
            metrics.observe_indicator(shown, partition=partition)

    def committed(self, outputs: Sequence[Output], partition: int) -> None:
        """Show what was published."""
        for output in outputs:
            if output.topic == "indicators" and output.message is not None:
                metrics.observe_indicator(output.message, partition=partition)


agent = KeyedAgent("lanes", LanesStage, LaneGauges())
