"""Why a message was refused, with everything needed to repair and send it again."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Reason(StrEnum):
    """Reason codes; ``docs/events.md`` says of each what to do."""

    NULL_VALUE = "null_value"
    OVERSIZE = "oversize"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    INVALID_UTF8 = "invalid_utf8"
    NOT_JSON = "not_json"
    WRONG_ENVELOPE = "wrong_envelope"
    MISSING_TIME = "missing_time"
    NAIVE_TIME = "naive_time"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VERSION = "unknown_version"
    WRONG_TOPIC = "wrong_topic"
    MISSING_FIELD = "missing_field"
    INVALID_VALUE = "invalid_value"
    FAILED_CHECK_DIGIT = "failed_check_digit"
    UNKNOWN_CODE = "unknown_code"
    CONTRADICTORY_FIELDS = "contradictory_fields"
    TOO_LATE = "too_late"
    FAR_FUTURE = "far_future"
    NOT_CORRECTABLE = "not_correctable"
    INTERNAL_ERROR = "internal_error"


class _Written(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        serialize_by_alias=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )


class Problem(_Written):
    """One thing that is wrong with a message."""

    reason: Reason
    pointer: str
    """JSON pointer (RFC 6901) into the event's structured form: attributes at the top, the body under /data."""
    got: str
    """What stood there, shortened; of parties only kind and length."""
    expected: str


class Header(_Written):
    """One header of the original message; the value base64."""

    key: str
    value: str | None = None


class Rejection(_Written):
    """A refused message and its reasons."""

    schema_version: Literal[1] = 1
    reason: Reason
    """Reason of the first problem."""
    message: str
    pointer: str
    got: str
    expected: str
    problems: tuple[Problem, ...]
    docs: str
    """Where the documentation explains the reason."""
    topic: str
    partition: int
    offset: int
    append_time_ms: int
    """Milliseconds since the Unix epoch, as the broker had it."""
    ce_id: str | None = None
    ce_source: str | None = None
    ce_type: str | None = None
    original_value: str | None = None
    """Base64 of the original bytes; None where the message had none."""
    original_key: str | None = None
    headers: tuple[Header, ...]
