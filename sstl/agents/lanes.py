"""Agent of the stage [lanes]: the indicators of each lane, shown as gauges too."""

from collections.abc import Iterator, Sequence

from sstl import metrics
from sstl.agents.keyed import KeyedAgent
from sstl.agents.store import PartitionStore
from sstl.core.lanes import TOTAL, LanesStage, Publication
from sstl.core.stage import Context, Output, Work
from sstl.models.policy import Policy


class LaneGauges:
    """The current indicators of the lanes that this worker owns."""

    def restored(self, store: PartitionStore, partition: int, policy: Policy) -> Iterator[None]:
        """Show every lane as the changelog left it, not only from its next change on; a step is one series."""
        work = Work(store, policy, Context(partition, frozenset()))
        publication = Publication(work)
        for key in store.keys_with(TOTAL):
            for shown in publication.standing(key):
                metrics.observe_indicator(shown, partition=partition)
            yield

    def committed(self, outputs: Sequence[Output], partition: int) -> None:
        """Show what was published; what has become empty first, so that an older window can take its place."""
        published = [
            output.message
            for output in outputs
            if output.topic == "indicators" and output.message is not None
        ]
        for indicator in sorted(published, key=lambda one: one.n > 0):
            metrics.observe_indicator(indicator, partition=partition)


agent = KeyedAgent("lanes", LanesStage, LaneGauges())
