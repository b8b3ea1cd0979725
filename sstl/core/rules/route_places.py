# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules of the family "route" that compare the places of events with the plan: transhipment, routing, discharge."""

from collections.abc import Iterator

from sstl.core.journeys.view import JourneyView
from sstl.core.milestones import place_of
from sstl.core.rules.base import (
    InForce,
    Part,
    Rule,
    Text,
    Verdict,
    hit,
    instant_text,
    no_hit,
    not_evaluable,
)
from sstl.core.rules.engine import Asked
from sstl.core.rules.route_common import (
    EVENTS,
    PLAN,
    PLANNED_PLACES,
    country_of,
    planned_places,
)
from sstl.models.records import Event

_CALLS = ("transport.arrived", "transport.departed", "transport.arr", "transport.dep")
_HANDLED = ("transport.loaded", "transport.discharged", "transport.man", "transport.rcf")
_ENDED = ("transport.gated_out", "transport.stripped", "transport.dlv")

_ROUTING = frozenset({"share.countries_of_routing", "share.countries_of_routing_of_means"})


TRANSHIPMENT = Rule(
    id="transhipment-unplanned",
    name="Unplanned transhipment",
    question="Was the unit loaded or discharged at a place that neither lane nor manifest plans?",
    unit="place",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    family="route",
    needs=EVENTS | PLANNED_PLACES | _ROUTING | {"transport.isTransshipmentMove"},
    parts=frozenset({Part.TRANSPORT, Part.MANIFEST}),
    recommended_control="SEAL_CHECK",
    where_to_control="DESTINATION",
    advice=Text(
        "Compare the routing of the manifest with the carrier's; check the seal after the transhipment.",
        "请比对舱单与承运人的路线，转运后查验封志。",
    ),
    source="transport indicators of the EU-China action plans (indirect routing); own design",
)
INDIRECT = Rule(
    id="routing-indirect",
    name="Indirect routing",
    question="Did the unit call in a country that the manifest's routing does not name?",
    unit="country",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    family="route",
    needs=EVENTS | PLANNED_PLACES | _ROUTING,
    parts=frozenset({Part.TRANSPORT, Part.MANIFEST}),
    recommended_control="DOCUMENT_CHECK",
    where_to_control="FIRST_ENTRY",
    advice=Text(
        "Ask the declarant why the routing differs from the one declared.",
        "请申报人说明实际路线与申报路线不符的原因。",
    ),
    source="transport indicators of the EU-China action plans (indirect routing); own design",
)
WRONG_PLACE = Rule(
    id="discharge-wrong-place",
    name="Wrong place of discharge",
    question="Did the unit leave transport at a place other than the planned place of unloading?",
    unit="place",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    family="route",
    needs=EVENTS | PLAN | {"transport.transportPhase"},
    parts=frozenset({Part.TRANSPORT, Part.MANIFEST}),
    severity="HIGH",
    recommended_control="PHYSICAL",
    where_to_control="DESTINATION",
    advice=Text(
        "Tell the office of that place; the unit is outside the control of the office expected.",
        "请通知该地海关：该箱已脱离预定海关的监管。",
    ),
    source="own design",
)


def transhipment_unplanned(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge each place of loading or discharge once, at its first report."""
    del as_of_ms
    events = view.of(*_HANDLED)
    if not events:
        return
    anchor = view.anchor("transhipment")
    if asked.lane is None:
        yield not_evaluable(asked, anchor, view.first_ms, "policy.lane")
        return
    planned = planned_places(view, asked)
    routing = _routing(view)
    first: dict[str, Event] = {}
    for event in events:
        place = place_of(event)
        if place is None:
            if event.data.get("isTransshipmentMove"):
                yield not_evaluable(
                    asked, event.identity, event.event_ms, "transport.unLocationCode"
                )
        elif place not in planned:
            first.setdefault(place, event)
    for place, event in first.items():
        country = country_of(place)
        declared = country is not None and country in routing
        more = Text(
            f"; {country} is in the declared routing" if declared else "",
            f"；{country} 在申报的途经国家之内" if declared else "",
        )
        at = instant_text(event.event_ms)
        handled = _HANDLING[event.type]
        yield hit(
            asked,
            event.identity,
            event.event_ms,
            text=Text(
                f"{handled.en} at {place} at {at}, which lane and manifest do not plan{more.en}.",
                f"{at} 在 {place} {handled.zh}，不在线路和舱单计划之内{more.zh}。",
            ),
            observed=place,
            expected=", ".join(sorted(planned)),
            evidence=(event,),
            severity="LOW" if declared else None,
        )
    if not first:
        yield no_hit(asked, anchor, view.first_ms, "all places are planned")


_HANDLING = {
    "transport.loaded": Text("Loaded", "装载"),
    "transport.man": Text("Manifested on a flight", "配载"),
    "transport.discharged": Text("Discharged", "卸载"),
    "transport.rcf": Text("Received from a flight", "进港接收"),
}


def routing_indirect(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge each country of call once, at its first report."""
    del as_of_ms
    events = [event for event in view.of(*_CALLS) if place_of(event) is not None]
    if not events or not view.shares:
        return
    anchor = view.anchor("routing")
    routing = _routing(view)
    if not routing:
        yield not_evaluable(asked, anchor, view.first_ms, "share.countries_of_routing")
        return
    planned = planned_places(view, asked)
    allowed = routing | {country_of(place) for place in planned}
    first: dict[str, Event] = {}
    for event in events:
        country = country_of(place_of(event) or "")
        if country is not None and country not in allowed:
            first.setdefault(country, event)
    declared = ", ".join(sorted(routing))
    for country, event in first.items():
        place, at = place_of(event), instant_text(event.event_ms)
        yield hit(
            asked,
            event.identity,
            event.event_ms,
            text=Text(
                f"Called at {place} at {at}: {country} is not in the declared routing ({declared}).",
                f"{at} 停靠 {place}：{country} 不在申报的途经国家（{declared}）之内。",
            ),
            observed=country,
            expected=declared,
            evidence=(event,),
        )
    if not first:
        yield no_hit(asked, anchor, view.first_ms, "all countries are declared")


def discharge_wrong_place(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge where the unit was discharged for good: it left the place, was delivered there, or is import there."""
    del as_of_ms
    events = view.of("transport.discharged", "transport.rcf")
    if not events:
        return
    last = events[-1]
    place, anchor = place_of(last), view.anchor("discharge")
    planned = view.plan.place_of_unloading
    missing = (
        *(("share.place_of_unloading",) if planned is None else ()),
        *(("transport.unLocationCode",) if place is None else ()),
    )
    if missing:
        yield not_evaluable(asked, anchor, last.event_ms, *missing)
        return
    ends = {planned, *(leg.place_of_arrival for leg in view.plan.legs)}
    ends.update(share.final_destination for share in view.shares)
    if asked.lane is not None:
        ends.add(asked.lane.destination)
    if place in ends:
        yield no_hit(asked, anchor, last.event_ms, "discharged where planned")
        return
    ended = [
        event
        for event in view.of(*_ENDED)
        if place_of(event) == place and event.event_ms >= last.event_ms
    ]
    if not ended and last.data.get("transportPhase") != "IMPORT":
        yield no_hit(asked, anchor, last.event_ms, "transhipment, not the end of the way")
        return
    at = instant_text(last.event_ms)
    left = instant_text(ended[0].event_ms) if ended else None
    yield hit(
        asked,
        anchor,
        last.event_ms,
        text=Text(
            f"Discharged for import at {place} at {at} instead of {planned}"
            + (f"; it left there at {left}." if left else "."),
            f"{at} 在 {place} 卸载进口，计划卸货地为 {planned}"
            + (f"；{left} 离开。" if left else "。"),
        ),
        observed=place,
        expected=planned,
        evidence=(last, *ended[:1]),
    )


def _routing(view: JourneyView) -> frozenset[str]:
    return frozenset(
        country
        for share in view.shares
        for country in (*share.countries_of_routing, *share.countries_of_routing_of_means)
    )


RULES: tuple[Asked[JourneyView], ...] = (
    Asked(TRANSHIPMENT, transhipment_unplanned),
    Asked(INDIRECT, routing_indirect),
    Asked(WRONG_PLACE, discharge_wrong_place),
)
