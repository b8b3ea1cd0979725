"""Where a reused unit's journeys begin, which manifest belongs to which, and what the journeys are called."""

from typing import Any

import pytest

from sstl.core.journeys.assess import Assessment, assess
from sstl.models.policy import LanePolicy, Policy, StageLimit
from sstl.models.records import Event, Share
from tests.journey_events import DAY, HOUR, LANE, START, UNIT, event, ordered, share

BACK = "NLRTM-CNYTN-SEA"


def move(kind: str, hours: float, place: str | None = None, **more: object) -> Event:
    at_ms = START + int(hours * HOUR)
    body = {"id": f"{kind}@{hours}", "place": place, **more}
    return event(f"transport.{kind}", at_ms, **body)  # type: ignore[arg-type]


OUT = [
    move("gated_in", 0, "CNYTN"),
    move("loaded", 5, "CNYTN"),
    move("departed", 10, "CNYTN"),
    move("arrived", 100, "NLRTM"),
    move("discharged", 110, "NLRTM"),
]
GONE = move("gated_out", 120, "NLRTM")


def view(
    *events: Event, shares: tuple[Share, ...] = (), policy: Policy | None = None
) -> Assessment:
    return assess(UNIT, ordered(events), shares, policy or Policy())


@pytest.mark.parametrize(
    ("after", "begins"),
    [
        pytest.param((), None, id="one-journey"),
        pytest.param(
            (move("stripped", 130, "NLRTM"), move("stuffed", 140, "NLRTM")),
            "stuffed@140",
            id="stripped-and-stuffed-again",
        ),
        pytest.param(
            (move("stripped", 130, "NLRTM"), move("gated_in", 140, "NLRTM")),
            "gated_in@140",
            id="stripped-then-export-gate-in",
        ),
        pytest.param(
            (
                move("gated_in", 130, "NLRTM", emptyIndicator="EMPTY"),
                move("gated_out", 140, "NLRTM", emptyIndicator="EMPTY"),
            ),
            "gated_out@140",
            id="empty-return-then-empty-pick-up",
        ),
        pytest.param(
            (move("stuffed", 125, "NLRTM"), move("gated_in", 140, "NLRTM")),
            "stuffed@125",
            id="stuffed-without-a-reported-end",
        ),
        pytest.param(
            (
                move("stripped", 130, "NLRTM"),
                event("seallock.armed", START + 140 * HOUR, id="armed"),
            ),
            "armed",
            id="lock-armed-after-stripping",
        ),
        pytest.param(
            (move("stripped", 130, "NLRTM"), move("gated_out", 131, "NLRTM")),
            None,
            id="late-gate-out-after-stripping-belongs-to-the-journey",
        ),
        pytest.param(
            (move("gated_in", 132, "NLRTM"),), "gated_in@132", id="gap-rule-exactly-twelve-hours"
        ),
        pytest.param((move("gated_in", 131.99, "NLRTM"),), None, id="gap-rule-a-little-less"),
        pytest.param(
            (move("gated_in", 140, "DEDUI"),), None, id="onward-carriage-to-an-inland-depot"
        ),
        pytest.param(
            (move("gated_in", 140, "DEDUI", transportPhase="EXPORT"),),
            "gated_in@140",
            id="export-as-the-publisher-says",
        ),
        pytest.param((move("loaded", 400, "CNYTN"),), "loaded@400", id="back-where-it-began"),
        pytest.param(
            (move("loaded", 140, "NLRTM", transportPhase="TRANSSHIPMENT"),),
            None,
            id="transhipment",
        ),
        pytest.param(
            (move("dlv", 130, "DEFRA", leg="i1"), move("rcs", 140, "DEFRA")),
            None,
            id="delivery-of-one-leg",
        ),
        pytest.param(
            (move("dlv", 130, "NLRTM"), move("rcs", 140, "NLRTM")),
            "rcs@140",
            id="delivered-then-accepted-again",
        ),
    ],
)
def test_where_the_next_journey_begins(after: tuple[Event, ...], begins: str | None) -> None:
    now = view(*OUT, GONE, *after)
    keys = [journey.view.key.partition("|")[2] for journey in now.journeys]
    assert keys == ([""] if begins is None else ["", begins])


def test_transhipment_within_the_terminal_is_one_journey() -> None:
    second = [move("loaded", 150, "NLRTM"), move("departed", 160, "NLRTM"), move("arrived", 300)]
    assert len(view(*OUT, *second).journeys) == 1


def test_loose_cargo_makes_one_journey_only() -> None:
    loose: dict[str, Any] = {"looseCargo": True, "transportDocumentReference": UNIT}
    events = [move("dlv", 10, **loose), move("rcs", 40, **loose), move("dep", 50, **loose)]
    assert len(view(*events).journeys) == 1


def test_what_is_planned_for_the_next_journey_is_not_of_the_one_before() -> None:
    plan = move("departed", 150, "NLRTM", classifier="PLANNED")
    now = view(*OUT, GONE, move("stripped", 130), plan, move("stuffed", 151, "NLRTM"))
    first, second = now.journeys
    assert "T5" not in first.view.milestones.planned
    assert second.view.milestones.planned["T5"] is plan


ROUND = [
    *OUT,
    GONE,
    move("stripped", 130, "NLRTM"),
    move("stuffed", 140, "NLRTM"),
    move("departed", 160, "NLRTM"),
    move("arrived", 300, "CNYTN"),
]


def test_a_manifest_joins_the_journey_that_its_places_fit() -> None:
    out = share("LRN1", place_of_loading="CNYTN", place_of_unloading="NLRTM", consignments=("A",))
    home = share(
        "LRN2",
        lane_id=BACK,
        place_of_loading="NLRTM",
        place_of_unloading="CNYTN",
        consignments=("B",),
    )
    first, second = view(*ROUND, shares=(home, out)).journeys
    assert first.view.plan.consignments == ("A",)
    assert second.view.plan.consignments == ("B",)
    assert (first.view.plan.lane_id, second.view.plan.lane_id) == (LANE, BACK)


def test_without_places_a_manifest_joins_the_journey_nearest_in_time() -> None:
    early = share("LRN1", lane_id=None, lodged_ms=START, consignments=("A",))
    late = share("LRN2", lane_id=None, lodged_ms=START + 8 * DAY, consignments=("B",))
    first, second = view(*ROUND, shares=(late, early)).journeys
    assert (first.view.plan.consignments, second.view.plan.consignments) == (("A",), ("B",))


def test_a_new_consignment_never_ends_a_journey() -> None:
    shares = tuple(
        share(f"LRN{number}", lodged_ms=START + number * DAY, consignments=(f"H{number}",))
        for number in range(40)
    )
    (only,) = view(*OUT, GONE, shares=shares).journeys
    assert len(only.view.plan.consignments) == 40


def test_the_second_journey_has_its_own_observations_and_flags() -> None:
    plans = [
        move("arrived", 90, "NLRTM", classifier="PLANNED", id="p1"),
        move("arrived", 290, "CNYTN", classifier="PLANNED", id="p2"),
    ]
    now = view(*ROUND, *plans)
    late = [one for one in now.findings.values() if one.rule_id == "milestone-later-than-planned"]
    assert len({one.flag_id for one in late}) == 2
    groups = {one.group for one in late}
    assert UNIT in groups
    assert any(group.startswith(f"{UNIT}#") for group in groups)


def test_the_first_journeys_flags_keep_their_ids_when_a_second_begins() -> None:
    plan = move("arrived", 90, "NLRTM", classifier="PLANNED", id="p1")
    before = set(view(*OUT, GONE, plan).findings)
    assert before
    assert before <= set(view(*ROUND, plan).findings)


LOCK: dict[str, Any] = {"deviceId": {"manufacturerId": "M1", "tagSerial": "7"}}


def test_t15_is_the_opening_that_a_grant_allows_at_the_destination() -> None:
    granted = event(
        "seallock.authorisation.granted",
        START + 100 * HOUR,
        commandId="C1",
        equipmentReference=UNIT,
        validFrom="2026-01-05T00:00:00Z",
        validTo="2026-01-20T00:00:00Z",
        **LOCK,
    )
    armed = event("seallock.armed", START + HOUR, **LOCK)
    opened = event("seallock.opened", START + 130 * HOUR, commandId="C1", **LOCK)
    allowed = view(*OUT, GONE, armed, granted, opened).milestones.actual.get("T15")
    assert allowed is not None
    assert allowed.identity == opened.identity
    assert "T15" not in view(*OUT, GONE, armed, opened).milestones.actual


def test_a_reported_delivery_comes_before_any_opening() -> None:
    stripped = move("stripped", 140, "NLRTM")
    assert view(*OUT, GONE, stripped).milestones.actual["T15"] is stripped


@pytest.mark.parametrize(
    ("stage", "by_ms", "basis"),
    [
        pytest.param({"limit_hours": 24, "target_hours": 12}, 134 * HOUR, "limit", id="limit"),
        pytest.param({"target_hours": 12}, 122 * HOUR, "target", id="target"),
    ],
)
def test_the_next_milestone_is_due_by_the_lanes_stage(
    stage: dict[str, float], by_ms: int, basis: str
) -> None:
    limit = StageLimit(start="T7", end="T14", **stage)
    lane = LanePolicy(origin="CNYTN", destination="NLRTM", mode="SEA", stages=(limit,))
    released = event("inspection.released", START + 115 * HOUR, place="NLRTM", side="IMPORT")
    now = view(*OUT, released, shares=(share(),), policy=Policy(lanes={LANE: lane})).last.next
    assert now is not None
    assert (now.milestone, now.by_ms, now.basis) == ("T14", START + by_ms, basis)


def test_without_a_stage_the_last_estimate_says_when() -> None:
    eta = move("arrived", 99, "NLRTM", classifier="ESTIMATED", id="eta")
    now = view(*OUT[:3], eta).last.next
    assert now is not None
    assert (now.milestone, now.by_ms, now.basis) == ("T6", START + 99 * HOUR, "estimated")
