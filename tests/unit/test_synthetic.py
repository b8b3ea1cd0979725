"""The corridor: what it plants is known, what it sends is right, and it repeats to the byte."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import orjson
import pytest

from sstl.models.identifiers import (
    awb_fault,
    equipment_fault,
    imo_fault,
    is_container_number,
    mrn_fault,
)
from sstl.models.policy import Policy
from sstl.publish.check import Checker
from sstl.publish.corridor import Clock, Pace, run, spacing
from sstl.publish.routing import family_of
from sstl.publish.truth import as_json
from sstl.synthetic import numbers
from sstl.synthetic.controls import Controls
from sstl.synthetic.corridor import LONGEST, START, Corridor, incident
from sstl.synthetic.lanes import LANES, position
from sstl.synthetic.log import Delivery
from sstl.synthetic.noise import Noise
from sstl.synthetic.plan import LATE_BY, LOCKED, IncidentKind
from tests.unit.test_publish import FakeSender

FAMILIES = frozenset({"manifest", "seallock", "inspection", "transport"})
CORRIDOR = Corridor(seed=7, shipments=160, spacing=timedelta(hours=5), incident_share=0.2)
NOW_MS = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(scope="module")
def delivered() -> list[Delivery]:
    return list(CORRIDOR.deliveries())


def test_intake_accepts_what_is_good_and_rejects_what_is_planted_as_bad(
    delivered: list[Delivery],
) -> None:
    checker = Checker(Policy(), bytes(32), NOW_MS, FAMILIES)
    bad = Counter[str]()
    for delivery in delivered:
        event = delivery.report.event
        family = family_of(event["type"])
        assert family is not None
        problems = checker.problems(orjson.dumps(event), family, 1)
        assert bool(problems) != delivery.report.good, (event, problems)
        bad.update(problem.reason for problem in problems)
    assert set(bad) == {"failed_check_digit"}


def test_controls_are_told_by_good_events_in_their_order_and_can_go_on_later() -> None:
    corridor = Corridor(seed=7, shipments=40, incident_share=0.2, controls=Controls())
    delivered = list(corridor.deliveries())
    checker = Checker(Policy(), bytes(32), NOW_MS, FAMILIES | {"registry"})
    for delivery in delivered:
        family = family_of(delivery.report.event["type"])
        assert family is not None
        problems = checker.problems(orjson.dumps(delivery.report.event), family, 1)
        assert bool(problems) != delivery.report.good, (delivery.report.event, problems)
    instants = [delivery.at for delivery in delivered]
    assert instants == sorted(instants)
    middle = delivered[len(delivered) // 2].at
    rest = [one.report.event for one in corridor.deliveries(after=middle)]
    assert rest == [one.report.event for one in delivered if one.at > middle]
    kinds = {delivery.report.event["type"] for delivery in delivered}
    assert {
        "org.sstl.inspection.drawn.v1",
        "org.sstl.inspection.partner.result.received.v1",
        "org.sstl.inspection.control.waived.v1",
        "org.sstl.registry.operator.status.v1",
    } <= kinds


def test_controls_leave_what_is_shipped_as_it_is() -> None:
    controlled = Corridor(seed=7, shipments=20, controls=Controls())
    plain = Corridor(seed=7, shipments=20)
    assert [controlled.shipment(n) for n in range(20)] == [plain.shipment(n) for n in range(20)]
    assert plain.handled(0) == ()
    names = [house.consignment_id for n in range(20) for house in plain.shipment(n).houses]
    handled = [one for n in range(20) for one in controlled.handled(n)]
    assert [one.house.consignment_id for one in handled] == names
    assert all(one.revenue == 0 for one in handled if not one.illicit)
    assert not any(one.done for one in handled if not one.selected)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ones() -> None:
    def dump(seed: int) -> bytes:
        return orjson.dumps(list(islice(Corridor(seed=seed).events(), 2000)))

    assert dump(1) == dump(1)
    assert dump(1) != dump(2)


def test_deliveries_are_in_the_order_of_their_arrival_and_never_before_the_record(
    delivered: list[Delivery],
) -> None:
    instants = [delivery.at for delivery in delivered]
    assert instants == sorted(instants)
    for delivery in delivered:
        wait = delivery.at - delivery.report.recorded
        assert timedelta(0) <= wait <= CORRIDOR.latest


def test_a_corridor_that_goes_on_later_sends_the_rest(delivered: list[Delivery]) -> None:
    middle = delivered[len(delivered) // 2].at
    rest = [one.report.event for one in CORRIDOR.deliveries(after=middle)]
    assert rest == [one.report.event for one in delivered if one.at > middle]


def test_no_shipment_reports_anything_later_than_is_promised(delivered: list[Delivery]) -> None:
    for delivery in delivered:
        number = int(delivery.report.event["id"].split("-")[2])
        assert delivery.at - CORRIDOR.shipment(number).lodged <= LONGEST


def test_disorder_duplicates_corrections_and_retractions_are_there(
    delivered: list[Delivery],
) -> None:
    late = sum(one.at > one.report.recorded for one in delivered)
    versions: dict[tuple[str, str], set[str]] = {}
    for one in delivered:
        event = one.report.event
        identity = (event["source"], event["id"])
        versions.setdefault(identity, set()).add(event["recordedtime"])
    copies = len(delivered) - sum(len(known) for known in versions.values())
    corrected = sum(len(known) > 1 for known in versions.values())
    retracted = sum(one.report.event.get("retracted", False) for one in delivered)
    assert 0.04 < late / len(delivered) < 0.06
    assert 0.015 < copies / len(delivered) < 0.035
    assert corrected > retracted > 0


def test_a_mistyped_container_is_corrected_under_the_same_id(delivered: list[Delivery]) -> None:
    named: dict[str, dict[str, str]] = {}
    for one in delivered:
        event = one.report.event
        if event["type"] == "org.sstl.transport.gated_in.v1" and one.report.good:
            named.setdefault(event["id"], {})[event["recordedtime"]] = event["data"][
                "equipmentReference"
            ]
    moved = {key: versions for key, versions in named.items() if len(set(versions.values())) > 1}
    assert moved
    for key, versions in moved.items():
        units = {unit.reference for unit in CORRIDOR.shipment(int(key.split("-")[2])).units}
        first, last = versions[min(versions)], versions[max(versions)]
        assert first not in units
        assert last in units


def test_nothing_planned_is_late_but_what_is_planted() -> None:
    kinds = Counter[IncidentKind]()
    for number in range(400):
        shipment = CORRIDOR.shipment(number)
        planned, actual = shipment.planned, shipment.actual
        late = {
            name
            for name in ("gated_in", "departed", "arrived", "ended")
            if getattr(actual, name) > getattr(planned, name)
        }
        found = incident(shipment)
        assert (found is None or found.kind in LOCKED) == (not late)
        if found is not None:
            kinds[found.kind] += 1
        if found is not None and found.kind not in LOCKED:
            assert {one.milestone for one in found.late} >= {
                IncidentKind.LATE_DEPARTURE: {"departed", "arrived"},
                IncidentKind.LATE_ARRIVAL: {"arrived"},
                IncidentKind.LONG_LEG: {"ended"},
            }[found.kind]
            assert all(one.actual - one.planned > LATE_BY for one in found.late)
    assert set(kinds) == set(IncidentKind)


def test_a_planted_incident_of_a_lock_is_in_its_reports(delivered: list[Delivery]) -> None:
    told: dict[int, set[str]] = {}
    for one in delivered:
        told.setdefault(int(one.report.event["id"].split("-")[2]), set()).add(
            f"{one.report.event['type'].split('.', 2)[2]} {one.report.event['id'].split('-', 3)[3]}"
        )
    seen = set[IncidentKind]()
    for number in range(160):
        shipment = CORRIDOR.shipment(number)
        kinds = [name.split(" ")[0] for name in told[number]]
        units = sum(unit.device is not None for unit in shipment.units)
        opened = kinds.count("seallock.opened.v1") - units
        assert opened == (shipment.incident is IncidentKind.OPENED_ON_THE_WAY)
        assert ("seallock.checked.v1" in kinds) == (shipment.incident is IncidentKind.SEAL_CHANGED)
        if shipment.incident in LOCKED:
            seen.add(shipment.incident)
    assert seen == set(LOCKED)


def test_noise_adds_no_fact_and_repeats_to_the_byte() -> None:
    quiet = Corridor(seed=9, shipments=40, incident_share=0, confirmed_share=0, disorder=0)
    noisy = Corridor(
        seed=9, shipments=40, incident_share=0, confirmed_share=0, disorder=0, noise=Noise.shipped()
    )
    noise = Noise.shipped()
    assert list(noisy.events()) == list(noisy.events())
    clean = {event["id"]: event for event in quiet.events() if "data" in event}
    added = Counter[str]()
    for event in noisy.events():
        known = clean.get(event["id"].removesuffix("-again"))
        if known is None:
            added[event["type"]] += 1
        elif ":locks" not in event["source"]:
            assert event["data"] == known["data"]
        else:
            off = datetime.fromisoformat(event["time"]) - datetime.fromisoformat(known["time"])
            assert abs(off) <= timedelta(seconds=60 + LONGEST.days * noise.drift_seconds_a_day_most)
    assert {name.split(".", 2)[2] for name in added} <= {
        "seallock.opened.v1",
        "seallock.closed.v1",
        "seallock.alarm.v1",
    }


def test_the_truth_is_returned_apart_and_can_be_written() -> None:
    truth = list(CORRIDOR.truth())
    assert [one.lrn for one in truth] == [
        shipment.lrn for n in range(160) if (shipment := CORRIDOR.shipment(n)).incident is not None
    ]
    assert orjson.loads(as_json(truth[0]))["kind"] == truth[0].kind.value


def test_all_lanes_and_modes_are_used() -> None:
    used = Counter(CORRIDOR.shipment(n).lane.lane_id for n in range(160))
    assert set(used) == set(LANES)


def test_groupage_puts_consignments_into_several_containers_and_containers_hold_several() -> None:
    shipments = [CORRIDOR.shipment(n) for n in range(160)]
    assert any(len(house.units) > 1 for one in shipments for house in one.houses)
    assert any(
        sum(unit.reference in house.units for house in one.houses) > 1
        for one in shipments
        for unit in one.units
    )
    for one in shipments:
        held = {reference for house in one.houses for reference in house.units}
        assert held == {unit.reference for unit in one.units}


@pytest.mark.parametrize("serial", [0, 1, 17, 999_999, 12_345_678])
def test_made_up_numbers_pass_every_check(serial: int) -> None:
    container = numbers.container(3, serial)
    assert is_container_number(container)
    assert not is_container_number(numbers.wrong_container(container))
    assert equipment_fault(numbers.unit_load_device(3, serial)) is None
    assert mrn_fault(numbers.mrn(3, serial, year=2026, country="NL")) is None
    assert imo_fault(numbers.imo(serial)) is None
    assert awb_fault(numbers.air_waybill(serial).replace("-", "")) is None


def test_a_position_begins_at_the_origin_and_ends_at_the_destination() -> None:
    way = LANES["CNYTN-NLRTM-SEA"].way
    assert position(way, -1.0) == way[0]
    assert position(way, 2.0) == way[-1]
    assert position(((0.0, 0.0), (10.0, 20.0)), 0.5) == (5.0, 10.0)


class _Clock:
    """A clock that goes on when it is waited for."""

    def __init__(self, start: datetime, stop_after_s: float) -> None:
        self.seconds = start.timestamp()
        self.end = self.seconds + stop_after_s

    def wait(self, seconds: float) -> bool:
        self.seconds += seconds
        return self.seconds >= self.end

    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.wait)


WALL = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_unpaced_corridor_is_published_whole_and_tells_its_end(
    delivered: list[Delivery],
) -> None:
    sender = FakeSender()
    pace = Pace(0, START, WALL)
    sent = run(
        CORRIDOR, pace, sender, lambda _: "t", _Clock(WALL, 1e9).clock(), progress_topics=["t"]
    )
    assert sent == len(delivered)
    assert sender.told[-1][1] == delivered[-1].at.isoformat(timespec="milliseconds")[:-6] + "Z"


def test_a_paced_corridor_sends_what_is_due_and_claims_no_more(delivered: list[Delivery]) -> None:
    sender = FakeSender()
    clock = _Clock(WALL, 60)
    run(
        CORRIDOR,
        Pace(21_600, START, WALL),
        sender,
        lambda _: "t",
        clock.clock(),
        progress_topics=["t"],
    )
    reached = START + timedelta(days=15)
    due = sum(one.at <= reached for one in delivered)
    assert abs(len(sender.sent) - due) <= 30
    told = datetime.fromisoformat(sender.told[-1][1])
    assert told <= reached - CORRIDOR.latest


def test_a_backfill_never_runs_ahead_of_the_wall_clock() -> None:
    pace = Pace(1e9, START, WALL)
    assert pace.sim_now(WALL + timedelta(seconds=10)) == WALL + timedelta(seconds=10)


def test_a_live_corridor_lies_on_the_wall_clock() -> None:
    pace = Pace(1000, START, WALL, live=True)
    event: dict[str, Any] = {
        "time": "2006-09-19T01:00:00.000Z",
        "data": {"legs": [{"plannedEnd": "2006-09-19T00:16:40Z"}], "flightDate": "2006-09-19"},
    }
    assert pace.stamp(event) == {
        "time": "2026-01-01T00:00:03.600Z",
        "data": {"legs": [{"plannedEnd": "2026-01-01T00:00:01.000Z"}], "flightDate": "2006-09-19"},
    }


def test_a_rate_of_events_becomes_a_distance_of_shipments(delivered: list[Delivery]) -> None:
    distance = spacing(rate=100, speed=1000)
    per_second = 1000 / distance.total_seconds() * (len(delivered) / 160)
    assert 85 < per_second < 115
