"""Why a finding is cleared: what is said of it, by the version of the policy that governs its instant."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from sstl.core.rules import RULES, About, Result, Verdict, flag_id
from sstl.core.rules.findings import GONE, NOT_IN_FORCE, why_cleared
from sstl.core.said import Answers, Said, tell, told_key
from sstl.core.stage import Context, MemoryState, Work
from sstl.models.policy import Policy
from sstl.models.records import Finding
from tests.flag_records import finding

RULE = "lane-seal-incident-burst"
SUBJECT, ANCHOR = "lane:CNYTN-NLRTM-SEA", "2026-03-01"
LATER = "2026-04-01T00:00:00Z"
LATER_MS = int(datetime(2026, 4, 1, tzinfo=UTC).timestamp() * 1000)
FIRST = Policy()
SPOKE = "it was heard of again"


def stated(valid_from: str | None = None, **rule: Any) -> Policy:
    return Policy.model_validate({"valid_from": valid_from, "rules": {RULE: rule}})


def found(at_ms: int, rule_id: str = RULE) -> Finding:
    return finding(
        flag_id=flag_id(rule_id, SUBJECT, ANCHOR),
        rule_id=rule_id,
        anchor_ms=at_ms,
        detected_ms=at_ms,
    )


def answer(anchor: str, reason: str | None, rule_id: str = RULE) -> Verdict:
    return Verdict(rule_id=rule_id, anchor=anchor, result=Result.NO_HIT, reason=reason)


def reason_of(given: Finding, policy: Policy, *answers: Verdict, gone: str = GONE) -> str:
    return why_cleared(given, policy, answers, lambda _: SUBJECT, known=RULES, gone=gone)


@pytest.mark.parametrize(
    ("policy", "at_ms", "reason"),
    [
        pytest.param(FIRST, LATER_MS, GONE, id="a-rule-that-no-policy-names-is-in-force"),
        pytest.param(stated(mode="off"), LATER_MS, NOT_IN_FORCE, id="switched-off"),
        pytest.param(
            stated(LATER, mode="off").after(FIRST),
            LATER_MS - 1,
            GONE,
            id="switched-off-only-after-its-instant",
        ),
        pytest.param(
            stated(LATER, mode="off").after(FIRST),
            LATER_MS,
            NOT_IN_FORCE,
            id="switched-off-from-its-instant-on",
        ),
        pytest.param(
            Policy.model_validate({"valid_from": LATER}).after(stated(mode="off")),
            LATER_MS - 1,
            NOT_IN_FORCE,
            id="off-at-its-instant-though-live-now",
        ),
        pytest.param(
            stated(valid_to=LATER), LATER_MS - 1, GONE, id="the-rule-still-holds-at-its-instant"
        ),
        pytest.param(
            stated(valid_to=LATER), LATER_MS, NOT_IN_FORCE, id="the-rule-no-longer-holds-then"
        ),
    ],
)
def test_the_version_that_governs_its_instant_says_whether_the_rule_is_in_force(
    policy: Policy, at_ms: int, reason: str
) -> None:
    given = found(at_ms)
    assert reason_of(given, policy) == reason
    assert told_reason(given, policy) == reason


def told_reason(given: Finding, policy: Policy) -> str | None:
    """Return the reason that a stage gives which has only findings to tell."""
    state = MemoryState()
    state.apply({(told_key(SUBJECT), given.flag_id): Said(given)})
    work = Work(state, policy, Context(0, frozenset()))
    about = About(SUBJECT, given.subject, given.flag_type)
    tell(work, SUBJECT, Answers((), {}), lambda _: about)
    (output,) = work.outcome.outputs
    assert output.message.state == "CLEARED"
    reason: str | None = output.message.reason
    return reason


def test_a_rule_that_there_is_no_longer_is_not_in_force() -> None:
    assert reason_of(found(LATER_MS, "lane-of-the-moon"), FIRST) == NOT_IN_FORCE


def test_the_answer_on_the_same_episode_says_why() -> None:
    others = (
        answer("2026-03-02", "another day"),
        answer(ANCHOR, "another rule", "lane-random-controls-low"),
        answer(ANCHOR, None),
    )
    assert reason_of(found(LATER_MS), FIRST, *others) == GONE
    assert reason_of(found(LATER_MS), FIRST, *others, answer(ANCHOR, "few")) == "few"


def test_a_stage_may_say_otherwise_why_nothing_is_said_any_more() -> None:
    assert reason_of(found(LATER_MS), FIRST, gone=SPOKE) == SPOKE
    assert reason_of(found(LATER_MS), stated(mode="off"), gone=SPOKE) == NOT_IN_FORCE


OVERDUE = stated(LATER, mode="off").after(FIRST)
"""A chain whose second version switches the rule off."""


def test_an_absence_that_began_under_the_version_before_says_what_has_come() -> None:
    """Its milestone governs it, not the deadline, which lies under a version that no longer asks."""
    given = msgspec.structs.replace(found(LATER_MS), policy_hash=FIRST.hash)
    assert reason_of(given, OVERDUE, answer(ANCHOR, "it was reached in time")) == (
        "it was reached in time"
    )


def test_an_absence_whose_milestone_was_retracted_is_gone_under_the_version_it_was_judged_by() -> (
    None
):
    given = msgspec.structs.replace(found(LATER_MS), policy_hash=FIRST.hash)
    assert reason_of(given, OVERDUE) == GONE
