"""Cargo 2000 statistics computed straight from the file with numpy, without a line of the product.

What the running chain publishes is compared with these figures. Durations are in minutes, as in the file.
"""

import gzip
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FILE = Path(__file__).parent / "data" / "cargo2000" / "c2k_data_comma.csv.gz"
INCOMING = ("i1", "i2", "i3")
LEGS = (*INCOMING, "o")
SERVICES = ("rcs", "dep_1", "rcf_1", "dep_2", "rcf_2", "dep_3", "rcf_3", "dlv")

Minutes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LegTimes:
    """Planned and effective minutes of one leg, and its lane (first DEP place, last RCF place)."""

    process: int
    leg_id: str
    lane: tuple[int, int]
    planned: int
    effective: int


class Reference:
    """The file as a matrix and what the published definitions make of it."""

    def __init__(self, file: Path = FILE) -> None:
        with gzip.open(file, "rt", encoding="ascii") as lines:
            self.names = lines.readline().strip().split(",")
            self.table: Minutes = np.loadtxt(lines, delimiter=",", dtype=np.int64)
        self._index = {name: column for column, name in enumerate(self.names)}

    def column(self, name: str) -> Minutes:
        """Return one column."""
        return self.table[:, self._index[name]]

    def leg_minutes(self, leg: str, kind: str) -> Minutes:
        """Return the sum over a leg's services, ``p`` planned or ``e`` effective; 0 where there is no leg."""
        return sum(
            (self.column(f"{leg}_{service}_{kind}") for service in SERVICES),
            start=np.zeros(len(self.table), dtype=np.int64),
        )

    def exists(self, leg: str) -> npt.NDArray[np.bool_]:
        """Return which processes have this leg."""
        return self.column(f"{leg}_hops") > 0

    @property
    def processes(self) -> int:
        """Number of process instances."""
        return len(self.table)

    @property
    def incoming_legs(self) -> int:
        """Number of incoming legs (the published number of transport legs)."""
        return int(sum(self.exists(leg).sum() for leg in INCOMING))

    @property
    def services(self) -> int:
        """Number of services: RCS and DLV of each leg, DEP and RCF of each hop, the outgoing leg included."""
        return int(
            sum((2 + 2 * self.column(f"{leg}_hops"))[self.exists(leg)].sum() for leg in LEGS)
        )

    def process_minutes(self, kind: str) -> Minutes:
        """Return the longest incoming leg plus the outgoing one."""
        longest = np.max([self.leg_minutes(leg, kind) for leg in INCOMING], axis=0)
        return np.asarray(longest + self.leg_minutes("o", kind), dtype=np.int64)

    @property
    def late(self) -> npt.NDArray[np.bool_]:
        """Which processes took longer than planned."""
        return self.process_minutes("e") > self.process_minutes("p")

    def legs(self) -> list[LegTimes]:
        """Return every leg of every process, incoming and outgoing, processes numbered from 1."""
        found = []
        for leg in LEGS:
            planned, effective = self.leg_minutes(leg, "p"), self.leg_minutes(leg, "e")
            hops = self.column(f"{leg}_hops")
            for row in np.flatnonzero(self.exists(leg)):
                first = int(self.column(f"{leg}_dep_1_place")[row])
                last = int(self.column(f"{leg}_rcf_{hops[row]}_place")[row])
                times = LegTimes(
                    int(row) + 1,
                    leg,
                    (first, last),
                    int(planned[row]),
                    int(effective[row]),
                )
                found.append(times)
        return found

    def leg_lanes(self) -> dict[tuple[int, int], list[LegTimes]]:
        """Return the legs by lane."""
        lanes: dict[tuple[int, int], list[LegTimes]] = defaultdict(list)
        for times in self.legs():
            lanes[times.lane].append(times)
        return dict(lanes)

    def disagreeing_joins(self) -> int:
        """Return how many hops depart from another place than the one received at before."""
        count = 0
        for leg in LEGS:
            for hop in (1, 2):
                both = self.column(f"{leg}_hops") > hop
                differs = self.column(f"{leg}_rcf_{hop}_place") != self.column(
                    f"{leg}_dep_{hop + 1}_place"
                )
                count += int((both & differs).sum())
        return count


@dataclass(frozen=True)
class Statistics:
    """The statistics of one stratum; quantiles are order statistics x(k) with k = max(1, ceil(p n))."""

    n: int
    mean: float
    median: int
    p90: int
    standard_deviation: float
    """Of the population (divisor n)."""
    sample_standard_deviation: float
    """Divisor n - 1; nan for one value."""
    geometric_mean: float
    share_late: float


def statistics(effective: Minutes, planned: Minutes) -> Statistics:
    """Return the statistics of durations in minutes, at least one."""
    ordered = np.sort(effective)
    n = len(ordered)

    def quantile(tenths: int) -> int:
        return int(ordered[max(1, -(-tenths * n // 10)) - 1])

    return Statistics(
        n=n,
        mean=float(ordered.mean()),
        median=quantile(5),
        p90=quantile(9),
        standard_deviation=float(ordered.std()),
        sample_standard_deviation=float(ordered.std(ddof=1)) if n > 1 else float("nan"),
        geometric_mean=float(np.exp(np.log(ordered).mean())),
        share_late=float((effective > planned).mean()),
    )
