"""The windows that observations count in, by their start milestone, and what they are called.

``PT1H/2024-05-01T13``, ``P1D/2024-05-01``, ``P1W/2024-W18`` (ISO 8601 week), ``P1M/2024-05`` and ``TOTAL``.
Days are counted from 1970-01-01, in the time zone that they are of (`sstl.core.lanes.zones`); hours are those of UTC.
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

TOTAL = "TOTAL"
"""Window of everything since the pilot began."""
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
HOUR_PREFIX = "PT1H/"
DAY_PREFIX = "P1D/"
WEEK_PREFIX = "P1W/"
MONTH_PREFIX = "P1M/"
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_SUNDAY = 7
_WEEK_DAYS = 7


def day_number(start_ms: int) -> int:
    """Return the UTC day of an instant."""
    return start_ms // DAY_MS


def date_of(day: int) -> date:
    """Return the calendar date of a day."""
    return date.fromordinal(_EPOCH_DAY + day)


def _number(day: date) -> int:
    return day.toordinal() - _EPOCH_DAY


@lru_cache(maxsize=4096)
def name_of_day(day: int) -> str:
    """Return the window of a day: ``P1D/2024-05-01``."""
    return DAY_PREFIX + date_of(day).isoformat()


def day_window(start_ms: int) -> str:
    """Return the window of the UTC day of an instant: ``P1D/2024-05-01``."""
    return name_of_day(start_ms // DAY_MS)


@lru_cache(maxsize=4096)
def week_window(day: int) -> str:
    """Return the ISO week that a day lies in: ``P1W/2024-W18``."""
    return WEEK_PREFIX + week_name(day)


@lru_cache(maxsize=4096)
def month_name(day: int) -> str:
    """Return the month that a day lies in: ``2024-05``."""
    return date_of(day).isoformat()[:7]


@lru_cache(maxsize=4096)
def week_name(day: int) -> str:
    """Return the ISO week that a day lies in: ``2024-W18``."""
    year, week, _ = date_of(day).isocalendar()
    return f"{year:04d}-W{week:02d}"


@lru_cache(maxsize=4096)
def place_of_day(day: int) -> tuple[str, str]:
    """Return ISO week and day of the week: ``2024-W18``, ``3``."""
    return week_name(day), str(date_of(day).isoweekday())


@lru_cache(maxsize=4096)
def place_of_hour(hour: int) -> tuple[int, str]:
    """Return day and hour of the day, ``00`` to ``23``, of an hour counted from 1970-01-01T00."""
    return hour // 24, f"{hour % 24:02d}"


def weeks_of(days: range) -> Iterator[range]:
    """Yield the ISO weeks that days lie in, whole."""
    first = days.start - date_of(days.start).weekday()
    for monday in range(first, days.stop, _WEEK_DAYS):
        yield range(monday, monday + _WEEK_DAYS)


def month_window(day: int) -> str:
    """Return the window of the month that a day lies in: ``P1M/2024-05``."""
    return MONTH_PREFIX + month_name(day)


def hour_window(hour: int) -> str:
    """Return the window of an hour, counted from 1970-01-01T00: ``PT1H/2024-05-01T13``."""
    return f"{HOUR_PREFIX}{date_of(hour // 24).isoformat()}T{hour % 24:02d}"


def hour_number(window: str) -> int:
    """Return the hour that a window is."""
    day, _, hour = window.removeprefix(HOUR_PREFIX).partition("T")
    return _number(date.fromisoformat(day)) * 24 + int(hour)


@lru_cache(maxsize=4096)
def days_of(window: str) -> range:
    """Return the days of a window of days: a day, a week or a month."""
    name = window[window.index("/") + 1 :]
    if window.startswith(DAY_PREFIX):
        first = _number(date.fromisoformat(name))
        return range(first, first + 1)
    if window.startswith(WEEK_PREFIX):
        first = _number(date.fromisocalendar(int(name[:4]), int(name[6:]), 1))
        return range(first, first + _WEEK_DAYS)
    year, month = int(name[:4]), int(name[5:])
    first = _number(date(year, month, 1))
    return range(first, first + monthrange(year, month)[1])


def bounds(window: str) -> tuple[int, int]:
    """Return beginning and end in UTC of a window other than `TOTAL`, ms; the end is not in it."""
    if window.startswith(HOUR_PREFIX):
        hour = hour_number(window)
        return hour * HOUR_MS, (hour + 1) * HOUR_MS
    days = days_of(window)
    return days.start * DAY_MS, days.stop * DAY_MS


def ending_with(day: int) -> tuple[str, ...]:
    """Return the windows that end when a day ends."""
    at = date_of(day)
    names = [name_of_day(day)]
    if at.isoweekday() == _SUNDAY:
        names.append(week_window(day))
    if at.day == monthrange(at.year, at.month)[1]:
        names.append(month_window(day))
    return tuple(names)
