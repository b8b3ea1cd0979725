"""Judge one message: an event of ours, or everything that is wrong with it."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pydantic import ValidationError

from sstl.intake.envelope import Envelope, RawRecord, RefusedError, read, show
from sstl.intake.pseudonym import Pseudonyms
from sstl.models import wording
from sstl.models.action import MAX_SNOOZE_DAYS
from sstl.models.catalogue import PROGRESS, SNOOZED, TYPES, VERSION, EventType
from sstl.models.common import body_of, to_ms, to_wire, unknown_fields
from sstl.models.policy import Policy
from sstl.models.records import Event, Origin, Version
from sstl.models.rejection import Problem, Reason

_TYPE = re.compile(r"org\.sstl\.([a-z_.]+)\.(v[0-9]+)")
_STANDING = frozenset({"seallock.position", PROGRESS})
_MOST_PROBLEMS = 50
_COVERED = frozenset({"name", "identifier", "address", "authorisedBy", "author"})
_FIELDS = frozenset(
    field.alias or name
    for known in TYPES.values()
    for name, field in known.body.model_fields.items()
)
"""Wire names of what any type of event has: the core reads a body by them, whatever its type."""
_EXTENSIONS = "ceExtensions"
"""Member of `Event.data` that keeps extension attributes which nobody here knows."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that passed."""

    event: Event
    bodiless: bool
    """A retraction that does not repeat what it takes back."""
    unknown: int
    """Fields and extensions that we do not know."""
    progress_ms: int | None = None
    """Set for progress messages, which carry no fact."""


def judge(
    record: RawRecord,
    *,
    policy: Policy,
    pseudonyms: Pseudonyms,
    backfill: bool,
    reached_ms: int | None = None,
) -> Accepted:
    """Return the event that a message is.

    Args:
        record: The message.
        policy: Limits of time and size.
        pseudonyms: Stand in for names of parties.
        backfill: Arrival time is the earlier of append and recorded time.
        reached_ms: How far a backfill has come; what lies far behind it is too late, because the units it
            belongs to may have been closed and dropped, and would be made and counted a second time.

    Raises:
        RefusedError: With all that is wrong; the first problem gives the rejection its reason.
    """
    envelope = read(record, policy.at(record.timestamp_ms).max_message_bytes)
    problems = envelope.problems
    known = _known_type(envelope, record, backfill=backfill)
    data: dict[str, Any] = {}
    unknown = 0
    progress_ms = None
    bodiless = envelope.retracted and not envelope.data
    if known is not None:
        if known.name in _STANDING and envelope.retracted:
            expected = "no retraction: positions and progress stand"
            _add(problems, Reason.NOT_CORRECTABLE, "/retracted", "true", expected)
        elif not bodiless:
            data, unknown = _body(envelope, known)
    if known is not None and known.name == PROGRESS and not problems:
        progress_ms = to_ms(datetime.fromisoformat(data["reached"]))
    lane_id = _lane(envelope, data)
    if envelope.time is None or known is None or problems:
        raise RefusedError(problems[:_MOST_PROBLEMS], envelope.named)
    event_ms = to_ms(envelope.time)
    recorded_ms = event_ms if envelope.recorded is None else to_ms(envelope.recorded)
    arrival_ms = min(record.timestamp_ms, recorded_ms) if backfill else record.timestamp_ms
    policy = policy.at(arrival_ms)
    if progress_ms is None:
        # a retraction without body may take back a plan, whose time lies ahead
        happened = not bodiless and data.get("eventClassifier", "ACTUAL") == "ACTUAL"
        _judge_times(envelope, event_ms, recorded_ms, arrival_ms, policy, happened=happened)
        _judge_snooze(envelope, known, data)
        if backfill and reached_ms is not None:
            _judge_order(envelope, arrival_ms, reached_ms, policy)
        if problems:
            raise RefusedError(problems, envelope.named)
    pseudonyms.cover(known.name, data)
    if envelope.extensions and not bodiless:
        data[_EXTENSIONS] = envelope.extensions
    canonical = {
        "data": data,
        "lane": lane_id,
        "time": to_wire(envelope.time),
        "type": known.name,
    }
    digest = hashlib.sha256(orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)).hexdigest()
    event = Event(
        source=envelope.source,
        id=envelope.id,
        type=known.name,
        event_ms=event_ms,
        version=Version(recorded_ms, envelope.retracted, digest),
        arrival_ms=arrival_ms,
        origin=Origin(record.topic, record.partition, record.offset),
        lane_id=lane_id,
        data=data,
    )
    return Accepted(event, bodiless, unknown + len(envelope.extensions), progress_ms)


def _known_type(envelope: Envelope, record: RawRecord, *, backfill: bool) -> EventType | None:
    if not envelope.type:
        return None
    match = _TYPE.fullmatch(envelope.type)
    known = TYPES.get(match[1]) if match else None
    if match is None or known is None:
        expected = "a type of docs/events.md, like org.sstl.transport.departed.v1"
        _add(envelope.problems, Reason.UNKNOWN_TYPE, "/type", show(envelope.type), expected)
        return None
    if match[2] != VERSION:
        _add(envelope.problems, Reason.UNKNOWN_VERSION, "/type", show(match[2]), VERSION)
        return None
    if record.family not in known.topics:
        expected = "on " + " or ".join(f"sstl.{family}.v1" for family in sorted(known.topics))
        _add(envelope.problems, Reason.WRONG_TOPIC, "/type", f"on {record.topic}", expected)
    elif known.name == PROGRESS and not backfill:
        expected = "a topic that is declared as a backfill"
        _add(envelope.problems, Reason.WRONG_TOPIC, "/type", f"on {record.topic}", expected)
    return known


def _body(envelope: Envelope, known: EventType) -> tuple[dict[str, Any], int]:
    if envelope.data is None:
        _add(envelope.problems, Reason.MISSING_FIELD, "/data", "nothing", "the event's body")
        return {}, 0
    try:
        written = orjson.dumps(envelope.data)
        if b"null" in written:
            written = orjson.dumps(_without_nulls(envelope.data))
    except orjson.JSONEncodeError:
        _add(envelope.problems, Reason.INVALID_VALUE, "/data", "deep nesting", "fewer levels")
        return {}, 0
    try:
        # From the parsed form, so that both modes and every spelling of a number are judged alike.
        model = known.adapter.validate_json(written)
    except ValidationError as error:
        envelope.problems.extend(_problems(error, known))
        return {}, 0
    body = body_of(model)
    for name in model.__pydantic_extra__ or ():
        if name in _FIELDS:  # nobody has judged what it holds
            body.pop(name, None)
    return body, unknown_fields(model)


def _without_nulls(value: Any) -> Any:
    """Return a parsed body without its members that are null: many systems write what is absent so."""
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _lane(envelope: Envelope, data: dict[str, Any]) -> str | None:
    inner = data.get("laneId")
    if envelope.lane_id is not None and inner is not None and inner != envelope.lane_id:
        _add(
            envelope.problems,
            Reason.CONTRADICTORY_FIELDS,
            "/data/laneId",
            show(inner),
            f"the lane of the envelope ({show(envelope.lane_id)})",
        )
    return inner if envelope.lane_id is None else envelope.lane_id


def _judge_times(
    envelope: Envelope,
    event_ms: int,
    recorded_ms: int,
    arrival_ms: int,
    policy: Policy,
    *,
    happened: bool,
) -> None:
    arrived = f"arrival ({_clock(arrival_ms)})"
    if arrival_ms - event_ms > policy.max_lateness_s * 1000:
        _add(
            envelope.problems,
            Reason.TOO_LATE,
            "/time",
            _clock(event_ms),
            f"at most {policy.max_lateness_s} s before {arrived}",
        )
    latest_ms = arrival_ms + policy.max_future_s * 1000
    expected = f"at most {policy.max_future_s} s after {arrived}"
    if happened and event_ms > latest_ms:
        _add(envelope.problems, Reason.FAR_FUTURE, "/time", _clock(event_ms), expected)
    if envelope.recorded is not None and recorded_ms > latest_ms:
        _add(envelope.problems, Reason.FAR_FUTURE, "/recordedtime", _clock(recorded_ms), expected)


def _judge_order(envelope: Envelope, arrival_ms: int, reached_ms: int, policy: Policy) -> None:
    """Refuse what lies further behind its own backfill than anything downstream is kept for."""
    if reached_ms - arrival_ms > policy.max_lateness_s * 1000:
        _add(
            envelope.problems,
            Reason.TOO_LATE,
            "/recordedtime",
            _clock(arrival_ms),
            f"at most {policy.max_lateness_s} s behind what the backfill has reached ({_clock(reached_ms)})",
        )


def _judge_snooze(envelope: Envelope, known: EventType, data: dict[str, Any]) -> None:
    """Refuse a snooze that ends before it begins, or that lasts so long that it is a policy."""
    began = envelope.time
    if known.name != SNOOZED or not data or began is None:
        return
    until = datetime.fromisoformat(data["until"])
    if not began < until <= began + timedelta(days=MAX_SNOOZE_DAYS):
        expected = (
            f"after the event's time ({to_wire(began)}) and at most {MAX_SNOOZE_DAYS} days later"
        )
        reason = Reason.CONTRADICTORY_FIELDS
        _add(envelope.problems, reason, "/data/until", data["until"], expected)


def _clock(ms: int) -> str:
    return to_wire(datetime.fromtimestamp(ms / 1000, tz=UTC))


def _problems(error: ValidationError, known: EventType) -> list[Problem]:
    found: list[Problem] = []
    for detail in error.errors(include_url=False):
        kind, path, value = detail["type"], detail["loc"], detail["input"]
        context = detail.get("ctx", {})
        pointer = "/data" + "".join(f"/{_escaped(part)}" for part in path)
        if kind == "problems":
            found.extend(
                Problem(reason=Reason(reason), pointer=pointer + inner, got=got, expected=expected)
                for reason, inner, got, expected in context["problems"]
            )
        elif kind == "too_short" and len(value) >= context["min_length"]:
            # Members that are wrong themselves do not count for pydantic; they have their own problems.
            continue
        elif kind == "missing":
            _add(found, Reason.MISSING_FIELD, pointer, "nothing", "a value")
        elif kind == "json_invalid":
            # What we wrote ourselves is JSON: it can only be too deep for this parser.
            _add(found, Reason.INVALID_VALUE, pointer, "deep nesting", "fewer levels")
        else:
            got = _covered(value) if _is_personal(path, known) else show(value)
            _add(found, _reason(kind), pointer, got, wording.expected(detail))
    return found


_REASONS = {**{reason.value: reason for reason in Reason}, "literal_error": Reason.UNKNOWN_CODE}


def _reason(kind: str) -> Reason:
    return _REASONS.get(kind, Reason.INVALID_VALUE)


def _is_personal(path: tuple[int | str, ...], known: EventType) -> bool:
    return (
        "parties" in path
        or (bool(path) and path[-1] in _COVERED)
        or (known.name.startswith("registry.") and path == ("id",))
    )


def _covered(value: object) -> str:
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, (dict, list)):
        return show(value)
    return f"a value of type {type(value).__name__}"


def _escaped(part: int | str) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _add(problems: list[Problem], reason: Reason, pointer: str, got: str, expected: str) -> None:
    problems.append(Problem(reason=reason, pointer=pointer, got=got, expected=expected))
