from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sstl.core.rules import times
from sstl.core.rules.base import Result
from sstl.models.records import Event
from tests.journey_events import HOUR, START, event, share
from tests.journey_views import answers, by_id, journey, policy, results, the_hit

pytestmark = pytest.mark.unit
HIT, NO_HIT, NOT = Result.HIT, Result.NO_HIT, Result.NOT_EVALUABLE
RULES = by_id(times.RULES)
OUT, IN = "CNYTN", "NLRTM"
CARRIER = "urn:sstl:NLRTM:carrier"


def at(code: str, hours: float, **more: Any) -> Event:
    """Report a milestone so many hours after the start."""
    kind, place = {
        "T2": ("transport.gated_in", OUT),
        "T4": ("transport.loaded", OUT),
        "T5": ("transport.departed", OUT),
        "T6": ("transport.arrived", IN),
        "T7": ("transport.discharged", IN),
        "T14": ("transport.gated_out", IN),
        "T15": ("transport.stripped", IN),
        "bond in": ("bond.entered", IN),
        "bond out": ("bond.left", IN),
    }[code]
    return event(kind, START + int(hours * HOUR), place=place, **more)


def stages(*found: Mapping[str, Any], **lane: Any) -> dict[str, Any]:
    return {"stages": list(found), **lane}


TRANSIT = {"start": "T5", "end": "T6", "limit_hours": 100}
WATCHED = stages(TRANSIT, publishers={"T6": CARRIER})


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([at("T5", 0), at("T6", 99)], [NO_HIT], id="in-time"),
        pytest.param([at("T5", 0), at("T6", 100)], [NO_HIT], id="exactly-at-the-limit"),
        pytest.param([at("T5", 0), at("T6", 100.001)], [HIT], id="a-little-later"),
        pytest.param([at("T5", 0)], [HIT], id="not-arrived-at-all"),
        pytest.param(
            [at("T5", 0), at("T7", 90)], [NO_HIT], id="discharged-in-time-so-it-had-arrived-in-time"
        ),
        pytest.param([at("T5", 0), at("T7", 110)], [NOT], id="discharged-later-so-nobody-knows"),
        pytest.param([at("T6", 90)], [NOT], id="arrived-but-never-departed"),
        pytest.param([at("T2", 0)], [], id="not-yet-departed"),
        pytest.param(
            [at("T5", 0), at("T6", 50, classifier="ESTIMATED")],
            [HIT],
            id="an-estimate-is-no-arrival",
        ),
    ],
)
def test_a_milestone_is_due_within_the_lanes_limit(
    events: Sequence[Event], expected: list[Result]
) -> None:
    verdicts = answers(
        RULES["milestone-overdue"], journey(*events, by=policy(lane=stages(TRANSIT)))
    )
    assert results(verdicts) == expected
    if expected == [HIT]:
        found = the_hit(verdicts)
        assert (found.anchor, found.anchor_ms) == ("T5-T6", START + 100 * HOUR)


def test_a_milestone_is_overdue_from_its_deadline_on() -> None:
    seen = journey(at("T5", 0), by=policy(lane=stages(TRANSIT)))
    (before,) = answers(RULES["milestone-overdue"], seen, as_of_ms=START + 100 * HOUR - 1)
    assert (before.result, before.due_ms) == (NO_HIT, START + 100 * HOUR)
    (after,) = answers(RULES["milestone-overdue"], seen, as_of_ms=START + 100 * HOUR)
    assert (after.result, after.governed_ms) == (HIT, START)
    assert after.text is not None
    assert after.text.en == (
        "No arrival (T6) within 100 h after departure (T5) at 2026-01-01T00:00:00Z."
    )


@pytest.mark.parametrize(
    ("heard_hours", "as_of_hours", "expected"),
    [
        pytest.param(99, 100, NOT, id="silent-at-the-deadline-and-since"),
        pytest.param(None, 500, NOT, id="never-heard-of"),
        pytest.param(100, 100, HIT, id="heard-of-at-the-deadline"),
        pytest.param(300, 300, HIT, id="heard-of-later"),
    ],
)
def test_absence_that_a_silent_publisher_explains_is_not_evaluable(
    heard_hours: int | None, as_of_hours: int, expected: Result
) -> None:
    heard = {} if heard_hours is None else {CARRIER: START + heard_hours * HOUR}
    seen = journey(at("T5", 0), by=policy(lane=WATCHED), publishers=heard)
    (verdict,) = answers(RULES["milestone-overdue"], seen, as_of_ms=START + as_of_hours * HOUR)
    assert verdict.result is expected
    if expected is NOT:
        assert verdict.missing == ("publisher of T6 silent",)


def test_before_the_deadline_silence_does_not_hide_it() -> None:
    seen = journey(at("T5", 0), by=policy(lane=WATCHED))
    (verdict,) = answers(RULES["milestone-overdue"], seen, as_of_ms=START)
    assert (verdict.result, verdict.due_ms) == (NO_HIT, START + 100 * HOUR)
    assert seen.awaited == {}


def test_only_what_the_lane_limits_is_asked() -> None:
    seen = journey(at("T5", 0), by=policy(lane=stages({"start": "T5", "end": "T6"})))
    assert answers(RULES["milestone-overdue"], seen) == []
    customs = stages({"start": "T6", "end": "T13", "limit_hours": 1})
    seen = journey(at("T6", 0), by=policy(lane=customs))
    assert answers(RULES["milestone-overdue"], seen) == []
    (unknown,) = answers(RULES["milestone-overdue"], journey(at("T5", 0), shares=()))
    assert unknown.missing == ("policy.lane",)


RELEASE = stages({"start": "T6", "end": "T13", "limit_hours": 48})


def customs(kind: str, hours: float, **more: Any) -> Event:
    return event(kind, START + int(hours * HOUR), place=IN, **more)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [at("T6", 0), customs("transport.ccd", 48)], [NO_HIT], id="exactly-at-the-limit"
        ),
        pytest.param([at("T6", 0), customs("transport.ccd", 48.001)], [HIT], id="a-little-later"),
        pytest.param(
            [at("T6", 0), customs("transport.crc", 2)], [HIT], id="reported-but-not-cleared"
        ),
        pytest.param(
            [at("T6", 0), customs("inspection.released", 49, side="IMPORT")],
            [HIT],
            id="released-late",
        ),
        pytest.param([customs("transport.ccd", 2)], [NOT], id="cleared-but-never-arrived"),
        pytest.param(
            [at("T6", 0), customs("transport.crc", 2), at("T14", 70)],
            [NOT],
            id="gone-without-release",
        ),
        pytest.param([at("T6", 0)], [], id="its-own-reports-carry-no-customs"),
    ],
)
def test_a_unit_that_reports_its_own_clearance_is_released_in_time(
    events: Sequence[Event], expected: list[Result]
) -> None:
    verdicts = answers(RULES["unit-release-overdue"], journey(*events, by=policy(lane=RELEASE)))
    assert results(verdicts) == expected


def test_the_release_of_a_known_consignment_is_judged_with_the_consignment() -> None:
    events = (at("T6", 0), customs("transport.ccd", 900))
    seen = journey(*events, shares=(share(consignments=("H1",)),), by=policy(lane=RELEASE))
    assert answers(RULES["unit-release-overdue"], seen) == []


def test_without_a_limit_of_the_lane_release_has_its_own() -> None:
    for hours, result in ((168, NO_HIT), (168.001, HIT)):
        seen = journey(at("T6", 0), customs("transport.ccd", hours))
        assert results(answers(RULES["unit-release-overdue"], seen)) == [result]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([at("T2", 0), at("T4", 336)], [NO_HIT], id="loaded-exactly-at-the-limit"),
        pytest.param([at("T2", 0), at("T4", 336.001)], [HIT], id="loaded-later"),
        pytest.param([at("T2", 0)], [HIT], id="still-in-the-terminal-of-loading"),
        pytest.param(
            [at("T2", 0), at("T5", 300)], [NO_HIT], id="departed-in-time-loading-unreported"
        ),
        pytest.param([at("T2", 0), at("T5", 400)], [NOT], id="departed-late-loading-unreported"),
        pytest.param([at("T7", 0), at("T14", 504)], [NO_HIT], id="gone-exactly-at-the-limit"),
        pytest.param([at("T7", 0), at("T14", 504.001)], [HIT], id="gone-later"),
        pytest.param([at("T7", 0)], [HIT], id="still-in-the-terminal-of-unloading"),
        pytest.param(
            [at("bond in", 0, warehouseId="W1"), at("bond out", 2160, warehouseId="W1")],
            [NO_HIT],
            id="90-days-in-bond",
        ),
        pytest.param(
            [at("bond in", 0, warehouseId="W1"), at("bond out", 2160.001, warehouseId="W1")],
            [HIT],
            id="longer-in-bond",
        ),
        pytest.param(
            [at("bond in", 0, warehouseId="W1"), at("bond out", 9, warehouseId="W2")],
            [HIT],
            id="it-left-another-warehouse",
        ),
        pytest.param(
            [at("bond in", 0, warehouseId="W1"), at("bond out", 9)], [NO_HIT], id="left-some"
        ),
        pytest.param([at("bond in", 0)], [HIT], id="still-in-bond"),
        pytest.param([at("T5", 0)], [], id="never-inside"),
    ],
)
def test_a_unit_stays_inside_no_longer_than_allowed(
    events: Sequence[Event], expected: list[Result]
) -> None:
    verdicts = answers(RULES["dwell-exceeded"], journey(*events))
    assert results(verdicts) == expected
    if expected == [HIT]:
        the_hit(verdicts)


def test_a_stay_is_too_long_from_its_deadline_on() -> None:
    seen = journey(at("T7", 0))
    (before,) = answers(RULES["dwell-exceeded"], seen, as_of_ms=START + 504 * HOUR - 1)
    assert (before.result, before.due_ms) == (NO_HIT, START + 504 * HOUR)
    found = the_hit(answers(RULES["dwell-exceeded"], seen, as_of_ms=START + 504 * HOUR))
    assert found.text is not None
    assert found.text.en == (
        "Still in the terminal of unloading at NLRTM 504 h after 2026-01-01T00:00:00Z."
    )


def test_the_lanes_own_limit_of_a_stay_comes_first() -> None:
    lane = stages({"start": "T7", "end": "T14", "limit_hours": 96})
    for hours, result in ((96, NO_HIT), (96.001, HIT)):
        seen = journey(at("T7", 0), at("T14", hours), by=policy(lane=lane))
        assert results(answers(RULES["dwell-exceeded"], seen)) == [result]


def test_a_stay_whose_end_a_silent_publisher_would_report_is_not_evaluable() -> None:
    by = policy(lane={"publishers": {"T14": CARRIER}})
    (unknown,) = answers(RULES["dwell-exceeded"], journey(at("T7", 0), by=by))
    assert (unknown.result, unknown.missing) == (NOT, ("publisher of T14 silent",))
    heard = {CARRIER: START + 504 * HOUR}
    assert results(
        answers(RULES["dwell-exceeded"], journey(at("T7", 0), by=by, publishers=heard))
    ) == [HIT]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [at("T4", 0), at("T5", 5), at("T6", 90), at("T7", 95)], [NO_HIT], id="in-order"
        ),
        pytest.param([at("T4", 0), at("T7", -1)], [NO_HIT], id="an-hour-early-is-tolerated"),
        pytest.param([at("T4", 0), at("T7", -2)], [NO_HIT], id="exactly-the-tolerance"),
        pytest.param([at("T4", 0), at("T7", -2.001)], [HIT], id="discharged-before-it-was-loaded"),
        pytest.param([at("T7", 0), at("T14", -3)], [HIT], id="gone-before-it-was-discharged"),
        pytest.param([at("T6", 0), at("T7", -9), at("T14", -20)], [HIT, HIT], id="twice-wrong"),
        pytest.param(
            [at("T14", 0), at("T15", -9)], [NOT], id="stripped-in-the-terminal-is-possible"
        ),
        pytest.param([at("T4", 0)], [NOT], id="only-one-is-known"),
        pytest.param([event("seallock.armed", START)], [], id="none-is-known"),
    ],
)
def test_milestones_follow_each_other(events: Sequence[Event], expected: list[Result]) -> None:
    verdicts = answers(RULES["sequence-impossible"], journey(*events))
    assert results(verdicts) == expected
    if expected == [HIT]:
        the_hit(verdicts)


def test_an_impossible_sequence_says_which_and_by_how_much() -> None:
    found = the_hit(answers(RULES["sequence-impossible"], journey(at("T4", 0), at("T7", -5))))
    assert (found.anchor, found.observed, found.expected) == ("T4-T7", 300, 120)
    assert found.text is not None
    assert found.text.en == (
        "Discharge (T7) is reported 300 min before loading (T4): 2025-12-31T19:00:00Z and 2026-01-01T00:00:00Z."
    )


LEARNT = {"start": "T5", "end": "T6", "learnt_low_hours": 600, "learnt_high_hours": 700}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([at("T5", 0), at("T6", 650)], [NO_HIT], id="usual"),
        pytest.param([at("T5", 0), at("T6", 600)], [NO_HIT], id="exactly-the-lower-bound"),
        pytest.param([at("T5", 0), at("T6", 599.999)], [HIT], id="faster-than-ever"),
        pytest.param([at("T5", 0), at("T6", 700)], [NO_HIT], id="exactly-the-upper-bound"),
        pytest.param([at("T5", 0), at("T6", 700.001)], [HIT], id="slower-than-ever"),
        pytest.param([at("T6", 650)], [NOT], id="departure-unknown"),
        pytest.param([at("T5", 0)], [], id="still-running"),
    ],
)
def test_a_stage_takes_what_it_takes_on_the_lane(
    events: Sequence[Event], expected: list[Result]
) -> None:
    verdicts = answers(
        RULES["stage-outside-range"], journey(*events, by=policy(lane=stages(LEARNT)))
    )
    assert results(verdicts) == expected
    if expected == [HIT]:
        the_hit(verdicts)


@pytest.mark.parametrize(
    ("bounds", "hours", "expected"),
    [
        pytest.param({"learnt_low_hours": 10}, 9, [HIT], id="below-the-only-bound"),
        pytest.param({"learnt_low_hours": 10}, 900, [NO_HIT], id="no-upper-bound"),
        pytest.param({"learnt_high_hours": 10}, 11, [HIT], id="above-the-only-bound"),
        pytest.param({"learnt_high_hours": 10}, 1, [NO_HIT], id="no-lower-bound"),
        pytest.param(
            {"learnt_low_hours": 5, "learnt_high_hours": 5}, 4, [HIT], id="below-one-value"
        ),
        pytest.param({}, 9, [], id="nothing-learnt"),
    ],
)
def test_one_bound_alone_is_a_range(
    bounds: dict[str, float], hours: float, expected: list[Result]
) -> None:
    lane = stages({"start": "T5", "end": "T6", **bounds})
    seen = journey(at("T5", 0), at("T6", hours), by=policy(lane=lane))
    assert results(answers(RULES["stage-outside-range"], seen)) == expected


def test_nothing_is_learnt_of_a_lane_that_is_not_known() -> None:
    assert answers(RULES["stage-outside-range"], journey(at("T5", 0), shares=())) == []


def test_the_limit_is_that_of_the_policy_that_governed_the_start() -> None:
    strict = policy(lane=stages(TRANSIT))
    begins = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=1)
    loose = policy(lane=stages({**TRANSIT, "limit_hours": 500})).model_copy(
        update={"valid_from": begins, "version": "2"}
    )
    both = loose.after(strict)
    for departed, result in ((0, HIT), (2, NO_HIT)):
        seen = journey(at("T5", departed), at("T6", 300), by=strict)
        assert results(answers(RULES["milestone-overdue"], seen, by=both)) == [result]
