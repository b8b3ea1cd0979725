"""Proposed ranges as text: a table for people, and lanes as they would stand in the policy."""

from collections.abc import Iterable
from itertools import groupby

from sstl.cli.indicator_formats import Columns, in_columns
from sstl.core.ranges import HOUR_S, Outside, Proposal, Range, Reason
from sstl.models.policy import Policy, StageLimit


def as_table(proposals: Iterable[Proposal]) -> str:
    """Return a line for each stage; hours, as in the policy."""
    return in_columns(proposals, _SHOWN)


def as_yaml(policy: Policy, proposals: Iterable[Proposal], window: str) -> str:
    """Return each lane that has a proposal, with all its stages: those without one as they are in the policy.

    By itself it is a valid policy. The other keys of a lane are left out.
    """
    lines = [
        f"# Proposed from the indicators of {window} by sstl policy propose: review it, then put the stages of each",
        "# lane in the place of those of the policy. Measured stages that the policy does not have come last.",
        "lanes:",
    ]
    for lane_id, of_lane in groupby(proposals, key=lambda one: one.lane_id):
        stages = [one for one in of_lane if one.today is not None or one.proposed is not None]
        if not any(one.proposed for one in stages):
            continue
        lane = policy.lanes[lane_id]
        lines += [
            f"  {lane_id}:",
            f"    origin: {lane.origin}",
            f"    destination: {lane.destination}",
            f"    mode: {lane.mode}",
            "    stages:",
            *map(_stage_line, stages),
        ]
    return "\n".join(lines) + "\n"


def _stage_line(one: Proposal) -> str:
    content: dict[str, str | float | None] = {"start": one.stage.start, "end": one.stage.end}
    if one.today is not None:
        content |= one.today.model_dump(exclude_none=True)
    if one.proposed is not None:
        content["learnt_low_hours"] = one.proposed.low_hours
        content["learnt_high_hours"] = one.proposed.high_hours
    stated = ", ".join(
        f"{key}: {value if isinstance(value, str) else _hours(value)}"
        for key, value in content.items()
        if value is not None
    )
    line = f"      - {{{stated}}}"
    if one.proposed is None or one.definition is None or one.indicator is None:
        return line
    note = _note(one)
    return (
        f"{line} # {one.definition.name}, {one.definition.counting_unit}s: {one.indicator.n},"
        f" median {_median(one)} h{', ' if note else ''}{note}"
    )


def _today(stage: StageLimit) -> Range:
    return Range(stage.learnt_low_hours, stage.learnt_high_hours)


def _hours(hours: float) -> str:
    """Return hours as the policy's files have them: no more digits than there are, never an exponent."""
    text = f"{hours:.6f}"
    return text.rstrip("0").rstrip(".")


def _range(range_: Range) -> str:
    low, high = range_.low_hours, range_.high_hours
    if low is None:
        return "" if high is None else f"to {_hours(high)}"
    return f"from {_hours(low)}" if high is None else f"{_hours(low)} to {_hours(high)}"


def _median(one: Proposal) -> str:
    if one.indicator is None or one.indicator.median is None:
        return ""
    return f"{one.indicator.median / HOUR_S:.1f}"


def _outside(outside: Outside | None) -> str:
    if outside is None:
        return ""
    least, most = f"{outside.least:.0%}", f"{outside.most:.0%}"
    return least if least == most else f"{least} to {most}"


def _note(one: Proposal) -> str:
    said = []
    if one.reason is Reason.TOO_FEW and one.indicator is not None:
        said.append(f"{one.reason}: {one.needed} needed")
    elif one.reason is not None:
        said.append(one.reason.value)
    if one.indicator is not None and one.indicator.provisional:
        said.append("provisional")
    return ", ".join(said)


_SHOWN: Columns[Proposal] = (
    ("lane", False, lambda one: one.lane_id),
    ("stage", False, lambda one: f"{one.stage.start}-{one.stage.end}"),
    ("indicator", False, lambda one: "" if one.definition is None else one.definition.name),
    ("of", False, lambda one: "" if one.definition is None else one.definition.counting_unit),
    ("n", True, lambda one: "" if one.indicator is None else str(one.indicator.n)),
    ("median", True, _median),
    ("today", True, lambda one: "" if one.today is None else _range(_today(one.today))),
    ("outside", True, lambda one: _outside(one.outside)),
    ("proposed", True, lambda one: "" if one.proposed is None else _range(one.proposed)),
    ("note", False, _note),
)
"""Heading, whether it is a number, and what is shown."""
