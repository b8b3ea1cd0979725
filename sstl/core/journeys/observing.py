"""What lanes count of a journey: lead times, seals, reports; each again only where what it rests on has changed."""

from collections.abc import Callable, Iterable

from sstl.core import routing
from sstl.core.endings import COMPETING, Competing, competing
from sstl.core.incidents import seal_incidents
from sstl.core.journeys.view import JourneyView
from sstl.core.leadtime import STAGE_CODES, Observed, observe_journey
from sstl.core.lock_silence import lock_silences
from sstl.core.programme import journey_membership
from sstl.core.reporting import OF_JOURNEY, READ_OF_JOURNEY, journey_reports
from sstl.core.rules.reads import ALARMS, ARMED, LEGS, OPENINGS, SEALS_NAMED, STORY
from sstl.core.seal_controls import CHECKED, seal_controls

Parts = tuple[tuple[Observed, ...], ...]
"""What each of `OBSERVED` gives."""


def _times(view: JourneyView) -> Iterable[Observed]:
    return observe_journey(
        view.unit,
        view.plan,
        view.legs,
        view.milestones,
        view.structure,
        key=view.key,
        armed=view.seals.armed,
        others=_otherwise(view),
    )


def _otherwise(view: JourneyView) -> list[Competing]:
    """Return by what the stages of a journey ended otherwise: what befell all that lies in the unit.

    Of several consignments in it one may be seized while the unit travels on.
    """
    if COMPETING.keys().isdisjoint(view.by_type):
        return []
    several = len(view.plan.consignments) > 1
    found = {
        name: [
            event
            for event in view.by_type.get(name, ())
            if not several or not routing.consignment_references(event.data)
        ]
        for name in COMPETING
    }
    return competing(found)


OBSERVED: tuple[tuple[frozenset[str] | None, Callable[[JourneyView], Iterable[Observed]]], ...] = (
    (
        frozenset(
            {
                *(LEGS, ARMED, *COMPETING),
                *(name for code in STAGE_CODES for name in (code, f"~{code}")),
            }
        ),
        _times,
    ),
    (frozenset({"T6"}), journey_membership),
    (frozenset({OPENINGS, ALARMS}), seal_incidents),
    # how long locks were silent rests on positions and on all milestones, and is known with delivery only
    (None, lock_silences),
    (frozenset({STORY, SEALS_NAMED, CHECKED, "T15", "inspection."}), seal_controls),
    (READ_OF_JOURNEY | {*OF_JOURNEY, *STAGE_CODES}, journey_reports),
)
"""What is observed, each with the traces by which it may change; None: every one."""


def observed(view: JourneyView) -> Parts:
    """Return what lanes count of a journey."""
    return tuple(tuple(observe(view)) for _, observe in OBSERVED)


def observed_again(view: JourneyView, before: Parts, traces: set[str]) -> Parts:
    """Return what lanes count by now, the very object before where that is the same."""
    now: list[tuple[Observed, ...]] | None = None
    for number, (reads, observe) in enumerate(OBSERVED):
        if reads is None or not reads.isdisjoint(traces):
            found = tuple(observe(view))
            if found != before[number]:
                now = now or list(before)
                now[number] = found
    return before if now is None else tuple(now)
