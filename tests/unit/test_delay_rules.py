# ruff: noqa: RUF001 (Chinese punctuation is full width)
from pathlib import Path

import pytest

from sstl.core.journeys.assess import assess
from sstl.core.journeys.view import JourneyView
from sstl.core.leadtime import LegTimes
from sstl.core.milestones import Plan, gather, milestones
from sstl.core.rules import Result, delay, flag_id, wording
from sstl.core.rules.base import score
from sstl.core.rules.engine import Asked
from sstl.core.rules.services import USED_TYPES, KeptServices, Service
from sstl.models.catalogue import TYPES
from sstl.models.policy import Policy, Severity
from sstl.models.records import Event
from tests.journey_events import DAY, HOUR, MINUTE, START, event, leg, ordered

PAGES = Path(__file__).parents[2] / "docs" / "rules"
PLANNED = event("transport.arrived", START + 10 * HOUR, classifier="PLANNED", recorded_ms=START)


def service(
    actual_ms: int | None = None, estimated_ms: int | None = None, **known: object
) -> Service:
    return Service(
        anchor="milestone|T6",
        kind="arrived",
        place="NLRTM",
        planned=known.get("planned", PLANNED),  # type: ignore[arg-type]
        estimated=None
        if estimated_ms is None
        else event("transport.arrived", estimated_ms, classifier="ESTIMATED"),
        actual=None if actual_ms is None else event("transport.arrived", actual_ms),
    )


@pytest.mark.parametrize(
    ("late_ms", "result"),
    [
        pytest.param(-HOUR, Result.NO_HIT, id="early"),
        pytest.param(0, Result.NO_HIT, id="on-time"),
        pytest.param(30 * MINUTE, Result.NO_HIT, id="exactly-the-threshold"),
        pytest.param(30 * MINUTE + 1, Result.HIT, id="one-millisecond-over"),
    ],
)
def test_a_milestone_is_late_only_beyond_the_threshold(late_ms: int, result: Result) -> None:
    verdict = delay.milestone_later_than_planned(service(PLANNED.event_ms + late_ms), 30)
    assert verdict.result is result


def test_a_late_milestone_says_how_late_and_on_what_that_rests() -> None:
    verdict = delay.milestone_later_than_planned(service(PLANNED.event_ms + 45 * MINUTE), 30)
    assert (verdict.observed, verdict.expected) == (45, 30)
    assert verdict.anchor_ms == PLANNED.event_ms
    assert [e.data["eventClassifier"] for e in verdict.evidence] == ["PLANNED", "ACTUAL"]
    assert verdict.text is not None
    assert verdict.text.en == (
        "Arrival at NLRTM was 45 min later than planned: 2026-01-01T10:45:00Z instead of 2026-01-01T10:00:00Z."
    )
    assert "45 分钟" in verdict.text.zh


@pytest.mark.parametrize(
    ("late_ms", "en", "zh"),
    [
        pytest.param(30_000, "0.5 min", "0.5 分钟", id="half-a-minute"),
        pytest.param(2 * HOUR, "120 min", "120 分钟", id="two-hours"),
        pytest.param(2 * HOUR + 6 * MINUTE, "2.1 h", "2.1 小时", id="over-two-hours"),
        pytest.param(2 * DAY, "48 h", "48 小时", id="two-days"),
    ],
)
def test_how_late_is_told_in_minutes_and_beyond_two_hours_in_hours(
    late_ms: int, en: str, zh: str
) -> None:
    said = wording.lasting(late_ms)
    assert (said.en, said.zh) == (en, zh)


def test_a_leg_says_what_it_took_in_hours() -> None:
    said = wording.longer("m1", "CNCAN-NLAMS", 50 * HOUR, 49 * HOUR)
    assert said.en == "Leg m1 (CNCAN-NLAMS) took 50 h, 60 min longer than the 49 h planned."
    assert said.zh == "运输段 m1（CNCAN-NLAMS）用时 50 小时，比计划的 49 小时多 60 分钟。"


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        (service(), ("actual",)),
        (service(START, planned=None), ("planned",)),
        (service(planned=None), ("planned", "actual")),
    ],
)
def test_without_plan_or_actual_lateness_is_not_evaluable(
    asked: Service, missing: tuple[str, ...]
) -> None:
    verdict = delay.milestone_later_than_planned(asked, 0)
    assert verdict.result is Result.NOT_EVALUABLE
    assert verdict.missing == missing


@pytest.mark.parametrize(
    ("late_ms", "result"),
    [
        pytest.param(60 * MINUTE, Result.NO_HIT, id="exactly-the-threshold"),
        pytest.param(60 * MINUTE + 1, Result.HIT, id="one-millisecond-over"),
    ],
)
def test_a_milestone_is_expected_late_only_beyond_the_threshold(
    late_ms: int, result: Result
) -> None:
    asked = service(estimated_ms=PLANNED.event_ms + late_ms)
    assert delay.milestone_expected_late(asked, 60).result is result


def test_what_has_happened_is_no_longer_expected_late() -> None:
    asked = service(PLANNED.event_ms, PLANNED.event_ms + 9 * HOUR)
    verdict = delay.milestone_expected_late(asked, 60)
    assert verdict.result is Result.NO_HIT
    assert verdict.reason == "the actual was reported"


@pytest.mark.parametrize(
    ("asked", "missing"),
    [(service(), ("estimated",)), (service(estimated_ms=START, planned=None), ("planned",))],
)
def test_without_plan_or_estimate_expectation_is_not_evaluable(
    asked: Service, missing: tuple[str, ...]
) -> None:
    verdict = delay.milestone_expected_late(asked, 0)
    assert verdict.result is Result.NOT_EVALUABLE
    assert verdict.missing == missing


def test_an_expected_delay_is_a_notice_and_what_happened_is_a_flag_that_stands_alone() -> None:
    expected = event("transport.arrived", PLANNED.event_ms + HOUR, classifier="ESTIMATED")
    happened = event("transport.arrived", PLANNED.event_ms + 2 * HOUR)
    (notice,) = assess("U1", ordered([PLANNED, expected]), (), Policy()).findings.values()
    assert (notice.rule_id, notice.notice, notice.score) == (delay.EXPECTED.id, True, 0)
    (flag,) = assess("U1", ordered([PLANNED, expected, happened]), (), Policy()).findings.values()
    assert (flag.rule_id, flag.notice) == (delay.LATER.id, False)
    assert flag.supersedes is None


def run(
    end_ms: int | None, *, planned_end_ms: int | None, start_ms: int | None = START
) -> LegTimes:
    return LegTimes(
        leg("m1"),
        "SEA",
        start_ms=start_ms,
        end=None if end_ms is None else event("transport.discharged", end_ms),
        planned_start_ms=start_ms,
        planned_end_ms=planned_end_ms,
    )


@pytest.mark.parametrize(
    ("took_ms", "result"),
    [
        pytest.param(10 * HOUR + 20 * MINUTE, Result.NO_HIT, id="exactly-the-threshold"),
        pytest.param(10 * HOUR + 20 * MINUTE + 1, Result.HIT, id="one-millisecond-over"),
    ],
)
def test_a_leg_is_longer_only_beyond_the_threshold(took_ms: int, result: Result) -> None:
    times = run(START + took_ms, planned_end_ms=START + 10 * HOUR)
    assert delay.leg_longer_than_planned(times, 20).result is result


@pytest.mark.parametrize(
    ("times", "missing"),
    [
        (run(None, planned_end_ms=START), ("actual end",)),
        (run(START, planned_end_ms=None), ("planned end",)),
        (run(START, planned_end_ms=START, start_ms=None), ("start", "planned start")),
    ],
)
def test_a_leg_that_runs_or_has_no_plan_is_not_evaluable(
    times: LegTimes, missing: tuple[str, ...]
) -> None:
    verdict = delay.leg_longer_than_planned(times, 0)
    assert verdict.result is Result.NOT_EVALUABLE
    assert verdict.missing == missing


def services_of(*events: Event) -> list[Service]:
    known, kept = ordered(events), KeptServices()
    for one in known:
        kept.take(one)
    return kept.services(Plan(), milestones(gather(known), Plan()))


def test_events_of_a_leg_are_services_of_that_leg_and_the_rest_are_milestones() -> None:
    found = services_of(
        event("transport.dep", START, classifier="PLANNED", leg="i1", place="c2k:1"),
        event("transport.dep", START + 1, leg="i1", place="c2k:1"),
        event("transport.dep", START + 2, leg="i2", place="c2k:1"),
        event("transport.departed", START + 3, place="CNYTN"),
        event("transport.nfd", START + 4, leg="i1"),
    )
    assert {one.anchor for one in found} == {
        "leg|i1|dep|c2k:1|",
        "leg|i2|dep|c2k:1|",
        "milestone|T5",
    }
    assert found[0].planned is not None
    assert found[0].actual is not None


def test_two_calls_of_a_leg_at_one_place_are_two_services() -> None:
    found = services_of(
        event("transport.dep", START, leg="i1", place="c2k:1", sequence=2),
        event("transport.dep", START + 1, leg="i1", place="c2k:1", sequence=4),
    )
    assert [one.anchor for one in found] == ["leg|i1|dep|c2k:1|2", "leg|i1|dep|c2k:1|4"]


def test_the_plan_and_the_estimate_recorded_last_count() -> None:
    (one,) = services_of(
        event("transport.arr", START + HOUR, classifier="PLANNED", leg="i1", recorded_ms=START + 2),
        event(
            "transport.arr", START + 2 * HOUR, classifier="PLANNED", leg="i1", recorded_ms=START + 1
        ),
        event(
            "transport.arr",
            START + 5 * HOUR,
            classifier="ESTIMATED",
            leg="i1",
            recorded_ms=START + 3,
        ),
        event(
            "transport.arr",
            START + 4 * HOUR,
            classifier="ESTIMATED",
            leg="i1",
            recorded_ms=START + 4,
        ),
    )
    assert one.planned is not None
    assert one.estimated is not None
    assert one.planned.event_ms == START + HOUR
    assert one.estimated.event_ms == START + 4 * HOUR


def test_one_delivery_by_air_is_asked_once() -> None:
    assert [one.anchor for one in services_of(event("transport.dlv", START))] == ["milestone|T14"]


def test_flag_ids_never_change() -> None:
    assert flag_id("leg-longer-than-planned", "c2k:1", "leg|i1") == (
        "2bc950d0-9b98-5943-a74c-b0107fa27a0f"
    )
    assert flag_id("a", "bc", "d") != flag_id("ab", "c", "d")


@pytest.mark.parametrize(
    ("severity", "weight", "excess", "points"),
    [
        ("LOW", 1.0, 0, 20),
        ("MEDIUM", 1.0, 0.5, 50),
        ("CRITICAL", 1.0, 1, 100),
        ("HIGH", 0.5, 0.5, 35),
        ("HIGH", 3.0, 0.5, 100),
    ],
)
def test_the_score_is_what_its_formula_says(
    severity: Severity, weight: float, excess: float, points: int
) -> None:
    assert score(severity, weight, excess) == points


def test_every_rule_of_the_family_reads_only_types_that_exist() -> None:
    assert set(TYPES) >= USED_TYPES


@pytest.mark.parametrize("asked", delay.RULES, ids=lambda asked: str(asked.rule.id))
def test_every_rule_of_delays_has_a_page_with_its_question_and_an_example(
    asked: Asked[JourneyView],
) -> None:
    rule = asked.rule
    page = (PAGES / f"{rule.id}.md").read_text(encoding="utf-8")
    assert f"**Question.** {rule.question}" in page
    assert "**Source.**" in page
    assert "**Example**" in page
