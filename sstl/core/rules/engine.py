"""Asking the rules of a subject: which version of the policy governs, what is in force, what is not due yet."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from sstl.core.rules.base import InForce, Result, Rule, Verdict, in_force
from sstl.models.policy import Policy

View = TypeVar("View")

Judge = Callable[[View, InForce, int], Iterable[Verdict]]
"""(view, the rule as in force, as of (ms)) -> answers, one for each episode; pure."""

Moved = Callable[[View, tuple[Verdict, ...], Any, int], "tuple[Verdict, ...] | None"]
"""(view, what the rule said before, the last bucket of positions before, as of (ms)) -> what it says.

Asked where nothing but the view's last bucket of positions is another than before: the bucket handed in has become it
(the same first report, a later last one), or it has been added (None). Answers the very tuple handed in where that
still holds, and None where the judge must be asked. It only saves time: the judge would say the same.
"""
Moving = Callable[[InForce, str | None], Moved[View]]
"""(the rule as in force, mode) -> what it answers by to positions, with all bound that hangs on these two alone."""

NOT_DUE = "not due yet"


@dataclass(frozen=True, slots=True)
class Asked(Generic[View]):
    """A rule and the function that judges by it."""

    rule: Rule
    judge: Judge[View]
    moving: Moving[View] | None = None
    """Cheaper than the judge for one position more; None: the judge is asked."""


def unmoved(
    view: object, said: tuple[Verdict, ...], before: object, as_of_ms: int
) -> tuple[Verdict, ...]:
    """Settle every position: a rule that has nothing to do with any says what it said (`Moved`)."""
    return said


def ask(
    asked: Asked[View],
    view: View,
    policy: Policy,
    *,
    mode: str | None,
    lane_id: str | None,
    first_ms: int,
    as_of_ms: int,
    earliest_ms: int | None = None,
) -> list[Verdict]:
    """Ask one rule under every version of the policy that may govern.

    Each answer is kept from the version that governs its instant. A hit whose deadline (``due_ms``) lies after
    ``as_of_ms`` is returned as no hit with that deadline, so that the caller knows when to ask again.

    Args:
        asked: The rule.
        view: What it is shown.
        policy: The latest version; earlier ones hang on it.
        mode: Mode of the subject.
        lane_id: Its lane.
        first_ms: The subject's first instant; it governs answers that name none.
        as_of_ms: How far the watermark has come; -1 before it is known.
        earliest_ms: No answer is about an instant before this one, so that versions that ended by then need not be
            asked; None: ``first_ms``.
    """
    earliest_ms = first_ms if earliest_ms is None else earliest_ms
    versions = policy.versions()
    if len(versions) == 1:
        current = in_force(asked.rule, policy, mode=mode, lane_id=lane_id)
        if current.mode == "off":
            return []
        answers = asked.judge(view, current, as_of_ms)
        stated = policy.rule(asked.rule.id)
        if stated.valid_from is None and stated.valid_to is None:
            return [settled(verdict, as_of_ms) for verdict in answers]
    found: list[Verdict] = []
    for number, (start, version) in enumerate(versions):
        end = versions[number + 1][0] if number + 1 < len(versions) else None
        if end is not None and end <= earliest_ms:
            continue
        current = in_force(asked.rule, version, mode=mode, lane_id=lane_id)
        if current.mode == "off":
            continue
        stated = version.rule(asked.rule.id)
        for verdict in asked.judge(view, current, as_of_ms):
            instant = verdict.governed_ms or verdict.anchor_ms or first_ms
            # the first version governs everything before it too
            if (number and instant < start) or (end is not None and instant >= end):
                continue
            if not stated.holds_at(instant):
                continue
            found.append(verdict if len(versions) == 1 else _of(verdict, version))
    return [settled(verdict, as_of_ms) for verdict in found]


def governing(
    rule: Rule,
    verdict: Verdict,
    policy: Policy,
    *,
    mode: str | None,
    lane_id: str | None,
    first_ms: int,
) -> InForce:
    """Return the rule as in force where it gave an answer: by the version that governs the answer's instant."""
    instant = verdict.governed_ms or verdict.anchor_ms or first_ms
    return in_force(rule, policy.at(instant), mode=mode, lane_id=lane_id)


def next_due(verdicts: Iterable[Verdict], as_of_ms: int) -> int | None:
    """Return the least deadline that is still to come, None without one."""
    least: int | None = None
    for one in verdicts:
        due_ms = one.due_ms
        if due_ms is not None and due_ms > as_of_ms and (least is None or due_ms < least):
            least = due_ms
    return least


def _of(verdict: Verdict, version: Policy) -> Verdict:
    return msgspec.structs.replace(verdict, policy_hash=version.hash)


def settled(verdict: Verdict, as_of_ms: int) -> Verdict:
    """Return an answer as it is by now: a hit whose deadline is still to come is none yet."""
    if verdict.result is not Result.HIT or verdict.due_ms is None or verdict.due_ms <= as_of_ms:
        return verdict
    return Verdict(
        rule_id=verdict.rule_id,
        anchor=verdict.anchor,
        result=Result.NO_HIT,
        reason=NOT_DUE,
        anchor_ms=verdict.anchor_ms,
        due_ms=verdict.due_ms,
        governed_ms=verdict.governed_ms,
        policy_hash=verdict.policy_hash,
    )
