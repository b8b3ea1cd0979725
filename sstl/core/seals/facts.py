"""What the reports on a journey's seals and locks amount to."""

import msgspec

from sstl.models.records import Event

MOST_AGAIN = 8
"""So many later reports of an episode are kept: without its first one, the episode would begin with one of them."""


class Opening(msgspec.Struct, frozen=True):
    """One opening of one lock or seal that was armed, after debouncing."""

    lock: str
    """``device:MANUFACTURER/SERIAL``, ``seal:NUMBER``, or ``door`` where a report names neither of several."""
    opened: Event
    """The report that opened the episode."""
    authorised_by: Event | None
    """The grant or the control that allows it; None: unauthorised."""
    shortcoming: str | None
    """Why a grant that names it does not allow it: ``revoked``, ``device``, ``office``, ``place``, ``window``; None: no
    such grant, or allowed."""
    closed: Event | None = None
    resealed: Event | None = None
    """The report that armed it again (or the new seal)."""
    at_ms: int = 0
    """When it was opened: a snapshot tells since when."""
    settles_ms: int | None = None
    """Until when the opposite signal would make it a bounce (``hold_for_s``); None: nothing to wait for."""
    grant: Event | None = None
    """The grant that has the shortcoming."""
    armed: "Armed | None" = None
    """The time of being armed that it ended; None of the ``door``."""
    again: tuple[Event, ...] = ()
    """Reports that would have opened it, had it not been open: at most `MOST_AGAIN`."""


class Alarm(msgspec.Struct, frozen=True):
    """One alarm episode; a latched one lasts until its reset."""

    lock: str
    kind: str
    """``TAMPER``, ``CUT``, ``SHOCK``, ``LIGHT``, ``LOST``, the condition of a check (``DAMAGED``, ``MISSING``,
    ``BROKEN``, ``FAULTY``), or ``UNSTATED`` where only a snapshot tells of it."""
    first: Event
    count: int
    ended: Event | None
    armed: bool = False
    """Whether the lock was armed when it began."""
    authorised_by: Event | None = None
    """The control in progress, or the grant, that explains it; None: nothing does."""
    settles_ms: int | None = None
    """Until when the opposite signal would make it nothing (``hold_for_s``); None: nothing to wait for."""
    again: tuple[Event, ...] = ()
    """Its reports after the first: at most `MOST_AGAIN`."""


class Armed(msgspec.Struct, frozen=True):
    """A time in which a lock was armed."""

    lock: str
    armed: Event
    ended: Event | None
    """What ended it; None: still armed."""
    seal_number: str | None
    """Normalised."""
    grade: str | None
    reports: tuple[int, ...]
    """Instants at which it reported while armed, ascending, its own positions left out (`JourneyView.positions`)."""
    from_ms: int = 0
    """Since when: a snapshot tells since when."""


class Reseal(msgspec.Struct, frozen=True):
    """One seal took the place of another, or was put on after an opening."""

    event: Event
    old: str | None
    """Number before, normalised; None: not stated."""
    new: str | None
    authorised_by: Event | None
    """The grant or the control that allows it; None: nobody is known to have allowed it."""


class SealStory(msgspec.Struct, frozen=True):
    """What the machine derives for one journey."""

    openings: tuple[Opening, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    armed: tuple[Armed, ...] = ()
    states: tuple[tuple[str, str], ...] = ()
    """(lock, state it is in at the end)."""
    unknown: tuple[tuple[str, str, Event], ...] = ()
    """(state, what came, event) for which no transition is meant: for review, counted, never dropped."""
    reseals: tuple[Reseal, ...] = ()
