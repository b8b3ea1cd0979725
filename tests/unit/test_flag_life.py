"""Every state of a risk flag and everything that can be said in it: what is published."""

from typing import Any

import pytest

from sstl.core import wakeups
from tests.flag_records import ANCHOR, FLAG_ID, HOUR, OTHER_ID, action, feedback, finding
from tests.flag_run import Flags, Told, beat, flag_of, published, statuses

END = ANCHOR + 720 * HOUR
BEFORE_END = beat(END + 59_999)
AT_END = beat(END + 60_000)

RAISED = finding()
GRAVER = finding("CHANGED", score=60, severity="HIGH")
CLEARED = finding("CLEARED")
ACKNOWLEDGED = action("acknowledged", "ack")
CLOSED = action("closed", "close", ANCHOR + 2 * HOUR)
REOPENED = action("reopened", "reopen", ANCHOR + 3 * HOUR)
SNOOZED = action("snoozed", "snooze", ANCHOR + 2 * HOUR)
UNSNOOZED = action("unsnoozed", "unsnooze", ANCHOR + 3 * HOUR)
CONFIRMED = feedback("f1", outcome="CONFIRMED")
INCONCLUSIVE = feedback("f1")

# What was said before -> what is said now -> what is published of it.
STATES: dict[str, tuple[list[Told], dict[str, list[str]]]] = {
    "unknown": (
        [],
        {
            "raised": ["ISSUED"],
            "graver": ["ISSUED"],
            "cleared": [],
            "acknowledged": [],
            "closed": [],
            "reopened": [],
            "snoozed": [],
            "unsnoozed": [],
            "confirmed": [],
            "inconclusive": [],
            "end of validity": [],
        },
    ),
    "open": (
        [RAISED],
        {
            "raised": [],
            "graver": ["UPDATED"],
            "cleared": ["WITHDRAWN"],
            "acknowledged": ["UPDATED"],
            "closed": ["CLOSED"],
            "reopened": [],
            "snoozed": ["UPDATED"],
            "unsnoozed": [],
            "confirmed": ["CLOSED"],
            "inconclusive": ["UPDATED"],
            "end of validity": ["EXPIRED"],
        },
    ),
    "open, acknowledged": (
        [RAISED, ACKNOWLEDGED],
        {
            "raised": [],
            "graver": ["UPDATED"],
            "cleared": ["CORRECTED"],
            "acknowledged": [],
            "closed": ["CLOSED"],
            "reopened": [],
            "snoozed": ["UPDATED"],
            "unsnoozed": [],
            "confirmed": ["CLOSED"],
            "inconclusive": ["UPDATED"],
            "end of validity": ["EXPIRED"],
        },
    ),
    "open, snoozed": (
        [RAISED, SNOOZED],
        {
            "raised": [],
            "graver": ["UPDATED"],
            "cleared": ["WITHDRAWN"],
            "acknowledged": ["UPDATED"],
            "closed": ["CLOSED"],
            "reopened": [],
            "snoozed": [],
            "unsnoozed": ["UPDATED"],
            "confirmed": ["CLOSED"],
            "inconclusive": ["UPDATED"],
            "end of validity": ["EXPIRED"],
        },
    ),
    "closed by an operator": (
        [RAISED, CLOSED],
        {
            "raised": [],
            "graver": ["CLOSED"],
            "cleared": ["CORRECTED"],
            "acknowledged": ["CLOSED"],
            "closed": [],
            "reopened": ["UPDATED"],
            "snoozed": ["CLOSED"],
            "unsnoozed": [],
            "confirmed": ["CLOSED"],
            "inconclusive": ["CLOSED"],
            "end of validity": [],
        },
    ),
    "closed by feedback": (
        [RAISED, CONFIRMED],
        {
            "raised": [],
            "graver": ["CLOSED"],
            "cleared": ["CORRECTED"],
            "acknowledged": ["CLOSED"],
            "closed": ["CLOSED"],
            "reopened": ["UPDATED"],
            "snoozed": ["CLOSED"],
            "unsnoozed": [],
            "confirmed": [],
            "end of validity": [],
        },
    ),
    "expired": (
        [RAISED, AT_END],
        {
            "raised": [],
            "graver": ["EXPIRED"],
            "cleared": ["WITHDRAWN"],
            "acknowledged": ["EXPIRED"],
            "closed": ["CLOSED"],
            "reopened": [],
            "snoozed": ["EXPIRED"],
            "unsnoozed": [],
            "confirmed": ["CLOSED"],
            "inconclusive": ["EXPIRED"],
            "end of validity": [],
        },
    ),
    "withdrawn": (
        [RAISED, CLEARED],
        {
            "raised": ["UPDATED"],
            "graver": ["UPDATED"],
            "cleared": [],
            "acknowledged": ["CORRECTED"],
            "closed": ["CORRECTED"],
            "reopened": ["CORRECTED"],
            "snoozed": ["WITHDRAWN"],
            "unsnoozed": [],
            "confirmed": ["CORRECTED"],
            "inconclusive": ["CORRECTED"],
            "end of validity": [],
        },
    ),
    "corrected": (
        [RAISED, ACKNOWLEDGED, CLEARED],
        {
            "raised": ["UPDATED"],
            "graver": ["UPDATED"],
            "cleared": [],
            "acknowledged": [],
            "closed": ["CORRECTED"],
            "reopened": [],
            "snoozed": ["CORRECTED"],
            "unsnoozed": [],
            "confirmed": ["CORRECTED"],
            "inconclusive": ["CORRECTED"],
            "end of validity": [],
        },
    ),
}
INPUTS: dict[str, Told] = {
    "raised": RAISED,
    "graver": GRAVER,
    "cleared": CLEARED,
    "acknowledged": ACKNOWLEDGED,
    "closed": CLOSED,
    "reopened": REOPENED,
    "snoozed": SNOOZED,
    "unsnoozed": UNSNOOZED,
    "confirmed": CONFIRMED,
    "inconclusive": INCONCLUSIVE,
    "end of validity": AT_END,
}
CASES = [
    pytest.param(before, INPUTS[said], expected, id=f"{state}: {said}")
    for state, (before, answers) in STATES.items()
    for said, expected in answers.items()
]


@pytest.mark.parametrize(("before", "said", "expected"), CASES)
def test_what_is_published(before: list[Told], said: Told, expected: list[str]) -> None:
    flags = Flags()
    flags.publish(*before)
    assert [record.status for record in flags.publish(said)] == expected


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param(
            [RAISED, BEFORE_END], ["ISSUED"], id="a-millisecond-before-the-minute-is-over"
        ),
        pytest.param([RAISED, AT_END], ["ISSUED", "EXPIRED"], id="exactly-when-the-minute-is-over"),
        pytest.param([AT_END, RAISED], ["ISSUED", "EXPIRED"], id="found-after-its-validity"),
        pytest.param(
            [RAISED, AT_END, finding("CHANGED", valid_to_ms=END + HOUR)],
            ["ISSUED", "EXPIRED", "UPDATED"],
            id="its-validity-was-extended",
        ),
        pytest.param(
            [RAISED, finding("CHANGED", valid_to_ms=END + HOUR), AT_END, beat(END + 2 * HOUR)],
            ["ISSUED", "UPDATED", "EXPIRED"],
            id="extended-in-time",
        ),
        pytest.param(
            [RAISED, finding("CHANGED", valid_to_ms=END - HOUR), beat(END - HOUR + 60_000)],
            ["ISSUED", "UPDATED", "EXPIRED"],
            id="shortened",
        ),
        pytest.param(
            [RAISED, AT_END, CLOSED, REOPENED],
            ["ISSUED", "EXPIRED", "CLOSED", "EXPIRED"],
            id="reopened-after-its-validity",
        ),
    ],
)
def test_a_flag_expires_when_the_watermark_has_passed_its_validity(
    messages: list[Told], expected: list[str]
) -> None:
    assert statuses(messages) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param({"outcome": "CONFIRMED"}, "CLOSED", id="confirmed"),
        pytest.param({"outcome": "NOT_CONFIRMED"}, "CLOSED", id="not-confirmed"),
        pytest.param({"outcome": "INCONCLUSIVE"}, "UPDATED", id="inconclusive"),
        pytest.param({"outcome": None}, "UPDATED", id="control-done-without-an-outcome"),
        pytest.param(
            {"actionTaken": "CONTROL_NOT_DONE", "outcome": None}, "UPDATED", id="control-not-done"
        ),
        pytest.param({"actionTaken": "NOT_ARRIVED", "outcome": None}, "UPDATED", id="not-arrived"),
        pytest.param(
            {"actionTaken": "ALREADY_RELEASED", "outcome": None}, "CLOSED", id="already-released"
        ),
        pytest.param(
            {"outcome": "INCONCLUSIVE", "closedAt": "2024-05-01T01:00:00Z"},
            "CLOSED",
            id="the-office-says-it-is-closed",
        ),
    ],
)
def test_which_final_feedback_closes_a_flag(data: dict[str, Any], expected: str) -> None:
    assert statuses([RAISED, feedback("f1", **data)])[-1] == expected


@pytest.mark.parametrize(
    ("answers", "closed"),
    [
        pytest.param(
            [CONFIRMED, feedback("f2", ANCHOR + 5 * HOUR)],
            False,
            id="a-later-feedback-is-inconclusive",
        ),
        pytest.param([feedback("f2", ANCHOR), CONFIRMED], True, id="an-earlier-one-was"),
        pytest.param([REOPENED, CLOSED], False, id="reopened-after-it-was-closed"),
        pytest.param(
            [action("reopened", "r", ANCHOR), CLOSED], True, id="closed-after-a-reopening"
        ),
        pytest.param([CONFIRMED, REOPENED], False, id="reopened-after-feedback"),
        pytest.param(
            [REOPENED, feedback("f1", ANCHOR + 4 * HOUR, outcome="CONFIRMED")],
            True,
            id="confirmed-after-the-reopening",
        ),
        pytest.param(
            [
                CLOSED,
                action("closed", "close", ANCHOR + 2 * HOUR, recorded_ms=END, retracted=True),
            ],
            False,
            id="the-closing-was-retracted",
        ),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_the_last_decision_counts_in_any_order_of_arrival(
    answers: list[Told], *, closed: bool, backwards: bool
) -> None:
    order = list(reversed(answers)) if backwards else answers
    assert (flag_of(RAISED, *order).closed is not None) == closed


def test_answers_that_came_before_the_flag_count_and_the_flag_is_still_issued_first() -> None:
    assert statuses([CLOSED, ACKNOWLEDGED, RAISED]) == ["ISSUED", "CLOSED"]
    outcome = Flags().fold(CLOSED, INCONCLUSIVE)
    assert outcome.counts[("action_before_flag", "")] == 1
    assert outcome.counts[("feedback_before_flag", "")] == 1


def test_a_flag_says_who_works_on_it_and_what_closed_it() -> None:
    later = action("acknowledged", "ack2", ANCHOR + 2 * HOUR, author="p:f")
    flag = flag_of(RAISED, later, action("acknowledged", "ack", office="NLRTM1"), CLOSED)
    assert flag.acknowledged is not None
    assert flag.closed is not None
    assert (flag.acknowledged.action_id, flag.acknowledged.office) == ("ack", "NLRTM1")
    assert flag.acknowledged.by == "p:0123456789abcdef01234567"
    assert (flag.closed.action_id, flag.closed.reason) == ("close", "seen")
    by_feedback = flag_of(RAISED, CONFIRMED).closed
    assert by_feedback is not None
    assert (by_feedback.feedback_id, by_feedback.by) == ("f1", None)


@pytest.mark.parametrize(
    ("recorded_ms", "late"),
    [
        pytest.param(ANCHOR + 48 * HOUR, False, id="exactly-when-due"),
        pytest.param(ANCHOR + 48 * HOUR + 1, True, id="one-millisecond-over"),
    ],
)
def test_a_flag_carries_its_final_feedback(recorded_ms: int, *, late: bool) -> None:
    told = flag_of(RAISED, feedback("f1", ANCHOR), feedback("f2", recorded_ms)).feedback
    assert told is not None
    assert (told.feedback_id, told.count, told.late) == ("f2", 2, late)
    assert told.outcome == "INCONCLUSIVE"


def test_escalation_and_de_escalation_are_updates_of_the_same_flag() -> None:
    flags = Flags().publish(
        RAISED, GRAVER, finding("CHANGED", score=61, severity="HIGH"), finding("CHANGED")
    )
    assert [(f.flag_id, f.status) for f in flags] == [
        (FLAG_ID, "ISSUED"),
        (FLAG_ID, "UPDATED"),
        (FLAG_ID, "UPDATED"),
        (FLAG_ID, "UPDATED"),
    ]
    assert [(f.severity, f.severity_before, f.escalations) for f in flags] == [
        ("MEDIUM", None, 0),
        ("HIGH", "MEDIUM", 1),
        ("HIGH", "MEDIUM", 1),
        ("MEDIUM", "HIGH", 1),
    ]


@pytest.mark.parametrize(
    ("changed", "topic", "count"),
    [
        pytest.param({}, "risk-flags", ("flag", "ISSUED:MEDIUM:leg-late"), id="live"),
        pytest.param(
            {"mode": "shadow"}, "shadow-findings", ("shadow_finding", "leg-late"), id="shadow"
        ),
        pytest.param({"notice": True}, "notices", ("notice", "leg-late"), id="notice"),
        pytest.param(
            {"supervisors": True},
            "supervisor-flags",
            ("supervisor_flag", "ISSUED:MEDIUM:leg-late"),
            id="supervisors-only",
        ),
        pytest.param(
            {"mode": "shadow", "notice": True, "supervisors": True},
            "shadow-findings",
            ("shadow_finding", "leg-late"),
            id="shadow-before-all-else",
        ),
    ],
)
def test_a_finding_is_published_on_one_topic_only(
    changed: dict[str, Any], topic: str, count: tuple[str, str]
) -> None:
    flags = Flags()
    outcome = flags.fold(finding(**changed))
    assert [output.topic for output in outcome.outputs] == [topic]
    assert outcome.counts[count] == 1
    outcome = flags.fold(finding("CLEARED", **changed))
    assert [output.topic for output in outcome.outputs] == [topic]
    assert outcome.outputs[0].message["status"] == "WITHDRAWN"


def test_a_notice_has_no_score_no_severity_and_no_control() -> None:
    flags = Flags()
    outcome = flags.fold(finding(notice=True, advice_en="Look.", advice_zh="查看。", group="G"))
    (record,) = outcome.outputs
    assert dict(record.headers)["ce_type"] == b"org.sstl.notice.v1"
    assert not {"score", "severity", "recommendedControl", "feedbackDueBy"} & set(record.message)
    assert record.message["advice"] == {"en": "Look.", "zh": "查看。"}
    assert record.message["group"] == "G"


def test_a_rule_that_goes_live_takes_its_flag_from_the_shadows() -> None:
    flags = Flags()
    flags.fold(finding(mode="shadow"))
    outcome = flags.fold(finding("CHANGED"))
    told = [(o.topic, o.message["status"], o.message["version"]) for o in outcome.outputs]
    assert told == [("shadow-findings", "WITHDRAWN", 2), ("risk-flags", "ISSUED", 3)]
    assert outcome.outputs[0].message["reason"] == "now on the topic risk-flags"
    cleared = flags.fold(finding("CLEARED", mode="shadow"))
    assert [(o.topic, o.message["status"]) for o in cleared.outputs] == [
        ("risk-flags", "WITHDRAWN")
    ]


def test_a_flag_says_what_to_do_and_what_it_is_scored_with() -> None:
    flag = flag_of(
        finding(advice_en="Check the seal.", advice_zh="检查封志。", group="CSQU3054383#2")
    )
    assert flag.advice is not None
    assert (flag.advice.en, flag.advice.zh) == ("Check the seal.", "检查封志。")
    assert flag.group == "CSQU3054383#2"


def test_what_one_step_has_no_room_for_ends_though_the_watermark_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wakeups, "STEP_LIMIT", 1)
    flags = Flags()
    flags.fold(finding(), finding(flag_id=OTHER_ID, valid_to_ms=END))
    at_once = flags.publish(beat(END + DAYS_400))
    later = [published(flags.pause()) for _ in range(8)]
    ended = [record.flag_id for records in (at_once, *later) for record in records]
    assert sorted(ended) == sorted([FLAG_ID, OTHER_ID])
    assert not flags.pause().changed


DAYS_400 = 400 * 24 * HOUR


def test_a_flag_is_forgotten_when_nothing_can_be_said_of_it_any_more() -> None:
    flags = Flags()
    flags.fold(RAISED, ACKNOWLEDGED, AT_END, beat(END + DAYS_400 - 1))
    assert flags.state.parts(FLAG_ID)
    flags.fold(beat(END + DAYS_400 + 60_000))
    assert [
        key for key, _ in flags.state.items() if not key[0].startswith(("~watermark", "~pass"))
    ] == []


def test_answers_on_a_flag_that_never_came_are_forgotten() -> None:
    flags = Flags()
    flags.fold(ACKNOWLEDGED, beat(ANCHOR + HOUR + DAYS_400))
    assert flags.state.parts(FLAG_ID)
    flags.fold(beat(ANCHOR + HOUR + DAYS_400 + 60_000))
    assert list(flags.state.parts(FLAG_ID)) == []
