"""What targeting finds and what it misses, told by a random arm of controls.

S is what was selected other than by chance and controlled. Outside S, units were drawn at random with
known probabilities and controlled; their hits stand for all that nobody selected. Without such an arm
a hit rate says nothing of what is missed, so then there is no figure. Formulas, sources and refusals:
docs/statistics.md.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import msgspec

from sstl.core.statistics.proportions import (
    effective_units,
    normal_quantile,
    ratio_of_shares,
    wilson,
    wilson_limits,
)
from sstl.core.statistics.result import LEVEL, Estimate, Estimated, Method, NotEstimable

MIN_RANDOM_CONTROLS: Final = 30
"""Fewer random controls than this say nothing of what is missed."""
MIN_EXECUTION: Final = Fraction(9, 10)
"""Of what was selected, in either arm, at least this share must have been controlled."""

RANDOM_ARM: Final = Method("wilson-random-arm", 1)
RANDOM_STRATA: Final = Method("wilson-korn-graubard-random-arm", 1)


class TargetedArm(msgspec.Struct, frozen=True, kw_only=True):
    """Units selected other than by chance, drawn at random as well or not."""

    selected: int
    done: int
    """Of these with a completed control: S."""
    hits: int
    control_types: frozenset[str]


class RandomStratum(msgspec.Struct, frozen=True, kw_only=True):
    """Eligible units outside S that were drawn with one probability."""

    probability: Fraction
    """0: these units could not be drawn."""
    eligible: int
    """Drawn or not; with units that were selected but not controlled."""
    drawn: int
    done: int
    hits: int


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """The eligible units of a window, each in one arm: S, or the part outside it."""

    targeted: TargetedArm
    outside: Sequence[RandomStratum]
    random_control_types: frozenset[str]


class Effectiveness(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the effectiveness of controls; missed, total, recalls and leakage are of this very flow."""

    inspection_rate: Estimated
    hit_rate: Estimated
    """Of S: the precision of selection."""
    prevalence: Estimated
    """Share of hits outside S, by the random arm."""
    lift_against_untargeted: Estimated
    """Hit rate over prevalence outside S."""
    lift_against_flow: Estimated
    """Hit rate over the share of hits in the whole flow."""
    missed: Estimated
    """Units outside S that a control would have found to be hits; the random arm's own are among them."""
    total: Estimated
    targeting_recall: Estimated
    """Share of all hits that S found."""
    overall_recall: Estimated
    """Share of all hits that S or the random arm found."""
    leakage: Estimated
    """Share of all hits that nobody found."""


class _Outside(msgspec.Struct, frozen=True):
    """What the random arm says of the units outside S."""

    eligible: int
    done: int
    hits: int
    share: float
    low: float
    high: float
    effective: float
    """Independent controls that would tell as much."""
    effective_hits: float
    method: Method


def effectiveness(flow: Flow, level: float = LEVEL) -> Effectiveness:
    """Return every figure of a flow, each with its interval or the reason why there is none.

    Refusals depend on how the controls were laid out, never on what they found, but for one: without
    a hit in either arm there is nothing of which to state a share.
    """
    wrong = _contradiction(flow)
    if wrong is not None:
        return _refused(NotEstimable(wrong))
    targeted = flow.targeted
    done = targeted.done + sum(stratum.done for stratum in flow.outside)
    eligible = targeted.done + sum(stratum.eligible for stratum in flow.outside)
    inspected = wilson(done, eligible, level)
    hit_rate = wilson(targeted.hits, targeted.done, level)
    unfit = _random_arm_unfit(flow.outside)
    if unfit is not None:
        return _refused(NotEstimable(unfit), inspection_rate=inspected, hit_rate=hit_rate)
    outside = _outside(flow.outside, level)
    prevalence = Estimate(
        estimate=outside.share,
        low=outside.low,
        high=outside.high,
        level=level,
        method=outside.method,
    )
    missed = _missed(outside, level)
    unfit = _arms_unfit(flow, outside.hits)
    if unfit is not None:
        return _refused(
            NotEstimable(unfit),
            inspection_rate=inspected,
            hit_rate=hit_rate,
            prevalence=prevalence,
            missed=missed,
        )
    found = targeted.hits
    return Effectiveness(
        inspection_rate=inspected,
        hit_rate=hit_rate,
        prevalence=prevalence,
        lift_against_untargeted=ratio_of_shares(
            found, targeted.done, outside.effective_hits, outside.effective, level
        ),
        lift_against_flow=_share_of_total(
            found * eligible / targeted.done if targeted.done else None, found, missed
        ),
        missed=missed,
        total=_shifted(missed, found),
        targeting_recall=_share_of_total(found, found, missed),
        overall_recall=_share_of_total(found + outside.hits, found, missed),
        leakage=_complement(_share_of_total(found + outside.hits, found, missed)),
    )


def hits_outside(outside: Sequence[RandomStratum], level: float = LEVEL) -> Estimate:
    """Return how many hits lie outside S, of a random arm that is fit to say it (`effectiveness`).

    Of a part of the hits (those at the top of a ranking) it says how many are of that part, where ``hits`` of each
    stratum counts these alone: the random controls are then of a sample in which everything else is no hit.
    """
    return _missed(_outside(outside, level), level)


def controlled_strata(outside: Sequence[RandomStratum]) -> list[RandomStratum]:
    """Return the strata by which hits outside S are weighted, least probability first.

    One where chance drew none is part of the next smaller one, the first ones of the next larger; a merged stratum has
    the greatest probability of what is in it.
    """
    return _by_probability(outside)


def _refused(
    reason: NotEstimable,
    *,
    inspection_rate: Estimated | None = None,
    hit_rate: Estimated | None = None,
    prevalence: Estimated | None = None,
    missed: Estimated | None = None,
) -> Effectiveness:
    return Effectiveness(
        inspection_rate=inspection_rate or reason,
        hit_rate=hit_rate or reason,
        prevalence=prevalence or reason,
        lift_against_untargeted=reason,
        lift_against_flow=reason,
        missed=missed or reason,
        total=reason,
        targeting_recall=reason,
        overall_recall=reason,
        leakage=reason,
    )


def _contradiction(flow: Flow) -> str | None:
    """Return what in the counts cannot be, as when a control is reported and its draw is not."""
    targeted = flow.targeted
    if not 0 <= targeted.hits <= targeted.done <= targeted.selected:
        return (
            f"contradictory counts: {targeted.hits} hits in {targeted.done} targeted controls "
            f"of {targeted.selected} selected"
        )
    for stratum in flow.outside:
        if not 0 <= stratum.hits <= stratum.done <= stratum.drawn <= stratum.eligible:
            return (
                f"contradictory counts: {stratum.hits} hits in {stratum.done} random controls "
                f"of {stratum.drawn} drawn from {stratum.eligible}"
            )
        if not 0 <= stratum.probability <= 1 or (stratum.drawn and not stratum.probability):
            return f"contradictory counts: {stratum.drawn} drawn with probability {stratum.probability}"
    return None


def _random_arm_unfit(outside: Sequence[RandomStratum]) -> str | None:
    """Return why the random arm does not stand for what is outside S."""
    never = sum(stratum.eligible for stratum in outside if not stratum.probability)
    drawn = sum(stratum.drawn for stratum in outside)
    done = sum(stratum.done for stratum in outside)
    if never:
        return f"{never} eligible units could not be drawn at random"
    if done < MIN_RANDOM_CONTROLS:
        return f"{done} random controls, fewer than {MIN_RANDOM_CONTROLS}"
    if done < MIN_EXECUTION * drawn:
        return f"{done} of {drawn} random controls done, less than {float(MIN_EXECUTION):.0%}"
    return None


def _arms_unfit(flow: Flow, random_hits: int) -> str | None:
    """Return why the two arms cannot be put together."""
    targeted = flow.targeted
    if targeted.done < MIN_EXECUTION * targeted.selected:
        return (
            f"{targeted.done} of {targeted.selected} targeted controls done, "
            f"less than {float(MIN_EXECUTION):.0%}"
        )
    if targeted.control_types != flow.random_control_types:
        return "control types differ between the arms"
    if targeted.hits == random_hits == 0:
        return "no hits in either arm"
    return None


def _outside(strata: Sequence[RandomStratum], level: float) -> _Outside:
    """Return the share of hits outside S: pooled where all had one chance, else stratified."""
    merged = _by_probability(strata)
    eligible = sum(stratum.eligible for stratum in merged)
    done = sum(stratum.done for stratum in merged)
    hits = sum(stratum.hits for stratum in merged)
    if len(merged) == 1:
        share, method = hits / done, RANDOM_ARM
        effective, found = float(done), float(hits)
    else:
        exact = sum(
            (Fraction(one.eligible * one.hits, eligible * one.done) for one in merged), Fraction()
        )
        share, method = float(exact), RANDOM_STRATA
        effective = _effective(merged, share, eligible)
        found = share * effective
    low, high = wilson_limits(found, effective, normal_quantile(level))
    return _Outside(eligible, done, hits, share, low, high, effective, found, method)


def _by_probability(strata: Sequence[RandomStratum]) -> list[RandomStratum]:
    """Return one stratum for each probability, least first, every one with a random control.

    Where chance drew none, the units count with those of the next smaller probability, the first ones
    with those of the next larger.
    """
    pooled: dict[Fraction, RandomStratum] = {}
    for one in sorted(strata, key=lambda stratum: stratum.probability):
        before = pooled.get(one.probability)
        pooled[one.probability] = one if before is None else _together(one, before)
    merged: list[RandomStratum] = []
    for one in pooled.values():
        if merged and not (one.done and merged[-1].done):
            merged[-1] = _together(one, merged[-1])
        else:
            merged.append(one)
    return merged


def _together(stratum: RandomStratum, other: RandomStratum) -> RandomStratum:
    """Return two strata as one, of the first one's probability."""
    return RandomStratum(
        probability=stratum.probability,
        eligible=stratum.eligible + other.eligible,
        drawn=stratum.drawn + other.drawn,
        done=stratum.done + other.done,
        hits=stratum.hits + other.hits,
    )


def _effective(strata: Sequence[RandomStratum], share: float, eligible: int) -> float:
    """Return the effective number of random controls (Korn and Graubard 1998).

    A stratum where nobody or everybody is a hit does not show its variance; it has that of the whole
    share then. Taken as 0 instead, intervals of rare hits are too narrow (docs/statistics.md).
    """
    variance = alike = 0.0
    for one in strata:
        weight = (one.eligible / eligible) ** 2
        alike += weight / one.done
        if 0 < one.hits < one.done:
            own = one.hits / one.done
            variance += weight * own * (1 - own) / (one.done - 1)
        else:
            variance += weight * share * (1 - share) / one.done
    return effective_units(share, variance, units=sum(one.done for one in strata), none=1 / alike)


def _missed(outside: _Outside, level: float) -> Estimate:
    """Return the hits outside S: all that were found, and never those found not to be."""
    not_hits = outside.done - outside.hits
    return Estimate(
        estimate=outside.eligible * outside.share if outside.hits else None,
        low=max(outside.eligible * outside.low, float(outside.hits)) if outside.hits else None,
        high=min(outside.eligible * outside.high, float(outside.eligible - not_hits)),
        level=level,
        method=outside.method,
    )


def _shifted(missed: Estimate, found: int) -> Estimate:
    return Estimate(
        estimate=None if missed.estimate is None else found + missed.estimate,
        low=None if missed.low is None else found + missed.low,
        high=None if missed.high is None else found + missed.high,
        level=missed.level,
        method=missed.method,
    )


def _share_of_total(part: float | None, found: int, missed: Estimate) -> Estimated:
    """Return ``part`` over all hits: more missed is less of it, so the limits change sides.

    Without a random hit nothing says how few are missed: there is a lower bound only.
    """
    if part is None:
        return NotEstimable("no targeted control")
    return Estimate(
        estimate=None if missed.estimate is None else part / (found + missed.estimate),
        low=None if missed.high is None else part / (found + missed.high),
        high=None if missed.low is None else part / (found + missed.low),
        level=missed.level,
        method=missed.method,
    )


def _complement(share: Estimated) -> Estimated:
    if isinstance(share, NotEstimable):
        return share
    return Estimate(
        estimate=None if share.estimate is None else 1 - share.estimate,
        low=None if share.high is None else 1 - share.high,
        high=None if share.low is None else 1 - share.low,
        level=share.level,
        method=share.method,
    )
