"""What a lane remembers of one series and window: integers that add up.

A cell is a sum of signed contributions, so neither the order of observations nor a detour over
values taken back leaves a trace in it, and cells of parts (days, partitions) add up to the cell of
the whole.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from sstl.core.histogram import Histogram

_ESCAPES = str.maketrans({"%": "%25", "|": "%7C", ";": "%3B", "=": "%3D", "~": "%7E"})


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _plain(text: str) -> str:
    if "%" not in text:
        return text
    for mark, escape in (("|", "%7C"), (";", "%3B"), ("=", "%3D"), ("~", "%7E"), ("%", "%25")):
        text = text.replace(escape, mark)
    return text


class Series(NamedTuple):
    """What observations have in common that are counted together, whatever their day."""

    indicator: str
    counting_unit: str
    lane_id: str
    mode: str
    strata: tuple[tuple[str, str], ...]
    """(name, value), in order of the names."""

    @property
    def key(self) -> str:
        """``indicator|counting unit|lane|mode|strata`` with separators inside names escaped."""
        strata = ";".join(f"{_escaped(name)}={_escaped(value)}" for name, value in self.strata)
        names = map(_escaped, (self.indicator, self.counting_unit, self.lane_id, self.mode))
        return "|".join((*names, strata))

    @staticmethod
    @lru_cache(maxsize=8192)
    def of(key: str) -> "Series":
        """Return the series that `key` names."""
        *names, strata = key.split("|")
        indicator, counting_unit, lane_id, mode = map(_plain, names)
        pairs = (pair.split("=") for pair in strata.split(";") if pair)
        return Series(
            indicator,
            counting_unit,
            lane_id,
            mode,
            tuple((_plain(name), _plain(value)) for name, value in pairs),
        )


class Beside(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What few cells have; what is not there is not written."""

    exposure: str = "0"
    n_excluded: int = 0
    categories: dict[str, int] = {}
    open: dict[int, int] = {}
    competing: dict[str, Histogram] = {}


_NOTHING: Final = Beside()


class LaneCell(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One series in one window. Sums pass 64 bits and are therefore decimal strings.

    Of a share ``sum_ms`` is how many have it, of a rate how many events there were; of both, and of a tally, there are
    no squares, logarithms or durations. Durations count in ``n`` and in what goes with it where they ended as defined.
    """

    n: int
    sum_ms: str
    sum_squares: str = "0"
    """Of milliseconds."""
    sum_logs: str = "0"
    """Of the logarithms of the positive durations in ms, each in units of ``2 ** -LOG_BITS``."""
    n_zero: int = 0
    n_negative: int = 0
    n_planned: int = 0
    n_late: int = 0
    n_target: int = 0
    n_within: int = 0
    histogram: Histogram = Histogram()
    """Of durations in whole seconds."""
    beside: Beside | None = None
    """None: nothing of it."""

    @property
    def exposure(self) -> int:
        """Of a rate: over what its events were counted, in the unit of its definition."""
        return 0 if self.beside is None else int(self.beside.exposure)

    @property
    def n_excluded(self) -> int:
        """How many durations were not plausible; they are in nothing else."""
        return (self.beside or _NOTHING).n_excluded

    @property
    def categories(self) -> Mapping[str, int]:
        """Of a tally: how many there are of each category, by name."""
        return (self.beside or _NOTHING).categories

    @property
    def open(self) -> Mapping[int, int]:
        """How many have not ended yet, by when they started: whole minutes since 1970-01-01T00:00Z, ascending."""
        return (self.beside or _NOTHING).open

    @property
    def competing(self) -> Mapping[str, Histogram]:
        """How long those lasted that another event ended, by the event's name."""
        return (self.beside or _NOTHING).competing


class WholeCell(msgspec.Struct, frozen=True, tag="lane.3"):
    """Cell: a series as a whole, or in one hour."""

    counts: LaneCell


class MonthCell(msgspec.Struct, frozen=True, tag="lane-month.2"):
    """Cell: the days of one month of a series, by ``01`` to ``31``; days without observations are left out."""

    days: Mapping[str, LaneCell]
