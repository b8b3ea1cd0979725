from sstl.core.leadtime import Observed, leg_times, observation_id, observe_journey
from sstl.core.milestones import Plan, gather, milestones
from sstl.models.policy import Policy
from sstl.models.records import Event, Leg
from tests.journey_events import HOUR, LANE, MINUTE, START, event, leg, ordered

AIR_LANE = "c2k:IN-c2k:OUT-AIR"


def air_leg(leg_id: str, role: str, start: int | None) -> Leg:
    return leg(
        leg_id, role, "AIR", planned_start_ms=None if start is None else START + start * MINUTE
    )


def services(
    leg_id: str, places: tuple[str, str], planned: list[int], actual: list[int]
) -> list[Event]:
    """RCS, DEP, RCF and DLV of a leg with one hop, in minutes after the start."""
    kinds = ("rcs", "dep", "rcf", "dlv")
    return [
        event(
            f"transport.{kind}",
            START + minutes * MINUTE,
            classifier=classifier,
            leg=leg_id,
            place={"dep": places[0], "rcf": places[1]}.get(kind),
            sequence=sequence,
        )
        for classifier, times in (("PLANNED", planned), ("ACTUAL", actual))
        for sequence, (kind, minutes) in enumerate(zip(kinds, times, strict=True), start=1)
    ]


# Two incoming legs from minute 0: planned 200 and 300, effective 250 and 280. The outgoing one is planned to take
# 400 from minute 300 and takes 450 from minute 280.
INBOUND_1 = services("i1", ("c2k:1", "c2k:9"), [20, 60, 150, 200], [30, 90, 200, 250])
INBOUND_2 = services("i2", ("c2k:2", "c2k:9"), [30, 80, 200, 300], [30, 70, 190, 280])
OUTBOUND = services("o", ("c2k:9", "c2k:5"), [320, 400, 650, 700], [300, 390, 700, 730])
PROCESS = Plan(
    lane_id=AIR_LANE,
    mode="AIR",
    legs=(air_leg("i1", "INBOUND", 0), air_leg("i2", "INBOUND", 0), air_leg("o", "OUTBOUND", 300)),
)


def observed(plan: Plan, events: list[Event]) -> dict[str, Observed]:
    """Return what has ended; what has not, `test_open_stages` tells."""
    known = ordered(events)
    found = observe_journey(
        "c2k:1", plan, leg_times(plan, known), milestones(gather(known), plan), Policy()
    )
    return {one.id: one for one in found if one.measure.outcome is None}


def minutes(one: Observed) -> tuple[str, int, int, int | None]:
    measure = one.measure
    planned = measure.planned_ms
    return (
        measure.lane_id,
        (measure.start_ms - START) // MINUTE,
        measure.value_ms // MINUTE,
        None if planned is None else planned // MINUTE,
    )


def test_a_cargo_2000_process_takes_its_longest_incoming_leg_and_the_outgoing_one() -> None:
    found = {
        name: minutes(one)
        for name, one in observed(PROCESS, INBOUND_1 + INBOUND_2 + OUTBOUND).items()
    }
    assert found == {
        "LT_leg|c2k:1|i1": ("c2k:1-c2k:9-AIR", 0, 250, 200),
        "LT_leg|c2k:1|i2": ("c2k:2-c2k:9-AIR", 0, 280, 300),
        "LT_leg|c2k:1|o": ("c2k:9-c2k:5-AIR", 280, 450, 400),
        "LT_journey|c2k:1": (AIR_LANE, 0, 730, 700),
    }


def test_the_outgoing_leg_has_no_time_while_an_incoming_one_runs() -> None:
    running = [
        one
        for one in INBOUND_2
        if one.type != "transport.dlv" or one.data["eventClassifier"] == "PLANNED"
    ]
    found = observed(PROCESS, INBOUND_1 + running + OUTBOUND)
    assert set(found) == {"LT_leg|c2k:1|i1"}


def test_without_reports_of_the_plan_the_manifest_plans_the_end_of_a_leg() -> None:
    plan = Plan(
        lane_id=LANE,
        mode="SEA",
        legs=(leg("m1", planned_start_ms=START, planned_end_ms=START + 90 * MINUTE),),
    )
    events = [
        event("transport.departed", START + HOUR, place="CNYTN"),
        event("transport.discharged", START + 2 * HOUR, place="NLRTM"),
    ]
    found = observed(plan, events)
    assert minutes(found["LT_leg|c2k:1|m1"]) == (LANE, 0, 120, 90)
    assert minutes(found["LT_journey|c2k:1"]) == (LANE, 0, 120, 90)


def test_a_leg_without_agreed_start_or_reported_places_is_not_observed() -> None:
    events = [event("transport.discharged", START + HOUR, place="NLRTM")]
    known_start = Plan(lane_id=LANE, legs=(leg("m1", planned_start_ms=START),))
    assert "LT_leg|c2k:1|m1" not in observed(known_start, events)
    departed = event("transport.departed", START, place="CNYTN")
    assert "LT_leg|c2k:1|m1" in observed(known_start, [*events, departed])
    assert observed(Plan(lane_id=LANE, legs=(leg("m1"),)), [*events, departed]) == {}


def test_a_leg_ends_with_its_last_discharge_at_its_own_place() -> None:
    plan = Plan(legs=(leg("m1", planned_start_ms=START),))
    discharged = [
        event("transport.discharged", START + hour * HOUR, place=place)
        for hour, place in ((5, "NLRTM"), (7, "NLRTM"), (6, "SGSIN"), (9, None))
    ]
    departed = event("transport.departed", START, place="CNYTN")
    found = observed(plan, [departed, *discharged])
    assert minutes(found["LT_leg|c2k:1|m1"]) == (LANE, 0, 7 * 60, None)


def test_events_of_no_leg_belong_to_no_leg_of_several() -> None:
    plan = Plan(
        lane_id=LANE,
        legs=(leg("m1", planned_start_ms=START), leg("m2", planned_start_ms=START)),
    )
    events = [
        event("transport.departed", START, place="CNYTN"),
        event("transport.discharged", START + HOUR, place="NLRTM"),
    ]
    assert observed(plan, events) == {}


SEA_PLAN = Plan(lane_id=LANE, mode="SEA", place_of_loading="CNYTN", place_of_unloading="NLRTM")


def test_transit_and_port_to_port_need_both_their_milestones() -> None:
    gate_in = event("transport.gated_in", START, place="CNYTN")
    departed = event("transport.departed", START + HOUR, place="CNYTN")
    arrived = event("transport.arrived", START + 20 * HOUR, place="NLRTM")
    gate_out = event("transport.gated_out", START + 30 * HOUR, place="NLRTM")
    assert observed(SEA_PLAN, [departed, gate_out]) == {}
    found = observed(SEA_PLAN, [gate_in, departed, arrived, gate_out])
    assert minutes(found["LT_transit|c2k:1"]) == (LANE, 60, 19 * 60, None)
    assert minutes(found["LT_port_port|c2k:1"]) == (LANE, 0, 30 * 60, None)


def test_transit_is_late_against_the_planned_transit() -> None:
    events = [
        event("transport.departed", START, place="CNYTN"),
        event("transport.arrived", START + 20 * HOUR, place="NLRTM"),
        event("transport.departed", START, place="CNYTN", classifier="PLANNED"),
        event("transport.arrived", START + 19 * HOUR, place="NLRTM", classifier="PLANNED"),
    ]
    assert minutes(observed(SEA_PLAN, events)["LT_transit|c2k:1"]) == (LANE, 0, 20 * 60, 19 * 60)


def test_without_a_manifest_the_lane_is_the_one_that_the_events_name() -> None:
    events = [
        event("transport.departed", START, place="CNYTN", lane=LANE),
        event("transport.arrived", START + HOUR, place="NLRTM", lane=LANE),
    ]
    measure = observed(Plan(), events)["LT_transit|c2k:1"].measure
    assert (measure.lane_id, measure.mode) == (LANE, "SEA")


def test_empty_equipment_stays_out_of_lead_times() -> None:
    events = [
        event("transport.departed", START, place="CNYTN"),
        event("transport.arrived", START + HOUR, place="NLRTM"),
    ]
    empty = Plan(lane_id=LANE, mode="SEA", empty=True)
    assert observed(empty, events) == {}


def test_ids_of_observations_keep_their_subjects_apart() -> None:
    assert observation_id("LT_leg", "A|B", "C") != observation_id("LT_leg", "A", "B|C")
