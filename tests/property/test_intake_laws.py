"""Law 4 at intake: every message ends as exactly one of accepted or rejected, and nothing raises."""

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
from hypothesis import given
from hypothesis import strategies as st

from sstl.core.stage import Context, MemoryState, Outcome
from sstl.intake.envelope import RawRecord
from sstl.intake.stage import IntakeCell, IntakeStage
from sstl.models.catalogue import FAMILIES, TYPES
from sstl.models.policy import Policy
from sstl.models.rejection import Rejection
from tests.intake_messages import ARRIVAL_MS, FILING, KEY, LOADED, SEALED, binary, event, structured

HERE = Context(partition=0, sources=frozenset())
GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    "transport.loaded": ("transport", LOADED),
    "manifest.lodged": ("manifest", FILING),
    "seallock.armed": ("seallock", SEALED),
    "inspection.released": ("inspection", {"consignmentId": "H1", "side": "IMPORT"}),
    "registry.operator.status": ("registry", {"id": "X1", "programme": "AEO"}),
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["CSQU3054383", "CBHU1234567", "2026-03-01T08:00:00", "1", "ACTUAL", "~x"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
header_names = st.sampled_from(
    [
        "content-type",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_specversion",
        "CE_ID",
        "ce_",
        "x",
    ]
) | st.text(max_size=8)
header_values = (
    st.none()
    | st.binary(max_size=20)
    | st.sampled_from(
        [
            b"1.0",
            b"application/json",
            b"application/cloudevents+json",
            b"2026-03-01T08:00:00Z",
            b"a",
        ]
        + [known.ce_type.encode() for known in TYPES.values()]
    )
)


def as_json(value: Any) -> bytes:
    """Return JSON that may hold numbers beyond 64 bits, which strangers can write."""
    return msgspec.json.encode(value) if _small(value) else repr(value).encode()


def _small(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


@st.composite
def noise(draw: st.DrawFn) -> RawRecord:
    """A message with anything in it."""
    value = draw(st.none() | st.binary(max_size=60) | json_values.map(as_json))
    headers = draw(st.lists(st.tuples(header_names, header_values), max_size=10))
    family = draw(st.sampled_from(FAMILIES))
    key = draw(st.none() | st.binary(max_size=8))
    return RawRecord(family, f"sstl.{family}.v1", 0, 1, ARRIVAL_MS, key, value, tuple(headers))


@st.composite
def nearly_right(draw: st.DrawFn) -> RawRecord:
    """A right message of which a few members were replaced by anything."""
    kind = draw(st.sampled_from(sorted(GOOD)))
    family, body = GOOD[kind]
    known = TYPES[kind].body
    names = [field.alias or name for name, field in known.model_fields.items()]
    changed = draw(
        st.dictionaries(st.sampled_from(names) | st.text(max_size=6), json_values, max_size=3)
    )
    attributes = draw(
        st.dictionaries(
            st.sampled_from(
                ["id", "source", "time", "recordedtime", "retracted", "laneid", "other"]
            ),
            st.text(max_size=6) | st.sampled_from(["true", "false", "2026-03-01T08:00:00Z"]),
            max_size=2,
        )
    )
    document = event(kind, body | changed) | attributes
    mode: Callable[..., RawRecord] = draw(st.sampled_from([structured, binary]))
    if not _small(document):
        document = event(kind, body)
    return mode(document, family=family)


def fold(raw: RawRecord, *, backfill: bool) -> Outcome:
    intake = IntakeStage(raw.family, pseudonym_key=KEY, backfill=backfill)
    return intake.fold(MemoryState(), [raw], Policy(), HERE)


@given(st.one_of(noise(), nearly_right()), st.booleans())
def test_every_message_is_accepted_or_rejected_and_never_both(
    raw: RawRecord, backfill: bool
) -> None:
    outcome = fold(raw, backfill=backfill)
    verdicts = [what for what, _ in outcome.counts.elements() if what != "unknown_fields"]
    assert len(verdicts) == 1
    rejections = [output.message for output in outcome.outputs if output.topic == "rejected"]
    if verdicts == ["accepted"]:
        assert rejections == []
    else:
        (refused,) = rejections
        assert len(outcome.outputs) == 1
        assert isinstance(refused, Rejection)
        assert refused.problems
        original = refused.original_value
        assert (None if original is None else base64.b64decode(original)) == raw.value
        Rejection.model_validate_json(refused.model_dump_json())


@given(st.one_of(noise(), nearly_right()), st.booleans())
def test_what_intake_says_can_be_written_and_read_again(raw: RawRecord, backfill: bool) -> None:
    for output in fold(raw, backfill=backfill).outputs:
        if output.topic != "rejected":
            assert output.key
            assert not output.key.startswith("~")
            text = msgspec.json.encode(output.message)
            assert msgspec.json.decode(text, type=type(output.message)) == output.message


@given(nearly_right(), st.integers(min_value=0, max_value=10_000), st.integers(0, 10**6))
def test_a_redelivery_repeats_the_version(raw: RawRecord, later_ms: int, offset: int) -> None:
    again = msgspec.structs.replace(raw, timestamp_ms=raw.timestamp_ms + later_ms, offset=offset)
    first, second = fold(raw, backfill=False), fold(again, backfill=False)
    registers = [
        [output.message for output in outcome.outputs if output.key.startswith("event:")]
        for outcome in (first, second)
    ]
    assert registers[0] == registers[1]


@given(st.lists(st.one_of(noise(), nearly_right()), max_size=5))
def test_one_bad_message_does_not_change_what_becomes_of_the_others(batch: list[RawRecord]) -> None:
    transport = [msgspec.structs.replace(raw, family="transport") for raw in batch]
    intake = IntakeStage("transport", pseudonym_key=KEY)
    whole = intake.fold(MemoryState(), transport, Policy(), HERE)
    single = [intake.fold(MemoryState(), [raw], Policy(), HERE) for raw in transport]
    assert whole.outputs == [output for outcome in single for output in outcome.outputs]
    if transport:
        assert isinstance(whole.changed[("~intake", "")], IntakeCell)
