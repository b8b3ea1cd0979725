"""The policy that comes with the project is valid, plausible, and fits the synthetic corridor."""

from pathlib import Path

import pytest

from sstl.cli.common import load_checked, shipped_policy
from sstl.core.geo import distance_km, distance_to_line_km, inside
from sstl.core.rules import RULES
from sstl.core.rules.base import in_force
from sstl.core.rules.goods import listed_under
from sstl.core.rules.goods_words import contains, letters, says_only
from sstl.models.codes import MODE_NAMES
from sstl.models.policy import Policy
from sstl.models.unlocode import is_listed
from sstl.synthetic.lanes import LANES, Lane, position

pytestmark = pytest.mark.unit

POLICY_DIR = Path(__file__).parents[2] / "policy"
POLICY = load_checked(POLICY_DIR)
NEAR_KM = 60
UN_LOCODE = {
    "NLRTM": (51.92, 4.50),
    "DEHAM": (53.52, 9.93),
    "CNXIA": (34.28, 108.95),
    "CNZGZ": (34.77, 113.67),
    "DEDUI": (51.47, 6.75),
    "PLMAA": (52.03, 23.52),
    "KZDOS": (45.25, 82.48),
    "NLAMS": (52.40, 4.82),
}
"""What UN/LOCODE has, degrees and minutes as decimals. Yantian is left out: it lies 730 km away there."""
CHOSEN = [lane for lane in LANES.values() if lane.way]


def test_it_is_found_where_the_project_lies() -> None:
    assert shipped_policy() == POLICY_DIR


def test_it_has_every_lane_of_the_synthetic_corridor() -> None:
    assert set(POLICY.lanes) == set(LANES)


def test_its_hash_does_not_depend_on_how_the_files_are_cut(tmp_path: Path) -> None:
    merged = "\n".join(path.read_text() for path in sorted(POLICY_DIR.glob("*.yaml")))
    (tmp_path / "all.yaml").write_text(merged)
    assert load_checked(tmp_path / "all.yaml").hash == POLICY.hash


@pytest.mark.parametrize("name", sorted(POLICY.geofences))
def test_a_geofence_lies_where_its_place_is(name: str) -> None:
    area = POLICY.geofences[name]
    code = area.un_location_code
    assert area.centre is not None
    if code is not None:
        assert is_listed(code) in {True, None}
    if code in UN_LOCODE:
        assert distance_km(area.centre, UN_LOCODE[code]) < NEAR_KM


def test_yantian_is_not_taken_from_un_locode() -> None:
    area = POLICY.geofences["yantian-terminal"]
    assert area.centre is not None
    assert distance_km(area.centre, (26.85, 119.87)) > 500
    assert distance_km(area.centre, (22.57, 114.27)) < 15


@pytest.mark.parametrize("lane", CHOSEN, ids=lambda lane: lane.lane_id)
def test_a_lane_begins_and_ends_inside_its_geofences(lane: Lane) -> None:
    areas = {area.un_location_code: area for area in POLICY.geofences.values()}
    assert inside(lane.way[0], areas[lane.origin])
    assert inside(lane.way[-1], areas[lane.destination])


@pytest.mark.parametrize("lane", CHOSEN, ids=lambda lane: lane.lane_id)
def test_the_corridor_holds_every_position_on_the_way(lane: Lane) -> None:
    corridor = POLICY.lanes[lane.lane_id].corridor
    assert corridor is not None
    ways = (position(lane.way, part / 200) for part in range(201))
    assert max(distance_to_line_km(point, corridor.line) for point in ways) < corridor.width_km / 4


@pytest.mark.parametrize("lane_id", sorted(POLICY.lanes))
def test_a_limit_is_never_below_its_target(lane_id: str) -> None:
    lane = POLICY.lanes[lane_id]
    limits = [(stage.target_hours, stage.limit_hours) for stage in lane.stages]
    limits += [(leg.target_hours, leg.limit_hours) for leg in lane.legs]
    for target_hours, limit_hours in limits:
        assert target_hours is not None
        assert limit_hours is not None
        assert target_hours < limit_hours
    for stage in lane.stages:
        if stage.learnt_high_hours is not None:
            assert stage.learnt_low_hours is not None
            assert stage.learnt_low_hours < stage.learnt_high_hours


def test_the_planned_transit_is_the_target() -> None:
    for lane_id, lane in LANES.items():
        stage = next(one for one in POLICY.lanes[lane_id].stages if one.start == "T5")
        assert stage.target_hours == lane.transit.total_seconds() / 3600


def test_a_new_version_is_known_before_an_event_can_be_governed_by_it() -> None:
    lead_s, unconfirmed_s = 300, 60
    assert POLICY.max_future_s + unconfirmed_s <= lead_s


def test_every_watch_list_names_its_act_and_since_when_it_holds() -> None:
    for name, listed in POLICY.watch_lists.items():
        assert "Regulation" in listed.source or "Directive" in listed.source, name
        assert listed.valid_from is not None, name


def test_one_list_of_waste_follows_the_other() -> None:
    old, new = POLICY.watch_lists["waste-until-2026"], POLICY.watch_lists["waste"]
    assert old.valid_to == new.valid_from
    assert old.hs_prefixes == new.hs_prefixes


def test_words_are_lower_case() -> None:
    words = [word for entry in POLICY.chapter_words for word in entry.words]
    for word in (*words, *POLICY.vague_words):
        assert word == word.lower()


def test_the_ordinary_goods_of_the_corridor_are_on_no_list() -> None:
    ordinary = ("610910", "640399", "847130", "851712", "870899", "940360", "950300", "392690")
    prefixes = [prefix for listed in POLICY.watch_lists.values() for prefix in listed.hs_prefixes]
    assert not [code for code in ordinary for prefix in prefixes if code.startswith(prefix)]


def test_the_default_needs_no_file() -> None:
    assert Policy().lanes == {}


@pytest.mark.parametrize(
    "word", sorted({word for entry in POLICY.chapter_words for word in entry.words})
)
def test_a_word_of_a_chapter_is_found_as_people_write_it(word: str) -> None:
    assert contains(f"Cotton {word.upper()}, 20 cartons", word)


@pytest.mark.parametrize("word", POLICY.vague_words)
def test_a_vague_word_says_nothing_as_people_write_it(word: str) -> None:
    assert letters(word)
    assert says_only(f"{word.upper()} (12)", POLICY.vague_words)


@pytest.mark.parametrize(
    ("description", "vague"),
    [
        pytest.param("SAID TO CONTAIN: goods and parts", True, id="stop-words"),
        pytest.param("Parts of gearboxes", False, id="parts-of-something"),
        pytest.param("货物配件", True, id="chinese-stop-words"),
        pytest.param("日用品", True, id="daily-necessities"),
        pytest.param("汽车配件", False, id="car-parts"),
        pytest.param("机器人", False, id="robots-are-no-machinery"),
    ],
)
def test_the_examples_of_vague_descriptions_hold(description: str, *, vague: bool) -> None:
    assert says_only(description, POLICY.vague_words) is vague


@pytest.mark.parametrize(
    ("hs6", "lists"),
    [
        pytest.param("391510", {"waste", "waste-until-2026"}, id="waste-of-plastics"),
        pytest.param("854911", {"waste", "waste-until-2026"}, id="spent-batteries"),
        pytest.param("854800", set(), id="electrical-parts-are-no-waste"),
    ],
)
def test_the_lists_of_waste_have_waste_alone(hs6: str, lists: set[str]) -> None:
    assert set(listed_under(POLICY, hs6)) == lists


@pytest.mark.parametrize("mode", [*MODE_NAMES.values(), None])
@pytest.mark.parametrize(
    "rule",
    ["milestone-later-than-planned", "milestone-expected-late", "leg-longer-than-planned"],
)
def test_nobody_is_called_for_minutes_by_any_mode(rule: str, mode: str | None) -> None:
    asked = in_force(RULES[rule], POLICY, mode=mode, lane_id=None)
    assert asked["threshold"] >= 120
