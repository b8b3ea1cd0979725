"""State of one partition: cells in memory, mirrored by a compacted changelog, and where it stands in both logs."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sstl.agents.codec import UnknownFrameError, unpack
from sstl.agents.prepare import SourceFormatError
from sstl.core.stage import Cell

POSITION_KEY = "~position"
_SEPARATOR = "\x00"
HOT_CELL_BYTES = 64
"""What a cell that stays decoded takes beside its bytes."""


class Position(msgspec.Struct, frozen=True, tag="position.1"):
    """How far the source partition is folded in: the next offset to be read."""

    offset: int


def _unknown(error: Exception) -> SourceFormatError:
    return SourceFormatError(
        f"a cell of the changelog: {error}; written by another version? see docs/formats.md"
    )


_encode = msgspec.json.Encoder().encode
_decode_position = msgspec.json.Decoder(Position).decode


def changelog_key(key: str, part: str) -> bytes:
    """Return the changelog record key of a cell."""
    return f"{key}{_SEPARATOR}{part}".encode()


POSITION_RECORD = changelog_key(POSITION_KEY, "")


def encode_position(offset: int) -> bytes:
    """Return the changelog value that says how far the source is folded in."""
    return _encode(Position(offset))


class PartitionStore:
    """The cells of one partition, kept encoded, hot ones decoded too.

    Nothing is decoded when a changelog is read back: a cell is decoded when a fold asks for it.

    Args:
        cell_type: Union of the cells (msgspec tagged structures).
        hot_bytes: How many bytes of encoded cells stay decoded, those used last; decoded they take five to ten times
            as much memory.
    """

    def __init__(self, cell_type: Any, hot_bytes: int = 24 << 20) -> None:
        self._hot_room = hot_bytes
        self._decode = msgspec.json.Decoder(cell_type).decode
        self._cells: dict[str, dict[str, bytes]] = {}
        self._hot: OrderedDict[Cell, Any] = OrderedDict()
        self.position: int | None = None
        """Next offset of the source to fold; None while no changelog record has said it."""
        self.changelog_offset = 0
        """Next changelog offset to read: the store mirrors everything before it."""
        self.cell_count = 0
        self.size_bytes = 0

    def get(self, key: str, part: str) -> Any | None:
        """Return the decoded cell, None where there is none.

        Raises:
            SourceFormatError: It is in a format this version does not know.
        """
        cell = (key, part)
        hot = self._hot.get(cell)
        if hot is not None:
            self._hot.move_to_end(cell)
            return hot
        parts = self._cells.get(key)
        raw = None if parts is None else parts.get(part)
        if raw is None:
            return None
        try:
            value = self._decode(unpack(raw))
        except (msgspec.DecodeError, UnknownFrameError) as error:
            raise _unknown(error) from error
        self._warm(cell, value, len(raw))
        return value

    def parts(self, key: str) -> Iterable[str]:
        """Return the parts of a key, sorted."""
        return sorted(self._cells.get(key, ()))

    def keys_with(self, part: str) -> list[str]:
        """Return the keys that have a part of this name, sorted."""
        return sorted(key for key, parts in self._cells.items() if part in parts)

    def load(self, record_key: bytes, value: bytes | None) -> None:
        """Take over one changelog record.

        Raises:
            SourceFormatError: The position is in a format this version does not know.
        """
        if record_key == POSITION_RECORD:
            try:
                self.position = None if value is None else _decode_position(value).offset
            except msgspec.DecodeError as error:
                raise _unknown(error) from error
            return
        key, _, part = record_key.decode().partition(_SEPARATOR)
        self._cool((key, part))
        self._put(key, part, value)

    def apply(self, encoded: Mapping[Cell, bytes | None], decoded: Mapping[Cell, Any]) -> None:
        """Take over what a committed transaction changed."""
        for cell, value in encoded.items():
            self._cool(cell)
            self._put(*cell, value)
            if value is not None:
                self._warm(cell, decoded[cell], len(value))

    def clear(self) -> None:
        """Forget everything, so that the whole changelog is read again."""
        while self._hot:
            self._cool(next(iter(self._hot)))
        self._cells.clear()
        self.position, self.changelog_offset, self.cell_count, self.size_bytes = None, 0, 0, 0

    def _put(self, key: str, part: str, value: bytes | None) -> None:
        parts = self._cells.get(key)
        old = None if parts is None else parts.get(part)
        if old is not None:
            self.size_bytes -= len(key) + len(part) + len(old)
            self.cell_count -= 1
        if value is None:
            if parts is not None:
                parts.pop(part, None)
                if not parts:
                    del self._cells[key]
            return
        if parts is None:
            parts = self._cells[key] = {}
        parts[part] = value
        self.size_bytes += len(key) + len(part) + len(value)
        self.cell_count += 1

    def _warm(self, cell: Cell, value: Any, size: int) -> None:
        """Keep a cell decoded; others make room."""
        self._hot[cell] = value
        self._hot_room -= size + HOT_CELL_BYTES
        while self._hot_room < 0 and len(self._hot) > 1:
            self._cool(next(iter(self._hot)))

    def _cool(self, cell: Cell) -> None:
        """Keep a cell decoded no longer; called before its bytes change."""
        if self._hot.pop(cell, None) is not None:
            self._hot_room += len(self._cells[cell[0]][cell[1]]) + HOT_CELL_BYTES
