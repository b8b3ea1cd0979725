"""CloudEvents 1.0 attributes of what is published, as Kafka headers (binary content mode)."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(epoch_ms: int) -> datetime:
    """Return milliseconds since the epoch as an aware instant in UTC."""
    return _EPOCH + timedelta(milliseconds=epoch_ms)


def cloud_event_headers(
    *, identity: str, source: str, kind: str, time: datetime | None = None
) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a JSON event.

    Args:
        identity: ``id``, unique within the source; repeats when the same facts are processed again.
        source: ``source``, a URN.
        kind: ``type``.
        time: When what it tells happened; None leaves the attribute out.
    """
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", identity.encode()),
        ("ce_source", source.encode()),
        ("ce_type", kind.encode()),
    ]
    if time is not None:
        stated = time.astimezone(UTC).isoformat().replace("+00:00", "Z")
        headers.append(("ce_time", stated.encode()))
    headers.append(("content-type", b"application/json"))
    return tuple(headers)
