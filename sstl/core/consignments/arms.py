"""In which arm of the controls a consignment stands (docs/indicators.md, "How recall is built"), and what that found.

Eligible is a consignment of which the import side reports a channel, a selection or a draw. A selection, or a draw,
that names no side is the import side's.
"""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from sstl.core.consignments.controlled import IMPORT, Controlled
from sstl.core.control_reports import RANDOM, Done, depth, outcome, selections
from sstl.core.controls import concerns_contents
from sstl.core.indicators.arm import Arm, encode
from sstl.core.leadtime import Observed
from sstl.core.milestones import side_of
from sstl.core.rules.consignment_facts import CHANNEL, SELECTED
from sstl.models.records import Event
from sstl.models.selection import DRAWN, exact_rate

CONTROL_ARM = "control_arm"
REVENUE_FOUND = "revenue_found"
_CONSIGNMENT = "consignment"
_CHECKING = frozenset({"YELLOW", "ORANGE", "RED"})
"""Channels that call for a control before the release."""


def observe_arm(of: Controlled) -> Iterator[Observed]:
    """Yield in which arm an eligible consignment stands, from its first channel, draw or selection."""
    view = of.view
    draw = next(iter(view.by_type.get(DRAWN, ())), None)
    selected = [
        event
        for event in view.by_type.get(SELECTED, ())
        if side_of(event, view.plan) in (IMPORT, None)
    ]
    start_ms = of.chosen_ms
    if start_ms is None and draw is not None:
        start_ms = draw.event_ms
    if start_ms is None and selected:
        start_ms = selected[0].event_ms
    if start_ms is None:
        return
    told = list(selections(selected))
    by_chance = [one for one in told if one["basis"] == RANDOM]
    drawn, probability = _chance(draw, by_chance, start_ms)
    known = _with_result(of.imported)
    arm = Arm(
        targeted=len(told) > len(by_chance)
        or (not drawn and not by_chance and (bool(selected) or _is_chosen(of))),
        drawn=drawn,
        probability=probability,
        control_type=max(known, key=depth, default=None),
        hit=any(known.values()),
    )
    whose = of.on.by_operator()
    yield of.on.tallied(CONTROL_ARM, _CONSIGNMENT, start_ms, encode(arm), whose)
    revenue = _revenue(of.imported) if arm.hit else None
    if revenue is not None:
        yield of.on.counted(REVENUE_FOUND, _CONSIGNMENT, start_ms, revenue, whose)


def _revenue(done: Sequence[Done]) -> int | None:
    """Return the recoverable revenue that controls with a finding state, in whole units of the office's currency.

    Of one control the last report that states any counts, so that a completion and a result do not add. A report that
    names only a unit says nothing of one consignment in it. None: none states any.
    """
    found = [_stated_revenue(one.completing) for one in done if outcome(one.completing)]
    stated = [one for one in found if one is not None]
    return int(math.fsum(stated) + 0.5) if stated else None


def _stated_revenue(reports: Sequence[Event]) -> float | None:
    for report in reversed(reports):
        listed = () if concerns_contents(report) else report.data.get("irregularities") or ()
        stated = [one["revenue"] for one in listed if one.get("revenue") is not None]
        if stated:
            return math.fsum(stated)
    return None


def _chance(
    draw: Event | None, by_chance: Sequence[dict[str, Any]], start_ms: int
) -> tuple[bool, Fraction]:
    """Return whether a consignment was drawn at random, and its chance of being drawn.

    Its first draw counts, if it was not made after the channel was known; without a draw the selection that it gave.
    0: neither states a chance.
    """
    if draw is not None:
        if draw.event_ms > start_ms:
            return False, Fraction(0)
        stated = draw.data.get("probability")
        if isinstance(stated, int | float):
            return draw.data.get("selected") is True, exact_rate(float(stated))
        return False, Fraction(0)
    for one in by_chance:
        stated = one.get("probability")
        if isinstance(stated, int | float):
            return True, exact_rate(float(stated))
    return False, Fraction(0)


def _is_chosen(of: Controlled) -> bool:
    """Tell whether there was a control, or a channel that calls for one: without a draw it is a choice.

    Not so where only the unit was controlled: whatever lies beside it in the container may be why, a draw too.
    """
    own = any(not concerns_contents(event) for one in of.imported for event in one.reports)
    return own or any(
        event.data.get("channel") in _CHECKING
        for event in of.view.by_type.get(CHANNEL, ())
        if side_of(event, of.view.plan) == IMPORT
    )


def _with_result(done: Sequence[Done]) -> dict[str, bool]:
    """Return the types of control with a known result, each with whether one of them found something."""
    found: dict[str, bool] = {}
    for one in done:
        positive, kind = outcome(one.completing), one.deepest
        if positive is not None and kind is not None:
            found[kind] = positive or found.get(kind, False)
    return found
