"""What a stage is: one fold over one key, as a pure function over records and the state of the keys touched.

The shell (agents, replay, a property test) hands in decoded records and a reader of the state; it gets back the
changed cells and the outputs and commits them together. No stage knows Kafka, a clock or which process it is in;
the context tells it its partition's number and who its sources are, because watermarks need both.

State is cells, addressed by (key, part). A cell is one frozen msgspec structure, small enough to be written
whole (256 KB at the most), so that a change rewrites the cell and not the key.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from sstl.core.draws import Draws
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat

Cell = tuple[str, str]
"""(key, part)"""

RESERVED = "~"
"""Keys that begin with this belong to the machinery (position, watermark), never to a subject."""
HEARTBEAT = f"{RESERVED}heartbeat"
"""Key of the messages that tell how far a source has come."""


class StateReader(Protocol):
    """Read access to one partition's cells; what it returns must not be changed."""

    def get(self, key: str, part: str) -> Any | None:
        """Return the decoded cell, None where there is none."""
        ...

    def parts(self, key: str) -> Iterable[str]:
        """Return the names of the parts that the key has, sorted."""
        ...


class Output(msgspec.Struct, frozen=True, gc=False):
    """One message to one logical topic (``journeys``; the shell knows its real name).

    ``route`` is hashed to choose the partition, ``key`` where it is None. With ``broadcast`` the message goes
    to every partition.
    """

    topic: str
    key: str
    message: Any
    """A msgspec structure, a pydantic model of a public topic, or bytes; None: the key is forgotten."""
    route: str | None = None
    broadcast: bool = False
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(slots=True)
class Outcome:
    """What a fold did. ``changed`` maps a cell to its new value, None where it is deleted."""

    changed: dict[Cell, Any] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(what, label) -> how many; the shell turns them into metrics. Labels are bounded."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a fold may know beside state, records and policy."""

    partition: int
    sources: frozenset[str]
    """Every source partition (``intake-transport/0``) whose heartbeat the watermark waits for."""
    draws: Draws | None = None
    """What consignments are drawn with at random; None: this process draws none."""


class Inbound(msgspec.Struct, frozen=True):
    """One decoded record of a stage's source topic."""

    key: str
    message: Any
    offset: int = 0


class Stage(Protocol):
    """A stage of the chain. Instances hold no state of their own."""

    name: str
    message_type: Any
    """Union of the messages it reads (msgspec tagged structures)."""
    cell_type: Any
    """Union of the cells it keeps (msgspec tagged structures, tags with a format version)."""
    ticks: bool
    """Whether the shell should call `tick` about once a second."""

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        """Fold a batch. Folding a batch whole or record by record reaches the same state."""
        ...

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Do what waits for a pause (publish what is marked dirty). Reads no clock."""
        ...


class Work:
    """A fold in progress: reads through to the state, keeps changes and outputs apart."""

    __slots__ = ("_state", "_touched", "context", "outcome", "policy")

    def __init__(self, state: StateReader, policy: Policy, context: Context) -> None:
        self._state = state
        self._touched: dict[str, dict[str, Any]] = {}
        self.policy = policy
        self.context = context
        self.outcome = Outcome()

    def get(self, key: str, part: str) -> Any | None:
        """Return the cell as this fold sees it."""
        touched = self._touched.get(key)
        if touched is not None and part in touched:
            return touched[part]
        return self._state.get(key, part)

    def put(self, key: str, part: str, value: Any | None) -> None:
        """Set or (None) delete a cell; an equal value is not a change."""
        if self.get(key, part) != value:
            self.outcome.changed[(key, part)] = value
            touched = self._touched.get(key)
            if touched is None:
                touched = self._touched[key] = {}
            touched[part] = value

    def touched(self, key: str) -> Mapping[str, Any]:
        """Return what this fold has changed of a key so far: part to the new cell, None where it is deleted."""
        return self._touched.get(key) or {}

    def parts(self, key: str) -> list[str]:
        """Return the names of the parts that the key has in this fold's view, sorted.

        The cost grows with the parts of this key, not with what else the batch has changed.
        """
        touched = self._touched.get(key)
        if touched is None:
            return list(self._state.parts(key))
        names = set(self._state.parts(key))
        for part, value in touched.items():
            if value is None:
                names.discard(part)
            else:
                names.add(part)
        return sorted(names)

    def emit(
        self,
        topic: str,
        key: str,
        message: Any,
        *,
        route: str | None = None,
        broadcast: bool = False,
    ) -> None:
        """Add an output."""
        self.outcome.outputs.append(Output(topic, key, message, route, broadcast))

    def count(self, what: str, label: str = "", by: int = 1) -> None:
        """Add to a count that the shell shows as a metric."""
        counts, name = self.outcome.counts, (what, label)
        counts[name] = counts.get(name, 0) + by


class MemoryState:
    """Cells in plain dictionaries: what tests and replay hand to a stage."""

    def __init__(self) -> None:
        self.cells: dict[str, dict[str, Any]] = {}

    def get(self, key: str, part: str) -> Any | None:
        """Return the cell, None where there is none."""
        parts = self.cells.get(key)
        return None if parts is None else parts.get(part)

    def parts(self, key: str) -> Iterable[str]:
        """Return the parts of a key, sorted."""
        return sorted(self.cells.get(key, ()))

    def apply(self, changed: Mapping[Cell, Any]) -> None:
        """Take over what a fold changed."""
        for (key, part), value in changed.items():
            if value is None:
                parts = self.cells.get(key)
                if parts is not None:
                    parts.pop(part, None)
                    if not parts:
                        del self.cells[key]
            else:
                self.cells.setdefault(key, {})[part] = value

    def items(self) -> Iterator[tuple[Cell, Any]]:
        """Iterate over all cells in order."""
        for key in sorted(self.cells):
            for part in sorted(self.cells[key]):
                yield (key, part), self.cells[key][part]


class Reached(msgspec.Struct, frozen=True, tag="reached.1"):
    """Cell: how far one source has come."""

    reached_ms: int
    caught_up: bool


WATERMARK = "~watermark"
"""Reserved key; one part a source."""
PASSED = "~passed"
"""Reserved key; its part "" holds what this stage last told the next."""


def watermark(work: Work) -> int | None:
    """Return the least arrival time that all sources have reached, None while one has not been heard."""
    least: int | None = None
    for source in work.context.sources:
        cell = work.get(WATERMARK, source)
        if cell is None:
            return None
        least = cell.reached_ms if least is None else min(least, cell.reached_ms)
    return least


def take_heartbeat(
    work: Work,
    beat: Heartbeat,
    *,
    name: str,
    downstream: Sequence[str],
    publishers: tuple[tuple[str, int], ...] = (),
) -> bool:
    """Note a heartbeat and pass the stage's own on, if its watermark moved; True if it did.

    A watermark never goes back: a smaller value from the same source (its topic was made anew) is ignored, and what
    the stage itself has told stays, even where another source is added. ``publishers`` go with the stage's own.
    """
    if beat.source not in work.context.sources:
        work.count("unknown_source")
        return False
    known = work.get(WATERMARK, beat.source)
    reached = beat.reached_ms if known is None else max(known.reached_ms, beat.reached_ms)
    work.put(WATERMARK, beat.source, Reached(reached, beat.caught_up))
    now = watermark(work)
    if now is None:
        return False
    known_sources = (work.get(WATERMARK, source) for source in work.context.sources)
    ready = all(cell is not None and cell.caught_up for cell in known_sources)
    told = work.get(PASSED, "")
    if told is not None:
        now = max(now, told.reached_ms)
    if told == Reached(now, ready):
        return False
    moved = told is None or now > told.reached_ms
    work.put(PASSED, "", Reached(now, ready))
    for topic in downstream:
        work.emit(
            topic,
            HEARTBEAT,
            Heartbeat(
                source=f"{name}/{work.context.partition}",
                reached_ms=now,
                caught_up=ready,
                publishers=publishers,
            ),
            broadcast=True,
        )
    return moved
