from collections.abc import Sequence
from typing import Any

import pytest

from sstl.core.positions import Ping
from sstl.core.rules import route
from sstl.core.rules.base import Result
from sstl.models.records import Event
from tests.journey_events import DAY, HOUR, MINUTE, START, event, leg, share
from tests.journey_views import (
    ROTTERDAM,
    SINGAPORE,
    YANTIAN,
    answers,
    by_id,
    journey,
    ping,
    policy,
    results,
    the_hit,
)

pytestmark = pytest.mark.unit
HIT, NO_HIT, NOT = Result.HIT, Result.NO_HIT, Result.NOT_EVALUABLE
RULES = by_id(route.RULES)

LOADED = event("transport.loaded", START, place="CNYTN")
DEPARTED = event("transport.departed", START, place="CNYTN")
ARRIVED = event("transport.arrived", START + 29 * DAY, place="NLRTM")


def loading(place: str, at_ms: int, **more: Any) -> Event:
    return event("transport.loaded", at_ms, place=place, **more)


# Yantian to Singapore is 2,625 km; less the 12 and 30 km that the two geofences reach. With 60 minutes for rounded
# reports 130 km/h need 18 h 52 min.
@pytest.mark.parametrize(
    ("hours", "result"),
    [
        pytest.param(0.0, HIT, id="at-the-same-time"),
        pytest.param(18.0, HIT, id="faster-than-a-lorry"),
        pytest.param(19.0, NO_HIT, id="possible-by-road"),
        pytest.param(120.0, NO_HIT, id="five-days-later"),
    ],
)
def test_a_unit_cannot_be_in_two_places_faster_than_it_travels(
    hours: float, result: Result
) -> None:
    there = event("transport.gated_in", START + int(hours * HOUR), place="SGSIN")
    seen = journey(event("transport.gated_out", START, place="CNYTN"), there)
    verdicts = answers(RULES["unit-in-two-places"], seen)
    assert results(verdicts) == [result]
    if result is HIT:
        found = the_hit(verdicts)
        assert (
            found.anchor == there.identity or hours == 0
        )  # at one instant the order is that of the ids
        assert "CNYTN" in (found.text.en if found.text else "")
        assert "SGSIN" in (found.text.en if found.text else "")


def test_the_example_of_two_places_has_the_figures_of_its_page() -> None:
    out = event("transport.gated_out", START, place="CNYTN")
    there = event("transport.gated_in", START + 18 * HOUR, place="SGSIN")
    found = the_hit(answers(RULES["unit-in-two-places"], journey(out, there)))
    assert found.text is not None
    assert "2625 km in 1080 min, at least 136 km/h; 130 km/h are possible" in found.text.en
    for minutes, result in ((1131, HIT), (1132, NO_HIT)):
        near = event("transport.gated_in", START + minutes * MINUTE, place="SGSIN")
        assert results(answers(RULES["unit-in-two-places"], journey(out, near))) == [result]


def test_exactly_the_speed_that_is_possible_is_no_contradiction() -> None:
    events = (
        event("transport.gated_out", START, place="CNYTN"),
        event("transport.gated_in", START + 10 * HOUR, place="SGSIN"),
    )
    speed = float(answers(RULES["unit-in-two-places"], journey(*events))[0].observed or 0)
    for limit, result in ((speed + 0.1, NO_HIT), (speed - 0.1, HIT)):
        limits = {"limit_sea_kmh": limit, "limit_road_kmh": 1}
        seen = journey(*events, by=policy(rules={"unit-in-two-places": limits}))
        assert results(answers(RULES["unit-in-two-places"], seen)) == [result]


@pytest.mark.parametrize(
    ("events", "pings", "expected"),
    [
        pytest.param(
            [loading("CNYTN", START), loading("XXABC", START + HOUR)],
            [],
            [HIT],
            id="loaded-twice-without-discharge-though-no-distance-is-known",
        ),
        pytest.param(
            [loading("CNYTN", START), loading("SGSIN", START + 6 * DAY)],
            [],
            [HIT],
            id="loaded-twice-with-time-enough",
        ),
        pytest.param(
            [
                loading("CNYTN", START),
                event("transport.discharged", START + 5 * DAY, place="SGSIN"),
                loading("SGSIN", START + 6 * DAY),
            ],
            [],
            [NO_HIT],
            id="discharged-between",
        ),
        pytest.param(
            [loading("CNYTN", START), loading("CNYTN", START + HOUR)],
            [],
            [NO_HIT],
            id="loaded-again-at-the-same-place",
        ),
        pytest.param(
            [
                event("transport.gated_in", START, place="CNYTN"),
                event("transport.gated_in", START + HOUR, place="SGSIN"),
                event("transport.gated_in", START + 2 * HOUR, place="CNYTN"),
            ],
            [],
            [HIT],
            id="there-and-back-is-one-episode",
        ),
        pytest.param(
            [event("transport.gated_in", START, place="CNYTN")],
            [ping(START + HOUR, SINGAPORE)],
            [HIT],
            id="a-position-elsewhere",
        ),
        pytest.param(
            [event("transport.gated_in", START, place="CNYTN")],
            [ping(START - HOUR, YANTIAN), ping(START + HOUR, YANTIAN)],
            [NO_HIT],
            id="positions-that-agree",
        ),
        pytest.param(
            [event("transport.gated_in", START, place="CNYTN")],
            [ping(START + HOUR, (0.0, 0.0))],
            [NO_HIT],
            id="a-position-that-is-none",
        ),
        pytest.param(
            [
                event("transport.gated_in", START, place="CNYTN"),
                event("transport.gated_in", START + HOUR, place="SGSIN", classifier="PLANNED"),
            ],
            [ping(START + HOUR, YANTIAN)],
            [NO_HIT],
            id="a-plan-is-no-presence",
        ),
        pytest.param(
            [
                event("transport.gated_in", START, place="CNYTN"),
                event("transport.gated_in", START + HOUR, place="XXABC"),
            ],
            [],
            [NOT],
            id="a-place-without-coordinates",
        ),
        pytest.param(
            [
                event("transport.gated_in", START, place="CNYTN"),
                event("transport.rcf", START, place="SGSIN", numberOfPieces=3, totalPieces=9),
            ],
            [],
            [],
            id="a-part-of-the-shipment-travels-apart",
        ),
        pytest.param(
            [event("transport.gated_in", START, place="CNYTN")], [], [], id="only-one-place"
        ),
    ],
)
def test_reports_of_presence_must_agree(
    events: Sequence[Event], pings: Sequence[Ping], expected: list[Result]
) -> None:
    verdicts = answers(RULES["unit-in-two-places"], journey(*events, pings=pings))
    assert results(verdicts) == expected
    if HIT in expected:
        the_hit(verdicts)


def test_a_second_loading_with_time_for_the_way_is_slight() -> None:
    seen = journey(loading("CNYTN", START), loading("SGSIN", START + 6 * DAY))
    assert the_hit(answers(RULES["unit-in-two-places"], seen)).severity == "LOW"


def test_the_parts_of_a_loose_shipment_may_be_loaded_at_several_places() -> None:
    seen = journey(loading("CNYTN", START), loading("SGSIN", START + 6 * DAY), loose=True)
    assert results(answers(RULES["unit-in-two-places"], seen)) == [NO_HIT]


EQUATOR = {
    "line": [(0, 100), (0, 110)],
    "width_km": 100,
    "from_milestone": "T5",
    "to_milestone": "T6",
}
ON_IT, OFF = (0.5, 105.0), (2.0, 105.0)


def along(*reports: tuple[float, tuple[float, float]]) -> list[Ping]:
    return [ping(START + int(hours * HOUR), point) for hours, point in reports]


@pytest.mark.parametrize(
    ("pings", "expected"),
    [
        pytest.param(along((1, ON_IT), (9, ON_IT)), [NO_HIT], id="in-it"),
        pytest.param(along((1, ON_IT), (7, OFF), (13, ON_IT)), [NO_HIT], id="one-report-is-drift"),
        pytest.param(along((7, OFF), (8, OFF)), [NO_HIT], id="exactly-an-hour-outside"),
        pytest.param(along((7, OFF), (8.001, OFF)), [HIT], id="more-than-an-hour-outside"),
        pytest.param(
            along((1, OFF), (3, OFF), (7, ON_IT), (13, OFF), (16, OFF)),
            [HIT, HIT],
            id="twice-is-two-episodes",
        ),
        pytest.param(along((-9, OFF), (-1, OFF)), [], id="before-departure-nothing-is-asked"),
        pytest.param(along((1, SINGAPORE), (5, SINGAPORE)), [NO_HIT], id="at-a-planned-call"),
        pytest.param(along((1, (0.0, 0.0)), (5, (0.0, 0.0))), [], id="no-position-at-all"),
        pytest.param([], [], id="no-reports"),
    ],
)
def test_a_unit_stays_in_its_corridor(pings: Sequence[Ping], expected: list[Result]) -> None:
    by = policy(lane={"corridor": EQUATOR, "transhipment_places": ["SGSIN"]})
    seen = journey(DEPARTED, pings=pings, by=by)
    verdicts = answers(RULES["corridor-left"], seen)
    assert results(verdicts) == expected


# 0.944 degrees of latitude are 104.97 km, 0.945 are 105.08 km: the width of 100 km and 5 km for receivers.
@pytest.mark.parametrize(
    ("latitude", "result"),
    [pytest.param(0.944, NO_HIT, id="just-inside"), pytest.param(0.945, HIT, id="just-outside")],
)
def test_the_corridor_ends_at_its_width_and_the_tolerance(latitude: float, result: Result) -> None:
    pings = along((1, (latitude, 105.0)), (5, (latitude, 105.0)))
    seen = journey(DEPARTED, pings=pings, by=policy(lane={"corridor": EQUATOR}))
    assert results(answers(RULES["corridor-left"], seen)) == [result]


def test_a_deviation_says_how_far_where_and_since_when() -> None:
    seen = journey(
        DEPARTED, pings=along((7, OFF), (11, OFF)), by=policy(lane={"corridor": EQUATOR})
    )
    found = the_hit(answers(RULES["corridor-left"], seen))
    assert (found.observed, found.expected) == (222.4, 100)
    assert found.anchor == f"positions|{START + 6 * HOUR}"
    assert found.anchor_ms == START + 7 * HOUR
    assert found.evidence == (DEPARTED,)
    assert found.text is not None
    assert found.text.en == (
        "Off the corridor for at least 4.0 h from 2026-01-01T07:00:00Z: 222 km from its line at 2.0000, 105.0000 "
        "(2026-01-01T07:00:00Z); 100 km are allowed."
    )


def test_the_corridor_ends_with_its_last_milestone() -> None:
    pings = [ping(ARRIVED.event_ms + hours * HOUR, OFF) for hours in (1, 9)]
    seen = journey(DEPARTED, ARRIVED, pings=pings, by=policy(lane={"corridor": EQUATOR}))
    assert answers(RULES["corridor-left"], seen) == []


def test_without_departure_or_lane_the_corridor_is_not_evaluable() -> None:
    pings = along((1, OFF), (9, OFF))
    by = policy(lane={"corridor": EQUATOR})
    (unknown,) = answers(RULES["corridor-left"], journey(LOADED, pings=pings, by=by))
    assert (unknown.result, unknown.missing) == (NOT, ("T5",))
    (unknown,) = answers(RULES["corridor-left"], journey(DEPARTED, shares=(), pings=pings, by=by))
    assert (unknown.result, unknown.missing) == (NOT, ("policy.lane",))
    assert answers(RULES["corridor-left"], journey(DEPARTED, pings=pings, by=policy())) == []


HERE = {"latitude": 6.0, "longitude": 80.0}
STOPS = {"stops": ["singapore"]}


def motion(kind: str, hours: float, **where: Any) -> Event:
    return event(f"seallock.motion.{kind}", START + int(hours * HOUR), **where)


@pytest.mark.parametrize(
    ("events", "pings", "expected"),
    [
        pytest.param(
            [motion("stopped", 10, **HERE), motion("started", 82)],
            [],
            [NO_HIT],
            id="exactly-72-hours",
        ),
        pytest.param(
            [motion("stopped", 10, **HERE), motion("started", 82.001)],
            [],
            [HIT],
            id="a-little-more",
        ),
        pytest.param([motion("stopped", 10, **HERE)], [], [HIT], id="not-moved-on-since"),
        pytest.param(
            [motion("stopped", 10, **HERE)],
            [ping(START + 20 * HOUR, (7.0, 80.0))],
            [NO_HIT],
            id="a-position-elsewhere-shows-that-it-moved",
        ),
        pytest.param(
            [motion("stopped", 10, latitude=SINGAPORE[0], longitude=SINGAPORE[1])],
            [],
            [NO_HIT],
            id="in-a-planned-geofence",
        ),
        pytest.param([motion("stopped", 10, place="NLRTM")], [], [NO_HIT], id="at-a-planned-place"),
        pytest.param([motion("stopped", 10)], [], [NOT], id="nobody-knows-where"),
        pytest.param([motion("stopped", -90, **HERE)], [], [], id="before-departure"),
        pytest.param(
            [motion("stopped", 10, **HERE), motion("stopped", 50, **HERE), motion("started", 90)],
            [],
            [HIT],
            id="a-repeated-report-is-the-same-stop",
        ),
        pytest.param(
            [],
            [ping(START + hours * HOUR, (6.0, 80.0)) for hours in (10, 40, 82)],
            [NO_HIT],
            id="at-rest-by-positions-for-exactly-72-hours",
        ),
        pytest.param(
            [],
            [ping(START + hours * HOUR, (6.0, 80.0)) for hours in (10, 40, 83)],
            [HIT],
            id="at-rest-by-positions-for-longer",
        ),
        pytest.param(
            [],
            [ping(START + hours * HOUR, SINGAPORE) for hours in (10, 40, 83)],
            [NO_HIT],
            id="at-rest-by-positions-where-planned",
        ),
        pytest.param(
            [],
            [ping(START + hours * HOUR, (6.0, 80.0 + hours / 10)) for hours in (10, 40, 83)],
            [NO_HIT],
            id="always-moving",
        ),
        pytest.param([], [], [], id="no-reports"),
    ],
)
def test_a_unit_under_way_rests_only_where_planned(
    events: Sequence[Event], pings: Sequence[Ping], expected: list[Result]
) -> None:
    seen = journey(DEPARTED, *events, pings=pings, by=policy(lane=STOPS))
    verdicts = answers(RULES["stop-unplanned"], seen)
    assert results(verdicts) == expected
    if HIT in expected:
        the_hit(verdicts)


def test_a_stop_is_overdue_only_at_its_deadline() -> None:
    seen = journey(DEPARTED, motion("stopped", 10, **HERE), by=policy(lane=STOPS))
    due_ms = START + 82 * HOUR
    (before,) = answers(RULES["stop-unplanned"], seen, as_of_ms=due_ms - 1)
    assert (before.result, before.due_ms) == (NO_HIT, due_ms)
    assert results(answers(RULES["stop-unplanned"], seen, as_of_ms=due_ms)) == [HIT]


def test_a_lane_that_plans_no_stops_cannot_tell_an_unplanned_one() -> None:
    seen = journey(DEPARTED, motion("stopped", 10, **HERE), by=policy())
    (unknown,) = answers(RULES["stop-unplanned"], seen)
    assert (unknown.result, unknown.missing) == (NOT, ("policy.stops",))
    (unknown,) = answers(
        RULES["stop-unplanned"], journey(DEPARTED, motion("stopped", 9), shares=())
    )
    assert (unknown.result, unknown.missing) == (NOT, ("policy.lane",))


@pytest.mark.parametrize(
    ("mode", "hours"),
    [("ROAD", 4), ("RAIL", 24), ("SEA", 72), ("AIR", 24)],
)
def test_how_long_a_stop_may_be_depends_on_the_mode(mode: str, hours: int) -> None:
    by = policy(lane=STOPS, mode=mode)
    kind = "transport.dep" if mode == "AIR" else "transport.departed"
    for last, result in ((hours, NO_HIT), (hours + 0.01, HIT)):
        seen = journey(
            event(kind, START, place="CNYTN"),
            motion("stopped", 1, **HERE),
            motion("started", 1 + last),
            shares=(share(mode=mode),),
            by=by,
        )
        assert results(answers(RULES["stop-unplanned"], seen)) == [result]


# One degree of latitude is 111.2 km; ten minutes are added for clocks.
@pytest.mark.parametrize(
    ("pings", "expected"),
    [
        pytest.param(along((0, (0.1, 80)), (1, (1.4, 80))), [NO_HIT], id="124-km-h"),
        pytest.param(along((0, (0.1, 80)), (1, (1.5, 80))), [HIT], id="133-km-h"),
        pytest.param(
            along((0, (0.1, 80)), (0.001, (0.5, 80))), [NO_HIT], id="44-km-at-once-is-drift"
        ),
        pytest.param(along((0, (0.1, 80)), (0.001, (0.6, 80))), [HIT], id="56-km-at-once-is-none"),
        pytest.param(
            along((0, (1, 80)), (7, (40, 80)), (13, (1, 80))),
            [HIT],
            id="there-and-back-is-one-episode",
        ),
        pytest.param(
            along((0, (1, 80)), (7, (40, 80)), (25, (39, 80)), (31, (1, 80))),
            [HIT, HIT],
            id="two-jumps-apart-are-two",
        ),
        pytest.param(
            along((0, (1, 80)), (7, (0.0, 0.0)), (13, (1, 80))), [HIT], id="no-such-place"
        ),
        pytest.param(
            along((0, (1, 179.9)), (1, (1, -179.9))), [NO_HIT], id="over-the-180th-meridian"
        ),
        pytest.param(along((0, (1, 80))), [NOT], id="only-one-position"),
        pytest.param([], [], id="no-position"),
    ],
)
def test_a_unit_moves_no_faster_than_its_mode(
    pings: Sequence[Ping], expected: list[Result]
) -> None:
    verdicts = answers(RULES["position-implausible"], journey(DEPARTED, pings=pings))
    assert results(verdicts) == expected
    if expected == [HIT]:
        the_hit(verdicts)


@pytest.mark.parametrize(
    ("mode", "kmh"), [("SEA", 130), ("RAIL", 200), ("ROAD", 130), ("AIR", 1300), ("POST", 1300)]
)
def test_what_speed_is_possible_depends_on_the_mode(mode: str, kmh: int) -> None:
    for factor, result in ((0.99, NO_HIT), (1.01, HIT)):
        degrees = kmh * factor / 111.195
        pings = [ping(START, (0.1, 80)), ping(START + 50 * MINUTE, (0.1 + degrees, 80))]
        seen = journey(DEPARTED, shares=(share(mode=mode),), pings=pings)
        assert results(answers(RULES["position-implausible"], seen)) == [result]


@pytest.mark.parametrize(
    ("events", "fields", "expected"),
    [
        pytest.param([loading("CNYTN", START)], {}, [NO_HIT], id="at-the-origin"),
        pytest.param(
            [event("transport.discharged", START, place="SGSIN")],
            {},
            [NO_HIT],
            id="where-the-lane-plans",
        ),
        pytest.param(
            [event("transport.discharged", START, place="LKCMB")],
            {},
            [HIT],
            id="where-nobody-plans",
        ),
        pytest.param(
            [event("transport.discharged", START, place="LKCMB"), loading("LKCMB", START + DAY)],
            {},
            [HIT],
            id="discharged-and-loaded-there-is-one",
        ),
        pytest.param(
            [event("transport.discharged", START, place="LKCMB")],
            {"legs": (leg("a", place_of_arrival="LKCMB"),)},
            [NO_HIT],
            id="where-the-manifest-plans-a-leg",
        ),
        pytest.param(
            [event("transport.discharged", START, place="DEDUI")],
            {"final_destination": "DEDUI"},
            [NO_HIT],
            id="at-the-final-destination",
        ),
        pytest.param(
            [loading("CNFOS", START), event("transport.discharged", START + DAY, place="CNYTN")],
            {"place_of_acceptance": "CNFOS"},
            [NO_HIT],
            id="pre-carriage-from-the-place-of-acceptance",
        ),
        pytest.param(
            [loading("CNFOS", START)],
            {"place_of_acceptance": "CNZUH"},
            [HIT],
            id="pre-carriage-from-elsewhere",
        ),
        pytest.param(
            [event("transport.discharged", START, isTransshipmentMove=True)],
            {},
            [NOT, NO_HIT],
            id="a-transhipment-nobody-knows-where",
        ),
        pytest.param([DEPARTED], {}, [], id="nothing-handled"),
    ],
)
def test_a_unit_is_handled_only_where_planned(
    events: Sequence[Event], fields: dict[str, Any], expected: list[Result]
) -> None:
    by = policy(lane={"transhipment_places": ["SGSIN"]})
    seen = journey(*events, shares=(share(**fields),), by=by)
    verdicts = answers(RULES["transhipment-unplanned"], seen)
    assert results(verdicts) == expected


def test_a_transhipment_in_a_declared_country_is_slight() -> None:
    call = event("transport.discharged", START, place="LKCMB")
    for countries, severity in ((("CN", "LK", "NL"), "LOW"), (("CN", "NL"), None), ((), None)):
        seen = journey(call, shares=(share(countries_of_routing=countries),))
        found = the_hit(answers(RULES["transhipment-unplanned"], seen))
        assert (found.severity, found.observed, found.anchor) == (severity, "LKCMB", call.identity)


def test_without_lane_a_transhipment_is_not_evaluable() -> None:
    (unknown,) = answers(RULES["transhipment-unplanned"], journey(LOADED, shares=()))
    assert (unknown.result, unknown.missing) == (NOT, ("policy.lane",))


@pytest.mark.parametrize(
    ("events", "fields", "expected"),
    [
        pytest.param(
            [DEPARTED, ARRIVED], {"countries_of_routing": ("CN", "NL")}, [NO_HIT], id="as-declared"
        ),
        pytest.param(
            [event("transport.arrived", START, place="LKCMB")],
            {"countries_of_routing": ("CN", "NL")},
            [HIT],
            id="a-country-that-is-not-declared",
        ),
        pytest.param(
            [
                event("transport.arrived", START, place="LKCMB"),
                event("transport.departed", START + DAY, place="LKCMB"),
            ],
            {"countries_of_routing": ("CN", "NL")},
            [HIT],
            id="one-country-is-one-episode",
        ),
        pytest.param(
            [event("transport.arrived", START, place="LKCMB")],
            {"countries_of_routing_of_means": ("CN", "LK", "NL")},
            [NO_HIT],
            id="declared-for-the-means-of-transport",
        ),
        pytest.param(
            [event("transport.arrived", START, place="SGSIN")],
            {"countries_of_routing": ("CN", "NL")},
            [NO_HIT],
            id="where-the-lane-plans-a-call",
        ),
        pytest.param(
            [event("transport.departed", START, place="VNCLI")],
            {"countries_of_routing": ("CN", "NL"), "place_of_acceptance": "VNCLI"},
            [NO_HIT],
            id="from-the-place-of-acceptance",
        ),
        pytest.param(
            [event("transport.crossed", START, place="BYBQT")],
            {"countries_of_routing": ("CN", "NL")},
            [],
            id="a-border-crossed-is-no-call",
        ),
        pytest.param(
            [event("transport.arrived", START, place="c2k:256")],
            {"countries_of_routing": ("CN", "NL")},
            [NO_HIT],
            id="an-anonymised-place",
        ),
        pytest.param([DEPARTED], {}, [NOT], id="no-routing-declared"),
    ],
)
def test_a_unit_calls_only_in_countries_of_its_routing(
    events: Sequence[Event], fields: dict[str, Any], expected: list[Result]
) -> None:
    by = policy(lane={"transhipment_places": ["SGSIN"]})
    verdicts = answers(
        RULES["routing-indirect"], journey(*events, shares=(share(**fields),), by=by)
    )
    assert results(verdicts) == expected
    if expected == [HIT]:
        assert the_hit(verdicts).observed == "LK"


def discharged(place: str | None, **more: Any) -> Event:
    return event("transport.discharged", START, place=place, **more)


@pytest.mark.parametrize(
    ("events", "fields", "expected"),
    [
        pytest.param([discharged("NLRTM")], {}, [NO_HIT], id="where-planned"),
        pytest.param([discharged("BEANR")], {}, [NO_HIT], id="perhaps-a-transhipment"),
        pytest.param(
            [discharged("BEANR"), event("transport.gated_out", START + DAY, place="BEANR")],
            {},
            [HIT],
            id="it-left-the-terminal-elsewhere",
        ),
        pytest.param(
            [discharged("BEANR", transportPhase="IMPORT")],
            {},
            [HIT],
            id="discharged-for-import-elsewhere",
        ),
        pytest.param(
            [
                discharged("BEANR", transportPhase="IMPORT"),
                event("transport.discharged", START + DAY, place="NLRTM"),
            ],
            {},
            [NO_HIT],
            id="it-went-on-to-where-planned",
        ),
        pytest.param(
            [discharged("BEANR", transportPhase="IMPORT")],
            {"final_destination": "BEANR"},
            [NO_HIT],
            id="at-the-final-destination",
        ),
        pytest.param([discharged(None)], {}, [NOT], id="nobody-knows-where"),
        pytest.param([DEPARTED], {}, [], id="not-discharged"),
    ],
)
def test_a_unit_is_discharged_where_planned(
    events: Sequence[Event], fields: dict[str, Any], expected: list[Result]
) -> None:
    verdicts = answers(RULES["discharge-wrong-place"], journey(*events, shares=(share(**fields),)))
    assert results(verdicts) == expected
    if expected == [HIT]:
        found = the_hit(verdicts)
        assert (found.observed, found.expected) == ("BEANR", "NLRTM")


def test_without_manifest_the_place_of_discharge_is_not_evaluable() -> None:
    (unknown,) = answers(RULES["discharge-wrong-place"], journey(discharged("NLRTM"), shares=()))
    assert (unknown.result, unknown.missing) == (NOT, ("share.place_of_unloading",))


def test_rotterdam_and_yantian_lie_where_the_tests_take_them_to_be() -> None:
    seen = journey(
        event("transport.gated_out", START, place="CNYTN"),
        event("transport.gated_in", START + DAY, latitude=ROTTERDAM[0], longitude=ROTTERDAM[1]),
    )
    found = the_hit(answers(RULES["unit-in-two-places"], seen))
    assert isinstance(found.observed, float)
    assert found.observed > 300


def buckets(rule: str, *hours: int) -> tuple[tuple[str, str], ...]:
    """Return the flags of episodes that begin with these buckets of positions."""
    return tuple((rule, f"positions|{START + at * HOUR}") for at in hours)


def test_a_deviation_supersedes_what_it_was_before_its_first_positions_were_known() -> None:
    by = policy(lane={"corridor": EQUATOR})
    seen = journey(DEPARTED, pings=along((7, OFF), (11, OFF), (19, OFF)), by=by)
    found = the_hit(answers(RULES["corridor-left"], seen))
    assert found.follows == buckets("corridor-left", 12, 18)
    later = journey(DEPARTED, pings=along((19, OFF), (23, OFF)), by=by)
    known = the_hit(answers(RULES["corridor-left"], later))
    assert ("corridor-left", known.anchor) in found.follows
    assert known.follows == ()


def test_a_deviation_supersedes_no_more_flags_than_those_of_its_next_eight_buckets() -> None:
    pings = along((7, OFF), (607, OFF))
    seen = journey(DEPARTED, pings=pings, by=policy(lane={"corridor": EQUATOR}))
    hours = range(12, 6 + 8 * 6 + 1, 6)
    found = the_hit(answers(RULES["corridor-left"], seen))
    assert found.follows == buckets("corridor-left", *hours)


def test_a_rest_supersedes_what_it_was_before_its_first_positions_were_known() -> None:
    seen = journey(DEPARTED, pings=along((7, OFF), (307, OFF)), by=policy(lane=STOPS))
    found = answers(RULES["stop-unplanned"], seen)
    assert [one.anchor for one in found] == [f"positions|{START + 6 * HOUR}"]
    assert found[0].follows == buckets("stop-unplanned", *range(12, 55, 6))


def test_a_stop_reported_twice_supersedes_that_of_its_second_report() -> None:
    by = policy(lane=STOPS)
    where: dict[str, Any] = {"latitude": OFF[0], "longitude": OFF[1]}
    stopped = (event("seallock.motion.stopped", START + at * HOUR, **where) for at in (8, 12))
    first, again = stopped
    started = event("seallock.motion.started", START + 308 * HOUR)
    found = the_hit(
        answers(RULES["stop-unplanned"], journey(DEPARTED, first, again, started, by=by))
    )
    assert found.anchor == first.identity
    assert found.follows == (("stop-unplanned", again.identity),)


def test_contradictions_supersede_those_without_their_first() -> None:
    there = [event("transport.arrived", START + n * HOUR, place="NLRTM") for n in (1, 3)]
    here = [event("transport.gated_in", START + n * HOUR, place="CNYTN") for n in (0, 2)]
    found = the_hit(answers(RULES["unit-in-two-places"], journey(*there, *here)))
    assert found.anchor == there[0].identity
    assert found.follows == (
        ("unit-in-two-places", here[1].identity),
        ("unit-in-two-places", there[1].identity),
    )
