"""Deadlines: which subjects must be asked again once an instant has come, and how far a stage has come.

A rule that watches for absence is judged as of its deadline, when the stage's watermark has come there (never by a
clock): a lagging or stalled input holds the watermark back and with it every deadline. Each subject stands in the
index once, with the least deadline that it still waits for; whoever changes it moves it.

The index is exact: a subject is taken as soon as the watermark has reached its instant, so that what is in force at
a watermark does not depend on what else happened to be folded. It has a reserved key a bucket of ten minutes
(``~due/<bucket>``, one part a subject) and one that counts them (``~due``, one part a bucket). Subjects that wait for
a publisher to speak again stand in an index of the same shape under the publisher's name.
"""

import msgspec

from sstl.core.stage import PASSED, RESERVED, Reached, Work

BUCKET_MS = 600_000
DEADLINES = f"{RESERVED}due"
"""The index of deadlines; another name is another index."""
STEP_LIMIT = 2_000
"""Most subjects taken in one step, so that a step after an outage still fits one transaction."""


class DueAt(msgspec.Struct, frozen=True, tag="due-at.1"):
    """Cell: something is due here."""


class DueBucket(msgspec.Struct, frozen=True, tag="due-bucket.1"):
    """Cell: how many subjects stand in a bucket."""

    subjects: int


_DUE_AT = DueAt()


def as_of(work: Work) -> int:
    """Return how far the stage has come (arrival time, ms): its watermark, never going back; -1 before it has one."""
    cell: Reached | None = work.get(PASSED, "")
    return -1 if cell is None else cell.reached_ms


def move_deadline(
    work: Work, key: str, before_ms: int | None, after_ms: int | None, index: str = DEADLINES
) -> None:
    """Move a subject in an index from one instant to another; None: it is not in it."""
    if before_ms == after_ms:
        return
    if before_ms is not None:
        _set(work, index, before_ms, key, None)
    if after_ms is not None:
        _set(work, index, after_ms, key, _DUE_AT)


def take_due(
    work: Work, now_ms: int, index: str = DEADLINES, limit: int = STEP_LIMIT
) -> list[tuple[str, int]]:
    """Take away and return what is due by an instant: (subject, its deadline), earliest first, ``limit`` at the most.

    What is left over is taken at the next step.
    """
    due: list[tuple[str, int]] = []
    for bucket_part in work.parts(index):
        bucket = int(bucket_part)
        if bucket * BUCKET_MS > now_ms:
            break
        for part in work.parts(f"{index}/{bucket}"):
            instant, _, key = part.partition("|")
            if int(instant) > now_ms or len(due) == limit:
                return due
            due.append((key, int(instant)))
            _set(work, index, int(instant), key, None)
    return due


def _set(work: Work, index: str, instant_ms: int, key: str, value: DueAt | None) -> None:
    bucket = instant_ms // BUCKET_MS
    name, part = f"{index}/{bucket}", f"{instant_ms:015d}|{key}"
    if (work.get(name, part) is None) == (value is None):
        return
    work.put(name, part, value)
    cell: DueBucket | None = work.get(index, f"{bucket:012d}")
    subjects = (0 if cell is None else cell.subjects) + (-1 if value is None else 1)
    work.put(index, f"{bucket:012d}", DueBucket(subjects) if subjects else None)
