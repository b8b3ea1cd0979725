"""How the difference between what rules found before and what they find now is told."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from sstl.core.journeys.telling import GONE, NOT_IN_FORCE, Raised
from sstl.core.rules import Verdict, flag_id
from sstl.core.rules.findings import CHANGED, CLEARED
from sstl.core.scores import emit_score
from sstl.core.stage import Work
from sstl.models.records import Finding


def tell_findings(
    work: Work,
    key: str,
    now: Mapping[str, Finding | None],
    verdicts: Sequence[Verdict],
    kept: Iterable[str],
) -> None:
    """Emit findings raised, changed and cleared, and the combined score if that changes it.

    Args:
        work: The fold in progress.
        key: The consignment.
        now: Flag id to what is found now, None: nothing any more; only of rules that were asked.
        verdicts: Their answers, which may say why something is no longer found.
        kept: Ids of what rules that were not asked have found.
    """
    before: list[Finding] = []
    after: list[Finding] = []
    for name in sorted(now):
        cell: Raised | None = work.get(key, f"flag/{name}")
        old, new = None if cell is None else cell.finding, now[name]
        if old is not None:
            before.append(old)
        if new is not None:
            after.append(new)
        if old == new:
            continue
        if new is None and old is not None:
            reason = _why_cleared(work, key, old, verdicts)
            work.emit("findings", name, msgspec.structs.replace(old, state=CLEARED, reason=reason))
            work.put(key, f"flag/{name}", None)
        elif new is not None:
            state = new.state if old is None else CHANGED
            work.emit("findings", name, msgspec.structs.replace(new, state=state))
            work.put(key, f"flag/{name}", Raised(new))
    if before == after:
        return
    standing = [work.get(key, f"flag/{name}") for name in kept]
    rest = [cell.finding for cell in standing if cell is not None]
    emit_score(work, key, [*rest, *before], [*rest, *after])


def _why_cleared(work: Work, key: str, finding: Finding, verdicts: Sequence[Verdict]) -> str:
    stated = work.policy.at(finding.anchor_ms).rule(finding.rule_id)
    if stated.mode == "off" or not stated.holds_at(finding.anchor_ms):
        return NOT_IN_FORCE
    for verdict in verdicts:
        if verdict.rule_id != finding.rule_id or verdict.reason is None:
            continue
        if flag_id(verdict.rule_id, key, verdict.anchor) == finding.flag_id:
            return verdict.reason
    return GONE
