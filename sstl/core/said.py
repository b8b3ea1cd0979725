"""What a stage has said of a subject, and how the difference to what it has to say now is told.

For stages whose subjects have findings and nothing else ([references], [lanes]): one cell a flag id under ``told/`` and
the subject, so that a change rewrites only what changed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sstl.core.rules import RULES
from sstl.core.rules.base import Result, Verdict
from sstl.core.rules.engine import Asked, ask, governing
from sstl.core.rules.findings import CHANGED, CLEARED, GONE, About, finding_of, why_cleared
from sstl.core.stage import Work
from sstl.models.policy import Policy
from sstl.models.records import Finding


class Said(msgspec.Struct, frozen=True, tag="said.1"):
    """Cell: a finding as last told, in state RAISED."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Answers:
    """What the rules of one subject answer."""

    verdicts: tuple[Verdict, ...]
    findings: Mapping[str, Finding]
    """By flag id."""


def answers(
    rules: Sequence[Asked[Any]],
    view: Any,
    policy: Policy,
    about_of: Callable[[Verdict], About],
    *,
    mode: str | None,
    lane_id: str | None,
    first_ms: int,
    as_of_ms: int = -1,
) -> Answers:
    """Ask the rules of a subject.

    Args:
        rules: The rules.
        view: What they are shown.
        policy: The latest version.
        about_of: Says what a hit is about; its key belongs to the flag id.
        mode: Mode of the subject.
        lane_id: Its lane.
        first_ms: Its first instant.
        as_of_ms: How far the watermark has come, -1 before it is known or where no rule asks about absence.
    """
    verdicts: list[Verdict] = []
    findings: dict[str, Finding] = {}
    for asked in rules:
        given = ask(
            asked,
            view,
            policy,
            mode=mode,
            lane_id=lane_id,
            first_ms=first_ms,
            as_of_ms=as_of_ms,
        )
        verdicts += given
        for one in given:
            if one.result is Result.HIT:
                current = governing(
                    asked.rule, one, policy, mode=mode, lane_id=lane_id, first_ms=first_ms
                )
                finding = finding_of(one, current, about_of(one))
                findings[finding.flag_id] = finding
    return Answers(tuple(verdicts), findings)


def told_key(subject: str) -> str:
    """Return the key of what was told of a subject."""
    return f"told/{subject}"


def tell(
    work: Work,
    subject: str,
    now: Answers,
    about_of: Callable[[Verdict], About],
    *,
    of: Iterable[str] | None = None,
    gone: str = GONE,
) -> None:
    """Emit findings raised, changed and cleared.

    Args:
        work: The fold in progress.
        subject: Whose findings are told together.
        now: What the rules answer now.
        about_of: As for `answers`; why a finding is cleared is looked up by it.
        of: The flag ids that may have been told; None: all that were told of the subject.
        gone: Why a finding is cleared of whose episode no rule says anything any more.
    """
    key = told_key(subject)
    told = work.parts(key) if of is None else of
    for verdict in now.verdicts:
        work.count("rule", f"{verdict.rule_id}:{verdict.result.value}")
    for name in sorted({*told, *now.findings}):
        cell: Said | None = work.get(key, name)
        finding = now.findings.get(name)
        if finding is None:
            if cell is not None:
                reason = why_cleared(
                    cell.finding,
                    work.policy,
                    now.verdicts,
                    lambda verdict: about_of(verdict).key,
                    known=RULES,
                    gone=gone,
                )
                cleared = msgspec.structs.replace(cell.finding, state=CLEARED, reason=reason)
                work.emit("findings", name, cleared)
            work.put(key, name, None)
        elif cell is None or cell.finding != finding:
            change = finding if cell is None else msgspec.structs.replace(finding, state=CHANGED)
            work.emit("findings", name, change)
            work.put(key, name, Said(finding))
