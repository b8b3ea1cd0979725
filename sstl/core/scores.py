"""The combined score of a journey or consignment: one number to order a queue by, and what it is made of.

[flags] is keyed by flag and cannot see a whole group; the stages that own the subject can, and tell it whenever it
changes (topic ``scores``, compacted, key: the group).
"""

from collections.abc import Iterable

import msgspec

from sstl.core.stage import Work
from sstl.models.records import Finding

TOPIC = "scores"
_SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
_FULL = 100


class Contribution(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False
):
    """What one finding brings in (`sstl.models.group_score.Contribution` as it is written)."""

    flag_id: str
    rule_id: str
    severity: str
    score: int
    weight: float


class GroupScore(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The combined score of one group (`sstl.models.group_score.GroupScore` as it is written)."""

    group: str
    score: int
    severity: str | None = None
    contributions: tuple[Contribution, ...] = ()


def counts(finding: Finding) -> bool:
    """Tell whether a finding is part of a score: it holds, it is live, and it is for everybody.

    Shadow findings, notices and what is for supervisors only are not.
    """
    return (
        finding.state != "CLEARED"
        and finding.mode == "live"
        and not finding.notice
        and not finding.supervisors
    )


def combined(group: str, findings: Iterable[Finding]) -> GroupScore | None:
    """Return the combined score of what is found on one group; None where nothing counts.

    Noisy-or: ``100 * (1 - product of (1 - score / 100))``, rounded down. ``score`` is the finding's own, which has
    the rule's weight in it, so that one finding alone gives its own score, two of 40 give 64, and more findings
    never give less. Reckoned in whole numbers: the order of the findings does not matter.

    Args:
        group: The journey or consignment.
        findings: Everything found on it; those that do not count (`counts`) are left out.
    """
    found = [
        Contribution(
            flag_id=finding.flag_id,
            rule_id=finding.rule_id,
            severity=finding.severity,
            score=finding.score,
            weight=finding.weight,
        )
        for finding in findings
        if counts(finding)
    ]
    if not found:
        return None
    found.sort(key=lambda one: (-one.score, one.flag_id))
    return GroupScore(
        group=group,
        score=noisy_or(one.score for one in found),
        severity=max((one.severity for one in found), key=_SEVERITIES.index),
        contributions=tuple(found),
    )


def noisy_or(scores: Iterable[int]) -> int:
    """Return what scores of 0 to 100 say together (see `combined`); 0 where there are none."""
    whole, rest = 1, 1
    for score in scores:
        whole *= _FULL
        rest *= _FULL - score
    return _FULL * (whole - rest) // whole


def emit_score(work: Work, group: str, before: Iterable[Finding], after: Iterable[Finding]) -> None:
    """Emit a group's score if what is found on it has changed it; without findings it is told as 0.

    Args:
        work: The fold in progress.
        group: The journey or consignment.
        before: What was found on it and told last.
        after: What is found on it now.
    """
    now = combined(group, after)
    if now != combined(group, before):
        work.emit(TOPIC, group, now or GroupScore(group=group, score=0))
