"""What is found about lanes, offices and publishers."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from sstl.core.incidents import RANDOM_SELECTION, RESULT_OVERRIDE, SEAL_INCIDENT
from sstl.core.lanes import LanesStage
from sstl.core.lanes.counted import window_of
from sstl.core.lanes.windows import bounds
from sstl.core.rules.base import Result, in_force
from sstl.core.rules.engine import ask
from sstl.core.rules.lanes import (
    BURST,
    OVERRIDES,
    RANDOM_SHARE,
    RULES,
    SILENT,
    IncidentsView,
    PublisherView,
    ShareView,
)
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.catalogue import TYPES
from sstl.models.policy import Policy
from sstl.models.records import Finding, Heartbeat, Measure, Observation
from tests.journey_events import DAY, HOUR, LANE, MINUTE, START, event

HIT, NO_HIT, UNKNOWN = Result.HIT, Result.NO_HIT, Result.NOT_EVALUABLE
PUBLISHER = "urn:sstl:NLRTM:tos"
LANES = {
    LANE: {
        "origin": "CNYTN",
        "destination": "NLRTM",
        "mode": "SEA",
        "random_control_rate": 0.02,
        "publishers": {"T6": PUBLISHER, "T5": PUBLISHER},
    }
}
MONDAY = START + 4 * DAY
"""5 January 2026, the first day of week 2."""


def policy(rule: str = "", **thresholds: float) -> Policy:
    rules = {rule: {"thresholds": thresholds}} if rule else {}
    return Policy.model_validate({"lanes": LANES, "rules": rules})


def judge(rule: str, view: Any, by: Policy, as_of_ms: int = START + 400 * DAY) -> list[Result]:
    asked = next(one for one in RULES if one.rule.id == rule)
    found = ask(asked, view, by, mode="SEA", lane_id=LANE, first_ms=START, as_of_ms=as_of_ms)
    return [verdict.result for verdict in found]


def incidents(*minutes: float) -> IncidentsView:
    events = [event("seallock.opened", START + round(at * MINUTE)) for at in minutes]
    return IncidentsView(LANE, "2026-01-01", START, events)


@pytest.mark.parametrize(
    ("minutes", "results"),
    [
        pytest.param((), [], id="none-on-the-day"),
        pytest.param((1, 2, 3), [NO_HIT], id="exactly-the-limit"),
        pytest.param((1, 2, 3, 4), [HIT], id="one-more"),
        pytest.param((0, 1, 2, 60), [NO_HIT], id="the-window-does-not-hold-its-beginning"),
        pytest.param((0.1, 1, 2, 60), [HIT], id="within-the-window-by-seconds"),
        pytest.param((-50, -40, -30, 5), [HIT], id="reaches-over-midnight"),
        pytest.param((-50, -40, -30, -20), [], id="belongs-to-the-day-before"),
    ],
)
def test_more_incidents_than_the_limit_within_the_window_are_a_burst(
    minutes: tuple[float, ...], results: list[Result]
) -> None:
    by = policy(BURST.id, incidents=3, window_hours=1)
    assert judge(BURST.id, incidents(*minutes), by) == results


def week(n: int, having: int, office: str | None = None) -> ShareView:
    return ShareView(LANE, "2026-W02", MONDAY, MONDAY + 7 * DAY, n, having, office)


@pytest.mark.parametrize(
    ("n", "drawn", "result"),
    [
        pytest.param(1000, 20, NO_HIT, id="exactly-the-stated-minimum"),
        pytest.param(1000, 19, HIT, id="one-fewer"),
        pytest.param(100, 0, HIT, id="just-enough-consignments"),
        pytest.param(99, 0, UNKNOWN, id="too-few-consignments"),
    ],
)
def test_fewer_random_controls_than_the_lane_states(n: int, drawn: int, result: Result) -> None:
    assert judge(RANDOM_SHARE.id, week(n, drawn), policy()) == [result]


def test_a_lane_that_states_no_share_of_random_controls_is_not_asked() -> None:
    assert judge(RANDOM_SHARE.id, week(1000, 0), Policy()) == []


@pytest.mark.parametrize("rule", [RANDOM_SHARE.id, OVERRIDES.id])
def test_a_week_is_judged_when_it_has_settled(rule: str) -> None:
    view = week(1000, 0 if rule == RANDOM_SHARE.id else 900, "NL000510")
    settled = MONDAY + 14 * DAY
    assert judge(rule, view, policy(), settled - 1) == [NO_HIT]
    assert judge(rule, view, policy(), settled) == [HIT]


@pytest.mark.parametrize(
    ("n", "overridden", "result"),
    [
        pytest.param(100, 20, NO_HIT, id="exactly-the-limit"),
        pytest.param(100, 21, HIT, id="one-more"),
        pytest.param(20, 20, HIT, id="just-enough-results"),
        pytest.param(19, 19, UNKNOWN, id="too-few-results"),
    ],
)
def test_results_overridden_more_often_than_the_limit(
    n: int, overridden: int, result: Result
) -> None:
    assert judge(OVERRIDES.id, week(n, overridden, "NL000510"), policy()) == [result]


@pytest.mark.parametrize(
    ("heard_ms", "as_of_ms", "result"),
    [
        pytest.param(START, START + 30 * MINUTE - 1, NO_HIT, id="not-yet-half-an-hour"),
        pytest.param(START, START + 30 * MINUTE, HIT, id="half-an-hour-has-passed"),
        pytest.param(None, START + DAY, UNKNOWN, id="never-heard-of"),
    ],
)
def test_a_publisher_is_silent_after_the_time_of_the_policy(
    heard_ms: int | None, as_of_ms: int, result: Result
) -> None:
    view = PublisherView(LANE, PUBLISHER, ("T5", "T6"), heard_ms)
    assert judge(SILENT.id, view, policy(), as_of_ms) == [result]


def test_a_slow_publisher_is_given_more_time() -> None:
    view = PublisherView(LANE, PUBLISHER, ("T5", "T6"), START)
    by = policy(SILENT.id, factor=4)
    assert judge(SILENT.id, view, by, START + 120 * MINUTE - 1) == [NO_HIT]
    assert judge(SILENT.id, view, by, START + 120 * MINUTE) == [HIT]


def test_only_the_rule_on_offices_is_for_supervisors_alone() -> None:
    assert {asked.rule.id for asked in RULES if asked.rule.supervisors} == {OVERRIDES.id}


def test_weeks_begin_on_monday() -> None:
    assert window_of(RANDOM_SELECTION, MONDAY - 1) == "P1W/2026-W01"
    assert bounds(window_of(RANDOM_SELECTION, MONDAY)) == (MONDAY, MONDAY + 7 * DAY)
    assert bounds(window_of(SEAL_INCIDENT, MONDAY + 1)) == (MONDAY, MONDAY + DAY)


class Lanes:
    """[lanes] with one reader of what it finds."""

    def __init__(self, by: Policy, partition: int = 0) -> None:
        self.policy = by
        self.state = MemoryState()
        self.context = Context(partition, frozenset({"journeys/0"}))
        self.found: list[Finding] = []
        self.published = 0

    def fold(self, *messages: Any) -> None:
        records = [Inbound("k", message) for message in messages]
        stage = LanesStage()
        outcome = stage.fold(self.state, records, self.policy, self.context)
        self.state.apply(outcome.changed)
        self.found += [out.message for out in outcome.outputs]
        ticked = stage.tick(self.state, self.policy, self.context)
        self.state.apply(ticked.changed)
        self.published += len(ticked.outputs)

    def beat(self, at_ms: int, *publishers: tuple[str, int]) -> None:
        self.fold(
            Heartbeat(source="journeys/0", reached_ms=at_ms, caught_up=True, publishers=publishers)
        )

    def states(self) -> list[tuple[str, str]]:
        return [(one.rule_id, one.state) for one in self.found]

    def net(self) -> dict[str, Finding]:
        last = {one.flag_id: one for one in self.found}
        return {
            name: msgspec.structs.replace(one, state="RAISED")
            for name, one in sorted(last.items())
            if one.state != "CLEARED"
        }


def incident(number: int, at_ms: int, *, gone: bool = False) -> Observation:
    what = event("seallock.opened", at_ms, id=f"o{number}")
    measure = Measure(lane_id=LANE, mode="SEA", start_ms=at_ms, value_ms=1, evidence=(what,))
    return Observation(
        id=f"{SEAL_INCIDENT}|{number}",
        indicator=SEAL_INCIDENT,
        counting_unit="incident",
        current=None if gone else measure,
        previous=measure if gone else None,
    )


def test_a_burst_names_the_lane_and_its_incidents_and_goes_when_they_go() -> None:
    lanes = Lanes(policy())
    for number in range(6):
        lanes.fold(incident(number, START + number * HOUR))
    (raised,) = lanes.found
    assert (raised.rule_id, raised.observed, raised.expected) == (BURST.id, 6, 5)
    assert (raised.subject.lane_id, raised.subject.mode, raised.flag_type) == (
        LANE,
        "SEA",
        "LANE_TREND",
    )
    assert [one.id for one in raised.evidence] == [f"o{number}" for number in range(6)]
    lanes.fold(incident(2, START + 2 * HOUR, gone=True))
    assert lanes.states() == [(BURST.id, "RAISED"), (BURST.id, "CLEARED")]
    assert lanes.published == 0


def test_incidents_in_any_order_give_the_same_burst() -> None:
    facts = [incident(n, START + DAY + (n - 4) * 3 * HOUR) for n in range(9)]
    facts += [incident(n, START + DAY + (n - 4) * 3 * HOUR, gone=True) for n in (0, 8)]
    nets = []
    for order in (facts, [facts[i] for i in (3, 8, 1, 0, 9, 2, 10, 7, 6, 5, 4)]):
        lanes = Lanes(policy())
        for fact in order:
            lanes.fold(fact)
        whole = Lanes(policy())
        whole.fold(*order)
        assert whole.net() == lanes.net()
        nets.append(lanes.net())
    assert nets[0] == nets[1]
    assert len(nets[0]) == 1


def consignment(number: int, *, drawn: bool) -> Observation:
    measure = Measure(lane_id=LANE, mode="SEA", start_ms=MONDAY + number, value_ms=int(drawn))
    return Observation(
        id=f"{RANDOM_SELECTION}|{number}",
        indicator=RANDOM_SELECTION,
        counting_unit="consignment",
        current=measure,
    )


def test_a_week_with_too_few_random_controls_is_found_when_the_watermark_passes() -> None:
    lanes = Lanes(policy())
    lanes.fold(*(consignment(number, drawn=number == 0) for number in range(100)))
    lanes.beat(MONDAY + 13 * DAY)
    assert lanes.found == []
    lanes.beat(MONDAY + 14 * DAY + MINUTE)
    (raised,) = lanes.found
    assert (raised.rule_id, raised.observed, raised.expected) == (RANDOM_SHARE.id, 1, 2)
    assert raised.anchor_ms == MONDAY + 14 * DAY
    lanes.fold(consignment(100, drawn=True), consignment(101, drawn=True))
    assert [one.state for one in lanes.found] == ["RAISED", "CLEARED"]


def result(number: int, *, overridden: bool) -> Observation:
    what = event("inspection.result.recorded", MONDAY + number, id=f"r{number}")
    measure = Measure(
        lane_id=LANE,
        mode="SEA",
        start_ms=MONDAY + number,
        value_ms=int(overridden),
        strata={"office": "NL000510"},
        evidence=(what,) if overridden else (),
    )
    return Observation(
        id=f"{RESULT_OVERRIDE}|{number}",
        indicator=RESULT_OVERRIDE,
        counting_unit="result",
        current=measure,
    )


def test_an_office_that_overrides_often_is_shown_to_supervisors_only() -> None:
    lanes = Lanes(policy())
    lanes.fold(*(result(number, overridden=number < 6) for number in range(20)))
    lanes.beat(MONDAY + 14 * DAY + MINUTE)
    (raised,) = lanes.found
    assert (raised.supervisors, raised.observed, len(raised.evidence)) == (True, 30, 6)
    assert "NL000510" in raised.text_en


def test_a_silent_publisher_is_one_flag_an_episode_and_cleared_when_it_speaks() -> None:
    lanes = Lanes(policy())
    lanes.beat(START, (PUBLISHER, START), ("urn:sstl:other", START))
    lanes.beat(START + 31 * MINUTE)
    lanes.beat(START + 50 * MINUTE)
    assert lanes.states() == [(SILENT.id, "RAISED")]
    lanes.beat(START + 52 * MINUTE, (PUBLISHER, START + 51 * MINUTE))
    lanes.beat(START + 90 * MINUTE)
    assert lanes.states() == [
        (SILENT.id, "RAISED"),
        (SILENT.id, "CLEARED"),
        (SILENT.id, "RAISED"),
    ]
    first, cleared, second = lanes.found
    assert first.flag_id == cleared.flag_id != second.flag_id
    assert cleared.reason is not None
    assert "heard of again" in cleared.reason


def test_a_publisher_that_no_lane_relies_on_any_more_is_not_silent() -> None:
    lanes = Lanes(policy())
    lanes.beat(START, (PUBLISHER, START))
    lanes.beat(START + 31 * MINUTE)
    lanes.policy = Policy()
    lanes.beat(START + 32 * MINUTE)
    assert lanes.net() == {}


def test_only_one_partition_judges_publishers() -> None:
    lanes = Lanes(policy(), partition=1)
    lanes.beat(START, (PUBLISHER, START))
    lanes.beat(START + DAY)
    assert lanes.found == []


def test_windows_past_their_horizon_are_dropped_without_a_word() -> None:
    lanes = Lanes(policy())
    lanes.fold(*(incident(number, START + number * HOUR) for number in range(6)))
    lanes.beat(START + 91 * DAY + 2 * HOUR)
    assert lanes.states() == [(BURST.id, "RAISED")]
    assert [key for key in lanes.state.cells if not key.startswith("~")] == []


def test_every_field_that_a_lane_rule_needs_is_carried_by_an_event() -> None:
    known = {
        f"{kind.partition('.')[0]}.{field.alias}"
        for kind, entry in TYPES.items()
        for field in entry.body.model_fields.values()
    }
    for asked in RULES:
        assert asked.rule.needs <= known, asked.rule.id


def test_every_lane_rule_is_documented_with_its_parameters() -> None:
    page = (Path(__file__).parents[2] / "docs/rules/lane.md").read_text(encoding="utf-8")
    for asked in RULES:
        assert f"## {asked.rule.id}" in page
        assert asked.rule.question in page
        current = in_force(asked.rule, Policy(), mode=None, lane_id=None)
        for name, parameter in asked.rule.parameters.items():
            assert current[name] == parameter.value
            assert f"| `{name}` | {parameter.value:g} {parameter.unit} |" in page
