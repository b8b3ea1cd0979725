"""What several rules on consignments ask of a view: departures, releases at an instant, controls and their events.

Pure helpers; nothing here judges.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sstl.core.consignment_view import ConsignmentView
from sstl.core.milestones import Plan, order, side_of
from sstl.core.releases import of_unit, release_of
from sstl.models.records import Event, Share, UnitMilestones

HOUR_MS = 3_600_000
MINUTE_MS = 60_000

EU = frozenset(
    (
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
        "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI",
    )
)  # fmt: skip
"""Countries whose entry is the entry into the customs territory of the Union (XI: Northern Ireland), as ICS2 has it."""
SECURITY_ZONE = EU | {"CH", "NO"}
"""Countries whose offices are offices of first entry of ICS2: none is told of what goes from one to the other."""
_OWN_CODES = {
    **dict.fromkeys(("GF", "GP", "MF", "MQ", "RE", "YT", "MC"), "FR"),
    "AX": "FI",
    "LI": "CH",
}
"""Territories with a country code of their own to the country whose customs offices they have.

Overseas departments, Saint-Martin, Monaco and the Aland Islands: Regulation (EU) No 952/2013, Art. 4; Liechtenstein:
its customs treaty with Switzerland. Other French territories (BL, NC, PF, PM, WF) are outside.
"""

SELECTED = "inspection.selected"
CHANNEL = "channel.assigned"
DETAINED = "inspection.detained"
LIFTED = "inspection.detention.lifted"
RESULT = "inspection.result.recorded"
PARTNER_RESULT = "inspection.partner.result.received"
WAIVED = "inspection.control.waived"

UNSATISFACTORY_CODES = frozenset({"B1"})
"""Control result codes (CL047) that say "not satisfactory", as far as they are known."""
SATISFACTORY_CODES = frozenset({"A1", "A2", "A3", "A4"})
"""Control result codes that say "satisfactory", A4 with minor discrepancies; A5 leaves it open."""

_PLACE = re.compile(r"[A-Z]{2}[A-Z0-9]{3}")
_OFFICE = re.compile(r"[A-Z]{2}[A-Za-z0-9]+")
_ENDED_OTHERWISE = (
    "inspection.seized",
    "inspection.returned",
    "inspection.destroyed",
    "inspection.abandoned",
)


def hours(duration_ms: int) -> str:
    """Return a duration in hours, with one decimal where it is not whole."""
    whole, rest = divmod(duration_ms, HOUR_MS)
    return str(whole) if rest == 0 else f"{duration_ms / HOUR_MS:.1f}"


def country_of_place(place: str | None) -> str | None:
    """Return the country of a UN/LOCODE, None for anything else (``c2k:12``)."""
    return place[:2] if place is not None and _PLACE.fullmatch(place) else None


def country_of_office(office: str | None) -> str | None:
    """Return the country with which the reference number of a customs office begins."""
    return office[:2] if office is not None and _OFFICE.fullmatch(office) else None


def country_of_zone(country: str) -> str | None:
    """Return the country of the security zone whose offices a country code has, None outside the zone."""
    country = _OWN_CODES.get(country, country)
    return country if country in SECURITY_ZONE else None


def filed_ms(share: Share) -> int | None:
    """Return when a filing was lodged; of one whose lodgement is not known, when it was last amended."""
    if share.lodged_ms is not None:
        return share.lodged_ms
    return None if share.evidence is None else share.evidence.event_ms


def evidence_of(share: Share) -> tuple[Event, ...]:
    """Return the filing event that a share rests on, where it is known."""
    return () if share.evidence is None else (share.evidence,)


def items_key(share: Share, position: int) -> str:
    """Return the anchor of a goods item: manifest and number; with its position where items are not numbered in turn.

    Publishers repeat numbers, and two items must not share a flag.
    """
    number = share.goods[position].item_no
    own = f"{position + 1}" if number == position + 1 else f"{number or ''}#{position}"
    return f"{share.manifest_id}|{own}"


def equipment_meant(view: ConsignmentView, unit: str) -> str | None:
    """Return a unit as the equipment that a flag means; None of loose cargo, which is the consignment itself."""
    return None if unit == view.consignment else unit


def selections(view: ConsignmentView) -> list[Event]:
    """Return the selections for control, in order: ``inspection.selected`` and channels other than GREEN."""
    channels = [
        one
        for one in view.by_type.get(CHANNEL, ())
        if one.data.get("channel") not in (None, "GREEN")
    ]
    return sorted((*view.by_type.get(SELECTED, ()), *channels), key=order)


def released_at(view: ConsignmentView, side: str, instant_ms: int, unit: str) -> Event | None:
    """Return the last release of a unit on a side that stood at an instant; what came later does not count.

    A release that names another unit of the consignment is none of this one.
    """
    return release_of(view.by_type, side, view.plan, unit, instant_ms)


def reports_of_side(view: ConsignmentView, side: str) -> bool:
    """Tell whether any customs report of a side is known: without one, the lack of a release proves nothing."""
    plan = view.plan
    return any(
        side_of(event, plan) == side
        for event in view.events
        if not event.type.startswith("mass.") and event.type != PARTNER_RESULT
    )


def is_reported(view: ConsignmentView, side: str, milestone: str) -> bool:
    """Tell whether releases of a side are reported at all: a report is known, or the lane names who reports it."""
    lane = view.lane
    named = lane is not None and milestone in lane.publishers
    return named or reports_of_side(view, side)


def detained_at(
    view: ConsignmentView, instant_ms: int, side: str | None = None, unit: str | None = None
) -> Event | None:
    """Return the first detention (of a side, of a unit) that was open at an instant.

    It is ended by a lifting of the same inspection, or by any lifting where one of them names none. A lifting at the
    instant itself counts, a detention at the instant itself does not. One that names another unit of the consignment
    does not hold this one back, nor does its lifting let this one go; without a unit, all count.
    """
    detained: Sequence[Event] = view.by_type.get(DETAINED, ())
    lifted: Sequence[Event] = view.by_type.get(LIFTED, ())
    if unit is not None:
        detained, lifted = of_unit(detained, unit), of_unit(lifted, unit)
    if not detained:
        return None
    lifted = [event for event in lifted if event.event_ms <= instant_ms]
    for event in detained:
        if event.event_ms >= instant_ms:
            continue
        if side is not None and side_of(event, view.plan) not in (None, side):
            continue
        if not any(one.event_ms >= event.event_ms and concerns(one, event) for one in lifted):
            return event
    return None


def ended_otherwise(view: ConsignmentView) -> Event | None:
    """Return the seizure, return, destruction or abandonment after which no release is to come."""
    return next((view.by_type[name][0] for name in _ENDED_OTHERWISE if name in view.by_type), None)


def concerns(
    one: Event,
    other: Event,
    names: tuple[str, ...] = ("inspectionId", "side", "equipmentReference"),
) -> bool:
    """Tell whether two reports may be about one control: inspection, side and unit agree wherever both name them."""
    for name in names:
        ours, theirs = one.data.get(name), other.data.get(name)
        if ours is not None and theirs is not None and ours != theirs:
            return False
    return True


@dataclass(slots=True)
class Control:
    """The reports on one control, in order."""

    key: str
    """Its inspection, else side and unit: the same however its reports arrive."""
    side: str | None
    events: list[Event] = field(default_factory=list)

    def of(self, *types: str) -> list[Event]:
        """Return its reports of some types."""
        return [event for event in self.events if event.type in types]

    def value(self, name: str) -> str | None:
        """Return the last value of a field that one of its reports states."""
        for event in reversed(self.events):
            value = event.data.get(name)
            if value is not None:
                return str(value)
        return None


CONTROL_TYPES = (
    "inspection.document.checked",
    "inspection.scan.started",
    "inspection.scan.completed",
    "inspection.physical.started",
    "inspection.physical.completed",
    "inspection.sample.taken",
    RESULT,
    WAIVED,
    SELECTED,
)


def controls(view: ConsignmentView) -> Sequence[Control]:
    """Sort the reports on controls by the control they name.

    Reports without an inspection belong together where side and unit agree.
    """
    known: tuple[Control, ...] | None = view.memo.get("controls")
    if known is None:
        known = view.memo["controls"] = controls_among(view.events, view.plan)
    return known


def controls_among(events: Iterable[Event], plan: Plan) -> tuple[Control, ...]:
    """Sort reports, in their order, by the control they name; what is no report on a control is left out."""
    found: dict[str, Control] = {}
    for event in events:
        if event.type not in CONTROL_TYPES:
            continue
        side = side_of(event, plan)
        inspection = event.data.get("inspectionId")
        if inspection is None:
            key = f"{side or '-'}|{event.data.get('equipmentReference') or '-'}"
        else:
            key = f"inspection|{inspection}"
        control = found.get(key)
        if control is None:
            control = found[key] = Control(key, side)
        control.side = control.side or side
        control.events.append(event)
    return tuple(found.values())


def is_done(event: Event) -> bool:
    """Tell whether a report is not of a control that was not done."""
    return event.data.get("status") != "NOT_DONE"


def evidence_at(told: UnitMilestones, milestone: str) -> tuple[Event, ...]:
    """Return the report of a unit's milestone, where it is known."""
    return tuple(event for code, event in told.events if code == milestone)[:1]
