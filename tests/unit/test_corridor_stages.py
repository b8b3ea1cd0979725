"""The stages of the synthetic corridor are what its shipments were drawn to take, told by other code than ours."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache

import pytest

from sstl.core.observations import PREFIX, Shown
from sstl.models.common import to_ms
from sstl.models.records import Measure
from sstl.synthetic.corridor import Corridor
from sstl.synthetic.lanes import LANES
from sstl.synthetic.plan import House, Shipment
from tests.chain import Chain
from tests.logs import corridor_log

HOUR = timedelta(hours=1)
SURFACE = tuple(name for name, lane in LANES.items() if lane.mode != "AIR")
CORRIDOR = Corridor(seed=5, shipments=24, incident_share=0, lanes=SURFACE, pings_per_day=0)
CONTROL_TAKES = {"GREEN": 1, "YELLOW": 3, "ORANGE": 5, "RED": 8}
PARTS = ("LT_customs", "LT_oga", "LT_trade", "unattributed")


@cache
def told() -> Mapping[str, Measure]:
    """Return what stands of the corridor when all is told, by observation id."""
    chain = Chain()
    chain.take(corridor_log(CORRIDOR))
    return {
        f"{indicator}|{part.removeprefix(PREFIX)}": stated.measure
        for topic in ("journeys", "consignments")
        for (_, part), cell in chain.states[topic].items()
        if isinstance(cell, Shown)
        for indicator, stated in cell.stated.items()
    }


def shipments() -> Iterator[Shipment]:
    for number in range(CORRIDOR.shipments or 0):
        yield CORRIDOR.shipment(number)


def houses() -> Iterator[tuple[Shipment, House]]:
    for shipment in shipments():
        for house in shipment.houses:
            yield shipment, house


def released(shipment: Shipment, house: House) -> datetime:
    return shipment.actual.ended + (2 + CONTROL_TAKES[house.channel]) * HOUR


def out(shipment: Shipment) -> datetime:
    """Units leave six hours after the last of their consignments is released."""
    return max(released(shipment, house) for house in shipment.houses) + 6 * HOUR


def examined(shipment: Shipment, house: House) -> list[House]:
    """Whose scan or inspection was of a unit that this consignment lies in."""
    return [
        other
        for other in shipment.houses
        if other.channel in ("ORANGE", "RED") and other.units[0] in house.units
    ]


def ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def test_journeys_take_what_was_drawn() -> None:
    found = told()
    for shipment in shipments():
        actual = shipment.actual
        for unit in shipment.units:
            for name, start, end in (
                ("LT_door", actual.gated_in - 8 * HOUR, out(shipment) + 20 * HOUR),
                ("LT_export", actual.gated_in, actual.departed - 3 * HOUR),
                ("LT_transit", actual.departed, actual.arrived),
                ("LT_import", actual.arrived, out(shipment)),
                ("LT_port_port", actual.gated_in, out(shipment)),
            ):
                one = found[f"{name}|{unit.reference}"]
                assert abs(one.start_ms - to_ms(start)) <= 1
                assert one.value_ms == pytest.approx(ms(end - start), abs=2)
                assert one.strata == {"sstl": "NO" if shipment.number % 3 == 0 else "YES"}
            armed = found[f"lock_armed|{unit.reference}"]
            # the lock is opened fourteen hours after the unit has left, six before it is stripped
            assert armed.value_ms == pytest.approx(
                ms(out(shipment) + 14 * HOUR - (actual.gated_in - 8 * HOUR)), abs=2
            )


def test_clearance_takes_what_was_drawn() -> None:
    found = told()
    for shipment, house in houses():
        arrived, end = shipment.actual.arrived, released(shipment, house)
        accepted = arrived - 3 * HOUR
        for name, value in (
            ("LT_release", end - arrived),
            ("LT_clear", end - arrived),
            ("LT_clear_declared", end - accepted),
            ("LT_postrelease", out(shipment) - end),
            ("prearrival_lead", arrived - shipment.lodged),
        ):
            measure = found[f"{name}|{house.consignment_id}"]
            assert measure.value_ms == pytest.approx(ms(value), abs=2), name
        assert found[f"prearrival|{house.consignment_id}"].value_ms == 1
        assert found[f"declared_before_arrival|{house.consignment_id}"].value_ms == 1


def test_the_strata_are_those_that_were_drawn() -> None:
    found = told()
    for shipment, house in houses():
        assert found[f"LT_release|{house.consignment_id}"].strata == {
            "operator": "OTHER",
            "sstl": "NO" if shipment.number % 3 == 0 else "YES",
            "channel": house.channel,
            "lot": "REGULAR",
            "inspected": "YES"
            if any(
                released(shipment, other) - (CONTROL_TAKES[other.channel]) * HOUR
                <= released(shipment, house)
                for other in examined(shipment, house)
            )
            else "NO",
        }


def test_the_release_time_is_parted_without_rest() -> None:
    found = told()
    for shipment, house in houses():
        parts = [found[f"{name}|{house.consignment_id}"].value_ms for name in PARTS]
        assert sum(parts) == found[f"LT_release|{house.consignment_id}"].value_ms
        if house.channel == "GREEN" and not examined(shipment, house):
            # duty is paid half an hour before the release, and nothing else is reported
            assert parts[:3] == [pytest.approx(ms(HOUR / 2), abs=2), 0, 0]


def test_controls_take_what_was_drawn() -> None:
    found = told()
    seen = 0
    for _, house in houses():
        if house.channel not in ("ORANGE", "RED"):
            continue
        seen += 1
        name = next(one for one in found if one.startswith(f"LT_insp_wait|{house.consignment_id}|"))
        assert found[name].value_ms == ms(HOUR)
        took = found[name.replace("LT_insp_wait", "LT_insp")]
        assert took.value_ms == ms(3 * HOUR)
        assert took.strata["control"] == ("NII" if house.channel == "ORANGE" else "PHYSICAL")
        assert took.strata["side"] == "IMPORT"
    assert seen > 3
