"""CloudEvents as Kafka messages (CloudEvents 1.0, Kafka protocol binding)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

STRUCTURED_CONTENT_TYPE = b"application/cloudevents+json"
PROGRESS_TYPE = "org.sstl.progress.v1"
"""Says how far a backfill has come; carries no fact."""


class Mode(StrEnum):
    """Where the attributes of a CloudEvent go."""

    STRUCTURED = "structured"
    """The value is the whole event."""
    BINARY = "binary"
    """The value is the data; attributes are headers ``ce_<name>``."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message ready to be sent; the topic is chosen elsewhere."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        named = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + named


def encode(event: dict[str, Any], mode: Mode = Mode.STRUCTURED) -> Message:
    """Return a structured CloudEvent (JSON object) as a message; the key is its ``partitionkey``.

    Members of the JSON are kept in their order, so that the same event gives the same bytes.
    """
    key = event.get("partitionkey")
    key_bytes = None if key is None else str(key).encode()
    if mode is Mode.STRUCTURED:
        return Message(key_bytes, orjson.dumps(event), [("content-type", STRUCTURED_CONTENT_TYPE)])
    content_type = str(event.get("datacontenttype", "application/json"))
    headers = [("content-type", content_type.encode())]
    headers += [
        (f"ce_{name}", _header(value))
        for name, value in event.items()
        if name not in {"data", "datacontenttype"} and value is not None
    ]
    data = event.get("data")
    return Message(key_bytes, b"" if data is None else orjson.dumps(data), headers)


def _header(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode()


def progress_event(source: str, topic: str, partition: int, reached: str) -> dict[str, Any]:
    """Return the event that tells one partition of a backfill topic how far its publisher has come.

    Args:
        source: The publisher.
        topic: Real name of the topic.
        partition: The partition it is meant for.
        reached: RFC 3339; nothing that was recorded before this instant is still to come.
    """
    return {
        "specversion": "1.0",
        "id": f"progress-{topic}-{partition}-{reached}",
        "source": source,
        "type": PROGRESS_TYPE,
        "time": reached,
        "recordedtime": reached,
        "datacontenttype": "application/json",
        "data": {"reached": reached},
    }
