"""Where a lock and a seal number are said to be, and whether that can be."""

from pathlib import Path
from typing import Any

import pytest

from sstl.core.references import ReferencesStage
from sstl.core.rules.base import Result, Verdict, in_force
from sstl.core.rules.devices import (
    NOT_UNPAIRED,
    NUMBER_REUSED,
    ON_TWO_UNITS,
    RULES,
    Claim,
    ReferenceView,
)
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.catalogue import TYPES
from sstl.models.policy import Policy
from sstl.models.records import Event, Finding, Heartbeat, Referred, Withdrawn
from tests.journey_events import DAY, HOUR, MINUTE, START, event

A, B = "MSKU3054383", "CSQU3054383"
LOCK = "device:LOCKS/1"
SEAL = "seal:CN1234567"
HIT, NO_HIT, UNKNOWN = Result.HIT, Result.NO_HIT, Result.NOT_EVALUABLE
Told = tuple[str, int, str | None]
"""(kind, minutes after the start, unit)"""


def claim(kind: str, minutes: int, unit: str | None, device: str | None = LOCK) -> Claim:
    what = event(f"seallock.{kind}", START + minutes * MINUTE, id=f"{kind}-{minutes}-{unit}")
    return Claim(what, unit, device=device)


def judge(rule: str, reference: str, told: list[Claim], **thresholds: float) -> list[Verdict]:
    asked = next(one for one in RULES if one.rule.id == rule)
    policy = Policy.model_validate({"rules": {rule: {"thresholds": thresholds}}})
    current = in_force(asked.rule, policy, mode=None, lane_id=None)
    return list(asked.judge(ReferenceView(reference, told), current, -1))


@pytest.mark.parametrize(
    ("told", "two_units", "not_unpaired"),
    [
        pytest.param([("paired", 0, A)], [], [], id="one-unit-only"),
        pytest.param(
            [("paired", 0, A), ("unpaired", 60, A), ("paired", 90, B)],
            [NO_HIT],
            [NO_HIT],
            id="taken-off-then-put-on",
        ),
        pytest.param(
            [("paired", 0, A), ("unpaired", 60, None), ("paired", 90, B)],
            [NO_HIT],
            [NO_HIT],
            id="unpairing-need-not-name-the-unit",
        ),
        pytest.param([("paired", 0, A), ("paired", 90, B)], [UNKNOWN], [HIT], id="never-taken-off"),
        pytest.param(
            [("paired", 0, A), ("paired", 90, B), ("unpaired", 105, A)],
            [NO_HIT],
            [NO_HIT],
            id="taken-off-exactly-at-the-limit",
        ),
        pytest.param(
            [("paired", 0, A), ("paired", 90, B), ("unpaired", 106, A)],
            [HIT],
            [NO_HIT],
            id="taken-off-a-minute-over-the-limit",
        ),
        pytest.param(
            [("paired", 0, A), ("paired", 90, B), ("armed", 200, A)],
            [HIT],
            [NO_HIT],
            id="armed-on-the-one-while-paired-with-the-other",
        ),
        pytest.param(
            [("armed", 0, A), ("armed", 90, B), ("armed", 200, A)],
            [HIT],
            [],
            id="reports-name-two-units-in-turn",
        ),
        pytest.param(
            [("armed", 0, A), ("paired", 90, B)],
            [UNKNOWN],
            [UNKNOWN],
            id="nobody-said-it-was-paired-before",
        ),
        pytest.param(
            [("paired", 0, A), ("paired", 30, A), ("armed", 60, A)],
            [],
            [],
            id="paired-again-with-the-same-unit",
        ),
        pytest.param(
            [("paired", 0, A), ("paired", 90, B), ("paired", 300, A)],
            [UNKNOWN, UNKNOWN],
            [HIT, HIT],
            id="to-and-fro-by-pairing-alone",
        ),
    ],
)
def test_a_lock_is_on_one_unit_at_a_time_and_unpaired_in_between(
    told: list[Told], two_units: list[Result], not_unpaired: list[Result]
) -> None:
    claims = [claim(*one) for one in told]
    for rule, expected in ((ON_TWO_UNITS, two_units), (NOT_UNPAIRED, not_unpaired)):
        found = [verdict.result for verdict in judge(rule.id, LOCK, claims)]
        assert found == expected, rule.id


def test_the_limit_of_the_policy_counts() -> None:
    told = [claim("paired", 0, A), claim("paired", 90, B), claim("unpaired", 120, A)]
    for limit, result in ((30, NO_HIT), (29, HIT)):
        (verdict,) = judge(ON_TWO_UNITS.id, LOCK, told, overlap_minutes=limit)
        assert verdict.result is result


def test_a_lock_on_two_units_says_where_when_and_on_what_it_rests() -> None:
    told = [claim("paired", 0, A), claim("paired", 90, B), claim("armed", 210, A)]
    (verdict,) = judge(ON_TWO_UNITS.id, LOCK, told)
    assert (verdict.observed, verdict.expected) == (120, 15)
    assert verdict.evidence == tuple(one.event for one in told)
    assert verdict.text is not None
    assert verdict.text.en == (
        "Lock LOCKS/1 is on CSQU3054383 since 2026-01-01T01:30:00Z, but was still reported on MSKU3054383 at "
        "2026-01-01T03:30:00Z, 120 min later."
    )
    assert "120 分钟" in verdict.text.zh


@pytest.mark.parametrize(
    ("reference", "told", "results"),
    [
        pytest.param(SEAL, [("armed", 0, A, None)], [], id="one-unit-only"),
        pytest.param(
            SEAL, [("armed", 0, A, None), ("armed", 9, A, None)], [], id="twice-on-the-same-unit"
        ),
        pytest.param(
            SEAL, [("armed", 0, A, None), ("resealed", 9, B, None)], [HIT], id="on-another-unit"
        ),
        pytest.param(
            SEAL,
            [("armed", 0, A, LOCK), ("armed", 9, B, LOCK)],
            [NO_HIT],
            id="a-lock-carries-its-number-along",
        ),
        pytest.param(
            SEAL,
            [("armed", 0, A, LOCK), ("armed", 9, B, "device:LOCKS/2")],
            [HIT],
            id="two-locks-with-one-number",
        ),
        pytest.param(
            SEAL,
            [("armed", 0, A, None), ("armed", 9, None, LOCK)],
            [UNKNOWN],
            id="the-second-names-no-unit",
        ),
        pytest.param(
            "seal:123456",
            [("armed", 0, A, None), ("armed", 9, B, None)],
            [HIT],
            id="exactly-long-enough",
        ),
        pytest.param(
            "seal:12345",
            [("armed", 0, A, None), ("armed", 9, B, None)],
            [UNKNOWN],
            id="a-character-too-short-to-be-unique",
        ),
    ],
)
def test_a_seal_number_is_used_once(
    reference: str, told: list[tuple[str, int, str | None, str | None]], results: list[Result]
) -> None:
    found = judge(NUMBER_REUSED.id, reference, [claim(*one) for one in told])
    assert [verdict.result for verdict in found] == results


def test_every_field_that_a_device_rule_needs_is_carried_by_an_event() -> None:
    known = {
        f"{kind.partition('.')[0]}.{field.alias}"
        for kind, entry in TYPES.items()
        for field in entry.body.model_fields.values()
    }
    for asked in RULES:
        assert asked.rule.needs <= known, asked.rule.id


def test_every_device_rule_is_documented_with_its_parameters() -> None:
    page = (Path(__file__).parents[2] / "docs/rules/devices.md").read_text(encoding="utf-8")
    for asked in RULES:
        assert f"## {asked.rule.id}" in page
        for name, parameter in asked.rule.parameters.items():
            assert f"`{name}`" in page
            assert f"| {parameter.value:g} {parameter.unit} |" in page


class References:
    """[references] with one reader of what it finds."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.state = MemoryState()
        self.found: list[Finding] = []

    def fold(self, key: str, message: Any) -> None:
        context = Context(0, frozenset({"intake-seallock/0"}))
        outcome = ReferencesStage().fold(self.state, [Inbound(key, message)], self.policy, context)
        self.state.apply(outcome.changed)
        self.found += [out.message for out in outcome.outputs if isinstance(out.message, Finding)]

    def told(self, kind: str, minutes: int, unit: str | None, **more: Any) -> Event:
        what = event(
            f"seallock.{kind}",
            START + minutes * MINUTE,
            equipmentReference=unit,
            deviceId={"manufacturerId": "LOCKS", "tagSerial": "1"},
            **more,
        )
        binds = unit if kind == "paired" else None
        self.fold(LOCK, Referred(event=what, to_units=unit is None, binds_unit=binds))
        return what

    def net(self) -> dict[str, Finding]:
        last = {one.flag_id: one for one in self.found}
        return {name: one for name, one in last.items() if one.state != "CLEARED"}


def test_a_finding_names_the_unit_and_is_cleared_when_the_unpairing_comes_late() -> None:
    references = References()
    references.told("paired", 0, A)
    references.told("paired", 90, B, lane="CNYTN-NLRTM-SEA")
    (raised,) = references.found
    assert (raised.state, raised.rule_id) == ("RAISED", NOT_UNPAIRED.id)
    assert raised.subject.equipment_reference == B
    assert (raised.subject.lane_id, raised.subject.mode) == ("CNYTN-NLRTM-SEA", "SEA")
    references.told("unpaired", 60, A)
    assert [one.state for one in references.found] == ["RAISED", "CLEARED"]
    assert references.net() == {}


def test_a_pairing_that_is_taken_back_clears_what_rested_on_it() -> None:
    references = References()
    first = references.told("paired", 0, A)
    references.told("paired", 90, B)
    later = event("x", START, recorded_ms=START + DAY).version
    references.fold(LOCK, Withdrawn(identity=first.identity, version=later))
    assert references.net() == {}
    assert references.found[-1].reason is not None


def test_a_rule_that_is_off_says_nothing() -> None:
    policy = Policy.model_validate({"rules": {NOT_UNPAIRED.id: {"mode": "off"}}})
    references = References(policy)
    references.told("paired", 0, A)
    references.told("paired", 90, B)
    assert references.found == []


def beat(references: References, at_ms: int) -> None:
    for minute in range(2):
        message = Heartbeat(
            source="intake-seallock/0", reached_ms=at_ms + minute * HOUR, caught_up=True
        )
        references.fold("~heartbeat", message)


def test_what_is_dropped_after_its_horizon_changes_no_finding() -> None:
    references = References()
    references.told("paired", 0, A)
    references.told("paired", 90, B)
    references.told("paired", 200 * 24 * 60, "TCLU1234568")
    before = list(references.found)
    beat(references, START + 400 * DAY)
    references.told("armed", 401 * 24 * 60, "TCLU1234568")
    assert references.found == before
    kept = {key: parts for key, parts in references.state.cells.items() if key.startswith("told/")}
    assert sum(name != "final" for parts in kept.values() for name in parts) <= 1


def test_a_lock_never_unpaired_is_found_long_after_its_last_pairing() -> None:
    references = References()
    references.told("paired", 0, A)
    beat(references, START + 300 * DAY)
    references.told("paired", 301 * 24 * 60, B)
    assert [one.rule_id for one in references.net().values()] == [NOT_UNPAIRED.id]
