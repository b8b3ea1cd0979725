"""Who an interval of time is put down to: disjoint parts that add up to it to the millisecond.

Spans are laid over the interval in the order of their precedence; each instant goes to the first that covers it, what
none covers to the default. A span with an unknown end covers nothing: how long it lasted is not known.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from sstl.models.policy import AttributedTo

Interval = tuple[int, int]
"""(from, to) in ms; the end is exclusive."""
Part = AttributedTo

PARTS: tuple[Part, ...] = ("CUSTOMS", "OGA", "TRADE", "UNATTRIBUTED")


def attribute(
    whole: Interval, spans: Iterable[tuple[Part, Sequence[Interval]]], default: Part
) -> dict[Part, int]:
    """Return how many ms of an interval each part has; all parts are there and add up to its length.

    An interval that ends before it begins (released before arrival) has nothing to put down to anybody: its negative
    length is unattributed.

    Args:
        whole: What is attributed.
        spans: Part and the intervals that it covers, the first one first in precedence.
        default: Who has what no span covers.
    """
    found: dict[Part, int] = dict.fromkeys(PARTS, 0)
    if whole[1] <= whole[0]:
        found["UNATTRIBUTED"] = whole[1] - whole[0]
        return found
    free = [whole]
    for part, intervals in spans:
        for interval in intervals:
            taken, free = without(free, interval)
            found[part] += taken
        if not free:
            return found
    found[default] += sum(end - start for start, end in free)
    return found


def without(free: Sequence[Interval], taken: Interval) -> tuple[int, list[Interval]]:
    """Return how much of the free intervals (which do not overlap) another one covers, and what it leaves of them."""
    covered = 0
    left = []
    for start, end in free:
        low, high = max(start, taken[0]), min(end, taken[1])
        if low >= high:
            left.append((start, end))
            continue
        covered += high - low
        if start < low:
            left.append((start, low))
        if high < end:
            left.append((high, end))
    return covered, left


def paired(starts: Iterable[int], ends: Iterable[int]) -> tuple[list[Interval], bool]:
    """Return the intervals from each start to the first end at it or after it, and whether the last one is open.

    A start inside such an interval is a repeat and begins none.
    """
    known = sorted(ends)
    found: list[Interval] = []
    for start in sorted(starts):
        if found and start < found[-1][1]:
            continue
        at = bisect_left(known, start)
        if at == len(known):
            return found, True
        found.append((start, known[at]))
    return found, False


def covered_ms(whole: Interval, intervals: Iterable[Interval]) -> int:
    """Return how many ms of an interval others cover, each instant counted once."""
    if whole[1] <= whole[0]:
        return 0
    free = [whole]
    covered = 0
    for interval in intervals:
        taken, free = without(free, interval)
        covered += taken
    return covered
