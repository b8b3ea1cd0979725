"""When publishers were last heard of, as heartbeats tell it, and who waits for one of them to speak again.

Absence of a report proves nothing while the publisher that should report is silent. A rule that finds it so is not
evaluable, and its subject waits here until the publisher was heard of at or after the instant in question.
"""

from collections.abc import Iterator, Mapping

import msgspec

from sstl.core.deadlines import move_deadline, take_due
from sstl.core.stage import RESERVED, Work
from sstl.models.records import Heartbeat

HEARD_KEY = f"{RESERVED}heard"
"""Reserved key; one part a publisher."""
_AWAITS = f"{RESERVED}awaits"


class Heard(msgspec.Struct, frozen=True, tag="heard.1"):
    """Cell: latest arrival time (ms) of a publisher's messages."""

    reached_ms: int


class Publishers(Mapping[str, int]):
    """CloudEvents source to its latest arrival time (ms), read when asked for."""

    __slots__ = ("_work",)

    def __init__(self, work: Work) -> None:
        self._work = work

    def __getitem__(self, source: str) -> int:
        """Return when a publisher was last heard of."""
        cell: Heard | None = self._work.get(HEARD_KEY, source)
        if cell is None:
            raise KeyError(source)
        return cell.reached_ms

    def __iter__(self) -> Iterator[str]:
        """Iterate over the publishers, sorted."""
        return iter(self._work.parts(HEARD_KEY))

    def __len__(self) -> int:
        """Return the number of publishers."""
        return len(self._work.parts(HEARD_KEY))


def hear(work: Work, beat: Heartbeat) -> list[str]:
    """Note the publishers that a heartbeat tells of; return the subjects that had waited for one of them."""
    found: dict[str, None] = {}
    for source, reached_ms in beat.publishers:
        known: Heard | None = work.get(HEARD_KEY, source)
        if known is None or known.reached_ms < reached_ms:
            work.put(HEARD_KEY, source, Heard(reached_ms))
            waited = take_due(work, reached_ms, index=f"{_AWAITS}/{source}")
            found.update(dict.fromkeys(key for key, _ in waited))
    return list(found)


def still_waiting(work: Work) -> list[str]:
    """Return subjects that waited for a publisher which has spoken, and for which there was no room then."""
    found: dict[str, None] = {}
    for source, reached_ms in Publishers(work).items():
        waited = take_due(work, reached_ms, index=f"{_AWAITS}/{source}")
        found.update(dict.fromkeys(key for key, _ in waited))
    return list(found)


def move_awaits(work: Work, key: str, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """Let a subject wait for other publishers than before, each with the instant (ms) after which it must speak."""
    for source in sorted({*before, *after}):
        index = f"{_AWAITS}/{source}"
        move_deadline(work, key, before.get(source), after.get(source), index=index)
