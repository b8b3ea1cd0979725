"""Which journey of a unit each manifest belongs to: the one that its places and times fit best.

A pure function of the events and the shares. A new consignment never ends a journey; it only joins one.
"""

from collections.abc import Iterable, Sequence

from sstl.core.milestones import ACTUAL, classifier_of, governing_order, place_of
from sstl.models.records import Event, Share

_LOADING = frozenset(
    {
        "transport.gated_in",
        "transport.loaded",
        "transport.departed",
        "transport.rcs",
        "transport.man",
        "transport.dep",
        "transport.stuffed",
    }
)
_UNLOADING = frozenset(
    {
        "transport.arrived",
        "transport.discharged",
        "transport.gated_out",
        "transport.arr",
        "transport.rcf",
        "transport.dlv",
        "transport.stripped",
    }
)


class _Trace:
    """Where and when one journey was seen."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.loading: set[str | None] = set()
        self.unloading: set[str | None] = set()
        self.legs: set[str] = set()
        instants = [event.event_ms for event in events if classifier_of(event) == ACTUAL]
        self.first = min(instants, default=None)
        self.last = max(instants, default=None)
        for event in events:
            if event.type in _LOADING:
                self.loading.add(place_of(event))
            if event.type in _UNLOADING:
                self.unloading.add(place_of(event))
            leg = event.data.get("legId")
            if isinstance(leg, str):
                self.legs.add(leg)

    def fit(self, share: Share) -> tuple[int, int]:
        """Return how well a share fits: places and legs that agree, then how near it is in time (greater is better)."""
        places = int(share.place_of_loading in self.loading) if share.place_of_loading else 0
        places += int(share.place_of_unloading in self.unloading) if share.place_of_unloading else 0
        places += int(any(leg.leg_id in self.legs for leg in share.legs))
        return places, -self._away_ms(share)

    def _away_ms(self, share: Share) -> int:
        instants = [
            instant for instant in (share.atd_ms, share.etd_ms, share.eta_ms) if instant is not None
        ] or ([] if share.lodged_ms is None else [share.lodged_ms])
        if self.first is None or self.last is None or not instants:
            return 0
        return sum(
            max(self.first - instant, instant - self.last, 0) for instant in instants
        ) // len(instants)


def attached(
    journeys: Sequence[Sequence[Event]], shares: Iterable[Share]
) -> list[tuple[Share, ...]]:
    """Return the shares of each journey, the governing one first; of equal fits the later journey has it."""
    found: list[list[Share]] = [[] for _ in journeys]
    ordered = sorted(shares, key=governing_order)
    if len(journeys) == 1:
        return [tuple(ordered)]
    traces = [_Trace(events) for events in journeys]
    for share in ordered:
        best = max(range(len(traces)), key=lambda number: (*traces[number].fit(share), number))
        found[best].append(share)
    return [tuple(own) for own in found]
