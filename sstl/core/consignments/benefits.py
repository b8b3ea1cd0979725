"""What operators gain and how far the programme reaches, as far as one consignment says it.

What controls cost in time is counted of every consignment of which the import side reports a decision, with 0 where no
control met it: so that groups with few controls are compared with all of theirs. What the programme reaches is counted
where the filing says whether the consignment takes part; who takes part, of those that do.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from sstl.core.attribution import Interval, covered_ms, paired
from sstl.core.consignments.on_lane import OnLane
from sstl.core.consignments.strata import by_clearance
from sstl.core.leadtime import Observed, latest
from sstl.core.milestones import side_of
from sstl.core.outbound import instant
from sstl.core.rules.consignment_facts import (
    CHANNEL,
    RESULT,
    SELECTED,
    WAIVED,
    Control,
    controls,
    is_done,
)
from sstl.core.rules.parties import claimants
from sstl.models.common import to_ms
from sstl.models.records import Event, Goods

CONTROL_DWELL = "control_dwell"
CONSIGNMENT_SHARE = "sstl_consignment_share"
MASS_SHARE = "sstl_mass_share"
VALUE_SHARE = "sstl_value_share"
OPERATORS = "taking_part_operators"
OFFICES = "taking_part_offices"
PORTS = "taking_part_ports"

BETWEEN: Final = " "
"""Between what one consignment names of a kind, in the category of a tally."""
_MOST_OFFICES = 8
_DIGEST = 10
"""Hexadecimal digits: of 1,000 operators of a lane any two have the same one in one of two million months."""
_CONSIGNMENT, _PARTY = "consignment", "party"
_IMPORT = "IMPORT"
_ROLES = ("IMPORTER", "EXPORTER")
_OF_CUSTOMS = ("inspection.", "declaration.", "channel.")
_BEGINNINGS = frozenset({SELECTED, "inspection.scan.started", "inspection.physical.started"})
_COMPLETIONS = frozenset(
    {
        "inspection.document.checked",
        "inspection.scan.completed",
        "inspection.physical.completed",
        "inspection.sample.taken",
    }
)


def observe_benefits(on: OnLane) -> Iterator[Observed]:
    """Yield what is counted of a consignment."""
    yield from _control_dwell(on)
    yield from _reach(on)


def _control_dwell(on: OnLane) -> Iterator[Observed]:
    """Yield for how long between arrival and release a control was selected or under way, each instant once."""
    view = on.view
    release = view.milestones.actual.get("T13")
    arrived_ms = latest(one.get("T6") for one in on.reached)
    if release is None or arrived_ms is None:
        return
    known = () if SELECTED not in view.by_type and not _controlled(view.by_type) else controls(view)
    if any(one.side is None for one in known):
        return
    imported = [one for one in known if one.side == _IMPORT]
    if not imported and not _is_decided(on):
        return
    released_ms = release.event_ms
    intervals = [span for one in imported for span in _under_way(one, released_ms)]
    strata = by_clearance(view, released_ms, on.by_operator())
    dwelt_ms = covered_ms((arrived_ms, released_ms), intervals)
    yield on.observed(CONTROL_DWELL, _CONSIGNMENT, arrived_ms, dwelt_ms, strata)


def _controlled(types: Iterable[str]) -> bool:
    return any(name in _COMPLETIONS or name in _BEGINNINGS or name == RESULT for name in types)


def _is_decided(on: OnLane) -> bool:
    """Tell whether the import side reports a channel: without one, no control is no news."""
    plan = on.view.plan
    return any(side_of(event, plan) == _IMPORT for event in on.view.by_type.get(CHANNEL, ()))


def _under_way(control: Control, released_ms: int) -> Sequence[Interval]:
    """Return when a control was selected or under way: up to its result, else its completion, else the release."""
    results = [event for event in control.events if event.type in (RESULT, WAIVED)]
    results += [event for event in control.events if not is_done(event)]
    completed = [event for event in control.events if event.type in _COMPLETIONS]
    starts = [event for event in control.events if event.type in _BEGINNINGS and is_done(event)]
    begun = sorted(event.event_ms for event in starts)
    spans: list[Interval] = []
    for ends in (results, completed):
        # what came after the last result ends with its completion
        later = [ms for ms in begun if not spans or ms > spans[-1][1]]
        more, is_open = paired(later, [event.event_ms for event in ends])
        spans += more
        if not is_open:
            return spans
    first = min(ms for ms in begun if not spans or ms > spans[-1][1])
    return [*spans, (first, released_ms)]


def _reach(on: OnLane) -> Iterator[Observed]:
    view = on.view
    share, lodged_ms = view.plan.share, view.plan.lodged_ms
    if share is None or lodged_ms is None or share.sstl_member is None:
        return
    member = int(share.sstl_member)
    yield on.observed(CONSIGNMENT_SHARE, _CONSIGNMENT, lodged_ms, member, {})
    mass_kg = _whole_kg(share.gross_mass_kg)
    if mass_kg is not None:
        mass = on.observed(MASS_SHARE, _CONSIGNMENT, lodged_ms, member * mass_kg, {})
        yield _with(mass, exposure=mass_kg)
    declared = _declared(share.goods)
    if declared is not None:
        # the currency is the counting unit of the series, so that two never add, and part of the name, so that an
        # amendment to another one takes back what was told in this
        currency, amount = declared
        value = on.observed(VALUE_SHARE, currency, lodged_ms, member * amount, {}, currency)
        yield _with(value, exposure=amount)
    if not member:
        return
    if view.plan.mode != "POST":
        # a parcel's parties are private people; their number is no number of operators and has no bound
        for digest in sorted(
            {digest_of(name) for role in _ROLES for name in claimants(share, role)}
        ):
            one = on.observed(OPERATORS, _PARTY, _month_of(lodged_ms), 0, {}, digest)
            yield _with(one, category=digest)
    yield from _tallied(on, OFFICES, lodged_ms, sorted(set(_offices(view.events)))[:_MOST_OFFICES])
    places = (view.plan.place_of_loading, view.plan.place_of_unloading)
    yield from _tallied(on, PORTS, lodged_ms, [place for place in places if place is not None])


def _tallied(on: OnLane, indicator: str, at_ms: int, names: Iterable[str]) -> Iterator[Observed]:
    category = BETWEEN.join(sorted(set(names)))
    if category:
        one = on.observed(indicator, _CONSIGNMENT, at_ms, 0, {})
        yield _with(one, category=category)


def _with(one: Observed, **changed: int | str) -> Observed:
    measure = msgspec.structs.replace(one.measure, **changed)
    return Observed(one.id, one.indicator, one.counting_unit, measure)


def digest_of(pseudonym: str) -> str:
    """Return what stands for an operator where operators are only counted.

    A month of a lane holds 30,000 of them (`sstl.core.lanes.opened`); they are counted by month, because its days share
    one record.
    """
    return hashlib.sha256(pseudonym.encode()).hexdigest()[:_DIGEST]


def _month_of(at_ms: int) -> int:
    first = instant(at_ms).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return to_ms(first)


def _whole_kg(mass_kg: float | None) -> int | None:
    return None if mass_kg is None or mass_kg < 0 else int(mass_kg + 0.5)


def _declared(goods: Sequence[Goods]) -> tuple[str, int] | None:
    """Return currency and whole units of what all items are worth; None: one states no value, or another currency."""
    currencies = {item.currency for item in goods}
    values = [item.value for item in goods if item.value is not None]
    currency = currencies.pop() if len(currencies) == 1 else None
    if currency is None or len(values) < len(goods) or min(values) < 0:
        return None
    return currency, int(math.fsum(values) + 0.5)


def _offices(events: Iterable[Event]) -> Iterator[str]:
    for event in events:
        office = event.data.get("office")
        if isinstance(office, str) and event.type.startswith(_OF_CUSTOMS):
            yield office
