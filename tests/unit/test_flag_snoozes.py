"""Snoozes: what they cover, what ends them, and that nothing is suppressed by them."""

from typing import Any

import pytest

from sstl.core.stage import Context
from sstl.models.records import Subject
from sstl.models.risk_flag import RiskFlag
from tests.flag_records import ANCHOR, HOUR, OTHER_ID, action, finding
from tests.flag_run import Flags, Told, beat, everywhere, flag_of

END = ANCHOR + 720 * HOUR
DAYS_400 = 400 * 24 * HOUR
RAISED = finding()
UNTIL = "2024-05-01T02:00:00Z"


def snooze(number: str = "s", event_ms: int = ANCHOR - HOUR, **scope: Any) -> Told:
    return everywhere(action("snoozed", number, event_ms, until=UNTIL, **scope))


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        pytest.param({"ruleId": "leg-late"}, True, id="its-rule"),
        pytest.param({"ruleId": "seal-missing"}, False, id="another-rule"),
        pytest.param({"laneId": "CNSHG-NLRTM-SEA"}, True, id="its-lane"),
        pytest.param({"laneId": "CNYTN-NLRTM-SEA"}, False, id="another-lane"),
        pytest.param({"equipmentReference": "CSQU3054383"}, True, id="its-unit"),
        pytest.param({"equipmentReference": "MSKU9070323"}, False, id="another-unit"),
        pytest.param({"transportDocumentReference": "HBL1"}, False, id="no-loose-cargo"),
        pytest.param({"ruleId": "leg-late", "laneId": "CNSHG-NLRTM-SEA"}, True, id="both-its-own"),
        pytest.param({"ruleId": "leg-late", "laneId": "X"}, False, id="its-rule-on-another-lane"),
    ],
)
@pytest.mark.parametrize("flag_first", [True, False])
def test_what_a_snooze_covers(scope: dict[str, Any], *, covered: bool, flag_first: bool) -> None:
    said: list[Told] = [RAISED, snooze(**scope)]
    flag = flag_of(*(said if flag_first else reversed(said)))
    assert (flag.snoozed is not None) == covered


@pytest.mark.parametrize(
    ("anchor_ms", "covered"),
    [
        pytest.param(ANCHOR - HOUR - 1, False, id="a-millisecond-before-the-snooze"),
        pytest.param(ANCHOR - HOUR, True, id="as-it-begins"),
        pytest.param(ANCHOR + 2 * HOUR - 1, True, id="a-millisecond-before-its-end"),
        pytest.param(ANCHOR + 2 * HOUR, False, id="exactly-at-its-end"),
    ],
)
@pytest.mark.parametrize("flag_first", [True, False])
def test_a_snooze_counts_by_the_instant_that_governs_the_flag(
    anchor_ms: int, *, covered: bool, flag_first: bool
) -> None:
    said: list[Told] = [finding(anchor_ms=anchor_ms), snooze(ruleId="leg-late")]
    flag = flag_of(*(said if flag_first else reversed(said)))
    assert (flag.snoozed is not None) == covered


def test_a_snoozed_flag_is_published_and_counted_with_what_covers_it() -> None:
    flags = Flags()
    flags.fold(RAISED, finding(flag_id=OTHER_ID, rule_id="seal-missing"))
    outcome = flags.fold(snooze(ruleId="leg-late"))
    (flag,) = [RiskFlag.model_validate(output.message) for output in outcome.outputs]
    assert outcome.counts[("flag_snoozed", "leg-late")] == 1
    assert outcome.counts[("action", "snoozed")] == 1
    assert flag.status == "UPDATED"
    assert flag.snoozed is not None
    assert flag.snoozed.until.isoformat() == "2024-05-01T02:00:00+00:00"
    assert (flag.snoozed.rule_id, flag.snoozed.lane_id, flag.snoozed.unit) == (
        "leg-late",
        None,
        None,
    )
    assert (flag.snoozed.action_id, flag.snoozed.reason) == ("s", "seen")


def test_loose_cargo_is_snoozed_by_its_transport_document() -> None:
    parcel = finding(subject=Subject(transport_document="HBL1"))
    assert flag_of(parcel, snooze(transportDocumentReference="HBL1")).snoozed is not None


@pytest.mark.parametrize(
    ("end", "covered"),
    [
        pytest.param({"ruleId": "leg-late"}, False, id="the-same-scope"),
        pytest.param({"laneId": "CNSHG-NLRTM-SEA"}, True, id="another-scope"),
        pytest.param(
            {"ruleId": "leg-late", "laneId": "CNSHG-NLRTM-SEA"}, True, id="a-narrower-one"
        ),
    ],
)
@pytest.mark.parametrize("end_first", [True, False])
def test_a_snooze_is_ended_by_its_own_scope(
    end: dict[str, Any], *, covered: bool, end_first: bool
) -> None:
    ended = everywhere(action("unsnoozed", "u", ANCHOR, **end))
    said = [snooze(ruleId="leg-late"), ended]
    flag = flag_of(RAISED, *(reversed(said) if end_first else said))
    assert (flag.snoozed is not None) == covered


def test_a_snooze_after_the_end_of_an_earlier_one_counts() -> None:
    ended = everywhere(action("unsnoozed", "u", ANCHOR - 2 * HOUR, ruleId="leg-late"))
    assert flag_of(RAISED, ended, snooze(ruleId="leg-late")).snoozed is not None


def test_a_retracted_snooze_covers_nothing_and_one_corrected_to_another_rule_that_rule() -> None:
    taken_back = everywhere(
        action(
            "snoozed",
            "s",
            ANCHOR - HOUR,
            recorded_ms=END,
            retracted=True,
            until=UNTIL,
            ruleId="leg-late",
        )
    )
    assert flag_of(RAISED, snooze(ruleId="leg-late"), taken_back).snoozed is None
    corrected = everywhere(
        action("snoozed", "s", ANCHOR - HOUR, recorded_ms=END, until=UNTIL, ruleId="other")
    )
    assert flag_of(RAISED, snooze(ruleId="leg-late"), corrected).snoozed is None
    assert flag_of(RAISED, corrected, snooze(ruleId="leg-late")).status == "ISSUED"


def test_of_several_snoozes_the_longest_is_shown() -> None:
    longer = everywhere(
        action(
            "snoozed", "s2", ANCHOR - HOUR, until="2024-05-03T00:00:00Z", laneId="CNSHG-NLRTM-SEA"
        )
    )
    flag = flag_of(RAISED, snooze(ruleId="leg-late"), longer)
    assert flag.snoozed is not None
    assert flag.snoozed.action_id == "s2"


def test_a_snooze_in_many_partitions_is_counted_in_one() -> None:
    elsewhere = Flags(context=Context(1, frozenset()))
    outcome = elsewhere.fold(RAISED, snooze(ruleId="leg-late"))
    assert outcome.counts[("action", "snoozed")] == 0
    assert outcome.counts[("flag_snoozed", "leg-late")] == 1


def test_a_snooze_is_forgotten_long_after_its_end() -> None:
    flags = Flags()
    flags.fold(snooze(ruleId="leg-late"), beat(ANCHOR + 2 * HOUR + DAYS_400))
    assert flags.state.parts("~snoozes")
    flags.fold(beat(ANCHOR + 2 * HOUR + DAYS_400 + 60_000))
    assert list(flags.state.parts("~snoozes")) == []
