"""Rules that read positions note at each bucket what they made of it; no answer may depend on the notes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sstl.core import geo
from sstl.core.positions import Ping, Positions
from sstl.core.rules import route
from sstl.models.policy import Policy
from tests.journey_events import DAY, HOUR, START, event
from tests.journey_views import SINGAPORE, answers, journey, ping, policy, positions

pytestmark = pytest.mark.property

DEPARTED = event("transport.departed", START, place="CNYTN")
ARRIVED = event("transport.arrived", START + 3 * DAY, place="NLRTM")
LANE = {
    "corridor": {
        "line": [(0, 100), (0, 110)],
        "width_km": 100,
        "from_milestone": "T5",
        "to_milestone": "T6",
    },
    "stops": ["singapore"],
    "transhipment_places": ["SGSIN"],
}
# few places and instants, so that runs, jumps back and reports at one instant are common
PLACES = st.sampled_from(
    [(0.0, 0.0), (0.1, 104.0), (0.1, 105.0), (2.0, 105.0), (2.0, 105.005), SINGAPORE]
)
PINGS = st.builds(
    ping,
    st.integers(-4, 100).map(lambda hours: START + hours * HOUR),
    PLACES,
    st.integers(0, 1),
)
BY: Policy = policy(
    lane=LANE,
    rules={"stop-unplanned": {"limit_sea_hours": 5}, "corridor-left": {"outside_minutes": 30}},
)


def asked_of(known: tuple[Positions, ...], *, arrived: bool) -> list[object]:
    events = (DEPARTED, ARRIVED) if arrived else (DEPARTED,)
    seen = replace(journey(*events, by=BY), positions=known)
    return [verdict for rule in route.RULES for verdict in answers(rule, seen)]


def with_notes(
    before: tuple[Positions, ...], after: tuple[Positions, ...]
) -> tuple[Positions, ...]:
    """Keep the buckets that did not change, notes and all, as the stage does."""
    kept = {one.bucket_ms: one for one in before}
    return tuple(kept[one.bucket_ms] if kept.get(one.bucket_ms) == one else one for one in after)


@given(st.lists(PINGS, max_size=25), st.booleans())
def test_an_answer_does_not_depend_on_what_was_noted_before(
    pings: list[Ping], arrived: bool
) -> None:
    known: tuple[Positions, ...] = ()
    for many in range(len(pings) + 1):
        known = with_notes(known, positions(*pings[:many]))
        ended = arrived and many % 3 == 0
        fresh = asked_of(positions(*pings[:many]), arrived=ended)
        assert asked_of(known, arrived=ended) == fresh
        assert asked_of(known, arrived=ended) == fresh


@given(st.lists(PINGS, max_size=15), st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(pings: list[Ping], random: object) -> None:
    mixed = [*pings, *pings]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert asked_of(positions(*mixed), arrived=True) == asked_of(positions(*pings), arrived=True)


POINTS = st.tuples(st.floats(-89, 89), st.floats(-180, 180))


@given(POINTS, POINTS, POINTS)
def test_distances_are_those_of_a_sphere(
    one: geo.Point, other: geo.Point, third: geo.Point
) -> None:
    direct = geo.distance_km(one, other)
    assert direct == pytest.approx(geo.distance_km(other, one))
    assert 0 <= direct <= 3.1416 * geo.EARTH_RADIUS_KM
    assert direct <= geo.distance_km(one, third) + geo.distance_km(third, other) + 1e-6
    assert direct <= geo.at_most_km(one, other) + 1e-6


CORNERS = st.tuples(st.floats(-65, 65), st.floats(-180, 180))
OFFSETS = st.tuples(st.floats(-2, 2), st.floats(-2, 2))


@given(st.lists(CORNERS, min_size=2, max_size=5), OFFSETS)
def test_near_a_line_it_is_no_further_than_its_points(
    line: list[geo.Point], offset: tuple[float, float]
) -> None:
    point = (line[0][0] + offset[0], line[0][1] + offset[1])
    nearest = geo.distance_to_line_km(point, line)
    assert nearest <= min(geo.distance_km(point, corner) for corner in line) * 1.1 + 1e-6
    assert geo.Line(line).is_within(point, nearest)
