"""Days in the time zone of the place where a cohort starts.

A zone governs the instants of the versions of the policy that name it, so an instant has the same local day whenever
it is asked for. The day on which the clock changes, or a new version names another zone, is shorter or longer.
"""

from bisect import bisect_right
from functools import lru_cache
from typing import Final

from sstl.core.indicators.registry import definition
from sstl.core.lanes.cell import Series
from sstl.core.lanes.windows import DAY_MS, HOUR_PREFIX, bounds, days_of
from sstl.models.policy import Policy
from sstl.models.zones import UTC_ZONE, Offsets, offsets_of

_EVER_MS: Final = -(2**63)
_NEVER_MS: Final = 2**63
_MOST_BOUNDS: Final = 4096


class Calendar:
    """Which instants are which day.

    Args:
        offsets: To UTC, by when they hold.
    """

    __slots__ = ("_bounds", "_offset_ms", "_since_ms")

    def __init__(self, offsets: Offsets) -> None:
        self._since_ms, self._offset_ms = offsets
        self._bounds: dict[tuple[int, int], tuple[int, int]] = {}
        """Those that were asked for last, by first day and the one after the last."""

    def day(self, instant_ms: int) -> int:
        """Return the local day of an instant."""
        at = bisect_right(self._since_ms, instant_ms) - 1
        return (instant_ms + self._offset_ms[at]) // DAY_MS

    def stretch(self, instant_ms: int) -> tuple[int, int, int]:
        """Return from when until when one offset holds around an instant, and the offset, ms."""
        at = bisect_right(self._since_ms, instant_ms) - 1
        last = at + 1 == len(self._since_ms)
        until_ms = _NEVER_MS if last else self._since_ms[at + 1]
        return self._since_ms[at], until_ms, self._offset_ms[at]

    def bounds(self, days: range) -> tuple[int, int]:
        """Return beginning and end of days on end, ms; the end is not in it."""
        name = days.start, days.stop
        found = self._bounds.get(name)
        if found is None:
            if len(self._bounds) >= _MOST_BOUNDS:
                self._bounds.clear()
            found = self._of_day(days.start)[0], self._of_day(days.stop - 1)[1]
            self._bounds[name] = found
        return found

    def _of_day(self, day: int) -> tuple[int, int]:
        """Return the first instant of a day and the one after its last; where zones leave it out, when they do."""
        local_ms = day * DAY_MS
        # no offset is above a day
        at = max(bisect_right(self._since_ms, local_ms - DAY_MS) - 1, 0)
        found: list[tuple[int, int]] = []
        left_out = local_ms - self._offset_ms[at]
        for number in range(at, len(self._since_ms)):
            since_ms, offset = self._since_ms[number], self._offset_ms[number]
            if since_ms > local_ms + 2 * DAY_MS:
                break
            until_ms = self._since_ms[number + 1] if number + 1 < len(self._since_ms) else _NEVER_MS
            begin, end = (
                max(since_ms, local_ms - offset),
                min(until_ms, local_ms + DAY_MS - offset),
            )
            if begin < end:
                found.append((begin, end))
            elif since_ms + offset >= local_ms + DAY_MS and not found:
                left_out = since_ms
                break
        return (found[0][0], found[-1][1]) if found else (left_out, left_out)


UTC: Final = Calendar(offsets_of(UTC_ZONE))


def zone_of(policy: Policy, indicator: str, counting_unit: str, lane_id: str) -> str:
    """Return the time zone of an indicator's days under one version of the policy; ``UTC`` where none is named."""
    at = definition(indicator, counting_unit).at
    lane = policy.lanes.get(lane_id)
    if lane is None or at == "LANE":
        return UTC_ZONE
    return lane.zones.origin if at == "ORIGIN" else lane.zones.destination


def zone_of_window(policy: Policy, series: Series, window: str) -> str:
    """Return the time zone in which a window begins and ends; hours are those of UTC, and the whole has none."""
    if "/" not in window or window.startswith(HOUR_PREFIX):
        return UTC_ZONE
    return zone_of(policy, series.indicator, series.counting_unit, series.lane_id)


def calendar_of(policy: Policy, indicator: str, counting_unit: str, lane_id: str) -> Calendar:
    """Return the days in which an indicator of a lane counts, over all versions of the policy."""
    if definition(indicator, counting_unit).at == "LANE":
        return UTC
    found: list[tuple[int, str]] = []
    for since_ms, version in policy.versions():
        zone = zone_of(version, indicator, counting_unit, lane_id)
        if not found:
            found.append((_EVER_MS, zone))
        elif zone != found[-1][1]:
            found.append((since_ms, zone))
    return calendar(tuple(found))


@lru_cache(maxsize=256)
def calendar(zones: tuple[tuple[int, str], ...]) -> Calendar:
    """Return the days of zones that follow each other.

    Args:
        zones: (since in ms, zone), ascending; the first holds since ever.
    """
    if zones == ((_EVER_MS, UTC_ZONE),):
        return UTC
    since: list[int] = []
    offsets: list[int] = []
    for number, (since_ms, zone) in enumerate(zones):
        until_ms = zones[number + 1][0] if number + 1 < len(zones) else _NEVER_MS
        of_zone = offsets_of(zone)
        since.append(since_ms)
        offsets.append(of_zone.at(since_ms))
        for change_ms, offset in zip(*of_zone, strict=True):
            if since_ms < change_ms < until_ms:
                since.append(change_ms)
                offsets.append(offset)
    return Calendar(Offsets(tuple(since), tuple(offsets)))


def bounds_of(policy: Policy, series: Series, window: str) -> tuple[int, int]:
    """Return beginning and end of a window of a series other than ``TOTAL``, ms; the end is not in it."""
    if window.startswith(HOUR_PREFIX):
        return bounds(window)
    return calendar_of(policy, series.indicator, series.counting_unit, series.lane_id).bounds(
        days_of(window)
    )


def begin_in(window: str, zone: str) -> int:
    """Return when a window other than ``TOTAL`` begins in a zone, ms."""
    if window.startswith(HOUR_PREFIX):
        return bounds(window)[0]
    return calendar(((_EVER_MS, zone),)).bounds(days_of(window))[0]
