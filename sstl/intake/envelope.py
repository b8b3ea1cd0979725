"""CloudEvents 1.0 on Kafka, binary and structured mode, read into one envelope.

What is wrong is collected, not raised at the first fault, so that a rejection can name all of it. Pointers are
those of the structured form (``/time``, ``/data/equipmentReference``), whichever mode the message came in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import orjson
from pydantic_core import PydanticCustomError

from sstl.models.common import parse_instant
from sstl.models.rejection import Problem, Reason

_JSON = re.compile(r"application/(?:[a-z0-9.\-]+\+)?json")
_CLOUDEVENTS = "application/cloudevents"
_STRUCTURED = "application/cloudevents+json"
_NAME = re.compile(r"[\x21-\x7e\xa1-\U0010ffff][^\x00-\x1f\x7f]{0,254}")
_SOURCE = re.compile(r"[^\s|\x00-\x1f\x7f]{1,255}")
_LANE = re.compile(r"[^\s\x00-\x1f\x7f~][^\s\x00-\x1f\x7f]{0,99}")
_TRANSPORT_ATTRIBUTES = frozenset(
    {
        "specversion",
        "id",
        "source",
        "type",
        "time",
        "subject",
        "dataschema",
        "datacontenttype",
        "laneid",
        "partitionkey",
        "recordedtime",
        "correlationid",
        "traceparent",
        "tracestate",
        "retracted",
    }
)
_SHOWN = 120


class RawRecord(msgspec.Struct, frozen=True):
    """One message as the broker had it."""

    family: str
    """Family of the topic: ``transport``."""
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    """Append time."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Named(NamedTuple):
    """What could be read of an event's identity, for the rejection."""

    id: str | None = None
    source: str | None = None
    type: str | None = None


class RefusedError(Exception):
    """A message that cannot be accepted, with everything that was found wrong."""

    def __init__(self, problems: list[Problem], named: Named) -> None:
        super().__init__(problems[0].reason)
        self.problems = problems
        self.named = named


@dataclass(slots=True)
class Envelope:
    """A CloudEvent apart from its body; ``problems`` says what is wrong with it so far."""

    id: str = ""
    source: str = ""
    type: str = ""
    time: datetime | None = None
    recorded: datetime | None = None
    """None: the publisher did not say; then the event's own time stands for it."""
    lane_id: str | None = None
    retracted: bool = False
    extensions: dict[str, str] = field(default_factory=dict)
    """Attributes that neither CloudEvents nor we know."""
    data: Any = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def named(self) -> Named:
        """Return what is readable of the identity."""
        return Named(self.id or None, self.source or None, self.type or None)


def show(value: object) -> str:
    """Return a value for a rejection: as JSON, shortened, containers by their size."""
    if isinstance(value, dict):
        return f"an object with {len(value)} members"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    try:
        text = orjson.dumps(value).decode()
    except TypeError:
        text = type(value).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"


def read(record: RawRecord, max_bytes: int) -> Envelope:
    """Read the envelope of a message; its body is parsed but not judged.

    Raises:
        RefusedError: Nothing can be read: no value, too large, another content type, not JSON.
    """
    headers, problems, size = _headers(record)
    if record.value is None:
        raise _refused(
            headers, Reason.NULL_VALUE, "", "null", "a value (a null value deletes, it is no event)"
        )
    size += len(record.value) + len(record.key or b"")
    if size > max_bytes:
        raise _refused(
            headers, Reason.OVERSIZE, "", f"{size} bytes", f"at most {max_bytes} bytes in all"
        )
    content_type = headers.get("content-type")
    media = _media_type(content_type, headers)
    if media.startswith(_CLOUDEVENTS):
        document = _parse(record.value, headers, "")
        if not isinstance(document, dict):
            raise _refused(
                headers, Reason.WRONG_ENVELOPE, "", show(document), "a CloudEvent as JSON object"
            )
        attributes = _small(document, problems)
        envelope = _envelope(attributes, problems)
        envelope.data = attributes.get("data")
        if "data_base64" in attributes:
            _add(envelope, Reason.WRONG_ENVELOPE, "/data_base64", "binary data", "JSON in data")
        _judge_data_type(envelope, attributes.get("datacontenttype"))
        return envelope
    envelope = _envelope(
        {name[3:]: value for name, value in headers.items() if name.startswith("ce_")}, problems
    )
    if record.value or not envelope.retracted:
        envelope.data = _parse(record.value, headers, "/data")
    return envelope


def _headers(record: RawRecord) -> tuple[dict[str, str], list[Problem], int]:
    """Return the headers that matter, what is wrong with them, and the bytes of all."""
    headers: dict[str, str] = {}
    problems = []
    size = 0
    for name, raw in record.headers:
        size += len(name) + len(raw or b"")
        key = name.lower()
        if key != "content-type" and not key.startswith("ce_"):
            continue
        try:
            value = (raw or b"").decode()
        except UnicodeDecodeError:
            problems.append(_problem(Reason.INVALID_UTF8, _pointer(key), "bytes", "UTF-8 text"))
            continue
        if headers.setdefault(key, value) != value:
            problems.append(
                _problem(Reason.WRONG_ENVELOPE, _pointer(key), "two values", "one value")
            )
    return headers, problems, size


def _small(document: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Return the members of a structured event with their names in small letters, as headers are read."""
    attributes: dict[str, Any] = {}
    for name, value in document.items():
        key = name.lower()
        if attributes.setdefault(key, value) != value:
            problems.append(
                _problem(Reason.WRONG_ENVELOPE, _pointer(f"ce_{key}"), "two values", "one value")
            )
    return attributes


def _pointer(header: str) -> str:
    name = "datacontenttype" if header == "content-type" else header[3:]
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _media_type(content_type: str | None, headers: Mapping[str, str]) -> str:
    expected = f"application/json with ce_ headers, or {_STRUCTURED}"
    pointer = "/datacontenttype"
    if content_type is None:
        raise _refused(headers, Reason.WRONG_CONTENT_TYPE, pointer, "no content-type", expected)
    media, _, parameters = content_type.partition(";")
    media = media.strip().lower()
    right = media == _STRUCTURED or (
        not media.startswith(_CLOUDEVENTS) and _JSON.fullmatch(media) is not None
    )
    if right and parameters:
        charset = parameters.lower().replace(" ", "").replace('"', "").partition("charset=")[2]
        right = charset.partition(";")[0] in {"", "utf-8", "utf8", "us-ascii"}
    if not right:
        raise _refused(headers, Reason.WRONG_CONTENT_TYPE, pointer, show(content_type), expected)
    return media


def _judge_data_type(envelope: Envelope, value: object) -> None:
    if value is None:
        return
    media = value.partition(";")[0].strip().lower() if isinstance(value, str) else ""
    if _JSON.fullmatch(media) is None:
        _add(
            envelope,
            Reason.WRONG_CONTENT_TYPE,
            "/datacontenttype",
            show(value),
            "application/json",
        )


def _parse(value: bytes, headers: Mapping[str, str], pointer: str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        try:
            value.decode()
        except UnicodeDecodeError as wrong:
            raise _refused(
                headers,
                Reason.INVALID_UTF8,
                pointer,
                f"byte 0x{value[wrong.start]:02x} at {wrong.start}",
                "JSON in UTF-8",
            ) from error
        got = f"{error.msg} at line {error.lineno}, column {error.colno}" if value else "nothing"
        raise _refused(headers, Reason.NOT_JSON, pointer, got, "JSON") from error


def _envelope(attributes: Mapping[str, Any], problems: list[Problem]) -> Envelope:
    envelope = Envelope(problems=problems)
    texts: dict[str, str] = {}
    for name, value in attributes.items():
        if value is None or name in {"data", "data_base64"}:
            continue
        if isinstance(value, str):
            texts[name] = value
        elif isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif isinstance(value, int):
            texts[name] = str(value)
        else:
            pointer = _pointer(f"ce_{name}")
            _add(
                envelope,
                Reason.WRONG_ENVELOPE,
                pointer,
                show(value),
                "text, true, false or a whole number",
            )
    version = texts.get("specversion")
    if version != "1.0":
        got = "nothing" if version is None else show(version)
        _add(envelope, Reason.WRONG_ENVELOPE, "/specversion", got, '"1.0"')
    envelope.id = _text(envelope, texts, "id", _NAME)
    envelope.source = _text(envelope, texts, "source", _SOURCE)
    envelope.type = _text(envelope, texts, "type", _SOURCE)
    envelope.time = _instant(envelope, texts, "time")
    if envelope.time is None and "time" not in texts:
        _add(envelope, Reason.MISSING_TIME, "/time", "nothing", "when it happened, RFC 3339")
    envelope.recorded = _instant(envelope, texts, "recordedtime")
    retracted = texts.get("retracted", "false")
    envelope.retracted = retracted == "true"
    if retracted not in {"true", "false"}:
        _add(envelope, Reason.WRONG_ENVELOPE, "/retracted", show(retracted), "true or false")
    envelope.lane_id = texts.get("laneid")
    if envelope.lane_id is not None and not _LANE.fullmatch(envelope.lane_id):
        _add(
            envelope,
            Reason.INVALID_VALUE,
            "/laneid",
            show(envelope.lane_id),
            "a lane like CNYTN-NLRTM-SEA",
        )
    envelope.extensions = {name: texts[name] for name in texts if name not in _TRANSPORT_ATTRIBUTES}
    return envelope


def _text(envelope: Envelope, texts: Mapping[str, str], name: str, shape: re.Pattern[str]) -> str:
    value = texts.get(name)
    if value is None:
        _add(envelope, Reason.WRONG_ENVELOPE, f"/{name}", "nothing", "a text")
        return ""
    if not shape.fullmatch(value):
        expected = "1 to 255 characters without control characters"
        if shape is _SOURCE:
            expected += ", spaces and |"
        _add(envelope, Reason.WRONG_ENVELOPE, f"/{name}", show(value), expected)
        return ""
    return value


def _instant(envelope: Envelope, texts: Mapping[str, str], name: str) -> datetime | None:
    value = texts.get(name)
    if value is None:
        return None
    try:
        return parse_instant(value)
    except PydanticCustomError as error:
        _add(envelope, Reason(error.type), f"/{name}", show(value), error.message())
        return None


def _problem(reason: Reason, pointer: str, got: str, expected: str) -> Problem:
    return Problem(reason=reason, pointer=pointer, got=got, expected=expected)


def _add(envelope: Envelope, reason: Reason, pointer: str, got: str, expected: str) -> None:
    envelope.problems.append(_problem(reason, pointer, got, expected))


def _refused(
    headers: Mapping[str, str], reason: Reason, pointer: str, got: str, expected: str
) -> RefusedError:
    named = Named(headers.get("ce_id"), headers.get("ce_source"), headers.get("ce_type"))
    return RefusedError([_problem(reason, pointer, got, expected)], named)
