"""How the difference between what rules found before and what they find now is told."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from sstl.core.journeys.telling import Raised
from sstl.core.rules import RULES, Verdict
from sstl.core.rules.findings import CHANGED, CLEARED, why_cleared
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
            reason = why_cleared(old, work.policy, verdicts, lambda _: key, known=RULES)
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
