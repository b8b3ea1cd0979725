# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules of the family "manifest" on a unit: is it in one, and in time.

Whether it carries what the manifest says is in `unit_contents`; the filing itself is judged with the consignment.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sstl.core.journeys.view import JourneyView
from sstl.core.milestones import order, place_of
from sstl.core.rules import unit_contents
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Part,
    Rule,
    Text,
    Verdict,
    hit,
    instant_text,
    no_hit,
    not_evaluable,
    pending,
)
from sstl.core.rules.consignment_facts import country_of_place, country_of_zone
from sstl.core.rules.engine import Asked
from sstl.core.rules.unit_contents import manifest_of
from sstl.core.rules.wording import listed
from sstl.models.records import Event, Share

HOUR_MS = 3_600_000

_MILESTONES = frozenset(
    {
        "transport.time",
        "transport.eventClassifier",
        "transport.unLocationCode",
        "transport.sequence",
    }
)
_PLAN = frozenset(
    {"share.lane_id", "share.mode", "share.place_of_loading", "share.place_of_unloading"}
)
LATE = Rule(
    id="manifest-late",
    name="Manifest late",
    question="Was the manifest lodged later than it must be before loading or arrival?",
    unit="h",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    family="manifest",
    needs=_MILESTONES
    | _PLAN
    | {"share.lodged_ms", "share.empty", "share.consignments", "transport.mode"},
    parts=frozenset({Part.TRANSPORT, Part.MANIFEST, Part.PUBLISHERS}),
    parameters={
        "lead_sea_hours": Parameter(24, "h", "before loading (containers, deep sea)"),
        "lead_rail_hours": Parameter(2, "h", "before arrival"),
        "lead_road_hours": Parameter(1, "h", "before arrival"),
        "lead_air_hours": Parameter(
            4, "h", "before arrival, by air and post (flights of 4 h and more)"
        ),
    },
    recommended_control="DOCUMENT_CHECK",
    where_to_control="FIRST_ENTRY",
    advice=Text(
        "The risk analysis had less time than it needs: repeat it before the unit is released.",
        "风险分析时间不足：放行前请重新分析。",
    ),
    source="Delegated Regulation (EU) 2015/2446, Art. 105(a) sea, 106(1)(b) air, 107(b) rail, 108 road",
)
UNLISTED = Rule(
    id="unit-not-in-manifest",
    name="Unit in no manifest",
    question="Was the unit loaded and is it in no manifest?",
    unit="h",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    family="manifest",
    needs=_MILESTONES | _PLAN | {"share.manifest_id", "transport.emptyIndicator"},
    parts=frozenset({Part.TRANSPORT, Part.MANIFEST, Part.PUBLISHERS}),
    parameters={
        "tolerance_hours": Parameter(24, "h", "so long after loading a manifest may still come")
    },
    severity="HIGH",
    recommended_control="PHYSICAL",
    where_to_control="FIRST_ENTRY",
    advice=Text(
        "Ask the carrier for its papers; keep the unit in the terminal until they are there.",
        "请要求承运人提供单证；单证到齐前将该箱留在码头。",
    ),
    source="Regulation (EU) No 952/2013, Art. 127: no goods without an entry summary declaration",
)


def manifest_late(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge the lodgement of every document in the unit against loading (sea) or arrival (other modes).

    The arrival is that at the first place of the importing side that is reported (`_entries`), at the latest T6.

    A document that several manifests have was lodged with the first of them; the unit's papers are there with the last
    of its documents. While nothing is lodged and the unit is not yet loaded, the deadline counts from what is
    estimated, else planned. A unit that was loaded without any manifest is judged by `unit_not_in_manifest`.
    """
    mode = view.plan.mode or _mode_of(view.events)
    milestone, parameter = _lead(mode)
    anchor = view.anchor("manifest")
    if view.plan.empty and view.shares:
        return
    lead_hours = asked[parameter]
    documents = _documents(view.shares)
    lodged = [one for one in documents if one.lodged_ms is not None]
    if not lodged:
        yield from _not_lodged(view, asked, (milestone, lead_hours), as_of_ms)
        return
    reached = _reached(view, milestone)
    if reached is None:
        yield not_evaluable(asked, anchor, _last_ms(lodged), milestone)
        return
    deadline_ms = reached.event_ms - int(lead_hours * HOUR_MS)
    late = [one for one in lodged if _last_ms([one]) > deadline_ms]
    if late:
        yield _lodged_late(view, asked, (milestone, reached, lead_hours), late, documents)
    elif len(lodged) < len(documents):
        yield not_evaluable(asked, anchor, deadline_ms, "share.lodged_ms")
    else:
        yield no_hit(asked, anchor, deadline_ms, "lodged in time")


def _lodged_late(
    view: JourneyView,
    asked: InForce,
    due: tuple[str, Event, float],
    late: Sequence["_Document"],
    documents: Sequence["_Document"],
) -> Verdict:
    """Return the hit of the documents that are late, by the one that was lodged last; others are left out of it."""
    milestone, reached, lead_hours = due
    lodged_ms = _last_ms(late)
    hours = (reached.event_ms - lodged_ms) / HOUR_MS
    what, lodged, at = (
        _what(view, milestone, reached),
        instant_text(lodged_ms),
        instant_text(reached.event_ms),
    )
    before = Text(f"{hours:.1f} h before", f"前 {hours:.1f} 小时")
    if hours < 0:
        before = Text(f"{-hours:.1f} h after", f"后 {-hours:.1f} 小时")
    of, also = _named(late, documents)
    first = {one.shares[0].manifest_id: one.shares for one in late}
    evidence = (event for name in sorted(first) for event in manifest_of(first[name]))
    concerned = tuple(one.name for one in late if one.is_consignment)
    return hit(
        asked,
        view.anchor("manifest"),
        reached.event_ms - int(lead_hours * HOUR_MS),
        text=Text(
            f"The manifest{of.en} was lodged at {lodged}, {before.en} {what.en} at {at}; "
            f"{lead_hours:g} h before are due{also.en}.",
            f"{of.zh}舱单于 {lodged} 申报，在{what.zh}（{at}）{before.zh}；应提前 {lead_hours:g} 小时{also.zh}。",
        ),
        observed=round(hours, 2),
        expected=lead_hours,
        evidence=(*evidence, reached),
        excess=min(1.0, (lead_hours - hours) / lead_hours) if lead_hours else 0.0,
        consignments=None if len(late) == len(documents) else concerned or None,
    )


class _Document(NamedTuple):
    """A transport document in the unit, with what was lodged of it."""

    name: str
    """Its number; of a manifest that names no consignment the manifest's."""
    is_consignment: bool
    lodged_ms: int | None
    """When it was first lodged; None: nobody knows."""
    shares: Sequence[Share]
    """Of the manifests that have it, the one that was lodged first in front."""


def _documents(shares: Sequence[Share]) -> list[_Document]:
    """Return the documents in the unit by their name; a manifest that declares it empty has none."""
    found: dict[tuple[str, bool], list[Share]] = {}
    for share in shares:
        if share.empty:
            continue
        for name in share.consignments:
            found.setdefault((name, True), []).append(share)
        if not share.consignments:
            found.setdefault((share.manifest_id, False), []).append(share)
    return [
        _Document(name, is_consignment, of[0].lodged_ms, of)
        for (name, is_consignment), of in sorted(found.items())
    ]


def _last_ms(lodged: Sequence[_Document]) -> int:
    return max(one.lodged_ms for one in lodged if one.lodged_ms is not None)


def _named(late: Sequence[_Document], documents: Sequence[_Document]) -> tuple[Text, Text]:
    """Name the documents that were lodged last, and the others that are late; a unit in one manifest needs no names."""
    if len({share.manifest_id for one in documents for share in one.shares}) == 1:
        return Text("", ""), Text("", "")
    last_ms = _last_ms(late)
    last = listed([one.name for one in late if one.lodged_ms == last_ms])
    rest = listed([one.name for one in late if one.lodged_ms != last_ms])
    also = Text(f"; late too: {rest.en}", f"；另有迟报：{rest.zh}") if rest.en else rest
    return Text(f" of {last.en}", f"{last.zh} 的"), also


_ANCHORED = {"T4": Text("loading", "装载"), "T6": Text("arrival", "到达")}

_ENTERING = (
    "transport.arrived",
    "transport.arr",
    "transport.crossed",
    "transport.discharged",
    "transport.rcf",
)
"""Reports by which a unit has come to a place; one that is discharged there has arrived before."""
_ZONE = "the EU security zone"


def _reached(view: JourneyView, milestone: str) -> Event | None:
    """Return the report of a milestone; of T6 the first arrival on the importing side, where one is earlier."""
    known = view.milestones.actual.get(milestone)
    if milestone != "T6":
        return known
    reports = (event for kind in _ENTERING for event in view.by_type.get(kind, ()))
    left_ms = view.at("T5")
    found = [one for one in _entries(view, reports) if left_ms is None or one.event_ms >= left_ms]
    return min((*found, *(() if known is None else (known,))), key=order, default=None)


def _entries(view: JourneyView, reports: Iterable[Event]) -> list[Event]:
    """Return the reports from places of the importing side: the EU security zone, or the country of unloading.

    None where that is not known, or where the unit is loaded on the same side.
    """
    origin, destination = _side(view.plan.place_of_loading), _side(view.plan.place_of_unloading)
    if origin is None or destination in (None, origin):
        return []
    return [one for one in reports if _side(place_of(one)) == destination]


def _side(place: str | None) -> str | None:
    """Return the security zone of a place as one side, else its country; None where that is not known."""
    country = country_of_place(place)
    return country if country is None or country_of_zone(country) is None else _ZONE


def _what(view: JourneyView, milestone: str, reached: Event) -> Text:
    """Name what the lodgement must precede, with its place where that is not the place of unloading."""
    name, place = _ANCHORED[milestone], place_of(reached)
    if milestone != "T6" or place in (None, view.plan.place_of_unloading):
        return name
    return Text(f"{name.en} at {place}", f"{name.zh} {place} ")


def _lead(mode: str | None) -> tuple[str, str]:
    """Return the milestone that the lodgement must precede, and the parameter that says by how much."""
    if mode in ("RAIL", "ROAD"):
        return "T6", f"lead_{mode.lower()}_hours"
    return ("T6", "lead_air_hours") if mode in ("AIR", "POST") else ("T4", "lead_sea_hours")


def _mode_of(events: Sequence[Event]) -> str | None:
    """Return the mode that the first transport event names; it is all there is before a manifest."""
    names = {"1": "SEA", "2": "RAIL", "3": "ROAD", "4": "AIR", "5": "POST"}
    for event in events:
        mode = event.data.get("mode")
        if mode is not None and event.type.startswith("transport."):
            return names.get(str(mode))
    return None


def _not_lodged(
    view: JourneyView, asked: InForce, due: tuple[str, float], as_of_ms: int
) -> Iterator[Verdict]:
    milestone, lead_hours = due
    known = view.milestones
    if "T4" in known.actual or "T5" in known.actual or _reached(view, "T6") is not None:
        if view.shares:
            yield not_evaluable(asked, view.anchor("manifest"), view.first_ms, "share.lodged_ms")
        return
    expected = known.estimated.get(milestone) or known.planned.get(milestone)
    if expected is None:
        return
    deadline_ms = expected.event_ms - int(lead_hours * HOUR_MS)
    anchor = view.anchor("manifest")
    if as_of_ms >= deadline_ms and view.publisher_silent("T0", deadline_ms):
        yield not_evaluable(asked, anchor, deadline_ms, "publisher of T0 silent")
        return
    # what is expected lies ahead, and who governs then may not be known yet
    governed_ms = expected.version.recorded_ms
    if as_of_ms < deadline_ms:
        yield pending(asked, anchor, deadline_ms, governed_ms)
        return
    what, at = _ANCHORED[milestone], instant_text(expected.event_ms)
    yield hit(
        asked,
        anchor,
        deadline_ms,
        text=Text(
            f"No manifest {lead_hours:g} h before the {what.en} expected at {at}.",
            f"距预计{what.zh}（{at}）{lead_hours:g} 小时仍未申报舱单。",
        ),
        observed=None,
        expected=lead_hours,
        evidence=(expected,),
        due_ms=deadline_ms,
        governed_ms=governed_ms,
    )


def unit_not_in_manifest(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge a loaded unit; one that a manifest names, however late, is in one (`manifest_late` judges when).

    What has departed was loaded: by air most carriers report DEP and no MAN.
    """
    known = view.milestones.actual
    reports = [known[code] for code in ("T4", "T5") if code in known]
    if not reports or any(one.data.get("emptyIndicator") == "EMPTY" for one in reports):
        return
    loaded = reports[0]
    anchor = view.anchor("manifest")
    if view.shares:
        yield no_hit(asked, anchor, loaded.event_ms, "a manifest names the unit")
        return
    hours = asked["tolerance_hours"]
    deadline_ms = loaded.event_ms + int(hours * HOUR_MS)
    if as_of_ms >= deadline_ms and view.publisher_silent("T0", deadline_ms):
        yield not_evaluable(asked, anchor, deadline_ms, "publisher of T0 silent")
        return
    if as_of_ms < deadline_ms:
        yield pending(asked, anchor, deadline_ms, loaded.event_ms)
        return
    at, place = instant_text(loaded.event_ms), loaded.data.get("unLocationCode")
    done = Text("Loaded", "装载") if "T4" in known else Text("Departed", "启运")
    yield hit(
        asked,
        anchor,
        deadline_ms,
        text=Text(
            f"{done.en}{f' at {place}' if place else ''} at {at} and in no manifest {hours:g} h later.",
            f"{at}{f' 在 {place}' if place else ''} {done.zh}，{hours:g} 小时后仍不在任何舱单中。",
        ),
        observed=None,
        expected=hours,
        evidence=(loaded,),
        due_ms=deadline_ms,
        governed_ms=loaded.event_ms,
    )


RULES: tuple[Asked[JourneyView], ...] = (
    Asked(LATE, manifest_late),
    Asked(UNLISTED, unit_not_in_manifest),
    *unit_contents.RULES,
)
