"""The versions of the policy as the topic ``policy`` has them: what is accepted, and from when it governs.

Acceptance is a function of the topic's records and their append times alone, so every worker and every replay comes to
the same versions. Nothing is ever compacted away there (`sstl.agents.topics`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from pydantic import ValidationError

from sstl.models import wording
from sstl.models.common import EPOCH, to_wire
from sstl.models.policy import Policy
from sstl.models.rejection import Problem, Reason

LEAD = timedelta(minutes=5)
"""A version must be appended so long before it begins to govern: every worker knows it by then."""
LEAD_MS = int(LEAD.total_seconds() * 1000)
PolicySource = Callable[[], Policy]
"""Gives the latest version; earlier ones hang on it (`Policy.at`)."""
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Announced:
    """One record of the policy topic."""

    offset: int
    appended_ms: int
    """Append time at the broker, ms since the Unix epoch."""
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


def source_of(policy: Policy | PolicySource) -> PolicySource:
    """Return a source, of a policy one that never changes."""
    if isinstance(policy, Policy):
        return lambda: policy
    return policy


def encode_policy(policy: Policy) -> bytes:
    """Return a version as the topic carries it: the JSON over which its hash is taken."""
    return orjson.dumps(policy.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)


def policy_key(policy: Policy) -> bytes:
    """Return the record key of a version: from when it governs, its name and the first digits of its hash."""
    since = "always" if policy.valid_from is None else to_wire(policy.valid_from)
    return f"{since}/{policy.version}/{policy.hash[:12]}".encode()


class PolicyLog:
    """The chain of versions; only what is accepted lengthens it.

    Args:
        first: Governs everything before the first version of the topic.
    """

    def __init__(self, first: Policy) -> None:
        self._latest = first

    @property
    def latest(self) -> Policy:
        """The version accepted last, which may not govern yet; those before hang on it."""
        return self._latest

    def take(self, record: Announced) -> list[Problem]:
        """Accept a version, or return why not; then everything stays as it is."""
        found = _read(record.value)
        if isinstance(found, list):
            return found
        problem = _unfit(found, record.appended_ms, self._latest)
        if problem is not None:
            return [problem]
        self._latest = found.after(self._latest)
        return []


def _read(value: bytes | None) -> Policy | list[Problem]:
    if value is None:
        expected = "a version of the policy; versions cannot be deleted"
        return [Problem(reason=Reason.NULL_VALUE, pointer="", got="nothing", expected=expected)]
    try:
        data = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return [
            Problem(reason=Reason.NOT_JSON, pointer="", got=str(error)[:_SHOWN], expected="JSON")
        ]
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        return [_problem(one) for one in error.errors(include_url=False)[:20]]


def _problem(detail: Any) -> Problem:
    parts = (str(part) for part in detail["loc"] if part != "[key]")
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
    missing = detail["type"] == "missing"
    return Problem(
        reason=Reason.MISSING_FIELD if missing else Reason.INVALID_VALUE,
        pointer=pointer,
        got="nothing" if missing else repr(detail["input"])[:_SHOWN],
        expected="a value" if missing else wording.expected(detail),
    )


def _unfit(policy: Policy, appended_ms: int, latest: Policy) -> Problem | None:
    """Return why a version cannot follow the one before, None if it can."""
    if policy.valid_from is None:
        expected = "the instant from which the version governs"
        return Problem(
            reason=Reason.MISSING_FIELD, pointer="/valid_from", got="nothing", expected=expected
        )
    since_ms = int(policy.valid_from.timestamp() * 1000)
    before_ms = latest.versions()[-1][0]
    if since_ms <= before_ms:
        expected = f"an instant after that of the version before ({_clock(before_ms)})"
    elif policy.ping_bucket_s != latest.ping_bucket_s:
        expected = f"{latest.ping_bucket_s}: positions are stored cut by it; another width needs another prefix"
        return Problem(
            reason=Reason.INVALID_VALUE,
            pointer="/ping_bucket_s",
            got=str(policy.ping_bucket_s),
            expected=expected,
        )
    elif since_ms < appended_ms + LEAD_MS:
        minutes = LEAD.total_seconds() / 60
        expected = f"at least {minutes:g} min after it was appended ({_clock(appended_ms)})"
    else:
        return None
    got = to_wire(policy.valid_from)
    return Problem(reason=Reason.INVALID_VALUE, pointer="/valid_from", got=got, expected=expected)


def _clock(ms: int) -> str:
    return to_wire(EPOCH + timedelta(milliseconds=ms))
