"""On what terms an indicator is counted and published: the policy's, else its definition's.

The version that governs an observation's start judges it, so that the same observation is judged in the same way
whenever it is counted or taken back. A window is published on the terms of the version that governs its
beginning, the whole on those at the beginning of its last day.
"""

from math import ceil
from typing import NamedTuple

from sstl.core.indicators.registry import definition
from sstl.models.policy import Policy

_HOUR_MS = 3_600_000


class Terms(NamedTuple):
    """What an observation is judged by."""

    target_ms: int | None
    """None: nothing is promised."""
    plausible_ms: tuple[int, int] | None
    """Shortest and longest duration that counts; None: all do."""


def plausible_ms(policy: Policy, indicator: str, counting_unit: str) -> tuple[int, int] | None:
    """Return the shortest and the longest duration that counts, None where all do."""
    stated = policy.indicator(indicator).plausible_s
    bounds = definition(indicator, counting_unit).plausible_s if stated is None else stated
    return None if bounds is None else (bounds[0] * 1000, bounds[1] * 1000)


def target_ms(policy: Policy, indicator: str, lane_id: str, mode: str) -> int | None:
    """Return the duration within which it is on target, None where nothing is promised."""
    lane = policy.lanes.get(lane_id)
    hours = None if lane is None else lane.target_hours.get(indicator)
    if hours is None:
        promised = policy.indicator(indicator).target_hours_by_mode
        by_mode: dict[str, float] = dict(promised.items())
        hours = by_mode.get(mode)
    return None if hours is None else round(hours * _HOUR_MS)


def terms_since(
    policy: Policy, indicator: str, counting_unit: str, lane_id: str, mode: str
) -> tuple[tuple[int, Terms], ...]:
    """Return (since in ms, terms), ascending, over all versions of the policy; the first holds since ever."""
    versions = ((0, policy),) if policy.earlier is None else policy.versions()
    found: list[tuple[int, Terms]] = []
    for since_ms, version in versions:
        terms = Terms(
            target_ms(version, indicator, lane_id, mode),
            plausible_ms(version, indicator, counting_unit),
        )
        if not found:
            found.append((-(2**63), terms))
        elif terms != found[-1][1]:
            found.append((since_ms, terms))
    return tuple(found)


def follow_up_ms(policy: Policy, indicator: str, counting_unit: str) -> int:
    """Return how long after its end a window is waited for."""
    stated = policy.indicator(indicator).follow_up_hours
    hours = definition(indicator, counting_unit).follow_up_hours if stated is None else stated
    return ceil(hours * _HOUR_MS)


def minimum_n(policy: Policy, indicator: str, counting_unit: str) -> int:
    """Return below how many observations only n is published."""
    stated = policy.indicator(indicator).minimum_n
    return definition(indicator, counting_unit).minimum_n if stated is None else stated
