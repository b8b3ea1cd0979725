"""Versions of the policy: which are accepted, from when each governs, and how a change is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from sstl.agents.policy_log import Announced, PolicyLog, encode_policy, policy_key, source_of
from sstl.agents.policy_refusal import refusal
from sstl.cli.policy_words import changes
from sstl.models.common import to_ms
from sstl.models.policy import Policy
from sstl.models.rejection import Problem, Rejection

pytestmark = pytest.mark.unit

NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)
FIRST = Policy(version="start")


def after(minutes: float, seconds: float = 0) -> datetime:
    return NINE + timedelta(minutes=minutes, seconds=seconds)


def version(name: str, since: datetime | None, **stated: Any) -> Policy:
    return Policy(version=name, valid_from=since, **stated)


def announce(
    log: PolicyLog, policy: Policy | None, *, at: datetime = NINE, value: bytes | None = None
) -> list[Problem]:
    if policy is not None:
        value = encode_policy(policy)
    return log.take(Announced(offset=0, appended_ms=to_ms(at), value=value))


def told(problems: list[Problem]) -> list[str]:
    return [f"{one.reason} {one.pointer}".strip() for one in problems]


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        pytest.param(after(5), [], id="exactly-five-minutes-ahead"),
        pytest.param(
            after(5) - timedelta(milliseconds=1),
            ["invalid_value /valid_from"],
            id="a-millisecond-less",
        ),
        pytest.param(after(60), [], id="an-hour-ahead"),
        pytest.param(after(-60), ["invalid_value /valid_from"], id="backdated"),
        pytest.param(None, ["missing_field /valid_from"], id="no-instant"),
    ],
)
def test_a_version_is_known_five_minutes_before_it_governs(
    since: datetime | None, expected: list[str]
) -> None:
    log = PolicyLog(FIRST)
    assert told(announce(log, version("a", since))) == expected
    assert len(log.latest.versions()) == (1 if expected else 2)


@pytest.mark.parametrize(
    ("since", "accepted"),
    [
        pytest.param(after(30), False, id="before-the-one-before"),
        pytest.param(after(60), False, id="at-the-same-instant"),
        pytest.param(after(60, 1), True, id="a-second-later"),
    ],
)
def test_versions_follow_one_another(since: datetime, *, accepted: bool) -> None:
    log = PolicyLog(FIRST)
    assert not announce(log, version("a", after(60)))
    assert bool(announce(log, version("b", since))) is not accepted
    assert log.latest.version == ("b" if accepted else "a")


def test_stored_positions_are_cut_by_one_width_only() -> None:
    log = PolicyLog(FIRST)
    wider = version("a", after(10), ping_bucket_s=7200)
    assert told(announce(log, wider)) == ["invalid_value /ping_bucket_s"]
    assert log.latest is FIRST


def test_each_instant_is_governed_by_the_version_then_in_force() -> None:
    log = PolicyLog(FIRST)
    announce(log, version("a", after(10)))
    announce(log, version("b", after(20)))
    governs = {
        minutes: log.latest.at(to_ms(after(minutes))).version for minutes in (-9, 9.99, 10, 20, 99)
    }
    assert governs == {-9: "start", 9.99: "start", 10: "a", 20: "b", 99: "b"}


def test_a_chain_lengthens_although_it_was_asked_before() -> None:
    first = version("a", after(10)).after(FIRST)
    assert len(first.versions()) == 2
    again = first.after(version("x", after(5)).after(FIRST))
    assert [one.version for _, one in again.versions()] == ["start", "x", "a"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, ["null_value"], id="nothing"),
        pytest.param(b"{", ["not_json"], id="no-json"),
        pytest.param(b"\xff\xfe", ["not_json"], id="no-text"),
        pytest.param(b"[]", ["invalid_value"], id="a-list"),
        pytest.param(b'{"lanez": {}}', ["invalid_value /lanez"], id="unknown-key"),
        pytest.param(
            b'{"lanes": {"a/b": {"mode": "SEA", "origin": "X"}}}',
            ["missing_field /lanes/a~1b/destination"],
            id="missing-field",
        ),
        pytest.param(b'{"max_crashes": "many"}', ["invalid_value /max_crashes"], id="wrong-value"),
    ],
)
def test_what_does_not_validate_never_replaces_the_one_in_force(
    value: bytes | None, expected: list[str]
) -> None:
    log = PolicyLog(FIRST)
    announce(log, version("a", after(10)))
    before = log.latest
    assert told(announce(log, None, value=value)) == expected
    assert log.latest is before


def test_the_same_records_give_the_same_versions() -> None:
    records = [
        Announced(0, to_ms(NINE), encode_policy(version("a", after(10)))),
        Announced(1, to_ms(NINE), b"{"),
        Announced(2, to_ms(after(1)), encode_policy(version("late", after(3)))),
        Announced(3, to_ms(after(30)), encode_policy(version("b", after(40)))),
    ]
    chains = []
    for _ in range(2):
        log = PolicyLog(FIRST)
        for record in records:
            log.take(record)
        chains.append([(start, one.hash) for start, one in log.latest.versions()])
    assert chains[0] == chains[1]
    assert len(chains[0]) == 3


def test_what_is_published_has_the_hash_of_what_was_validated() -> None:
    policy = version("a", after(10), vague_words=("parts",))
    again = Policy.model_validate(orjson.loads(encode_policy(policy)))
    assert again.hash == policy.hash
    assert policy_key(policy) == f"2026-11-22T09:10:00Z/a/{policy.hash[:12]}".encode()


def test_a_refusal_carries_the_original_and_where_it_is_explained() -> None:
    log = PolicyLog(FIRST)
    record = Announced(7, to_ms(NINE), b"{", b"key", [("by", b"me")])
    refused = refusal("sstl.policy.v1", record, log.take(record))
    assert (refused.topic, refused.offset, refused.original_value) == ("sstl.policy.v1", 7, "ew==")
    assert refused.docs == "docs/policy.md#refused"
    assert Rejection.model_validate_json(refused.model_dump_json(by_alias=True)) == refused


def test_a_policy_that_never_changes_is_a_source_too() -> None:
    assert source_of(FIRST)() is FIRST
    assert source_of(lambda: FIRST)() is FIRST


LANE = {"origin": "CNYTN", "destination": "NLRTM", "mode": "SEA"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param(
            {"rules": {"r": {"thresholds": {"limit": 48}}}},
            {"rules": {"r": {"thresholds": {"limit": 36.5}, "mode": "shadow"}}},
            ["rules.r.mode: live -> shadow", "rules.r.thresholds.limit: 48 -> 36.5"],
            id="values",
        ),
        pytest.param(
            {"vague_words": ["parts", "goods"]},
            {"vague_words": ["goods", "items"]},
            ["vague_words: without parts", "vague_words: with items"],
            id="words-of-a-list",
        ),
        pytest.param(
            {"lanes": {"L": LANE}},
            {"lanes": {}},
            [
                "lanes.L: removed (was {origin: CNYTN, destination: NLRTM, mode: SEA, "
                "zones: {origin: UTC, destination: UTC}, "
                "sealed: false, unlock_at: DESTINATION})"
            ],
            id="a-lane-is-gone",
        ),
        pytest.param(
            {"lanes": {"L": LANE}},
            {"lanes": {"L": LANE | {"silences": [{"start": "T4", "end": "T7"}]}}},
            ["lanes.L.silences.0: added {start: T4, end: T7}"],
            id="an-entry-of-a-list",
        ),
        pytest.param(
            {"lanes": {"L": LANE | {"silences": [{"start": "T4", "end": "T7"}]}}},
            {"lanes": {"L": LANE | {"silences": [{"start": "T4", "end": "T6"}], "sealed": True}}},
            ["lanes.L.sealed: false -> true", "lanes.L.silences.0.end: T7 -> T6"],
            id="inside-an-entry",
        ),
    ],
)
def test_a_change_is_told_in_the_words_of_the_policy(
    old: dict[str, Any], new: dict[str, Any], expected: list[str]
) -> None:
    assert changes(Policy.model_validate(old), Policy.model_validate(new)) == expected
