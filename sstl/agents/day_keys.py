"""The keys of the days that a worker draws with, read anew from time to time: tomorrow's comes while it runs."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from sstl import logs, metrics
from sstl.agents.policy_log import PolicySource
from sstl.core.draws import Draws
from sstl.errors import UserError
from sstl.key_files import read_draws

log = logs.get(__name__)

DrawSource = Callable[[], Draws]
"""Gives what is drawn with now."""
REREAD_S = 10.0


class DayKeys:
    """What a file or directory of keys draws with; says where a lane has no key of today.

    What can no longer be read leaves the keys as they were: none is forgotten in the middle of its day.

    Args:
        path: A file, or a directory of files ``*.key``.
        policy: Says which lanes state a least rate.
        now: Seconds since the epoch.

    Raises:
        UserError: It cannot be read at the start.
    """

    def __init__(
        self, path: Path, policy: PolicySource, *, now: Callable[[], float] = time.time
    ) -> None:
        self._path, self._policy, self._now = path, policy, now
        self._draws = read_draws(path)
        self._read_at: float | None = None
        self._said: tuple[date, int] | None = None

    def __call__(self) -> Draws:
        """Return what is drawn with."""
        now = self._now()
        if self._read_at is None or abs(now - self._read_at) >= REREAD_S:
            self._read_at = now
            self._read(datetime.fromtimestamp(now, UTC).date())
        return self._draws

    def _read(self, today: date) -> None:
        try:
            self._draws = read_draws(self._path)
        except UserError:
            # its text names the file and never what stands there; the log takes no free text at all
            log.warning("keys of days cannot be read", reason="unreadable", path=str(self._path))
        missing = sum(
            (lane_id, today) not in self._draws
            for lane_id, lane in self._policy().lanes.items()
            if lane.random_control_rate
        )
        metrics.DRAW_KEYS_MISSING.set(missing)
        if missing and (today, missing) != self._said:
            log.warning(
                "lanes have no key of today: nothing is drawn there",
                reason="no_key",
                records=missing,
                path=str(self._path),
            )
        self._said = today, missing
