"""What a cell says of the counting units that have not ended: they are followed, and then censored, never dropped.

A window's cohort is everything whose start lies in it: what has ended, what ended otherwise (a seizure), and what is
open. Open ones are censored at ``as_of``, the last full hour that the watermark has passed, or, where the lane's policy
names the publisher of the end and that one is silent, at its last contact. Follow-up ends ``follow_up`` after the
window; every member was followed for at least that long then, and the curve is told up to there and no further, before
that day as after it, so that no figure goes when a window becomes final. Of `TOTAL` it never ends.

An open start is known to the minute and its wait counts in the buckets of the histogram: within the error that
quantiles have. An end reported within the hour after ``as_of`` counts as one, while others are followed to the hour
only: up to an hour of waiting is left out, so that shares ended are never too small by it and times never too long.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from sstl.core.histogram import Histogram, bucket_of, value_of
from sstl.core.lanes.windows import HOUR_MS, MINUTE_MS
from sstl.core.outbound import instant
from sstl.core.statistics.competing import AALEN_JOHANSEN
from sstl.core.statistics.result import LEVEL, Estimate, NotEstimable
from sstl.core.statistics.survival import (
    KAPLAN_MEIER,
    Cohort,
    Quantile,
    durations_of,
)
from sstl.core.statistics.waits import Waits

ENDED: Final = "ENDED"
"""The outcome of what ended as its definition says."""
_ASKED: Final = (Fraction(1, 2), Fraction(9, 10))


@dataclass(frozen=True, slots=True)
class Horizon:
    """Until when, and for how long, the cohort of a window is followed."""

    as_of_ms: int | None
    """None: the watermark is not known yet."""
    longest_s: int | None = None
    """The curve is told up to here; None: without end."""
    last_contact_ms: int | None = None
    """When the publisher of the end was last heard of, which is silent; None: it is not, or nobody is named."""

    def waited_s(self, start_ms: int) -> tuple[int | None, int | None]:
        """Return for how long what began then is followed, and until the last contact; None: neither.

        The second is None where somebody reports, or did until the follow-up ended; the first where it began later.
        """
        if self.as_of_ms is None or start_ms > self.as_of_ms:
            return None, None
        waited_s = self._cut((self.as_of_ms - start_ms) // 1000)
        if self.last_contact_ms is None:
            return waited_s, None
        heard_s = self._cut(max(0, self.last_contact_ms - start_ms) // 1000)
        return waited_s, None if heard_s == self.longest_s else heard_s

    def _cut(self, seconds: int) -> int:
        """Return what stands for a wait in the histogram, at most the longest that is told."""
        if self.longest_s is not None and seconds >= self.longest_s:
            return self.longest_s
        told = value_of(bucket_of(seconds))
        return told if self.longest_s is None else min(told, self.longest_s - 1)


def horizon(
    reached_ms: int | None,
    ends_ms: int | None,
    follow_up_ms: int,
    *,
    heard_ms: int | None = None,
    silence_ms: int = 0,
) -> Horizon:
    """Return the horizon of a window.

    Args:
        reached_ms: The watermark, None before it is known.
        ends_ms: End of the window, None: `TOTAL`.
        follow_up_ms: How long after its end a window is waited for.
        heard_ms: When the publisher of the end was last heard of; None: nobody is named, or it never spoke, which
            cannot be falling silent.
        silence_ms: After how long it counts as silent.
    """
    longest_s = None if ends_ms is None else follow_up_ms // 1000
    if reached_ms is None:
        return Horizon(None, longest_s)
    as_of_ms = reached_ms // HOUR_MS * HOUR_MS
    if ends_ms is not None:
        as_of_ms = min(as_of_ms, ends_ms + follow_up_ms)
    silent = heard_ms is not None and heard_ms + silence_ms <= as_of_ms
    return Horizon(as_of_ms, longest_s, heard_ms if silent else None)


def cohort(
    ended: Histogram,
    competing: Mapping[str, Histogram],
    still_open: Mapping[int, int],
    until: Horizon,
) -> Cohort:
    """Return a cohort for Kaplan-Meier and Aalen-Johansen.

    Args:
        ended: Durations of what ended as defined.
        competing: Outcome to the durations after which it came.
        still_open: Start, in minutes since 1970, to how many are open.
        until: How far they are followed.
    """
    longest_s = until.longest_s
    censored: dict[int, int] = {}
    silent: dict[int, int] = {}
    outcomes = {
        outcome: _within(durations_of(histogram), longest_s, censored)
        for outcome, histogram in ((ENDED, ended), *sorted(competing.items()))
    }
    for start, count in still_open.items():
        waited_s, heard_s = until.waited_s(start * MINUTE_MS)
        if waited_s is None:
            continue
        into, time_s = (censored, waited_s) if heard_s is None else (silent, heard_s)
        into[time_s] = into.get(time_s, 0) + count
    return Cohort(
        {outcome: counts for outcome, counts in outcomes.items() if counts}, censored, silent
    )


def _within(
    durations: Mapping[int, int], longest_s: int | None, censored: dict[int, int]
) -> dict[int, int]:
    """Return the durations within the follow-up; the others have not ended at its end."""
    if longest_s is None or max(durations, default=longest_s) <= longest_s:
        return dict(durations)
    found = {}
    for time_s, count in durations.items():
        if time_s > longest_s:
            censored[longest_s] = censored.get(longest_s, 0) + count
        else:
            found[time_s] = count
    return found


def follow_up(
    ended: Histogram,
    competing: Mapping[str, Histogram],
    still_open: Mapping[int, int],
    until: Horizon,
    minimum_n: int = 1,
) -> dict[str, Any] | None:
    """Return the fields of the public record (`FollowUp`); None where nothing can be said.

    That is while something is open and the watermark is not known. Below ``minimum_n`` only counts are given.
    """
    if still_open and until.as_of_ms is None:
        return None
    whole = cohort(ended, competing, still_open, until)
    waits = Waits(whole, ENDED)
    others = {
        outcome: sum(counts.values()) for outcome, counts in whole.ended.items() if outcome != ENDED
    }
    fields: dict[str, Any] = {
        "as_of": instant(until.as_of_ms) if still_open and until.as_of_ms is not None else None,
        "n": waits.n,
        "n_open": waits.n_open,
        "n_silent": waits.n_silent,
        "competing": others,
        "exposure_s": waits.exposure_s,
        "level": LEVEL,
        "method": KAPLAN_MEIER.name,
        "method_version": KAPLAN_MEIER.version,
    }
    if not waits.n or waits.n < minimum_n:
        return fields
    median, p90 = waits.quantiles(_ASKED)
    fields |= {
        "followed_to_s": waits.longest_s,
        "median": _reached(median),
        "p90": _reached(p90),
    }
    if others:
        median, p90 = waits.incidence_quantiles(_ASKED)
        fields |= {
            "ended_median": _reached(median),
            "ended_p90": _reached(p90),
            "incidence": _incidence(waits, (ENDED, *others)),
            "competing_method": AALEN_JOHANSEN.name,
            "competing_method_version": AALEN_JOHANSEN.version,
        }
    return fields


def _reached(found: Quantile | NotEstimable) -> dict[str, Any] | None:
    if isinstance(found, NotEstimable):
        return None
    return {
        "reached": found.value_s is not None,
        "value_s": found.value_s,
        "longer_than_s": found.longer_than_s,
        "low_s": found.low_s,
        "high_s": found.high_s,
    }


def _incidence(waits: Waits, outcomes: Iterable[str]) -> dict[str, dict[str, float | None]]:
    found = {}
    for outcome in outcomes:
        share = waits.incidence(outcome)
        if isinstance(share, Estimate):
            found[outcome] = {"share": share.estimate, "low": share.low, "high": share.high}
    return found
