"""From a batch of records to what one transaction will write: fold, encode, and isolate a message that crashes us."""

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from pydantic import BaseModel

from sstl.agents.codec import pack
from sstl.agents.topics import Topics
from sstl.core.stage import Cell, Outcome, Output, StateReader

_encode = msgspec.json.Encoder().encode
MAX_CELL_BYTES = 262_144


NO_HEADERS: list[tuple[str, bytes]] = []
"""What most messages have; one list, never changed, because aiokafka wants a list."""


class OutputTooLargeError(Exception):
    """A single output or cell is larger than its topic takes."""


class SourceFormatError(Exception):
    """A record of an internal topic or changelog is in a format that this version does not know."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One encoded output."""

    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass(slots=True)
class Crash:
    """A message that our own code failed on."""

    record: Any
    error: Exception


@dataclass(slots=True)
class Prepared:
    """What one transaction writes."""

    outputs: dict[tuple[str, int], list[Message]] = field(default_factory=dict)
    changed: dict[Cell, bytes | None] = field(default_factory=dict)
    decoded: dict[Cell, Any] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=Outcome)
    crashes: list[Crash] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """True when there is nothing to write beside the position."""
        return not self.outputs and not self.changed

    @property
    def output_count(self) -> int:
        """How many messages it sends."""
        return sum(len(messages) for messages in self.outputs.values())


def encode_value(message: Any) -> bytes:
    """Encode a message of an internal or public topic."""
    # pydantic's metaclass makes isinstance slow, so what most messages are comes first
    if isinstance(message, msgspec.Struct):
        return _encode(message)
    if isinstance(message, bytes):
        return message
    if isinstance(message, BaseModel):
        return message.model_dump_json(by_alias=True, exclude_none=True).encode()
    return _encode(message)


def partition_of(route: str, partitions: int) -> int:
    """Return the partition that a route key hashes to (CRC32, the same on every worker)."""
    return zlib.crc32(route.encode()) % partitions if partitions > 1 else 0


class Layered:
    """A state reader that sees the changes of earlier folds of the same transaction."""

    def __init__(self, below: StateReader) -> None:
        self._below = below
        self.changed: dict[Cell, Any] = {}

    def get(self, key: str, part: str) -> Any | None:
        """Return the cell as changed so far."""
        cell = (key, part)
        return self.changed[cell] if cell in self.changed else self._below.get(key, part)

    def parts(self, key: str) -> Sequence[str]:
        """Return the parts of a key as changed so far, sorted."""
        names = set(self._below.parts(key))
        for (changed_key, part), value in self.changed.items():
            if changed_key == key:
                names.discard(part) if value is None else names.add(part)
        return sorted(names)


class Preparer:
    """Folds batches of one stage instance and encodes the result; stateless.

    Args:
        topics: Names, partition counts and size limits.
        fold: The stage's fold, with policy and context bound.
    """

    def __init__(
        self, topics: Topics, fold: Callable[[StateReader, Sequence[Any]], Outcome]
    ) -> None:
        self._topics = topics.all
        self._fold = fold

    def prepare(self, state: StateReader, records: Sequence[Any]) -> Prepared:
        """Fold a batch; when our code fails on it, fold record by record and set the failing ones apart."""
        try:
            return self.encode(self._fold(state, records))
        except SourceFormatError:
            raise
        except Exception as error:
            # any bug of ours, on any message, must not stop the rest
            if len(records) == 1:
                return Prepared(crashes=[Crash(records[0], error)])
        return self._one_by_one(state, records)

    def encode(self, outcome: Outcome) -> Prepared:
        """Encode an outcome.

        Raises:
            OutputTooLargeError: A message or cell exceeds what its topic takes.
        """
        prepared = Prepared(outcome=outcome, decoded=outcome.changed)
        self._add_outputs(prepared.outputs, outcome.outputs)
        for (key, part), value in outcome.changed.items():
            raw = None if value is None else pack(_encode(value))
            if raw is not None and len(raw) > MAX_CELL_BYTES:
                raise OutputTooLargeError(f"cell part {part!r} has {len(raw)} bytes")
            prepared.changed[(key, part)] = raw
        return prepared

    def _add_outputs(
        self, added: dict[tuple[str, int], list[Message]], outputs: Iterable[Output]
    ) -> None:
        specs = self._topics
        for output in outputs:
            spec = specs[output.topic]
            # a null value: compaction takes the key away
            value = None if output.message is None else encode_value(output.message)
            if value is not None and len(value) > spec.max_bytes - 1024:
                raise OutputTooLargeError(f"message for {spec.name} has {len(value)} bytes")
            headers = list(output.headers) if output.headers else NO_HEADERS
            message = Message(output.key.encode(), value, headers)
            targets: Sequence[int]
            if output.broadcast:
                targets = range(spec.partitions)
            else:
                targets = (partition_of(output.route or output.key, spec.partitions),)
            for partition in targets:
                target = (spec.name, partition)
                messages = added.get(target)
                if messages is None:
                    added[target] = [message]
                else:
                    messages.append(message)

    def _one_by_one(self, state: StateReader, records: Sequence[Any]) -> Prepared:
        layered = Layered(state)
        whole = Prepared()
        for record in records:
            try:
                prepared = self.encode(self._fold(layered, [record]))
            except SourceFormatError:
                raise
            except Exception as error:
                whole.crashes.append(Crash(record, error))
                continue
            layered.changed.update(prepared.decoded)
            _merge(whole, prepared)
        return whole


def _merge(whole: Prepared, part: Prepared) -> None:
    for target, messages in part.outputs.items():
        whole.outputs.setdefault(target, []).extend(messages)
    whole.changed.update(part.changed)
    whole.decoded.update(part.decoded)
    whole.outcome.counts.update(part.outcome.counts)
    whole.outcome.outputs.extend(part.outcome.outputs)


def merge(parts: Sequence[Prepared]) -> Prepared:
    """Return several prepared results as one, in order."""
    whole = Prepared()
    for part in parts:
        _merge(whole, part)
        whole.crashes.extend(part.crashes)
    return whole
