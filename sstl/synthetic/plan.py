"""What a shipment is meant to be, and what becomes of it: drawn once, from the seed and the shipment's number."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any

from sstl.synthetic import numbers
from sstl.synthetic.lanes import LANES, UN_MODE, Lane
from sstl.synthetic.log import text

HOUR = timedelta(hours=1)
LEG_ID = "m1"
LATE_BY = 6 * HOUR
"""Every planted incident is later than this; without one nothing planned is late at all."""

SPLIT_SHARE = 0.2
"""Share of consignments that lie in two units."""
BY_MRN_SHARE = 0.5
"""Share of consignments whose controls name the MRN only."""

_CHANNELS = ("GREEN", "YELLOW", "ORANGE", "RED")
_CHANNEL_WEIGHTS = (80, 8, 7, 5)
_HS6 = ("610910", "640399", "847130", "851712", "870899", "940360", "950300", "392690")


class IncidentKind(StrEnum):
    """What is planted."""

    LATE_DEPARTURE = "LATE_DEPARTURE"
    LATE_ARRIVAL = "LATE_ARRIVAL"
    LONG_LEG = "LONG_LEG"
    """Arrived in time, but the last service of the leg is late (sea, air); held at the border (rail)."""
    OPENED_ON_THE_WAY = "OPENED_ON_THE_WAY"
    """The first unit's lock is opened at a rest area on the way to the port, and armed again."""
    LOCK_CUT = "LOCK_CUT"
    """The first unit's lock reports that it was cut."""
    SEAL_CHANGED = "SEAL_CHANGED"
    """At the port of destination the first unit carries another seal number than the one it was armed with."""
    LEFT_UNRELEASED = "LEFT_UNRELEASED"
    """The units leave the port of destination before their consignments are released."""


DELAYS = (IncidentKind.LATE_DEPARTURE, IncidentKind.LATE_ARRIVAL, IncidentKind.LONG_LEG)
"""What is later than planned."""
LOCKED = (
    IncidentKind.OPENED_ON_THE_WAY,
    IncidentKind.LOCK_CUT,
    IncidentKind.SEAL_CHANGED,
    IncidentKind.LEFT_UNRELEASED,
)
"""What can only be planted where units are containers with locks."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A container or air ULD with its lock."""

    reference: str
    device: dict[str, str] | None
    """None: without a lock."""
    seal_number: str | None


@dataclass(frozen=True, slots=True)
class House:
    """A consignment and the units it lies in."""

    consignment_id: str
    units: tuple[str, ...]
    hs6: str
    gross_mass_kg: float
    channel: str
    by_mrn: bool
    """Its controls name the MRN of the filing's consignment and not the consignment."""
    mrn: str


@dataclass(frozen=True, slots=True)
class Times:
    """Milestones of a shipment, planned or actual."""

    gated_in: datetime
    departed: datetime
    arrived: datetime
    ended: datetime
    """End of the leg: discharge by sea, arrival by rail, delivery by air."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """One filing with its units and consignments."""

    number: int
    """From 0."""
    name: str
    lane: Lane
    lodged: datetime
    units: tuple[Unit, ...]
    houses: tuple[House, ...]
    means: dict[str, str]
    planned: Times
    actual: Times
    incident: IncidentKind | None

    @property
    def lrn(self) -> str:
        """Local reference number of the filing."""
        return self.name.upper()


def draw(
    seed: int, number: int, lodged: datetime, lanes: tuple[str, ...], incident_share: float
) -> Shipment:
    """Draw one shipment; the same arguments give the same one."""
    random = Random(f"{seed}/{number}/plan")  # noqa: S311 - a simulation, no secret
    chosen = [LANES[lane_id] for lane_id in lanes]
    lane = random.choices(chosen, weights=[one.share for one in chosen])[0]
    name = f"syn-{seed}-{number:07d}"
    units = tuple(
        _unit(seed, number, k, lane)
        for k in range(random.randint(1, 2 if lane.mode != "SEA" else 3))
    )
    incident = None
    if random.random() < incident_share:
        incident = random.choice(DELAYS if lane.mode == "AIR" else (*DELAYS, *LOCKED))
    planned = _planned(lane, lodged)
    return Shipment(
        number=number,
        name=name,
        lane=lane,
        lodged=lodged,
        units=units,
        houses=_houses(random, seed, number, lane, units, lodged.year),
        means=_means(lane, number, planned.departed),
        planned=planned,
        actual=_actual(random, lane, planned, incident),
        incident=incident,
    )


def _unit(seed: int, number: int, k: int, lane: Lane) -> Unit:
    serial = number * 3 + k
    if lane.mode == "AIR":
        return Unit(numbers.unit_load_device(seed, serial), None, None)
    device = {"manufacturerId": "SYN", "tagSerial": f"{seed}-{serial % 1_000_000:06d}"}
    return Unit(
        numbers.container(seed, serial), device, f"SY{seed % 100:02d}{serial % 1_000_000:06d}"
    )


def _houses(
    random: Random, seed: int, number: int, lane: Lane, units: tuple[Unit, ...], year: int
) -> tuple[House, ...]:
    houses = []
    for k in range(random.randint(len(units), len(units) + 2)):
        lies_in = [units[k % len(units)].reference]
        if len(units) > 1 and random.random() < SPLIT_SHARE:
            lies_in.append(units[(k + 1) % len(units)].reference)
        houses.append(
            House(
                consignment_id=f"SYN-{seed}-{number:07d}-{chr(ord('A') + k)}",
                units=tuple(lies_in),
                hs6=random.choice(_HS6),
                gross_mass_kg=float(random.randint(200, 9000)),
                channel=random.choices(_CHANNELS, weights=_CHANNEL_WEIGHTS)[0],
                by_mrn=random.random() < BY_MRN_SHARE,
                mrn=numbers.mrn(seed, number * 10 + k, year=year, country=lane.destination[:2]),
            )
        )
    return tuple(houses)


def _means(lane: Lane, number: int, departs: datetime) -> dict[str, str]:
    if lane.mode == "SEA":
        return {"imoNumber": numbers.imo(number), "voyageNumber": f"{number % 1000:03d}W"}
    day = departs.date().isoformat()
    if lane.mode == "AIR":
        return {"flightNumber": f"XX{number % 10_000:04d}", "flightDate": day}
    return {"trainNumber": f"X{number % 100_000:05d}", "trainDate": day}


def _planned(lane: Lane, lodged: datetime) -> Times:
    if lane.mode == "AIR":
        departed = lodged + 18 * HOUR
        arrived = departed + lane.transit
        return Times(lodged + 10 * HOUR, departed, arrived, arrived + 24 * HOUR)
    departed = lodged + (72 * HOUR if lane.mode == "SEA" else 48 * HOUR)
    arrived = departed + lane.transit
    ended = arrived + 12 * HOUR if lane.mode == "SEA" else arrived
    return Times(departed - 30 * HOUR, departed, arrived, ended)


def _actual(random: Random, lane: Lane, planned: Times, incident: IncidentKind | None) -> Times:
    air = lane.mode == "AIR"
    departed = planned.departed + _between(random, -3, 0)
    if incident is IncidentKind.LATE_DEPARTURE:
        departed += _between(random, 12, 30) if air else _between(random, 40, 80)
    transit = lane.transit * random.uniform(0.96, 0.995)
    if incident is IncidentKind.LATE_ARRIVAL or (
        incident is IncidentKind.LONG_LEG and lane.mode == "RAIL"
    ):
        transit += _between(random, 12, 30) if air else _between(random, 60, 110)
    arrived = departed + transit
    if lane.mode == "RAIL":
        return Times(
            min(planned.gated_in + _between(random, -6, 0), departed - 4 * HOUR),
            departed,
            arrived,
            arrived,
        )
    ended = arrived + (_between(random, 14, 20) if air else _between(random, 4, 10))
    if incident is IncidentKind.LONG_LEG:
        ended = max(ended, planned.ended) + (
            _between(random, 24, 48) if air else _between(random, 60, 110)
        )
    gated_in = min(planned.gated_in + _between(random, -6, 0), departed - 4 * HOUR)
    return Times(gated_in, departed, arrived, ended)


def _between(random: Random, low: float, high: float) -> timedelta:
    return timedelta(seconds=round(random.uniform(low, high) * 3600))


def filing(shipment: Shipment, *, mass_factor: float = 1.0) -> dict[str, Any]:
    """Return the body of the manifest; ``mass_factor`` other than 1 is what an amendment corrects."""
    lane, planned = shipment.lane, shipment.planned
    starts = planned.gated_in if lane.mode == "AIR" else planned.departed
    countries = [lane.origin[:2], lane.destination[:2]]
    return {
        "lrn": shipment.lrn,
        "filingType": "F11" if lane.mode == "SEA" else "F51" if lane.mode == "RAIL" else "F26",
        "filedAt": text(shipment.lodged),
        "laneId": lane.lane_id,
        "mode": UN_MODE[lane.mode],
        "transportMeans": shipment.means,
        "etd": text(planned.departed),
        "eta": text(planned.arrived),
        "officeOfExport": f"{lane.origin}01",
        "officeOfFirstEntry": f"{lane.destination}01",
        "placeOfLoading": lane.origin,
        "placeOfUnloading": lane.destination,
        "countriesOfRoutingOfMeans": countries,
        "consignments": [
            {
                "consignmentId": house.consignment_id,
                "equipmentReferences": list(house.units),
                "grossMassKg": round(house.gross_mass_kg * mass_factor, 1),
                "placeOfLoading": lane.origin,
                "placeOfUnloading": lane.destination,
                "sstl": {"member": shipment.number % 3 != 0},
                "lotClass": "REGULAR",
                "parties": [
                    {"role": "CONSIGNOR", "identifier": f"ZZ{shipment.number % 97:06d}1"},
                    {"role": "CONSIGNEE", "identifier": f"ZZ{shipment.number % 89:06d}2"},
                ],
                "items": [
                    {
                        "itemNo": 1,
                        "hs6": house.hs6,
                        "grossMassKg": round(house.gross_mass_kg * mass_factor, 1),
                        "packages": 10 + shipment.number % 90,
                        "countryOfOrigin": lane.origin[:2],
                    }
                ],
            }
            for house in shipment.houses
        ],
        "equipment": [
            {
                "equipmentReference": unit.reference,
                "emptyIndicator": "LADEN",
                **(
                    {
                        "numberOfSeals": 1,
                        "seals": [{"number": unit.seal_number, "source": "SHIPPER"}],
                    }
                    if unit.seal_number
                    else {}
                ),
            }
            for unit in shipment.units
        ],
        "legs": [
            {
                "legId": LEG_ID,
                "role": "MAIN",
                "mode": UN_MODE[lane.mode],
                "placeOfDeparture": lane.origin,
                "placeOfArrival": lane.destination,
                "plannedStart": text(starts),
                "plannedEnd": text(planned.ended),
                "conveyance": shipment.means,
            }
        ],
    }
