# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rule of the family "time": how long a unit stays in a terminal or in bond."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sstl.core.journeys.view import JourneyView
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Rule,
    Text,
    Verdict,
    hit,
    instant_text,
    no_hit,
    not_evaluable,
    pending,
)
from sstl.core.rules.engine import Asked
from sstl.core.rules.times_common import HOUR_MS, PARTS, PHYSICAL_FIELDS, TERMINALS, passed
from sstl.models.records import Event

_IN_BOND, _OUT_OF_BOND = "bond.entered", "bond.left"

DWELL = Rule(
    id="dwell-exceeded",
    name="Dwell exceeded",
    question="Is or was the unit in a terminal or in bond for longer than the limit?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    family="time",
    needs=PHYSICAL_FIELDS | {"bond.time", "bond.warehouseId", "bond.unLocationCode"},
    parts=PARTS,
    parameters={
        "export_hours": Parameter(
            336, "h", "gate-in to loading, where the lane has no limit for T2 to T4"
        ),
        "import_hours": Parameter(
            504, "h", "discharge to gate-out, where the lane has none for T7 to T14"
        ),
        "bond_hours": Parameter(2160, "h", "in bond: 90 days, the limit of temporary storage"),
    },
    recommended_control="DOCUMENT_CHECK",
    where_to_control="DESTINATION",
    advice=Text(
        "Ask the terminal or warehouse keeper what the unit waits for; check that it is there and sealed.",
        "请向码头或仓库核实滞留原因，并确认箱体在场且封志完好。",
    ),
    source="90 days: Regulation (EU) No 952/2013, Art. 149(1); terminals: own design",
)


@dataclass(slots=True)
class _Stay:
    """A time inside that may last so long."""

    anchor: str
    begin: Event
    end: Event | None
    limit_hours: float
    name: Text
    end_code: str | None = None
    """Milestone that ends it, where one does."""
    passed_ms: int | None = None
    """By when it must have ended, where the end itself is not reported."""


def dwell_exceeded(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge each stay: in the terminal of loading, in that of unloading, and in bond."""
    for stay in _stays(view, asked):
        begin_ms = stay.begin.event_ms
        deadline_ms = begin_ms + int(stay.limit_hours * HOUR_MS)
        if stay.end is not None:
            inside_ms = stay.end.event_ms - begin_ms
            if stay.end.event_ms <= deadline_ms:
                yield no_hit(asked, stay.anchor, begin_ms, "it left in time")
                continue
            yield hit(
                asked,
                stay.anchor,
                deadline_ms,
                text=_stay_text(stay, inside_ms),
                observed=round(inside_ms / HOUR_MS, 2),
                expected=stay.limit_hours,
                evidence=(stay.begin, stay.end),
                governed_ms=begin_ms,
            )
        elif stay.passed_ms is not None and stay.passed_ms <= deadline_ms:
            yield no_hit(asked, stay.anchor, begin_ms, "it had left in time")
        elif stay.passed_ms is not None:
            yield not_evaluable(asked, stay.anchor, begin_ms, "the end of the stay")
        elif as_of_ms < deadline_ms:
            yield pending(asked, stay.anchor, deadline_ms, begin_ms)
        elif stay.end_code is not None and view.publisher_silent(stay.end_code, deadline_ms):
            yield not_evaluable(
                asked, stay.anchor, begin_ms, f"publisher of {stay.end_code} silent"
            )
        else:
            yield hit(
                asked,
                stay.anchor,
                deadline_ms,
                text=_stay_text(stay, None),
                observed=None,
                expected=stay.limit_hours,
                evidence=(stay.begin,),
                due_ms=deadline_ms,
                governed_ms=begin_ms,
            )


def _stays(view: JourneyView, asked: InForce) -> Iterator[_Stay]:
    actual = view.milestones.actual
    for number, (start, end) in enumerate(TERMINALS):
        begin = actual.get(start)
        if begin is None:
            continue
        ended = actual.get(end)
        yield _Stay(
            anchor=view.anchor(f"{start}-{end}"),
            begin=begin,
            end=ended,
            limit_hours=_limit_hours(asked, start, end) or asked[_PARAMETERS[number]],
            name=_STAYS[number],
            end_code=end,
            passed_ms=passed(view, end) if ended is None else None,
        )
    if _IN_BOND in view.by_type:
        for entered, left in _bonds(view.of(_IN_BOND, _OUT_OF_BOND)):
            yield _Stay(entered.identity, entered, left, asked["bond_hours"], _BOND)


def _limit_hours(asked: InForce, start: str, end: str) -> float | None:
    """Return the limit that the lane has for a stage, of several the last; None: it states none."""
    limit = None
    for stage in () if asked.lane is None else asked.lane.stages:
        if stage.start == start and stage.end == end:
            limit = stage.limit_hours
    return limit


_PARAMETERS = ("export_hours", "import_hours")
_STAYS = (
    Text("in the terminal of loading", "装货码头"),
    Text("in the terminal of unloading", "卸货码头"),
)
_BOND = Text("in bond", "保税监管")


def _bonds(events: Sequence[Event]) -> Iterator[tuple[Event, Event | None]]:
    """Yield each entry with the leaving of the same warehouse, or of any where one of them names none."""
    left = [event for event in events if event.type == _OUT_OF_BOND]
    for entered in events:
        if entered.type != _IN_BOND:
            continue
        warehouse = entered.data.get("warehouseId")
        yield (
            entered,
            next(
                (
                    event
                    for event in left
                    if event.event_ms >= entered.event_ms
                    and event.data.get("warehouseId", warehouse) in (warehouse, None)
                ),
                None,
            ),
        )


def _stay_text(stay: _Stay, inside_ms: int | None) -> Text:
    since, limit, name = instant_text(stay.begin.event_ms), f"{stay.limit_hours:g}", stay.name
    place = stay.begin.data.get("unLocationCode")
    where = Text(
        name.en + (f" at {place}" if place else ""), (f" {place} " if place else "") + name.zh
    )
    if inside_ms is None:
        return Text(
            f"Still {where.en} {limit} h after {since}.",
            f"自 {since} 起在{where.zh}，{limit} 小时后仍未离开。",
        )
    hours = f"{inside_ms / HOUR_MS:.1f}"
    return Text(
        f"{hours} h {where.en} from {since}; {limit} h are allowed.",
        f"自 {since} 起在{where.zh}停留 {hours} 小时，允许 {limit} 小时。",
    )


RULES: tuple[Asked[JourneyView], ...] = (Asked(DWELL, dwell_exceeded),)
