"""What the reports on a journey's seals and locks amount to."""

from dataclasses import dataclass

from sstl.models.records import Event


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of one lock or seal, after debouncing."""

    lock: str
    """``device:MANUFACTURER/SERIAL`` or ``seal:NUMBER``."""
    opened: Event
    """The report that opened the episode."""
    authorised_by: Event | None
    """The grant or the control that allows it; None: unauthorised."""
    shortcoming: str | None
    """Why a grant that names it does not allow it: ``office``, ``window``, ``place``, ``revoked``; None: no such grant,
    or allowed."""
    closed: Event | None = None
    resealed: Event | None = None
    """The report that armed it again (or the new seal)."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm episode; a latched one lasts until its reset."""

    lock: str
    kind: str
    """``TAMPER``, ``CUT``, ``SHOCK``, ``LIGHT``, ``LOST``, or the condition of a check: ``DAMAGED``, ``MISSING``, ``BROKEN``,
    ``FAULTY``."""
    first: Event
    count: int
    ended: Event | None


@dataclass(frozen=True, slots=True)
class Armed:
    """A time in which a lock was armed."""

    lock: str
    armed: Event
    ended: Event | None
    """What ended it; None: still armed."""
    seal_number: str | None
    """Normalised."""
    grade: str | None
    reports: tuple[int, ...]
    """Instants at which it was heard of while armed (positions by bucket only: first and last), ascending."""


@dataclass(frozen=True, slots=True)
class SealStory:
    """What the machine derives for one journey."""

    openings: tuple[Opening, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    armed: tuple[Armed, ...] = ()
    states: tuple[tuple[str, str], ...] = ()
    """(lock, state it is in at the end)."""
    unknown: tuple[tuple[str, str, Event], ...] = ()
    """(state, what came, event) for which no transition is meant: for review, counted, never dropped."""
