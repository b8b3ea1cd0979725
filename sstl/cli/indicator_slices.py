"""Which of the published indicators somebody wants: a slice of the topic; no Kafka, no clock."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import get_args

from sstl.core.lanes.windows import DAY_MS, TOTAL, bounds, date_of
from sstl.models.indicator import Indicator, Window

Criterion = Callable[[Indicator], bool]

WINDOW_KINDS: tuple[str, ...] = get_args(Window.model_fields["kind"].annotation)
"""As the model has them: ``P1D``, ``TOTAL``."""


def begin_of(window: str) -> date | None:
    """Return the day, in its own time zone, on which a window begins; None for one without an end (``TOTAL``).

    Raises:
        ValueError: There is no window of that name.
    """
    return None if window == TOTAL else date_of(bounds(window)[0] // DAY_MS)


def window_named(text: str) -> str:
    """Return the name of a window as keys have it.

    Raises:
        ValueError: There is no window of that name.
    """
    window = Window.named(text).name
    begin_of(window)
    return window


def series_of(indicator: Indicator) -> str:
    """Return what the windows of one series have in common: the key as far as the kind of its window."""
    return (
        indicator.key.removesuffix(indicator.window.name) + indicator.window.name.partition("/")[0]
    )


@dataclass(frozen=True, slots=True)
class Slice:
    """What is wanted; nothing said means all. Patterns are as in file names (``CN*-SEA``)."""

    lanes: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    indicators: tuple[str, ...] = ()
    strata: tuple[tuple[str, str], ...] = ()
    """(name, pattern of its value). Of one name any may hold, of different names each must."""
    windows: tuple[str, ...] = ()
    """Kinds, or names of single windows."""
    since: date | None = None
    until: date | None = None
    """First and last day, in its own time zone, on which a window may begin; a window without an end has none, and is
    left out by both."""
    totals: bool = False
    """Only what is not split by strata."""
    final: bool = False
    """Only windows whose follow-up has ended: nothing in them is still on its way."""
    latest: bool = False
    """Only the newest window of each series, of those that everything else leaves."""
    by: str = "START"
    """Windows of what began in them (``START``) or of what ended in them (``END``)."""

    def of(self, published: Iterable[Indicator]) -> list[Indicator]:
        """Return what belongs to the slice, in the order of `place_of`."""
        criteria = [self._is_by, *(holds for _said, holds in self._criteria())]
        chosen = sorted(
            (one for one in published if all(holds(one) for holds in criteria)), key=place_of
        )
        if not self.latest:
            return chosen
        # Sorted by time within a series: the last one of each stays.
        return list({series_of(one): one for one in chosen}.values())

    def unmet(self, published: Iterable[Indicator]) -> list[str]:
        """Return the options that nothing published satisfies, each taken by itself."""
        known = list(published)
        return [said for said, holds in self._criteria() if not any(map(holds, known))]

    def _criteria(self) -> Iterator[tuple[str, Criterion]]:
        """Yield each option as it is written, with what it asks."""
        for option, patterns, value_of in (
            ("--indicator", self.indicators, _indicator),
            ("--lane", self.lanes, _lane),
            ("--mode", self.modes, _mode),
        ):
            if patterns:
                yield f"{option} {' '.join(patterns)}", _matching(patterns, value_of)
        for name in dict.fromkeys(name for name, _pattern in self.strata):
            patterns = tuple(pattern for other, pattern in self.strata if other == name)
            yield f"--stratum {name}={' '.join(patterns)}", _in_stratum(name, patterns)
        if self.by != "START":
            yield f"--by {self.by.lower()}", self._is_by
        if self.totals:
            yield "--totals", lambda one: not one.strata
        if self.final:
            yield "--final-only", lambda one: not one.provisional
        if self.windows:
            yield f"--window {' '.join(self.windows)}", self._in_windows
        if self.since is not None:
            yield f"--since {self.since}", self._in_period
        if self.until is not None:
            yield f"--until {self.until}", self._in_period

    def _is_by(self, one: Indicator) -> bool:
        return one.window.by == self.by

    def _in_windows(self, one: Indicator) -> bool:
        name = one.window.name
        return name in self.windows or name.partition("/")[0] in self.windows

    def _in_period(self, one: Indicator) -> bool:
        began = begin_of(one.window.name)
        if began is None:
            return False
        return (self.since is None or self.since <= began) and (
            self.until is None or began <= self.until
        )


def place_of(indicator: Indicator) -> tuple[str, ...]:
    """Return what indicators are sorted by: a function of the key alone, windows of a series by their time."""
    return (
        indicator.indicator,
        indicator.lane_id,
        indicator.mode,
        *series_of(indicator).split("|"),
        indicator.window.name,
    )


def _indicator(one: Indicator) -> str:
    return one.indicator


def _lane(one: Indicator) -> str:
    return one.lane_id


def _mode(one: Indicator) -> str:
    return one.mode


def _matching(patterns: tuple[str, ...], value_of: Callable[[Indicator], str]) -> Criterion:
    return lambda one: any(fnmatchcase(value_of(one), pattern) for pattern in patterns)


def _in_stratum(name: str, patterns: tuple[str, ...]) -> Criterion:
    def holds(one: Indicator) -> bool:
        value = one.strata.get(name)
        return value is not None and any(fnmatchcase(value, pattern) for pattern in patterns)

    return holds
