"""What the record of one consignment says of its controls, looked up once for all that is counted of them."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from sstl.core.consignments.on_lane import OnLane
from sstl.core.consignments.strata import channel_at
from sstl.core.control_reports import COMPLETING, Done, bases, completed, completing
from sstl.core.leadtime import Observed
from sstl.core.milestones import RELEASED, side_of
from sstl.core.releases import CLEARED_BY_AIR, EVER
from sstl.core.rules.consignment_facts import (
    CHANNEL,
    DETAINED,
    SELECTED,
    Control,
    concerns,
    controls,
    is_done,
)
from sstl.core.strata import CHANNEL_STRATUM, SIDE
from sstl.models.records import Event
from sstl.models.selection import DRAWN

IMPORT, EXPORT = "IMPORT", "EXPORT"
COUNTED_FROM = frozenset(
    {*COMPLETING, CHANNEL, DETAINED, RELEASED, CLEARED_BY_AIR, SELECTED, DRAWN}
)
"""Without a report of one of these nothing of controls can be observed."""


class Controlled:
    """One consignment on its lane with its controls."""

    def __init__(self, on: OnLane) -> None:
        self.on, self.view = on, on.view
        self.release = on.view.milestones.actual.get("T13")
        by_type = on.view.by_type
        self.controls: Sequence[Control] = (
            () if by_type.keys().isdisjoint((*COMPLETING, SELECTED)) else controls(on.view)
        )
        self.done = [one for one in map(completed, self.controls) if one is not None]
        self.elsewhere = any(one.side is None and completing(one) for one in self.controls)
        """A control was completed of which nothing says on which side."""

    @cached_property
    def chosen_ms(self) -> int | None:
        """When a channel was first assigned on the import side; None: none was."""
        return self.first_ms(CHANNEL, "channel")

    @cached_property
    def imported(self) -> Sequence[Done]:
        """The controls completed on the import side."""
        return [one for one in self.done if one.side == IMPORT]

    @cached_property
    def cleared_strata(self) -> dict[str, str]:
        """Whose goods they are and the channel up to the release, else so far."""
        strata = dict(self.on.by_operator())
        until_ms = EVER if self.release is None else self.release.event_ms
        channel = channel_at(self.view, until_ms)
        if channel is not None:
            strata[CHANNEL_STRATUM] = channel
        return strata

    def strata(self, side: str) -> dict[str, str]:
        """Return the strata of a control on a side."""
        return {SIDE: side, **self.on.by_operator(side)}

    def made(
        self,
        indicator: str,
        counting_unit: str,
        start_ms: int,
        has: bool,  # noqa: FBT001 (the value itself)
        strata: dict[str, str],
        *subject: str,
    ) -> Observed:
        """Return an observation of 0 or 1."""
        return self.on.observed(indicator, counting_unit, start_ms, int(has), strata, *subject)

    def selecting(self, done: Done) -> tuple[Event, ...]:
        """Return the reports that may say why a control was made, selections without inspection among them."""
        first = done.completing[0]
        unnamed = (
            event
            for event in self.view.by_type.get(SELECTED, ())
            if event.data.get("inspectionId") is None
            and event.event_ms <= first.event_ms
            and concerns(event, first)
        )
        return (*done.control.events, *unnamed)

    def basis(self, done: Done) -> str | None:
        """Return whether only chance selected a control; None: nothing says why it was made."""
        found = bases(self.selecting(done))
        if not found:
            return None
        return "RANDOM" if found == {"RANDOM"} else "TARGETED"

    def first_ms(self, name: str, field: str | None = None) -> int | None:
        """Return the first report of a type on the import side (that states a field)."""
        first = next(self._stated(name, field), None)
        return None if first is None else first.event_ms

    def first(self, name: str, field: str) -> str | None:
        """Return what the first report of a type on the import side states; None: there is none."""
        first = next(self._stated(name, field), None)
        return None if first is None else str(first.data[field])

    def _stated(self, name: str, field: str | None) -> Iterator[Event]:
        for event in self.view.by_type.get(name, ()):
            stated = field is None or event.data.get(field) is not None
            if stated and is_done(event) and side_of(event, self.view.plan) == IMPORT:
                yield event

    def on_import(self, name: str, field: str | None = None) -> bool | None:
        """Tell whether a report of a type (that states a field) is of the import side; None: it may be."""
        many = self.count_on_import(name, field)
        if many is None:
            return True if next(self._stated(name, field), None) is not None else None
        return many > 0

    def count_on_import(self, name: str, field: str | None = None) -> int | None:
        """Return how many reports of a type (that state a field) are of the import side; None: one of them may be."""
        many = 0
        for event in self.view.by_type.get(name, ()):
            if not is_done(event) or (field is not None and event.data.get(field) is None):
                continue
            side = side_of(event, self.view.plan)
            if side is None:
                return None
            many += side == IMPORT
        return many
