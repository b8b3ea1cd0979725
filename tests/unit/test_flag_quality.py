"""What lanes count of a flag: whether it was right, whether it was answered and when."""

from typing import Any

import pytest

from sstl.agents.topics import UPSTREAM
from sstl.core.lanes import LanesStage
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.indicator import Indicator, net_content
from sstl.models.records import Measure, Observation, Subject, Succeeds
from tests.flag_records import ANCHOR, FLAG_ID, HOUR, OTHER_ID, feedback, finding
from tests.flag_run import POLICY, Flags, Told, beat

pytestmark = pytest.mark.unit

DUE = ANCHOR + 48 * HOUR
BEFORE_DUE = beat(DUE + 59_999)
AT_DUE = beat(DUE + 60_000)
RAISED = finding()
CLEARED = finding("CLEARED")
CONFIRMED = feedback(outcome="CONFIRMED")
NAMES = {
    "flag_precision": "right",
    "flag_feedback_rate": "answered",
    "flag_feedback_late_share": "late",
    "flag_too_late_share": "too late",
    "flag_feedback_delay": "delay",
}


def told(*messages: Told) -> list[Observation]:
    """Return what the lane is told of messages, in order."""
    flags = Flags()
    return [
        output.message
        for message in messages
        for output in flags.fold(message).outputs
        if output.topic == "observations"
    ]


def counted(*messages: Told) -> dict[str, Measure]:
    """Return what counts in the end; each message must take back what the one before said."""
    last: dict[str, Measure | None] = {}
    for one in told(*messages):
        assert last.get(one.id) == one.previous
        last[one.id] = one.current
    return {name: measure for name, measure in last.items() if measure is not None}


def values(*messages: Told) -> dict[str, int]:
    """Return what counts of the flag in the end, by a short name; the delay in hours."""
    found = {}
    for name, measure in counted(*messages).items():
        indicator, _, flag_id = name.partition("|")
        assert flag_id in (FLAG_ID, OTHER_ID)
        by = HOUR if indicator == "flag_feedback_delay" else 1
        found[NAMES[indicator]] = measure.value_ms // by
    return found


ANSWERED = {"answered": 1, "late": 0, "too late": 0, "delay": 1}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([RAISED], {}, id="nobody-has-to-have-answered-yet"),
        pytest.param([RAISED, BEFORE_DUE], {}, id="its-time-is-not-over"),
        pytest.param([RAISED, AT_DUE], {"answered": 0}, id="its-time-is-over"),
        pytest.param([AT_DUE, RAISED], {"answered": 0}, id="found-when-its-time-was-over"),
        pytest.param([RAISED, CONFIRMED], ANSWERED | {"right": 1}, id="confirmed"),
        pytest.param([CONFIRMED, RAISED], ANSWERED | {"right": 1}, id="answered-before-it-came"),
        pytest.param([RAISED, CONFIRMED, AT_DUE], ANSWERED | {"right": 1}, id="answered-in-time"),
        pytest.param(
            [RAISED, feedback(outcome="NOT_CONFIRMED")], ANSWERED | {"right": 0}, id="not-confirmed"
        ),
        pytest.param([RAISED, feedback()], ANSWERED, id="inconclusive-is-neither-right-nor-wrong"),
        pytest.param(
            [RAISED, feedback(outcome=None, actionTaken="ALREADY_RELEASED")],
            ANSWERED | {"too late": 1},
            id="released-already",
        ),
        pytest.param(
            [RAISED, feedback(outcome=None, actionTaken="NOT_ARRIVED")],
            ANSWERED | {"too late": 1},
            id="never-arrived",
        ),
        pytest.param(
            [RAISED, feedback(outcome=None, actionTaken="CONTROL_NOT_DONE")],
            ANSWERED,
            id="no-control",
        ),
        pytest.param(
            [RAISED, AT_DUE, feedback(recorded_ms=DUE, outcome="CONFIRMED")],
            {"answered": 1, "late": 0, "too late": 0, "delay": 48, "right": 1},
            id="recorded-when-it-was-due",
        ),
        pytest.param(
            [RAISED, AT_DUE, feedback(recorded_ms=DUE + 1, outcome="CONFIRMED")],
            {"answered": 1, "late": 1, "too late": 0, "delay": 48, "right": 1},
            id="recorded-a-millisecond-later",
        ),
        pytest.param(
            [RAISED, CONFIRMED, feedback("f2", ANCHOR + 3 * HOUR, outcome="NOT_CONFIRMED")],
            ANSWERED | {"right": 0, "delay": 3},
            id="a-later-feedback-replaces",
        ),
        pytest.param(
            [RAISED, feedback("f2", ANCHOR + 3 * HOUR, outcome="NOT_CONFIRMED"), CONFIRMED],
            ANSWERED | {"right": 0, "delay": 3},
            id="an-earlier-one-that-comes-late-does-not",
        ),
        pytest.param(
            [RAISED, CONFIRMED, feedback(recorded_ms=ANCHOR + 2 * HOUR, retracted=True)],
            {},
            id="retracted",
        ),
        pytest.param(
            [RAISED, CONFIRMED, AT_DUE, feedback(recorded_ms=ANCHOR + 2 * HOUR, retracted=True)],
            {"answered": 0},
            id="retracted-when-its-time-was-over",
        ),
        pytest.param([RAISED, CLEARED, AT_DUE], {}, id="withdrawn-asks-for-no-answer"),
        pytest.param([RAISED, AT_DUE, CLEARED], {}, id="withdrawn-when-its-time-was-over"),
        pytest.param(
            [RAISED, CONFIRMED, CLEARED], ANSWERED | {"right": 1}, id="corrected-was-issued"
        ),
        pytest.param(
            [RAISED, CLEARED, CONFIRMED], ANSWERED | {"right": 1}, id="answered-after-withdrawal"
        ),
    ],
)
def test_what_counts_of_a_flag(messages: list[Told], expected: dict[str, int]) -> None:
    assert values(*messages) == expected


def test_a_flag_counts_where_and_when_it_was_issued() -> None:
    for measure in counted(RAISED, CONFIRMED).values():
        assert (measure.lane_id, measure.mode) == ("CNSHG-NLRTM-SEA", "SEA")
        assert measure.start_ms == ANCHOR
        assert measure.strata == {"rule": "leg-late", "severity": "MEDIUM", "standing": "HOLDS"}


def test_an_answered_flag_that_is_no_longer_found_is_told_apart() -> None:
    found = counted(RAISED, CONFIRMED, CLEARED)
    assert {measure.strata["standing"] for measure in found.values()} == {"TAKEN_BACK"}


def test_a_graver_flag_counts_by_what_it_is_now() -> None:
    found = counted(RAISED, CONFIRMED, finding("CHANGED", severity="HIGH"))
    assert {measure.strata["severity"] for measure in found.values()} == {"HIGH"}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"mode": "shadow"}, id="in-shadow"),
        pytest.param({"notice": True}, id="a-notice"),
        pytest.param({"supervisors": True}, id="for-supervisors-only"),
        pytest.param(
            {"subject": Subject(equipment_reference="CSQU3054383")}, id="of-no-known-lane"
        ),
    ],
)
def test_what_is_no_risk_flag_of_a_lane_does_not_count(other: dict[str, Any]) -> None:
    assert told(finding(**other), CONFIRMED, AT_DUE) == []


def test_a_flag_that_moves_into_shadow_counts_no_more() -> None:
    assert counted(RAISED, CONFIRMED, finding("CHANGED", mode="shadow")) == {}


def test_answers_count_once_where_one_flag_follows_another() -> None:
    heir = finding(flag_id=OTHER_ID, supersedes=FLAG_ID)
    succeeds = Succeeds(heir=OTHER_ID, keep_ms=DUE)
    flags = Flags()
    messages: list[Told] = [RAISED, CONFIRMED, (FLAG_ID, succeeds), heir, CLEARED]
    last: dict[str, Measure | None] = {}
    while messages:
        for output in flags.fold(messages.pop(0)).outputs:
            if output.topic == "observations":
                last[output.key] = output.message.current
            elif output.topic == "findings":
                messages.append((output.key, output.message))
    holding = {name for name, measure in last.items() if measure is not None}
    assert holding == {f"{indicator}|{OTHER_ID}" for indicator in NAMES}


def test_nothing_is_told_twice() -> None:
    assert told(RAISED, CONFIRMED, CONFIRMED, RAISED, AT_DUE, AT_DUE) == told(RAISED, CONFIRMED)


def test_a_lane_publishes_the_quality_of_its_flags() -> None:
    here = Context(0, frozenset({"flags-of-nobody"}))
    state = MemoryState()
    records = [Inbound(one.id, one) for one in told(RAISED, CONFIRMED, CLEARED)]
    state.apply(LanesStage().fold(state, records, POLICY, here).changed)
    published = {
        output.key: output.message for output in LanesStage().tick(state, POLICY, here).outputs
    }
    series = "flag_precision|flag|CNSHG-NLRTM-SEA|SEA|{}|TOTAL"
    whole = published[series.format("")]
    assert isinstance(whole, Indicator)
    assert (whole.n, whole.k, whole.share) == (1, 1, 1.0)
    assert net_content(whole) is None
    assert published[series.format("standing=TAKEN_BACK")].k == 1
    assert published["flag_feedback_delay|flag|CNSHG-NLRTM-SEA|SEA||TOTAL"].mean == 3600.0


def test_no_watermark_of_lanes_waits_for_the_quality_of_flags() -> None:
    assert "flags" not in UPSTREAM["lanes"]
    assert "lanes" not in UPSTREAM["flags"]
