"""What is measured on a consignment: each stage, what it needs, and in which stratum it counts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sstl.core.consignments import ConsignmentsStage
from sstl.core.consignments.clearance import observe_clearance
from sstl.core.consignments.on_lane import on_lane
from sstl.core.leadtime import Observed
from sstl.models.policy import Attribution, Policy, RulePolicy
from sstl.models.records import Event, Forwarded, Observation, Shared, UnitMilestones
from sstl.policy_files import load_policy
from tests.consignment_cases import HOUSE, customs, filed, referral, unit, view
from tests.journey_events import HOUR, LANE, START, Chain, event, share

ACCEPTED = "declaration.accepted"
RELEASED = "inspection.released"
SCAN = ("inspection.scan.started", "inspection.scan.completed")
PARTS = ("LT_customs", "LT_oga", "LT_trade", "unattributed")


def at(kind: str, hours: float, side: str | None = "IMPORT", **data: Any) -> Event:
    return customs(kind, START + round(hours * HOUR), side, **data)


def reached(name: str = "U1", **hours: float) -> UnitMilestones:
    instants: dict[str, Any] = {code: START + round(at * HOUR) for code, at in hours.items()}
    return unit(name, **instants)


def measured(
    *events: Event, units: Sequence[UnitMilestones] = (), **more: Any
) -> dict[str, Observed]:
    """Return what has ended by what stands before the consignment in its id, and what behind it.

    What has not ended, `test_open_stages` tells.
    """
    policy = more.get("policy") or Policy()
    on = on_lane(view(*events, units=units, **more), policy)
    found = () if on is None else observe_clearance(on)
    return {one.id.replace(f"|{HOUSE}", ""): one for one in found if one.measure.outcome is None}


def hours(found: dict[str, Observed]) -> dict[str, float]:
    return {
        name: one.measure.value_ms / HOUR
        for name, one in found.items()
        if one.indicator not in ("prearrival", "declared_before_arrival")
    }


def start_of(one: Observed) -> float:
    return (one.measure.start_ms - START) / HOUR


# name, what is reported, what the units reached, value and start in hours
STAGES = [
    pytest.param("LT_release", [at(RELEASED, 30)], {"T6": 10}, 20, 10, id="release"),
    pytest.param("LT_release", [at(RELEASED, 8)], {"T6": 10}, -2, 10, id="release-before-arrival"),
    pytest.param(
        "LT_clear", [at(ACCEPTED, 12), at(RELEASED, 30)], {"T6": 10}, 18, 12, id="declared-later"
    ),
    pytest.param(
        "LT_clear", [at(ACCEPTED, 5), at(RELEASED, 30)], {"T6": 10}, 20, 10, id="declared-before"
    ),
    pytest.param(
        "LT_clear", [at(ACCEPTED, 5), at(RELEASED, 8)], {"T6": 10}, 0, 10, id="released-before"
    ),
    pytest.param(
        "LT_clear_declared", [at(ACCEPTED, 5), at(RELEASED, 30)], {}, 25, 5, id="permission"
    ),
    pytest.param("LT_postrelease", [at(RELEASED, 30)], {"T14": 36}, 6, 30, id="removal"),
    pytest.param("LT_postrelease", [at(RELEASED, 30)], {"T14": 27}, -3, 30, id="left-unreleased"),
    pytest.param("prearrival_lead", [], {"T6": 10}, 10, 0, id="filed-before-arrival"),
    pytest.param("prearrival_lead", [], {"T6": -1}, -1, 0, id="filed-after-arrival"),
    pytest.param(
        "bonded_dwell", [at("bond.entered", 11), at("bond.left", 40)], {}, 29, 11, id="under-bond"
    ),
]


@pytest.mark.parametrize(("name", "events", "milestones", "value", "start"), STAGES)
def test_each_stage_is_the_time_between_its_milestones(
    name: str, events: list[Event], milestones: dict[str, Any], value: float, start: float
) -> None:
    one = measured(*events, units=[reached(**milestones)])[name]
    assert (one.measure.value_ms / HOUR, start_of(one)) == (value, start)
    assert (one.measure.lane_id, one.measure.mode) == (LANE, "SEA")


@pytest.mark.parametrize(("name", "events", "milestones", "value", "start"), STAGES)
def test_a_stage_without_one_of_its_milestones_is_not_measured(
    name: str, events: list[Event], milestones: dict[str, Any], value: float, start: float
) -> None:
    for missing in events:
        left = [one for one in events if one is not missing]
        assert name not in measured(*left, units=[reached(**milestones)])
    for code in milestones:
        fewer = {other: at for other, at in milestones.items() if other != code}
        assert name not in measured(*events, units=[reached(**fewer)])


def test_nothing_is_measured_while_the_lane_is_not_known() -> None:
    events = at(ACCEPTED, 5), at(RELEASED, 30)
    assert not measured(*events, units=[reached(T6=10)], shares=[share(lane_id=None)])


@pytest.mark.parametrize(
    ("lodged", "before"),
    [
        pytest.param(9.999, 1, id="just-before"),
        pytest.param(10, 0, id="with-the-arrival"),
        pytest.param(11, 0, id="after"),
    ],
)
def test_filed_and_declared_before_arrival_are_shares(lodged: float, before: int) -> None:
    lodged_ms = START + round(lodged * HOUR)
    found = measured(
        at(ACCEPTED, lodged), units=[reached(T6=10)], shares=[filed(lodged_ms=lodged_ms)]
    )
    for name in ("prearrival", "declared_before_arrival"):
        assert (found[name].measure.value_ms, found[name].measure.start_ms) == (before, lodged_ms)
    assert found["declared_before_arrival"].counting_unit == "declaration"


def test_a_consignment_over_several_journeys_is_complete_with_the_last_unit() -> None:
    units = [reached("U1", T6=10, T14=34), reached("U2", T6=20, T14=40)]
    found = measured(at(ACCEPTED, 15), at(RELEASED, 30), units=units)
    assert hours(found)["LT_release"] == 10
    assert hours(found)["LT_postrelease"] == 10
    assert hours(found)["LT_clear"] == 10
    # declared when the second unit was still under way, but not before arrival
    assert found["declared_before_arrival"].measure.value_ms == 0
    waiting = measured(at(RELEASED, 30), units=[reached("U1", T6=10), reached("U2")])
    assert "LT_release" not in waiting


def one(unit: str, hours: float = 30, kind: str = RELEASED, **data: Any) -> Event:
    side = data.pop("side", "IMPORT")
    named = {"equipmentReference": unit, "id": f"{kind}/{unit}/{hours}"} | data
    return customs(kind, START + round(hours * HOUR), side, **named)


@pytest.mark.parametrize(
    ("events", "released"),
    [
        pytest.param([one("U1")], None, id="of-one-only"),
        pytest.param([one("U1"), one("U2", 44)], 44, id="with-the-last"),
        pytest.param([one("U1", 44), one("U2")], 44, id="whichever-it-is"),
        pytest.param([one("U1", 44), at(RELEASED, 30)], 44, id="one-again-after-all"),
        pytest.param([one("U1", 20), at(RELEASED, 30)], 30, id="all-after-one"),
        pytest.param([one("U1"), one("U3", 44)], None, id="of-one-that-is-not-of-it"),
        pytest.param([one("U1"), one("U2"), one("U3", 44)], 30, id="and-of-one-that-is-not"),
        pytest.param(
            [one("U1"), one("U2"), one("U2", 31, "inspection.revoked")], None, id="one-revoked"
        ),
        pytest.param(
            [at(RELEASED, 30), one("U2", 31, "inspection.revoked")], None, id="of-all-one-revoked"
        ),
        pytest.param(
            [at(RELEASED, 30), one("U2", 31, "inspection.revoked"), one("U2", 44)],
            44,
            id="and-released-again",
        ),
        pytest.param(
            [one("U1"), one("U2"), one("U3", 31, "inspection.revoked")],
            30,
            id="of-another-one-revoked",
        ),
        pytest.param([one("U1"), one("U2"), at("inspection.revoked", 31)], None, id="all-revoked"),
        pytest.param([one("U1"), one("U2", 44, "transport.ccd")], 44, id="one-of-them-by-air"),
        pytest.param([one("U1"), one("U2", 44, side="EXPORT")], None, id="on-the-other-side"),
    ],
)
def test_a_consignment_is_released_with_the_last_of_its_units(
    events: list[Event], released: float | None
) -> None:
    units = [reached("U1", T6=10, T14=50), reached("U2", T6=10, T14=50)]
    known = view(*events, units=units).milestones.actual.get("T13")
    assert (known and (known.event_ms - START) / HOUR) == released
    found = hours(measured(*events, at(ACCEPTED, 5), units=units))
    assert found.get("LT_release") == (None if released is None else released - 10)
    assert found.get("LT_clear_declared") == (None if released is None else released - 5)
    assert found.get("LT_postrelease") == (None if released is None else 50 - released)


def test_where_no_manifest_says_the_units_each_release_is_that_of_the_consignment() -> None:
    known = view(one("U1"), shares=[], unit_names=()).milestones.actual
    assert known["T13"].event_ms == START + 30 * HOUR


def test_a_release_that_was_revoked_ends_no_stage() -> None:
    release = at(RELEASED, 30, inspectionId="I1")
    revoked = at("inspection.revoked", 31, inspectionId="I1")
    found = measured(at(ACCEPTED, 5), release, revoked, units=[reached(T6=10, T14=40)])
    assert set(found) == {"prearrival", "prearrival_lead", "declared_before_arrival"}


def test_each_control_is_measured_by_itself_on_its_side() -> None:
    found = measured(
        at("inspection.selected", 11, inspectionId="I1"),
        at(SCAN[0], 13, inspectionId="I1"),
        at(SCAN[1], 14, inspectionId="I1"),
        at("inspection.physical.started", 15, inspectionId="I1"),
        at("inspection.physical.completed", 19, inspectionId="I1"),
        at("inspection.selected", -20, "EXPORT", inspectionId="X"),
        at(SCAN[0], -18, "EXPORT", inspectionId="X"),
        at(SCAN[1], -17.5, "EXPORT", inspectionId="X"),
    )
    names = {"I1": "inspection%7CI1", "X": "inspection%7CX"}
    one, other = found[f"LT_insp|{names['I1']}"], found[f"LT_insp|{names['X']}"]
    assert one.counting_unit == other.counting_unit == "control"
    assert hours(found) == {
        f"LT_insp_wait|{names['I1']}": 2,
        f"LT_insp|{names['I1']}": 6,
        f"LT_insp_wait|{names['X']}": 2,
        f"LT_insp|{names['X']}": 0.5,
    }
    assert one.measure.strata == {"side": "IMPORT", "control": "PHYSICAL", "operator": "OTHER"}
    assert other.measure.strata == {"side": "EXPORT", "control": "NII", "operator": "OTHER"}


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([at("inspection.selected", 11)], id="only-selected"),
        pytest.param([at("inspection.selected", 11), at(SCAN[1], 14)], id="beginning-not-reported"),
        pytest.param(
            [at(SCAN[0], 11, status="NOT_DONE"), at(SCAN[1], 14, status="NOT_DONE")], id="not-done"
        ),
        pytest.param([at(SCAN[0], 11, None), at(SCAN[1], 14, None)], id="on-no-side"),
    ],
)
def test_a_control_whose_beginning_is_not_known_is_not_measured(events: list[Event]) -> None:
    assert not measured(*events)


def test_goods_that_have_not_left_every_warehouse_have_no_dwell() -> None:
    first = at("bond.entered", 11, warehouseId="W1"), at("bond.left", 20, warehouseId="W1")
    second = at("bond.entered", 21, warehouseId="W2")
    assert hours(measured(*first)) == {"bonded_dwell": 9}
    assert not measured(*first, second)
    assert not measured(*first, second, at("bond.left", 25, warehouseId="W1"))
    assert hours(measured(*first, second, at("bond.left", 25, warehouseId="W2"))) == {
        "bonded_dwell": 13
    }


# arrival at hour 10, release at hour 30
SHARES = [
    pytest.param([], (), (0, 0, 0, 20), id="nothing-reported"),
    pytest.param([at(ACCEPTED, 14)], (), (0, 0, 4, 16), id="late-declaration-is-trade"),
    pytest.param(
        [at(ACCEPTED, 5), at("inspection.document.checked", 16)], (), (6, 0, 0, 14), id="documents"
    ),
    pytest.param(
        [at(ACCEPTED, 5), at("inspection.document.checked", 16)],
        (referral("RFI", START + 12 * HOUR, START + 15 * HOUR),),
        (3, 0, 3, 14),
        id="waiting-for-documents-is-trade",
    ),
    pytest.param(
        [], (referral("RFI", START + 12 * HOUR),), (0, 0, 0, 20), id="request-without-answer"
    ),
    pytest.param(
        [
            at("inspection.selected", 12),
            at(SCAN[0], 15),
            at(SCAN[1], 18),
            at("inspection.oga.started", 14),
            at("inspection.oga.completed", 20),
        ],
        (),
        (5, 3, 0, 12),
        id="customs-before-others-before-waiting",
    ),
    pytest.param(
        [at("inspection.oga.started", 14, inspectionId="A"),
         at("inspection.oga.started", 15, inspectionId="B"),
         at("inspection.oga.completed", 16, inspectionId="A"),
         at("inspection.oga.completed", 19, inspectionId="B")],
        (),
        (0, 5, 0, 15),
        id="agencies-at-once-count-once",
    ),
    pytest.param(
        [at("inspection.oga.started", 14, "EXPORT"), at("inspection.oga.completed", 16, "EXPORT")],
        (),
        (0, 0, 0, 20),
        id="export-side-is-not-here",
    ),
    pytest.param(
        [at("inspection.detained", 12), at("inspection.detention.lifted", 22)],
        (),
        (10, 0, 0, 10),
        id="detained",
    ),
    pytest.param(
        [at(ACCEPTED, 5), at("inspection.document.checked", 12), at("duty.paid", 27)],
        (),
        (5, 0, 15, 0),
        id="paid-late-then-waiting-for-release",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("events", "referrals", "shares"), SHARES)
def test_the_time_between_arrival_and_release_is_put_down_by_the_table(
    events: list[Event], referrals: tuple[Any, ...], shares: tuple[float, ...]
) -> None:
    found = hours(
        measured(
            *events,
            at(RELEASED, 30),
            units=[reached(T6=10)],
            shares=[filed(referrals=referrals)],
        )
    )
    assert tuple(found[name] for name in PARTS) == shares
    assert sum(shares) == found["LT_release"]


def test_a_negative_release_time_is_put_down_to_nobody() -> None:
    found = hours(measured(at(ACCEPTED, 2), at(RELEASED, 8), units=[reached(T6=10)]))
    assert tuple(found[name] for name in PARTS) == (0, 0, 0, -2)


def test_the_shipped_table_is_the_one_that_holds_without_a_policy() -> None:
    shipped = Path(__file__).parents[2] / "policy" / "attribution.yaml"
    assert load_policy(shipped).attribution == Attribution()


def test_the_table_and_its_default_are_the_policy() -> None:
    span = {"to": "OGA", "start": "T6", "end": "T7"}
    table = Attribution.model_validate({"default": "CUSTOMS", "spans": [span]})
    policy = Policy(attribution=table)
    found = hours(measured(at(RELEASED, 30), units=[reached(T6=10, T7=16)], policy=policy))
    assert tuple(found[name] for name in PARTS) == (14, 6, 0, 0)


GRANTED: dict[str, Any] = {"programme": "AEOF", "status": "GRANTED"}
ENTRY = event("registry.operator.status", START - HOUR, id="entry", **GRANTED)
SUSPENDED = event(
    "registry.operator.status", START + 6 * HOUR, id="later", programme="AEOF", status="SUSPENDED"
)
COMPLETE = Policy(
    rules={"party-aeo-not-confirmed": RulePolicy(thresholds={"registry_complete": 1})}
)


@pytest.mark.parametrize(
    ("registry", "policy", "status"),
    [
        pytest.param([ENTRY], None, "AEO", id="granted"),
        pytest.param([ENTRY, SUSPENDED], None, "AEO", id="suspended-after-the-declaration"),
        pytest.param([SUSPENDED], None, "NON_AEO", id="not-yet-in-the-registry"),
        pytest.param([], None, "OTHER", id="registry-does-not-tell"),
        pytest.param([], COMPLETE, "NON_AEO", id="registry-lists-everybody"),
    ],
)
def test_the_operator_is_what_the_registry_said_of_the_importer_at_the_declaration(
    registry: list[Event], policy: Policy | None, status: str
) -> None:
    found = measured(
        at(ACCEPTED, 5),
        at(RELEASED, 30),
        units=[reached(T6=10)],
        shares=[filed(parties=(("CONSIGNEE", "p1"), ("CONSIGNOR", "p2")))],
        registry={"p1": registry},
        policy=policy,
    )
    assert found["LT_release"].measure.strata["operator"] == status
    assert found["prearrival"].measure.strata == {"operator": status}


def test_an_export_control_counts_under_the_exporter() -> None:
    found = measured(
        at(SCAN[0], 5, "EXPORT"),
        at(SCAN[1], 6, "EXPORT"),
        shares=[filed(parties=(("CONSIGNEE", "p1"), ("EXPORTER", "p2")))],
        registry={"p2": [ENTRY]},
    )
    assert [one.measure.strata["operator"] for one in found.values()] == ["AEO"]


@pytest.mark.parametrize(
    ("events", "told", "strata"),
    [
        pytest.param([], {}, {"inspected": "NO"}, id="nothing-said"),
        pytest.param(
            [at("channel.assigned", 5, channel="RED"), at("channel.assigned", 20, channel="GREEN")],
            {},
            {"inspected": "NO", "channel": "GREEN"},
            id="last-channel",
        ),
        pytest.param(
            [at("channel.assigned", 31, channel="RED")],
            {},
            {"inspected": "NO"},
            id="channel-after-the-release",
        ),
        pytest.param([at(SCAN[1], 29)], {}, {"inspected": "YES"}, id="scanned"),
        pytest.param([at(SCAN[1], 31)], {}, {"inspected": "NO"}, id="scanned-after-the-release"),
        pytest.param([at(SCAN[1], 29, "EXPORT")], {}, {"inspected": "NO"}, id="scanned-at-export"),
        pytest.param(
            [at("inspection.document.checked", 29)], {}, {"inspected": "NO"}, id="papers-only"
        ),
        pytest.param(
            [at("inspection.result.recorded", 29, controlType="PHYSICAL", status="DONE")],
            {},
            {"inspected": "YES"},
            id="known-by-its-result",
        ),
        pytest.param(
            [at("inspection.result.recorded", 29, controlType="PHYSICAL", status="NOT_DONE")],
            {},
            {"inspected": "NO"},
            id="planned-not-done",
        ),
        pytest.param(
            [],
            {"sstl_member": True, "lot_class": "SMALL"},
            {"inspected": "NO", "sstl": "YES", "lot": "SMALL"},
            id="member-small-lot",
        ),
        pytest.param(
            [], {"sstl_member": False}, {"inspected": "NO", "sstl": "NO"}, id="comparison-group"
        ),
    ],
)
def test_a_release_counts_in_the_strata_that_the_record_tells(
    events: list[Event], told: dict[str, Any], strata: dict[str, str]
) -> None:
    found = measured(*events, at(RELEASED, 30), units=[reached(T6=10)], shares=[filed(**told)])
    assert found["LT_release"].measure.strata == {"operator": "OTHER", **strata}
    assert found["LT_customs"].measure.strata == found["LT_release"].measure.strata


class Clearing:
    """A consignment in its stage, told step by step."""

    def __init__(self) -> None:
        self.chain = Chain(ConsignmentsStage())
        told = Shared(manifest_id="LRN1", share=share(sstl_member=True), units=("U1",))
        self.chain.feed(told, reached(T6=10), key=HOUSE)

    def say(self, *events: Event) -> list[Observation]:
        """Feed events and return the observations told by that."""
        said = [
            Forwarded(identity=one.identity, path=f"consignment:{HOUSE}", event=one)
            for one in events
        ]
        outputs = self.chain.feed(*said, key=HOUSE)
        return [output.message for output in outputs if isinstance(output.message, Observation)]


def test_a_correction_carries_what_it_replaces_and_a_retraction_takes_it_back() -> None:
    stage = Clearing()
    (told,) = [one for one in stage.say(at(RELEASED, 30)) if one.indicator == "LT_release"]
    assert told.previous is not None
    assert told.previous.outcome == "OPEN"
    assert told.current is not None
    later = event(
        RELEASED, START + 32 * HOUR, id=at(RELEASED, 30).id, recorded_ms=START + 33 * HOUR,
        side="IMPORT",
    )  # fmt: skip
    (corrected,) = [one for one in stage.say(later) if one.indicator == "LT_release"]
    assert corrected.previous == told.current
    assert corrected.current is not None
    assert corrected.current.value_ms == 22 * HOUR
    gone = Forwarded(identity=later.identity, path=f"consignment:{HOUSE}")
    outputs = stage.chain.feed(gone, key=HOUSE)
    ended = {
        one.message.indicator: one.message
        for one in outputs
        if isinstance(one.message, Observation)
    }
    assert set(ended) == {
        *("LT_release", "LT_postrelease", "reporting_delay", "report_fault"),
        *("released_by_arrival_rate", *PARTS),
    }
    release = ended.pop("LT_release")
    assert all(one.current is None for one in ended.values())
    assert release.previous == corrected.current
    # it is waited for again
    assert release.current is not None
    assert release.current.outcome == "OPEN"


def test_a_stratum_that_becomes_known_later_moves_the_observation() -> None:
    stage = Clearing()
    stage.say(at(RELEASED, 30))
    moved = {one.indicator: one for one in stage.say(at(SCAN[1], 20))}
    # that the scan was a control is news of its own
    del moved["seizures_per_100_inspections"]
    assert set(moved) == {"LT_release", "LT_postrelease", *PARTS, "control_dwell"}
    release = moved["LT_release"]
    assert release.previous is not None
    assert release.current is not None
    assert release.previous.strata["inspected"] == "NO"
    assert release.current.strata["inspected"] == "YES"
    assert release.previous.value_ms == release.current.value_ms
