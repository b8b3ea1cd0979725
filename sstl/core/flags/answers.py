"""Answers on flags: feedback and operators' actions, as registers, and how a later flag inherits them.

An answer is a register per event identity, merged however it comes: directly, or from a flag that this one
supersedes (``Forwarded``, whose path is the chain of flags it came through, so that flags that supersede each other
in a circle pass nothing on for ever).
"""

from collections.abc import Iterator

from sstl.core.flags.cells import ANSWER, HEIR, Answer, Heir
from sstl.core.flags.standing import FEEDBACK
from sstl.core.registers import Held, counting, hold_forwarded, hold_placed, hold_withdrawn
from sstl.core.stage import Work
from sstl.models.records import Event, Forwarded, Placed, Succeeds, Withdrawn

Change = tuple[Event | None, Event | None]
"""(what counted before, what counts now) of one answer."""


def identity_of(message: Placed | Withdrawn | Forwarded) -> str:
    """Return the identity of the event that a message is about."""
    return message.event.identity if isinstance(message, Placed) else message.identity


def take(work: Work, key: str, message: Placed | Withdrawn | Forwarded) -> Change | None:
    """Merge an answer and pass it on to the flags that supersede this one; None where nothing changed."""
    identity = identity_of(message)
    part = ANSWER + identity
    cell: Answer | None = work.get(key, part)
    old = None if cell is None else cell.held
    new = _merged(old, message)
    if new == old:
        return None
    work.put(key, part, None if new is None else Answer(new))
    for name in work.parts(key):
        if name.startswith(HEIR):
            _tell(work, key, name.removeprefix(HEIR), identity, old, new)
    before, after = counting(old), counting(new)
    if before is None and after is None:
        return None
    if before is not None and after is not None and before.version == after.version:
        return None
    return before, after


def _merged(held: Held | None, message: Placed | Withdrawn | Forwarded) -> Held | None:
    match message:
        case Placed():
            return hold_placed(held, message)
        case Withdrawn():
            return hold_withdrawn(held, message)
        case Forwarded():
            return hold_forwarded(held, message)


def answers_on(work: Work, key: str) -> list[Event]:
    """Return every answer that counts, in order of identity."""
    return [event for _, held in _held(work, key) if (event := counting(held)) is not None]


def feedback_on(work: Work, flag_id: str) -> list[Event]:
    """Return every feedback that counts for the flag, in order of identity."""
    return [event for event in answers_on(work, flag_id) if event.type == FEEDBACK]


def _held(work: Work, key: str) -> Iterator[tuple[str, Held]]:
    for part in work.parts(key):
        if part.startswith(ANSWER):
            cell: Answer | None = work.get(key, part)
            if cell is not None:
                yield part.removeprefix(ANSWER), cell.held


def take_heir(work: Work, flag_id: str, message: Succeeds) -> None:
    """Note that another flag supersedes this one (or no longer does), and tell it the answers here."""
    part = HEIR + message.heir
    known = work.get(flag_id, part) is not None
    if known == message.holds:
        return
    work.put(flag_id, part, Heir() if message.holds else None)
    for identity, held in list(_held(work, flag_id)):
        old, new = (None, held) if message.holds else (held, None)
        _tell(work, flag_id, message.heir, identity, old, new)


def _tell(
    work: Work, flag_id: str, heir: str, identity: str, old: Held | None, new: Held | None
) -> None:
    before, after = _ways(old, flag_id, heir), _ways(new, flag_id, heir)
    for path in sorted(before.keys() | after.keys()):
        event = after.get(path)
        if event != before.get(path):
            work.emit("findings", heir, Forwarded(identity=identity, path=path, event=event))


def _ways(held: Held | None, flag_id: str, heir: str) -> dict[str, Event]:
    """Return path and event of every way that an heir is to know."""
    if held is None:
        return {}
    ways = {f"{path}/{flag_id}": event for path, event in held.paths}
    if held.direct is not None and held.direct.event is not None:
        ways[flag_id] = held.direct.event
    return {path: event for path, event in ways.items() if heir not in path.split("/")}
