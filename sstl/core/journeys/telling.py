"""What a subject has told, and how the difference to what it has to say now is told.

What was told lies in a cell each, so that a change rewrites only what changed. It is a function of the last
assessment alone: a finding that came and went leaves nothing behind here; its history is the flags stage's.
"""

from collections.abc import Iterable, Mapping

import msgspec

from sstl.core.journeys.assess import Assessment
from sstl.core.leadtime import Observed
from sstl.core.rules import flag_id
from sstl.core.rules.findings import CHANGED, CLEARED
from sstl.core.stage import Work
from sstl.models.records import Finding, Measure, Observation, UnitMilestones

GONE = "what it rests on was corrected, retracted or unlinked"
NOT_IN_FORCE = "the rule is not in force"


class Raised(msgspec.Struct, frozen=True, tag="raised.1"):
    """Cell: a finding as last told, in state RAISED."""

    finding: Finding


class Shown(msgspec.Struct, frozen=True, tag="shown.1"):
    """Cell: an observation as last told."""

    indicator: str
    counting_unit: str
    measure: Measure


class Told(msgspec.Struct, frozen=True, tag="told.1"):
    """Cell: which consignments know which milestones of the unit."""

    consignments: tuple[str, ...]
    milestones: dict[str, int]
    lane_id: str | None
    mode: str | None


def tell_findings(work: Work, unit: str, told: Iterable[str], now: Assessment) -> None:
    """Emit findings raised, changed and cleared."""
    for name in sorted({*told, *now.findings}):
        part = f"flag/{name}"
        cell: Raised | None = work.get(unit, part)
        finding = now.findings.get(name)
        if finding is None:
            if cell is not None:
                cleared = msgspec.structs.replace(
                    cell.finding, state=CLEARED, reason=_why_cleared(work, unit, cell.finding, now)
                )
                work.emit("findings", name, cleared)
            work.put(unit, part, None)
        elif cell is None or cell.finding != finding:
            change = finding if cell is None else msgspec.structs.replace(finding, state=CHANGED)
            work.emit("findings", name, change)
            work.put(unit, part, Raised(finding))


def _why_cleared(work: Work, unit: str, finding: Finding, now: Assessment) -> str:
    if not work.policy.rule(finding.rule_id).enabled:
        return NOT_IN_FORCE
    for verdict in now.verdicts:
        same = flag_id(verdict.rule_id, unit, verdict.anchor) == finding.flag_id
        if same and verdict.reason is not None:
            return verdict.reason
    return GONE


def tell_observations(
    work: Work, key: str, told: Iterable[str], now: Mapping[str, Observed]
) -> None:
    """Emit what changed in the observations; one that moves to another lane is told to both."""
    for name in sorted({*told, *now}):
        part = f"observation/{name}"
        cell: Shown | None = work.get(key, part)
        observed = now.get(name)
        before = None if cell is None else cell.measure
        after = None if observed is None else observed.measure
        if before == after:
            continue
        known = cell if observed is None else observed
        if known is None:
            continue
        for previous, current in _by_lane(before, after):
            lane = current or previous
            work.emit(
                "observations",
                name,
                Observation(
                    id=name,
                    indicator=known.indicator,
                    counting_unit=known.counting_unit,
                    current=current,
                    previous=previous,
                ),
                route=None if lane is None else lane.lane_id,
            )
        shown = None if after is None else Shown(known.indicator, known.counting_unit, after)
        work.put(key, part, shown)


def _by_lane(
    before: Measure | None, after: Measure | None
) -> list[tuple[Measure | None, Measure | None]]:
    if before is None or after is None or before.lane_id == after.lane_id:
        return [(before, after)]
    return [(before, None), (None, after)]


def tell_milestones(work: Work, unit: str, now: Assessment) -> None:
    """Emit the unit's milestones to the consignments that lie in it, and its end to those that no longer do."""
    cell: Told | None = work.get(unit, "told")
    consignments = now.plan.consignments
    told = Told(consignments, now.milestones.instants(), now.plan.lane_id, now.plan.mode)
    if cell == told:
        return
    before = () if cell is None else cell.consignments
    for name in before:
        if name not in consignments:
            work.emit("consignments", name, UnitMilestones(unit=unit))
    unchanged = (
        cell is not None and msgspec.structs.replace(cell, consignments=consignments) == told
    )
    for name in consignments:
        if not unchanged or name not in before:
            work.emit(
                "consignments",
                name,
                UnitMilestones(
                    unit=unit,
                    milestones=told.milestones,
                    lane_id=told.lane_id,
                    mode=told.mode,
                ),
            )
    work.put(unit, "told", told if consignments else None)
