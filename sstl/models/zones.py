"""Time zones as data: from when on which offset to UTC holds, out of the release of the IANA database that is pinned.

The database is the package ``tzdata`` and never the machine's own: workers that share a lock file, and every replay,
cut days at the same instants.
"""

from bisect import bisect_right
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Final, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

UTC_ZONE: Final = "UTC"
_EVER_MS: Final = -(2**63)
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
"""Before, and from the end on, the offset is what it is at that instant."""
_DAY_S: Final = 86_400


class Offsets(NamedTuple):
    """Offsets to UTC, and since when each holds."""

    since_ms: tuple[int, ...]
    """Instants, ascending; the first is before all."""
    offset_ms: tuple[int, ...]
    """Local time less UTC."""

    def at(self, instant_ms: int) -> int:
        """Return the offset in force at an instant (ms since the epoch)."""
        return self.offset_ms[bisect_right(self.since_ms, instant_ms) - 1]


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return the names of all zones of the database."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


def known_zone(name: str) -> str:
    """Return the name of a zone as it is.

    Raises:
        ValueError: The database has no such zone.
    """
    if name not in zone_names():
        raise ValueError("no time zone of the IANA database, like Europe/Amsterdam")
    return name


ZoneName = Annotated[str, AfterValidator(known_zone)]
"""``Europe/Amsterdam``, ``Asia/Shanghai``, ``UTC``."""


@lru_cache(maxsize=64)
def offsets_of(name: str) -> Offsets:
    """Return the offsets of a zone from 2000 to 2100.

    Raises:
        ValueError: The database has no such zone.
    """
    if name == UTC_ZONE:
        return Offsets((_EVER_MS,), (0,))
    found = files("tzdata") / "zoneinfo"
    for part in known_zone(name).split("/"):
        found = found / part
    with found.open("rb") as file:
        zone = ZoneInfo.from_file(file, key=name)

    def offset_ms(second: int) -> int:
        offset = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
        return 0 if offset is None else round(offset.total_seconds() * 1000)

    first, last = (
        int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (_FIRST_YEAR, _LAST_YEAR)
    )
    since, offsets = [_EVER_MS], [offset_ms(first)]
    for second in range(first + _DAY_S, last + _DAY_S, _DAY_S):
        now = offset_ms(second)
        if now == offsets[-1]:
            continue
        before, after = second - _DAY_S, second
        while after - before > 1:
            middle = (before + after) // 2
            if offset_ms(middle) == offsets[-1]:
                before = middle
            else:
                after = middle
        since.append(after * 1000)
        offsets.append(now)
    return Offsets(tuple(since), tuple(offsets))
