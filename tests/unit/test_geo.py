from math import inf

import pytest

from sstl.core import geo
from sstl.models.policy import Geofence

pytestmark = pytest.mark.unit

ROTTERDAM = (51.95, 4.05)
YANTIAN = (22.57, 114.27)


@pytest.mark.parametrize(
    ("one", "other", "km", "within"),
    [
        # 1/360 of the circumference of a sphere with the mean radius of the earth
        pytest.param((0, 0), (1, 0), 111.195, 0.001, id="one-degree-of-latitude"),
        pytest.param((0, 0), (0, 1), 111.195, 0.001, id="one-degree-of-the-equator"),
        pytest.param((60, 0), (60, 1), 55.597, 0.01, id="half-as-wide-at-60-north"),
        pytest.param((0, 0), (0, 180), 20015.1, 0.1, id="half-the-circumference"),
        pytest.param((90, 0), (-90, 77), 20015.1, 0.1, id="pole-to-pole"),
        # Nashville BNA to Los Angeles LAX: the usual example of the formula, 2887.26 km with 6372.8 km
        pytest.param((36.12, -86.67), (33.94, -118.40), 2886.45, 0.1, id="nashville-los-angeles"),
        # London to Paris, city centres: 343.5 km
        pytest.param((51.5074, -0.1278), (48.8566, 2.3522), 343.6, 0.2, id="london-paris"),
        pytest.param((10, 179.5), (10, -179.5), 109.5, 0.1, id="over-the-180th-meridian"),
        pytest.param(ROTTERDAM, ROTTERDAM, 0, 0, id="nowhere"),
    ],
)
def test_distances_are_those_known(
    one: geo.Point, other: geo.Point, km: float, within: float
) -> None:
    assert geo.distance_km(one, other) == pytest.approx(km, abs=within)
    assert geo.distance_km(other, one) == pytest.approx(km, abs=within)
    assert geo.at_most_km(one, other) >= geo.distance_km(one, other) - 1e-6


@pytest.mark.parametrize(
    ("point", "line", "km", "within"),
    [
        pytest.param((1, 5), ((0, 0), (0, 10)), 111.195, 0.01, id="beside-the-middle"),
        pytest.param((0, 5), ((0, 0), (0, 10)), 0, 1e-6, id="on-it"),
        pytest.param((0, 12), ((0, 0), (0, 10)), 222.39, 0.01, id="past-its-end"),
        pytest.param((0, -1), ((0, 0), (0, 10)), 111.195, 0.01, id="before-its-beginning"),
        pytest.param(
            (11, 10.5), ((0, 0), (10, 0), (10, 10), (20, 10)), 54.6, 0.1, id="third-stretch"
        ),
        pytest.param((1, 180), ((0, 179), (0, -179)), 111.195, 0.01, id="over-the-180th-meridian"),
        pytest.param((1, -178), ((0, 170), (0, -170)), 111.195, 0.01, id="beyond-the-180th"),
        pytest.param((1, 178), ((0, -170), (0, 170)), 111.195, 0.01, id="and-back"),
        pytest.param((0, 1), ((0, 0),), 111.195, 0.01, id="a-single-point"),
        pytest.param((0, 1), ((0, 0), (0, 0)), 111.195, 0.01, id="a-stretch-without-length"),
    ],
)
def test_a_point_is_as_far_from_a_line_as_from_its_nearest_point(
    point: geo.Point, line: tuple[geo.Point, ...], km: float, within: float
) -> None:
    assert geo.distance_to_line_km(point, line) == pytest.approx(km, abs=within)


def test_a_line_answers_the_same_whatever_was_asked_before() -> None:
    points = ((0, 0), (0, 10), (10, 10))
    line = geo.Line(points)
    asked = [(0.5, 2), (9, 10.5), (0.5, 2), (5, 5), (-0.8, 9), (3, 3)]
    expected = [geo.distance_to_line_km(point, points) <= 100 for point in asked]
    assert expected == [True, True, True, False, True, False]
    assert [line.is_within(point, 100) for point in asked] == expected
    assert [line.is_within(point, 100) for point in reversed(asked)] == expected[::-1]


def test_exactly_the_width_is_within_a_line() -> None:
    line = geo.Line(((0, 0), (0, 10)))
    km = line.distance_km((1, 5))
    assert line.is_within((1, 5), km)
    assert not line.is_within((1, 5), km - 1e-6)


SQUARE = ((0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0))
BEND = ((0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 8.0), (2.0, 8.0), (2.0, 0.0))
DATE_LINE = ((-5.0, 175.0), (-5.0, -175.0), (5.0, -175.0), (5.0, 175.0))


@pytest.mark.parametrize(
    ("point", "polygon", "inside"),
    [
        pytest.param((5, 5), SQUARE, True, id="in-the-middle"),
        pytest.param((5, 11), SQUARE, False, id="east-of-it"),
        pytest.param((5, -1), SQUARE, False, id="west-of-it"),
        pytest.param((11, 5), SQUARE, False, id="north-of-it"),
        pytest.param((0, 5), SQUARE, True, id="on-an-edge"),
        pytest.param((10, 10), SQUARE, True, id="on-a-corner"),
        pytest.param((0, 11), SQUARE, False, id="in-line-with-an-edge"),
        pytest.param((5, 5), BEND, False, id="in-the-bend"),
        pytest.param((5, 9), BEND, True, id="in-an-arm-of-the-bend"),
        pytest.param((0, 180), DATE_LINE, True, id="over-the-180th-meridian"),
        pytest.param((0, -176), DATE_LINE, True, id="beyond-the-180th-meridian"),
        pytest.param((0, 170), DATE_LINE, False, id="before-the-180th-meridian"),
        pytest.param((0, 0), DATE_LINE, False, id="on-the-other-side-of-the-earth"),
    ],
)
def test_a_point_is_in_a_polygon_or_not(
    point: geo.Point, polygon: tuple[geo.Point, ...], inside: bool
) -> None:
    assert geo.in_polygon(point, polygon) is inside
    assert geo.in_polygon(point, tuple(reversed(polygon))) is inside
    assert geo.inside(point, Geofence(polygon=polygon)) is inside


def test_the_edge_of_a_circle_belongs_to_it() -> None:
    km = geo.distance_km(ROTTERDAM, (52.0, 4.2))
    assert geo.inside((52.0, 4.2), Geofence(centre=ROTTERDAM, radius_km=km))
    assert not geo.inside((52.0, 4.2), Geofence(centre=ROTTERDAM, radius_km=km - 0.001))
    assert not geo.inside(YANTIAN, Geofence(centre=ROTTERDAM, radius_km=20))


def test_the_middle_of_a_geofence_and_how_far_it_reaches() -> None:
    assert geo.middle_of(Geofence(centre=ROTTERDAM, radius_km=20)) == (ROTTERDAM, 20)
    middle, reach = geo.middle_of(Geofence(polygon=DATE_LINE))
    assert middle == (0.0, 180.0)
    assert reach == pytest.approx(geo.distance_km((0, 180), (5, 175)))


@pytest.mark.parametrize(
    ("point", "plausible"),
    [
        pytest.param(ROTTERDAM, True, id="a-port"),
        pytest.param((0.0, 0.0), False, id="no-fix-yet"),
        pytest.param((0.0, 9.4), True, id="on-the-equator"),
        pytest.param((51.5, 0.0), True, id="on-the-meridian-of-greenwich"),
        pytest.param((91.0, 4.0), False, id="beyond-the-pole"),
        pytest.param((51.0, 181.0), False, id="beyond-180"),
        pytest.param((float("nan"), 4.0), False, id="no-number"),
    ],
)
def test_what_no_receiver_can_have_meant_is_implausible(point: geo.Point, plausible: bool) -> None:
    assert geo.is_plausible(point) is plausible


def test_speed_is_way_by_time() -> None:
    assert geo.speed_kmh(90, 1_800_000) == 180
    assert geo.speed_kmh(1, 0) == inf
    assert geo.speed_kmh(0, 0) == 0
