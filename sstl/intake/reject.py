"""Build the rejection of a message."""

from base64 import b64encode
from collections.abc import Sequence

from sstl.core.stage import Output
from sstl.intake.envelope import Named, RawRecord
from sstl.models.rejection import Header, Problem, Reason, Rejection

_DOCS = "docs/events.md#"


def rejection(record: RawRecord, problems: Sequence[Problem], named: Named) -> Rejection:
    """Return the rejection; the first problem gives its reason."""
    first = problems[0]
    where = first.pointer or "the message"
    message = f"{where}: expected {first.expected}, got {first.got}"
    if len(problems) > 1:
        message += f" (and {len(problems) - 1} more)"
    return Rejection(
        reason=first.reason,
        message=message,
        pointer=first.pointer,
        got=first.got,
        expected=first.expected,
        problems=tuple(problems),
        docs=_DOCS + first.reason.value,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        append_time_ms=record.timestamp_ms,
        ce_id=named.id,
        ce_source=named.source,
        ce_type=named.type,
        original_value=_base64(record.value),
        original_key=_base64(record.key),
        headers=tuple(Header(key=key, value=_base64(value)) for key, value in record.headers),
    )


def rejected(record: RawRecord, problems: Sequence[Problem], named: Named) -> Output:
    """Return the rejection as output to the topic of rejected messages."""
    key = f"{record.topic}/{record.partition}/{record.offset}"
    return Output("rejected", key, rejection(record, problems, named))


def internal_error(record: RawRecord, exception_type: str) -> Output:
    """Return the rejection of a message that our own code failed on; it names no content."""
    problem = Problem(
        reason=Reason.INTERNAL_ERROR,
        pointer="",
        got=exception_type,
        expected="nothing of the publisher: the fault is ours",
    )
    return rejected(record, [problem], Named())


def _base64(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()
