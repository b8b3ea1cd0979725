"""What a lane remembers of one combination of strata, or series, and window: integers that add up.

A cell is a sum of signed contributions, so neither the order of observations nor a detour over
values taken back leaves a trace in it, and cells of parts (days, partitions) add up to the cell of
the whole.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

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


Strata: TypeAlias = tuple[tuple[str, str], ...]
"""(name, value)"""


def strata_text(strata: Strata) -> str:
    """Return how keys and cells call strata: ``channel=RED;sstl=YES``."""
    return ";".join(f"{_escaped(name)}={_escaped(value)}" for name, value in strata)


@lru_cache(maxsize=8192)
def strata_of(text: str) -> Strata:
    """Return the strata that `strata_text` calls so."""
    pairs = (pair.split("=") for pair in text.split(";") if pair)
    return tuple((_plain(name), _plain(value)) for name, value in pairs)


START, END = "START", "END"
BY_END: Final = "~END"
"""In the place of strata; inside their names ``~`` is escaped."""


class Series(NamedTuple):
    """What observations have in common that are counted together, whatever their day."""

    indicator: str
    counting_unit: str
    lane_id: str
    mode: str
    strata: Strata
    """In order of the names."""
    by: str = START
    """Whether days are those of the start (`START`) or of the end (`END`, all together only)."""

    @property
    def key(self) -> str:
        """``indicator|counting unit|lane|mode|strata`` with separators inside names escaped; by the end ``~END``."""
        names = map(_escaped, (self.indicator, self.counting_unit, self.lane_id, self.mode))
        return "|".join((*names, BY_END if self.by == END else strata_text(self.strata)))

    @staticmethod
    @lru_cache(maxsize=8192)
    def of(key: str) -> "Series":
        """Return the series that `key` names."""
        *names, strata = key.split("|")
        indicator, counting_unit, lane_id, mode = map(_plain, names)
        names_of = (indicator, counting_unit, lane_id, mode)
        return (
            Series(*names_of, (), END) if strata == BY_END else Series(*names_of, strata_of(strata))
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


Packed: TypeAlias = int | str | LaneCell
"""A cell in short, where it is one of few words (`sstl.core.lanes.packed`)."""


class WholeCell(msgspec.Struct, frozen=True, tag="lane.3", omit_defaults=True):
    """Cell: a series as a whole."""

    counts: LaneCell
    months: tuple[str, ...] = ()
    """Months of which what is open lies in a cell of its own, ascending; empty: it is little, and in ``counts``."""


class StartedCell(msgspec.Struct, frozen=True, tag="lane-started.1"):
    """Cell: what of a whole is open and began in one month, as `Beside.open`."""

    open: Mapping[int, int]


class WeekCell(msgspec.Struct, frozen=True, tag="lane-week.1"):
    """Cell: the days of one ISO week of what one indicator counts in a lane and mode, each combination of strata once.

    Series are made from it: one of ``channel=RED`` holds every combination with that stratum.
    """

    counts: Mapping[str, Mapping[str, Packed]]
    """Strata, as `strata_text` calls them, to day of the week (``1`` is Monday) to counts; nothing empty."""


class HoursCell(msgspec.Struct, frozen=True, tag="lane-hours.1"):
    """Cell: the hours of one day of a series, by ``00`` to ``23``; hours without observations are left out."""

    hours: Mapping[str, Packed]
