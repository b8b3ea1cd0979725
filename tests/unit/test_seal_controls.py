"""What controls say of alarms and of seal numbers: what counts, what does not, and what is not known."""

from collections.abc import Sequence
from typing import Any

import pytest

from sstl.core.indicators.registry import REGISTRY
from sstl.core.indicators.seal_controls import SEAL_CONTROLS
from sstl.core.journeys.assess import assess
from sstl.core.leadtime import Observed
from sstl.core.milestones import order
from sstl.models.policy import Policy
from sstl.models.records import Event, Share
from tests.chain import Chain
from tests.journey_events import HOUR, LANE, UNIT, share
from tests.seal_stories import DEVICE, NAME, SECOND, at, bolt, customs, grant, lock, move, policy
from tests.unit.test_consignment_rule_stories import UNIT as STORY_UNIT
from tests.unit.test_consignment_rule_stories import customs as told
from tests.unit.test_consignment_rule_stories import filing, tell

pytestmark = pytest.mark.unit

CONFIRMED = "seal_alarm_confirmation_rate"
DELAY = "seal_alarm_control_delay"
FALSE = "seal_false_alarm_rate"
MISMATCH = "seal_mismatch_rate"

ARMED = lock("armed", 0, sealNumber="CN1234567")
OUT = lock("unpaired", 100)


def alarm(hours: float = 10, kind: str = "TAMPER", **data: Any) -> Event:
    return lock("alarm", hours, kind=kind, **data)


def opened(hours: float = 40, **data: Any) -> Event:
    """A control that opens the unit; it may have begun a day before, when nobody reports its beginning."""
    return customs("physical.completed", hours, **{"inspectionId": "I1", **data})


def result(hours: float = 41, **data: Any) -> Event:
    return customs("result.recorded", hours, **{"inspectionId": "I1", **data})


def checked(condition: str, hours: float = 20, **data: Any) -> Event:
    return lock("checked", hours, condition=condition, **data)


def observed(
    *events: Event, shares: Sequence[Share] | None = None, by: Policy | None = None
) -> list[Observed]:
    filed = [share()] if shares is None else shares
    found = assess(UNIT, sorted(events, key=order), filed, by or policy(), rules=())
    return [one for one in found.observations.values() if one.indicator.startswith("seal_")]


def values(name: str, *events: Event, **more: Any) -> list[float]:
    return [one.measure.value_ms for one in observed(*events, **more) if one.indicator == name]


SAMPLE = customs("sample.taken", 5, inspectionId="I1")
FOUND: dict[str, Any] = {"controlResultCode": "B1"}
CLEAN: dict[str, Any] = {"controlResultCode": "A1"}
SHARES = [
    # of the alarms of a lock
    pytest.param(CONFIRMED, [alarm(), result(**FOUND)], [1], id="the-control-found-something"),
    pytest.param(CONFIRMED, [alarm(), result(outcome="CONFIRMED")], [1], id="confirmed"),
    pytest.param(CONFIRMED, [alarm(), checked("BROKEN")], [1], id="the-lock-was-broken"),
    pytest.param(CONFIRMED, [alarm(), result(**CLEAN)], [0], id="the-control-found-nothing"),
    pytest.param(CONFIRMED, [alarm(kind="LIGHT"), checked("RIGHT")], [0], id="the-lock-was-right"),
    pytest.param(CONFIRMED, [alarm(), checked("FAULTY")], [0], id="the-device-was-faulty"),
    pytest.param(
        CONFIRMED, [alarm(), checked("RIGHT"), result(**FOUND)], [0], id="the-first-look-decides"
    ),
    pytest.param(
        CONFIRMED,
        [alarm(), opened(36, inspectionId="I0", outcome="INCONCLUSIVE"), result(**FOUND)],
        [1],
        id="the-first-conclusive-look-decides",
    ),
    pytest.param(CONFIRMED, [alarm(), result(10, **FOUND)], [1], id="at-the-instant-of-the-alarm"),
    pytest.param(CONFIRMED, [alarm(), result(9.99, **FOUND)], [], id="controlled-before"),
    pytest.param(CONFIRMED, [alarm()], [], id="nobody-looked"),
    pytest.param(CONFIRMED, [alarm(), opened()], [], id="no-result-yet"),
    pytest.param(CONFIRMED, [alarm(), result(outcome="INCONCLUSIVE")], [], id="inconclusive"),
    pytest.param(CONFIRMED, [alarm(), result(controlResultCode="A5")], [], id="left-open"),
    pytest.param(CONFIRMED, [alarm(), opened(status="NOT_DONE", **CLEAN)], [], id="not-done"),
    pytest.param(CONFIRMED, [alarm(), customs("selected", 12)], [], id="only-selected"),
    pytest.param(
        CONFIRMED, [alarm(), customs("document.checked", 12, **FOUND)], [], id="only-the-papers"
    ),
    pytest.param(
        CONFIRMED, [alarm(), checked("BROKEN", deviceId=SECOND)], [], id="another-lock-was-checked"
    ),
    pytest.param(
        CONFIRMED, [alarm(), checked("BROKEN", deviceId=None, sealNumber="CN-1234567")], [1],
        id="the-lock-is-named-by-its-number",
    ),
    pytest.param(
        CONFIRMED, [alarm(), checked("BROKEN", deviceId=None, sealNumber="ZZ9999999")], [],
        id="another-seal-was-checked",
    ),
    pytest.param(CONFIRMED, [checked("BROKEN"), result(**FOUND)], [], id="a-check-is-no-alarm"),
    pytest.param(
        CONFIRMED, [grant(8, 9, 12), alarm(), result(**FOUND)], [], id="a-grant-explains-the-alarm"
    ),
    pytest.param(
        CONFIRMED, [SAMPLE, alarm(60), result(70, controlType="LAB", **CLEAN)], [], id="a-sample-was-taken-before"
    ),
    pytest.param(
        CONFIRMED, [SAMPLE, alarm(60), result(70, **FOUND), opened(100, **CLEAN)], [0], id="the-look-after-it-decides"
    ),
    pytest.param(
        CONFIRMED, [SAMPLE, alarm(60), opened(100), result(110, **FOUND)], [1], id="sampled-before-and-opened-after"
    ),
    # of the numbers that were read
    pytest.param(MISMATCH, [checked("RIGHT", sealNumber="CN1234567")], [0], id="as-armed"),
    pytest.param(MISMATCH, [checked("RIGHT", sealNumber="cn-1234567")], [0], id="other-spelling"),
    pytest.param(MISMATCH, [checked("RIGHT", sealNumber="CN7654321")], [1], id="other-number"),
    pytest.param(MISMATCH, [opened(sealBefore="CN7654321")], [1], id="found-by-a-control"),
    pytest.param(
        MISMATCH, [opened(sealBefore="CN7654321"), result(sealBefore="CN7654321")], [1],
        id="once-a-control",
    ),
    pytest.param(
        MISMATCH,
        [bolt("resealed", 20, "CN7777777", oldSealNumber="CN1234567"), opened(sealBefore="CN7777777")],
        [0],
        id="as-resealed",
    ),
    pytest.param(MISMATCH, [checked("RIGHT")], [], id="no-number-read"),
    pytest.param(MISMATCH, [checked("MISSING", sealNumber="CN1234567")], [], id="no-seal-found"),
    pytest.param(MISMATCH, [checked("RIGHT", sealNumber="SI")], [], id="a-word-is-no-number"),
    pytest.param(MISMATCH, [opened()], [], id="control-without-a-number"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "events", "expected"), SHARES)
def test_an_alarm_or_a_check_counts_1_0_or_not_at_all(
    name: str, events: list[Event], expected: list[int]
) -> None:
    assert values(name, ARMED, *events) == expected


def test_every_share_of_seals_is_shown_to_count_1_and_0_and_not_to_count() -> None:
    for name in (CONFIRMED, MISMATCH):
        seen = [case.values[2] for case in SHARES if case.values[0] == name]
        assert {one[0] if isinstance(one, list) and one else None for one in seen} == {0, 1, None}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param(("CN1",), [1], id="another-is-declared"),
        pytest.param(("CN1", "CN7654321"), [0], id="it-is-declared"),
        pytest.param((), [], id="none-is-declared"),
    ],
)
def test_where_nothing_was_armed_the_manifest_says_which_seal_to_expect(
    declared: tuple[str, ...], expected: list[int]
) -> None:
    read = checked("RIGHT", sealNumber="CN7654321", deviceId=None)
    assert values(MISMATCH, read, shares=[share(seals=declared)]) == expected


@pytest.mark.parametrize(
    ("events", "hours"),
    [
        pytest.param([customs("physical.started", 38, inspectionId="I1"), opened()], 28, id="begun"),
        pytest.param([opened()], 30, id="only-its-end-is-reported"),
        pytest.param([checked("RIGHT"), opened()], 10, id="the-check-came-first"),
        pytest.param([result(10)], 0, id="at-once"),
        pytest.param([customs("selected", 12), customs("document.checked", 13)], None, id="no-look"),
        pytest.param([opened(9)], None, id="before-the-alarm"),
        pytest.param([opened(5), result()], None, id="only-its-result-comes-after-the-alarm"),
    ],
)  # fmt: skip
def test_the_delay_goes_from_the_alarm_to_the_first_look(
    events: list[Event], hours: float | None
) -> None:
    found = values(DELAY, ARMED, alarm(), *events)
    assert found == ([] if hours is None else [hours * HOUR])


def false_alarms(*events: Event, **more: Any) -> list[tuple[int, int | None]]:
    """Return alarms and hours armed of each lock."""
    return [
        (one.measure.value_ms, (one.measure.exposure or 0) // HOUR)
        for one in observed(*events, **more)
        if one.indicator == FALSE
    ]


STRIPPED = move("stripped", 200, "NLRTM", eventClassifier="ACTUAL")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([ARMED, OUT], [(0, 100)], id="no-alarm"),
        pytest.param([ARMED, alarm(), checked("RIGHT"), OUT], [(1, 100)], id="not-confirmed"),
        pytest.param([ARMED, alarm(), checked("BROKEN"), OUT], [(0, 100)], id="confirmed"),
        pytest.param([ARMED, alarm(), OUT], [(0, 100)], id="nobody-looked"),
        pytest.param(
            [ARMED, alarm(), alarm(10.01), checked("RIGHT"), OUT], [(1, 100)], id="one-episode"
        ),
        pytest.param([ARMED, alarm(), checked("RIGHT")], [], id="still-armed"),
        pytest.param([ARMED, STRIPPED], [(0, 200)], id="armed-until-delivery"),
        pytest.param(
            [ARMED, lock("opened", 40), lock("armed", 60, sealNumber="CN1234567"), OUT],
            [(0, 80)],
            id="armed-twice",
        ),
        pytest.param([bolt("armed", 0, "CN1"), bolt("opened", 9, "CN1")], [], id="a-bolt-has-none"),
    ],
)
def test_false_alarms_are_counted_over_the_time_that_a_lock_was_armed(
    events: list[Event], expected: list[tuple[int, int]]
) -> None:
    assert false_alarms(*events) == expected


def test_each_lock_counts_for_its_maker() -> None:
    other = {"manufacturerId": "OTHER", "tagSerial": "1"}
    events = [ARMED, OUT, lock("armed", 5, deviceId=other), lock("unpaired", 50, deviceId=other)]
    found = {
        one.measure.strata["vendor"]: one.measure.exposure
        for one in observed(*events)
        if one.indicator == FALSE
    }
    assert found == {DEVICE["manufacturerId"]: 100 * HOUR, "OTHER": 45 * HOUR}


def test_alarms_are_told_apart_by_maker_and_kind_and_count_from_their_first_report() -> None:
    found = {one.indicator: one for one in observed(ARMED, alarm(), checked("RIGHT", 20))}
    for name in (CONFIRMED, DELAY):
        assert found[name].measure.strata == {"vendor": "LOCKS", "alarm": "TAMPER"}
        assert found[name].measure.start_ms == at(10)
        assert found[name].counting_unit == REGISTRY[name].counting_unit == "alarm"
    assert NAME not in str(found[CONFIRMED].measure.strata)


def test_nothing_is_counted_without_a_lane_or_of_empty_equipment() -> None:
    events = [ARMED, alarm(), checked("BROKEN", sealNumber="CN7654321"), OUT]
    assert {one.indicator for one in observed(*events)} == {one.name for one in SEAL_CONTROLS} | {
        "seal_incident"
    }
    for filed in (share(lane_id=None), share(empty=True)):
        counted = {one.indicator for one in observed(*events, shares=[filed])}
        assert not counted & {one.name for one in SEAL_CONTROLS}


def test_a_control_that_names_only_the_consignment_confirms_the_alarm_of_its_unit() -> None:
    chain = Chain()
    raised: dict[str, Any] = {"equipmentReference": STORY_UNIT, "deviceId": DEVICE}
    cut = tell("seallock.alarm", 20, **raised)
    cut[1]["data"]["kind"] = "CUT"
    chain.take(
        [
            filing("lodged", 0),
            tell("seallock.armed", 10, **raised, sealNumber="CN1"),
            cut,
            told("inspection.result.recorded", 30, controlType="PHYSICAL", outcome="CONFIRMED"),
            tell("seallock.unpaired", 10 + 24 * 25, **raised),
        ]
    )
    found = {
        one["indicator"]: one
        for key, one in chain.net_indicators().items()
        if key.endswith("||TOTAL")
    }
    confirmed, false = found[CONFIRMED], found[FALSE]
    assert (confirmed["k"], confirmed["n"], confirmed["laneId"]) == (1, 1, LANE)
    assert (false["k"], false["exposure"], false["value"]) == (0, 0.025, 0)
    assert false["unit"] == "per 1000 container-days"
