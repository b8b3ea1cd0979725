# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""What was done to a seal: opened, tampered with, broken, replaced."""

from typing import Any

import pytest

from sstl.core.rules.seals import RULES
from sstl.models.policy import Geofence, Policy
from sstl.models.records import Event
from tests.journey_events import UNIT
from tests.seal_stories import (
    DESTINATION,
    ORIGIN,
    REST,
    SECOND,
    answers,
    at,
    bolt,
    customs,
    grant,
    lock,
    move,
    policy,
    says,
)

WAY = (
    move("gated_in", 2, ORIGIN),
    move("departed", 10, ORIGIN),
    move("arrived", 100, DESTINATION),
    move("discharged", 104, DESTINATION),
)
OUT = (
    customs("released", 110, side="IMPORT"),
    move("gated_out", 120, DESTINATION),
)
ARMED = lock("armed", 1, sealNumber="A1")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], [], id="never-opened"),
        pytest.param([lock("opened", 50)], ["hit"], id="no-grant-and-no-control"),
        pytest.param([lock("opened", 50), grant(40, 49, 51)], ["no_hit"], id="granted"),
        pytest.param(
            [lock("opened", 50, commandId="C1"), grant(40, 60, 61)],
            ["no_hit"],
            id="against-its-grant-is-the-other-rule's",
        ),
        pytest.param(
            [
                lock("opened", 50),
                customs("physical.started", 49),
                customs("physical.completed", 52),
            ],
            ["no_hit"],
            id="opened-for-a-control",
        ),
        pytest.param([lock("opened", 50), lock("opened", 50.01)], ["hit"], id="reported-twice"),
    ],
)
def test_an_opening_needs_a_grant_or_a_control(events: list[Event], expected: list[str]) -> None:
    assert answers(says("seal-opened-unauthorised", [ARMED, *WAY, *events])) == expected


def test_a_grant_that_comes_late_withdraws_the_finding_of_the_same_episode() -> None:
    opened = lock("opened", 50, commandId="C1")
    (before,) = says("seal-opened-unauthorised", [ARMED, *WAY, opened])
    late = grant(49, 49, 51, recorded_ms=at(90))
    (after,) = says("seal-opened-unauthorised", [ARMED, *WAY, opened, late])
    assert before.anchor == after.anchor
    assert (before.result.value, after.result.value) == ("hit", "no_hit")
    assert after.reason is not None
    assert "authorisation.granted" in after.reason


@pytest.mark.parametrize(
    ("hours", "where", "severity"),
    [
        pytest.param(5, ORIGIN, None, id="at-the-place-of-loading"),
        pytest.param(5, None, None, id="before-departure-place-not-stated"),
        pytest.param(50, REST, "CRITICAL", id="on-the-way"),
        pytest.param(50, None, "CRITICAL", id="on-the-way-place-not-stated"),
        pytest.param(105, DESTINATION, None, id="at-the-place-of-unloading"),
        pytest.param(120, DESTINATION, "LOW", id="released-and-gated-out"),
    ],
)
def test_an_opening_is_as_grave_as_its_place(
    hours: float, where: str | None, severity: str | None
) -> None:
    opened = lock("opened", hours, unLocationCode=where)
    (verdict,) = says("seal-opened-unauthorised", [ARMED, *WAY, *OUT, opened])
    assert (verdict.result.value, verdict.severity) == ("hit", severity)


def test_a_severity_that_the_policy_states_holds_for_every_place() -> None:
    by = policy({"seal-opened-unauthorised": {"severity": "MEDIUM"}})
    (verdict,) = says("seal-opened-unauthorised", [ARMED, *WAY, lock("opened", 50)], by=by)
    assert verdict.severity is None


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        pytest.param(119, "hit", id="before-gate-out"),
        pytest.param(120, "no_hit", id="at-gate-out-after-release"),
    ],
)
def test_a_bolt_seal_may_be_cut_by_whoever_received_the_unit(hours: float, expected: str) -> None:
    events = [bolt("armed", 1, "A1"), *WAY, *OUT, bolt("opened", hours, "A1")]
    assert answers(says("seal-opened-unauthorised", events)) == [expected]


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [pytest.param(9, "no_hit", id="may-be-a-bounce"), pytest.param(10, "hit", id="still-open")],
)
def test_an_opening_that_must_hold_raises_when_it_has_held(as_of: int, expected: str) -> None:
    by = policy(vendors={"LOCKS": {"opened": {"hold_for_s": 10}}})
    events = [ARMED, *WAY, lock("opened", 50)]
    found = says("seal-opened-unauthorised", events, by=by, as_of_ms=at(50) + as_of * 1000)
    assert answers(found) == [expected]


@pytest.mark.parametrize(
    ("opened", "granted", "expected", "observed"),
    [
        pytest.param({}, {}, ["no_hit"], None, id="as-granted"),
        pytest.param(
            {"authorisationOffice": "DE2"}, {"office": "DE1"}, ["hit"], "DE2", id="wrong-office"
        ),
        pytest.param(
            {"unLocationCode": REST},
            {"unLocationCode": DESTINATION},
            ["hit"],
            REST,
            id="wrong-place",
        ),
        pytest.param(
            {},
            {"validFrom": "2026-01-03T03:00:00Z", "validTo": "2026-01-03T04:00:00Z"},
            ["hit"],
            "2026-01-03T02:00:00Z",
            id="outside-the-window",
        ),
        pytest.param({"commandId": "C2"}, {}, [], None, id="another-command"),
    ],
)
def test_an_opening_is_held_against_its_grant(
    opened: dict[str, Any], granted: dict[str, Any], expected: list[str], observed: str | None
) -> None:
    body = {"commandId": "C1"} | opened
    events = [ARMED, *WAY, lock("opened", 50, **body), grant(40, 49, 51, **granted)]
    found = says("seal-opened-against-grant", events)
    assert answers(found) == expected
    if observed is not None:
        assert found[0].observed == observed
        assert found[0].supersedes == "seal-opened-unauthorised"


@pytest.mark.parametrize(
    ("opened", "granted", "observed", "expected"),
    [
        pytest.param(
            {"latitude": 51.4, "longitude": 6.76},
            {"unLocationCode": DESTINATION},
            "51.4000, 6.7600",
            DESTINATION,
            id="a-position-instead-of-a-place",
        ),
        pytest.param({}, {"deviceId": SECOND}, "LOCKS/7", "LOCKS/8", id="another-lock"),
        pytest.param(
            {},
            {"equipmentReference": "MSKU0000005"},
            UNIT,
            "MSKU0000005",
            id="the-lock-on-another-unit",
        ),
        pytest.param(
            {},
            {"deviceId": SECOND, "equipmentReference": None},
            "LOCKS/7",
            "LOCKS/8",
            id="another-lock-by-a-grant-that-names-no-unit",
        ),
    ],
)
def test_what_was_done_is_held_against_what_the_grant_names(
    opened: dict[str, Any], granted: dict[str, Any], observed: str, expected: str
) -> None:
    fence = {"centre": (51.95, 4.05), "radius_km": 15, "un_location_code": DESTINATION}
    by = Policy.model_validate(policy().model_dump() | {"geofences": {"terminal": fence}})
    events = [
        *(ARMED, *WAY),
        lock("opened", 50, commandId="C1", **opened),
        grant(40, 49, 51, **granted),
    ]
    (verdict,) = says("seal-opened-against-grant", events, by=by)
    assert (verdict.observed, verdict.expected) == (observed, expected)
    assert verdict.text is not None
    assert f"{observed} instead of {expected}" in verdict.text.en


@pytest.mark.parametrize(
    ("body", "en", "zh"),
    [
        pytest.param({"unLocationCode": REST}, " in DEDUI", "在 DEDUI 被开启", id="place"),
        pytest.param(
            {"latitude": 52.0, "longitude": 20.9},
            " at 52.0000, 20.9000",
            "在 52.0000, 20.9000 被开启",
            id="position",
        ),
        pytest.param({}, ", place not stated", "（地点未报告）被开启", id="neither"),
    ],
)
def test_an_opening_says_where_it_was(body: dict[str, Any], en: str, zh: str) -> None:
    (verdict,) = says("seal-opened-unauthorised", [ARMED, *WAY, lock("opened", 50, **body)])
    assert verdict.text is not None
    assert f"was opened at 2026-01-03T02:00:00Z{en}; no grant" in verdict.text.en
    assert zh in verdict.text.zh


def test_an_opening_after_revocation_is_against_its_grant() -> None:
    back = lock("authorisation.revoked", 45, commandId="C1")
    events = [ARMED, *WAY, lock("opened", 50, commandId="C1"), grant(40, 49, 51), back]
    (verdict,) = says("seal-opened-against-grant", events)
    assert (verdict.observed, verdict.expected) == ("opened after revocation", "a grant that holds")
    assert verdict.text is not None
    assert verdict.text.en == (
        "Lock LOCKS/7 was opened at 2026-01-03T02:00:00Z, place not stated, but the grant had been revoked."
    )
    assert verdict.text.zh == (
        "电子锁 LOCKS/7 于 2026-01-03T02:00:00Z（地点未报告）被开启，但授权已被撤销。"
    )


@pytest.mark.parametrize(
    ("granted", "done", "allowed"),
    [
        pytest.param(
            {"deviceId": {"manufacturerId": "LOCKS", "tagSerial": "9"}},
            "LOCKS/7",
            "LOCKS/9",
            id="another-lock",
        ),
        pytest.param({"equipmentReference": "CSQU3054383"}, UNIT, "CSQU3054383", id="another-unit"),
    ],
)
def test_a_grant_for_something_else_says_for_what(
    granted: dict[str, Any], done: str, allowed: str
) -> None:
    events = [ARMED, *WAY, lock("opened", 50, commandId="C1"), grant(40, 49, 51, **granted)]
    (verdict,) = says("seal-opened-against-grant", events)
    assert (verdict.observed, verdict.expected) == (done, allowed)
    assert verdict.text is not None
    assert f"another lock or unit: {done} instead of {allowed}." in verdict.text.en
    assert f"实际 {done}，授权 {allowed}。" in verdict.text.zh


def test_a_position_far_from_the_place_of_the_grant_is_named() -> None:
    body: dict[str, Any] = {"commandId": "C1", "latitude": 52.0, "longitude": 20.9}
    events = [
        ARMED,
        *WAY,
        lock("opened", 50, **body),
        grant(40, 49, 51, unLocationCode=DESTINATION),
    ]
    fences = {"end": Geofence(centre=(51.95, 4.05), radius_km=12, un_location_code=DESTINATION)}
    (verdict,) = says("seal-opened-against-grant", events, by=Policy(geofences=fences))
    assert (verdict.observed, verdict.expected) == ("52.0000, 20.9000", DESTINATION)


def test_a_grant_for_another_time_says_for_which_in_both_languages() -> None:
    events = [ARMED, *WAY, lock("opened", 50, commandId="C1"), grant(40, 55, 60)]
    (verdict,) = says("seal-opened-against-grant", events)
    assert verdict.text is not None
    assert verdict.text.en.endswith(
        ": 2026-01-03T02:00:00Z instead of 2026-01-03T07:00:00Z to 2026-01-03T12:00:00Z."
    )
    assert verdict.text.zh.endswith(
        "实际 2026-01-03T02:00:00Z，授权 2026-01-03T07:00:00Z 至 2026-01-03T12:00:00Z。"
    )


@pytest.mark.parametrize(
    ("events", "expected", "severity"),
    [
        pytest.param([], [], None, id="no-alarm"),
        pytest.param([lock("alarm", 50, kind="TAMPER")], ["hit"], None, id="tampering"),
        pytest.param([lock("alarm", 50, kind="CUT")], ["hit"], None, id="cut"),
        pytest.param([lock("alarm", 50, kind="LIGHT")], ["hit"], "MEDIUM", id="light-inside"),
        pytest.param([lock("alarm", 50, kind="SHOCK")], [], None, id="shock-is-not-tampering"),
        pytest.param([lock("alarm", 0.5, kind="TAMPER")], ["no_hit"], None, id="before-arming"),
        pytest.param(
            [lock("alarm", 50, kind="TAMPER"), customs("physical.started", 49)],
            ["no_hit"],
            None,
            id="during-a-control",
        ),
        pytest.param(
            [lock("state.reported", 50, state="ALARM")], ["hit"], "MEDIUM", id="snapshot-alarm"
        ),
    ],
)
def test_an_alarm_of_an_armed_lock_is_tampering(
    events: list[Event], expected: list[str], severity: str | None
) -> None:
    found = says("seal-tampered", [ARMED, *WAY, *events])
    assert answers(found) == expected
    if expected == ["hit"]:
        assert found[0].severity == severity


@pytest.mark.parametrize(
    ("as_of", "snapshot", "expected"),
    [
        pytest.param(59, None, ["no_hit"], id="may-pass"),
        pytest.param(60, None, ["hit"], id="still-on"),
        pytest.param(60, 59, [], id="passed-before-it-counts"),
        pytest.param(60, 60, ["hit"], id="lasted-as-long-as-it-must"),
    ],
)
def test_an_alarm_that_must_hold_raises_when_it_has_held(
    as_of: int, snapshot: int | None, expected: list[str]
) -> None:
    by = policy(vendors={"LOCKS": {"alarm.LIGHT": {"hold_for_s": 60}}})
    events = [ARMED, lock("alarm", 50, kind="LIGHT")]
    if snapshot is not None:
        events.append(lock("state.reported", 50 + snapshot / 3600, state="ARMED"))
    found = says("seal-tampered", events, by=by, as_of_ms=at(50) + as_of * 1000)
    assert answers(found) == expected


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        pytest.param(5, "no_hit", id="exactly-the-limit-before-the-opening"),
        pytest.param(5.02, "hit", id="a-second-more"),
    ],
)
def test_an_alarm_shortly_before_an_authorised_opening_belongs_to_it(
    minutes: float, expected: str
) -> None:
    alarm = lock("alarm", 50 - minutes / 60, kind="LIGHT")
    # the window begins with the opening, so that it does not cover the alarm
    events = [ARMED, *WAY, alarm, lock("opened", 50, commandId="C1"), grant(40, 50, 51)]
    assert answers(says("seal-tampered", events)) == [expected]


def test_a_latched_alarm_that_repeats_is_one_flag() -> None:
    alarms = [lock("alarm", hours, kind="TAMPER", latched=True) for hours in (50, 60, 70)]
    (verdict,) = says("seal-tampered", [ARMED, *WAY, *alarms])
    assert verdict.text is not None
    assert "3 reports" in verdict.text.en
    assert verdict.anchor == alarms[0].identity


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([lock("checked", 50, condition="RIGHT")], [], id="right"),
        pytest.param([lock("checked", 50, condition="BROKEN")], ["hit"], id="broken"),
        pytest.param([lock("checked", 50, condition="DAMAGED")], ["hit"], id="damaged"),
        pytest.param([lock("checked", 50, condition="MISSING")], ["hit"], id="missing"),
        pytest.param([lock("checked", 50, condition="FAULTY")], ["hit"], id="faulty"),
        pytest.param([lock("alarm", 50, kind="LOST")], ["hit"], id="lost"),
        pytest.param(
            [bolt("checked", 50, "Z9", condition="BROKEN")], ["hit"], id="of-a-seal-never-reported"
        ),
        pytest.param(
            [lock("opened", 40), grant(39, 39, 41), lock("checked", 50, condition="MISSING")],
            ["no_hit"],
            id="taken-off-with-authority-before",
        ),
        pytest.param(
            [lock("opened", 40), lock("checked", 50, condition="MISSING")],
            ["hit"],
            id="taken-off-without-authority-before",
        ),
        pytest.param(
            [customs("physical.started", 49), lock("checked", 50, condition="BROKEN")],
            ["no_hit"],
            id="broken-by-the-control-in-progress",
        ),
    ],
)
def test_a_seal_must_be_found_in_its_right_condition(
    events: list[Event], expected: list[str]
) -> None:
    assert answers(says("seal-broken", [ARMED, *WAY, *events])) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], [], id="the-first-seal"),
        pytest.param([bolt("resealed", 50, "B2", oldSealNumber="A1")], ["hit"], id="unexplained"),
        pytest.param(
            [bolt("resealed", 50, "B2", oldSealNumber="A1", sealSource="CUSTOMS")],
            ["no_hit"],
            id="a-seal-of-customs",
        ),
        pytest.param([bolt("resealed", 2, "B2", oldSealNumber="A1")], ["no_hit"], id="at-gate-in"),
        pytest.param(
            [bolt("resealed", 2.01, "B2", oldSealNumber="A1")], ["hit"], id="after-gate-in"
        ),
        pytest.param(
            [
                customs("physical.started", 48),
                customs("physical.completed", 49),
                bolt("resealed", 73, "B2", oldSealNumber="A1"),
            ],
            ["no_hit"],
            id="exactly-24-h-after-a-control",
        ),
        pytest.param(
            [
                customs("physical.started", 48),
                customs("physical.completed", 49),
                bolt("resealed", 73.1, "B2", oldSealNumber="A1"),
            ],
            ["hit"],
            id="more-than-24-h-after-a-control",
        ),
        pytest.param(
            [customs("physical.completed", 50, sealBefore="A1", sealAfter="B2")],
            ["no_hit"],
            id="by-the-control-itself",
        ),
        pytest.param(
            [bolt("opened", 50, "A1"), bolt("armed", 51, "B2")],
            ["hit"],
            id="cut-on-the-way-and-sealed-anew",
        ),
        pytest.param(
            [bolt("opened", 50, "A1"), grant(40, 49, 51), bolt("armed", 51, "B2")],
            ["no_hit"],
            id="opened-with-authority-and-sealed-anew",
        ),
    ],
)
def test_a_new_seal_needs_a_control_or_an_authority(
    events: list[Event], expected: list[str]
) -> None:
    found = says("seal-resealed-unauthorised", [bolt("armed", 1, "A1"), *WAY, *events])
    assert answers(found) == expected


def test_every_rule_says_what_it_reads_and_says_it_in_two_languages() -> None:
    for one in RULES:
        rule = one.rule
        assert rule.family == "seals"
        assert rule.subject == "unit"
        assert rule.needs
        assert rule.parts
        assert rule.source
        assert rule.advice is not None
        assert rule.advice.zh
    assert len({one.rule.id for one in RULES}) == len(RULES)
