"""Everything that is observed of the controls of one consignment."""

from collections.abc import Iterator

from sstl.core.consignments.arms import observe_arm
from sstl.core.consignments.control_counts import observe_counts
from sstl.core.consignments.control_times import observe_times
from sstl.core.consignments.controlled import COUNTED_FROM, Controlled
from sstl.core.consignments.effectiveness import observe_effectiveness
from sstl.core.consignments.on_lane import OnLane
from sstl.core.leadtime import Observed


def observe_controls(on: OnLane) -> Iterator[Observed]:
    """Return what counts for or against the controls of a consignment, how many, how soon, and in which arm it is."""
    if on.view.by_type.keys().isdisjoint(COUNTED_FROM):
        return iter(())
    return _observed(Controlled(on))


def _observed(of: Controlled) -> Iterator[Observed]:
    yield from observe_effectiveness(of)
    yield from observe_counts(of)
    yield from observe_times(of)
    yield from observe_arm(of)
