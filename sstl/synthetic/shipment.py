"""One shipment told as events: filing, locks, transport, controls and release, with its mistakes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sstl.synthetic import numbers
from sstl.synthetic.lanes import UN_MODE, position
from sstl.synthetic.log import Report, ShipmentLog, text
from sstl.synthetic.plan import HOUR, LEG_ID, House, IncidentKind, Shipment, Unit, filing

PINGS_PER_DAY = 2
AMENDED_SHARE = 0.06
"""Share of filings that are amended."""
MISTYPED_EVERY, MISTYPED_FIRST = 20, 7
"""Every so many shipments (of those with containers) one container number is mistyped, then corrected."""
SPOILT_SHARE = 0.03
"""Share of containers of which a terminal also sends a number with a wrong check digit."""
FALSE_ALARM_SHARE = 0.05
"""Share of locks with an alarm that is retracted."""
RANDOM_SHARE = 0.2
"""Share of controls that were drawn at random."""
CONFIRMED_SHARE = 0.15
"""Share of controls that find something."""
REST_AREA_DEG = (0.35, -0.4)
"""How far inland of the place of origin the rest area lies at which a lock is opened, degrees north and east."""


def tell(
    shipment: Shipment,
    seed: int,
    *,
    pings_per_day: int = PINGS_PER_DAY,
    confirmed_share: float = CONFIRMED_SHARE,
) -> list[Report]:
    """Return everything that is recorded of a shipment; the same arguments give the same reports."""
    random = Random(f"{seed}/{shipment.number}/events")  # noqa: S311 - a simulation, no secret
    log = ShipmentLog(shipment.name, shipment.lane.lane_id, shipment.lrn, random)
    return whole(Story(shipment, seed, random, log, confirmed_share), pings_per_day)


def whole(story: "Story", pings_per_day: int) -> list[Report]:
    """Return everything that a story has to tell."""
    story.file()
    for k, unit in enumerate(story.shipment.units):
        story.carry(k, unit)
        if unit.device is not None:
            story.lock(k, unit, pings_per_day)
    story.move()
    for k, house in enumerate(story.shipment.houses):
        story.clear(k, house)
    return story.log.reports


class Story:
    """One shipment as it is told, part by part."""

    def __init__(
        self,
        shipment: Shipment,
        seed: int,
        random: Random,
        log: ShipmentLog,
        confirmed_share: float,
    ) -> None:
        self.confirmed_share = confirmed_share
        self.shipment, self.seed, self.random, self.log = shipment, seed, random, log
        self.lane, self.planned, self.actual = shipment.lane, shipment.planned, shipment.actual
        self.release_after = 6 * HOUR
        # a ship or train reports its own departure and arrival for every third shipment only
        self.by_conveyance = shipment.lane.mode != "AIR" and shipment.number % 3 == 0

    def file(self) -> None:
        """The manifest, its numbers, and what customs answers."""
        shipment, at = self.shipment, self.shipment.lodged
        amended = self.random.random() < AMENDED_SHARE
        body = self.filing(1.1 if amended else 1.0)
        self.log.add("lodged", "manifest.lodged", at, body, system="filer")
        for k, house in enumerate(shipment.houses):
            registered = {
                "lrn": shipment.lrn,
                "mrn": house.mrn,
                "consignmentId": house.consignment_id,
                "office": f"{self.lane.destination}01",
            }
            self.log.add(
                f"mrn-{k}", "manifest.registered", at + HOUR / 2, registered, system="customs"
            )
        assessed = {"lrn": shipment.lrn, "office": f"{self.lane.destination}01"}
        self.log.add("assessed", "manifest.assessed", at + 4 * HOUR, assessed, system="customs")
        if amended:
            self.log.add(
                "amended", "manifest.amended", at + 5 * HOUR, self.filing(1.0), system="filer"
            )
        arrival = {
            "lrn": shipment.lrn,
            "unLocationCode": self.lane.destination,
            "arrivedAt": text(self.actual.arrived),
        }
        self.log.add(
            "arrival", "manifest.arrival.notified", self.actual.arrived, arrival, system="filer"
        )

    def filing(self, mass_factor: float) -> dict[str, Any]:
        """Return the body of the manifest."""
        return filing(self.shipment, mass_factor=mass_factor)

    def carry(self, k: int, unit: Unit) -> None:
        """What the terminals and the carrier report of one unit."""
        for name, kind, place, planned, actual in self._milestones():
            if planned is not None:
                body = self._transport(unit, "PLANNED", place)
                at = self.shipment.lodged
                self.log.add(f"{k}-{name}-p", kind, planned, body, system="carrier", recorded=at)
            report = self.log.add(
                f"{k}-{name}",
                kind,
                actual,
                self._transport(unit, "ACTUAL", place),
                system="terminal",
            )
            if name == "gated_in":
                self._mistakes(k, unit, report)
        if self.by_conveyance:
            return
        self._travel(f"{k}-", {"equipmentReference": unit.reference})

    def move(self) -> None:
        """What the ship or train reports for all its units at once."""
        if self.by_conveyance:
            self._travel("", {"conveyance": self.shipment.means})

    def _travel(self, prefix: str, named: dict[str, Any]) -> None:
        air = self.lane.mode == "AIR"
        departed, arrived = ("dep", "arr") if air else ("departed", "arrived")
        ends = (
            (departed, self.lane.origin, self.planned.departed, self.actual.departed),
            (arrived, self.lane.destination, self.planned.arrived, self.actual.arrived),
        )
        for name, place, planned, actual in ends:
            kind = f"transport.{name}"
            body = self._body("PLANNED", place) | named
            at = self.shipment.lodged
            self.log.add(f"{prefix}{name}-p", kind, planned, body, system="carrier", recorded=at)
            body = self._body("ACTUAL", place) | named
            self.log.add(f"{prefix}{name}", kind, actual, body, system="carrier")
        estimate = self._body("ESTIMATED", self.lane.destination) | named
        for name, at, expected in (
            ("e0", self.actual.departed, self.actual.departed + self.lane.transit),
            ("e1", self.actual.departed + self.lane.transit * 0.6, self.actual.arrived),
        ):
            kind = f"transport.{arrived}"
            self.log.add(
                f"{prefix}{arrived}-{name}", kind, expected, estimate, system="carrier", recorded=at
            )

    def _milestones(self) -> Iterator[tuple[str, str, str, datetime | None, datetime]]:
        origin, destination = self.lane.origin, self.lane.destination
        planned, actual = self.planned, self.actual
        loaded = actual.departed - 3 * HOUR
        if self.lane.mode == "AIR":
            yield "gated_in", "transport.rcs", origin, planned.gated_in, actual.gated_in
            yield "man", "transport.man", origin, None, actual.departed - HOUR
            received = actual.arrived + HOUR
            yield "rcf", "transport.rcf", destination, planned.arrived + 4 * HOUR, received
            yield "nfd", "transport.nfd", destination, None, received + HOUR
            yield "dlv", "transport.dlv", destination, planned.ended, actual.ended
            return
        yield "stuffed", "transport.stuffed", origin, None, actual.gated_in - 10 * HOUR
        yield "gated_in", "transport.gated_in", origin, planned.gated_in, actual.gated_in
        yield "loaded", "transport.loaded", origin, None, loaded
        discharged = actual.ended
        if self.lane.mode == "RAIL":
            border = actual.departed + (actual.arrived - actual.departed) * 0.8
            yield "crossed", "transport.crossed", self.lane.border or destination, None, border
            discharged = actual.arrived + 5 * HOUR
        planned_end = planned.ended if self.lane.mode == "SEA" else None
        yield "discharged", "transport.discharged", destination, planned_end, discharged
        out = self._out()
        yield "gated_out", "transport.gated_out", destination, None, out
        yield "stripped", "transport.stripped", destination, None, out + 20 * HOUR

    def _released_by(self) -> datetime:
        """Return when the slowest consignment is released: a unit leaves with all that lies in it."""
        return max(self.release(house)[-1] for house in self.shipment.houses)

    def _out(self) -> datetime:
        """Return when the units leave the port: with what is released, unless that is the incident."""
        if self.shipment.incident is IncidentKind.LEFT_UNRELEASED:
            return min(self.release(house)[-1] for house in self.shipment.houses) - 3 * HOUR
        return self._released_by() + 6 * HOUR

    def release(self, house: House) -> tuple[datetime, datetime]:
        """Return when controls begin and when the consignment is released."""
        begins = (
            self.actual.arrived + 2 * HOUR
            if self.lane.mode == "AIR"
            else self.actual.ended + 2 * HOUR
        )
        if self.lane.mode == "AIR":
            begins = min(begins, self.actual.ended - 10 * HOUR)
        takes = {"GREEN": 1.0, "YELLOW": 3.0, "ORANGE": 5.0, "RED": 8.0}[house.channel]
        if self.shipment.incident is IncidentKind.LEFT_UNRELEASED:
            takes += 12.0
        return begins, begins + takes * HOUR

    def _body(self, classifier: str, place: str) -> dict[str, Any]:
        return {
            "eventClassifier": classifier,
            "mode": UN_MODE[self.lane.mode],
            "unLocationCode": place,
            "legId": LEG_ID,
        }

    def _transport(self, unit: Unit, classifier: str, place: str) -> dict[str, Any]:
        return {"equipmentReference": unit.reference, **self._body(classifier, place)}

    def _mistakes(self, k: int, unit: Unit, report: Report) -> None:
        """A mistyped number that is corrected, one that no check digit survives, a false alarm taken back."""
        if unit.device is None:
            return
        body = report.event["data"]
        if self.shipment.number % MISTYPED_EVERY == MISTYPED_FIRST and k == 0:
            wrong = numbers.container(self.seed, self.shipment.number * 3 + 500_000)
            self.log.reports.remove(report)
            at = datetime.fromisoformat(report.event["time"])
            mistyped = {**body, "equipmentReference": wrong}
            first = self.log.add(
                f"{k}-gated_in",
                "transport.gated_in",
                at,
                mistyped,
                system="terminal",
                recorded=report.recorded,
            )
            self.log.correct(first, 3 * HOUR, body)
        elif self.random.random() < SPOILT_SHARE:
            self.log.spoil(
                report, {**body, "equipmentReference": numbers.wrong_container(unit.reference)}
            )
        if self.random.random() < FALSE_ALARM_SHARE:
            at = self.actual.departed + 10 * HOUR
            alarm = {"equipmentReference": unit.reference, "deviceId": unit.device, "kind": "SHOCK"}
            false = self.log.add(f"{k}-alarm", "seallock.alarm", at, alarm, system="locks")
            self.log.retract(false, 6 * HOUR)

    def lock(self, k: int, unit: Unit, pings_per_day: int) -> None:
        """What the lock of one unit reports."""
        device = {"deviceId": unit.device}
        both = {"equipmentReference": unit.reference, **device}
        armed = self.actual.gated_in - 8 * HOUR
        opened = self._out() + 14 * HOUR
        seal = {
            "sealNumber": unit.seal_number,
            "sealType": "SMART_LOCK",
            "sealGrade": "H",
            "sealSource": "SHIPPER",
        }
        steps: list[tuple[str, datetime, dict[str, Any]]] = [
            ("paired", armed - HOUR / 4, {**both, "deviceTechnology": "SMART_CONTAINER"}),
            ("armed", armed, {**both, **seal, "unLocationCode": self.lane.origin}),
        ]
        days = (opened - armed) / timedelta(days=1)
        pings = int(days * pings_per_day) if self.lane.way else 0
        travelling = self.actual.arrived - self.actual.departed
        for n in range(pings):
            at = armed + (opened - armed) * ((n + 1) / (pings + 1))
            latitude, longitude = position(self.lane.way, (at - self.actual.departed) / travelling)
            steps.append(("position", at, {**device, "latitude": latitude, "longitude": longitude}))
        command = f"{self.shipment.name}-cmd-{k}"
        office = f"{self.lane.destination}01"
        place = {"unLocationCode": self.lane.destination}
        grant = {
            **both,
            **place,
            "commandId": command,
            "office": office,
            "validFrom": text(opened - 2 * HOUR),
            "validTo": text(opened + 12 * HOUR),
        }
        self.log.add(
            f"{k}-grant",
            "seallock.authorisation.granted",
            opened - 3 * HOUR,
            grant,
            system="customs",
        )
        authorised = {**both, **place, "commandId": command, "authorisationOffice": office}
        steps += [("opened", opened, authorised), ("unpaired", opened + HOUR, both)]
        if k == 0:
            steps += self._tampering(unit, armed, opened, {**both, **seal})
        steps.sort(key=lambda step: step[1])
        for sequence, (kind, at, body) in enumerate(steps, start=1):
            counted = {**body, "sequence": sequence, "bootId": "1", "batteryPct": 95.0}
            self.log.add(f"{k}-lock-{sequence}", f"seallock.{kind}", at, counted, system="locks")

    def _tampering(
        self, unit: Unit, armed: datetime, opened: datetime, sealed: dict[str, Any]
    ) -> list[tuple[str, datetime, dict[str, Any]]]:
        """What the lock reports of a planted incident."""
        both = {name: sealed[name] for name in ("equipmentReference", "deviceId")}
        match self.shipment.incident:
            case IncidentKind.OPENED_ON_THE_WAY:
                at = armed + 4 * HOUR
                latitude, longitude = position(self.lane.way, 0)
                there = {
                    "latitude": round(latitude + REST_AREA_DEG[0], 5),
                    "longitude": round(longitude + REST_AREA_DEG[1], 5),
                }
                return [
                    ("opened", at, {**both, **there}),
                    ("closed", at + HOUR / 5, {**both, **there}),
                    ("armed", at + HOUR / 4, sealed),
                ]
            case IncidentKind.LOCK_CUT:
                alarm = {
                    **both,
                    "kind": "CUT",
                    "latched": True,
                    "unLocationCode": self.lane.destination,
                }
                return [("alarm", self.actual.arrived + HOUR, alarm)]
            case IncidentKind.SEAL_CHANGED:
                other = f"ZZ{unit.reference[4:]}"
                seen = {
                    "equipmentReference": unit.reference,
                    "sealNumber": other,
                    "condition": "RIGHT",
                    "unLocationCode": self.lane.destination,
                }
                at = self._out() - HOUR
                self.log.add("seal-seen", "seallock.checked", at, seen, system="terminal")
        return []

    def clear(self, k: int, house: House) -> None:
        """Export release, import declaration, channel, controls and release of one consignment."""
        side = {"side": "EXPORT", "office": f"{self.lane.origin}01"}
        export = {"consignmentId": house.consignment_id, **side}
        self.log.add(
            f"h{k}-export",
            "inspection.released",
            self.actual.gated_in + 2 * HOUR,
            export,
            system="customs",
        )
        begins, released = self.release(house)
        named = {"mrn": house.mrn} if house.by_mrn else {"consignmentId": house.consignment_id}
        common = {**named, "side": "IMPORT", "office": f"{self.lane.destination}01"}
        lodged = self.actual.arrived - 4 * HOUR
        self.customs(k, "declaration.lodged", lodged, {**common, "declarationType": "IMPORT"})
        self.customs(
            k, "declaration.accepted", lodged + HOUR, {**common, "declarationType": "IMPORT"}
        )
        self.customs(k, "channel.assigned", lodged + HOUR * 2, {**common, "channel": house.channel})
        if house.channel != "GREEN":
            self._control(k, house, common, begins)
        self.customs(k, "duty.paid", released - HOUR / 2, common)
        body = {**common, "inspectionId": f"{self.shipment.name}-r{k}"}
        self.customs(k, "inspection.released", released, body)

    def customs(self, k: int, kind: str, at: datetime, body: dict[str, Any]) -> Report:
        """Let a customs office report something of a consignment, of each kind one event."""
        return self.log.add(f"h{k}-{kind}", kind, at, body, system="customs")

    def _control(self, k: int, house: House, common: dict[str, Any], begins: datetime) -> None:
        basis: dict[str, Any] = {"basis": "RULE", "ruleId": "synthetic"}
        if self.random.random() < RANDOM_SHARE:
            basis = {"basis": "RANDOM", "probability": 0.01}
        inspection = f"{self.shipment.name}-c{k}"
        control = {"YELLOW": "DOCUMENT", "ORANGE": "NII", "RED": "PHYSICAL"}[house.channel]
        known = {**common, "inspectionId": inspection, "controlType": control}
        chosen = {**known, "channel": house.channel, "selections": [basis]}
        self.customs(k, "inspection.selected", begins - HOUR, chosen)
        if control == "DOCUMENT":
            self.customs(k, "inspection.document.checked", begins + HOUR, known)
        else:
            step = "scan" if control == "NII" else "physical"
            # the officer at the gate sees a unit, not a consignment
            unit = {
                "equipmentReference": house.units[0],
                "side": "IMPORT",
                "inspectionId": inspection,
            }
            self.customs(k, f"inspection.{step}.started", begins, unit)
            self.customs(k, f"inspection.{step}.completed", begins + 3 * HOUR, unit)
        bad = self.random.random() < self.confirmed_share
        result = {
            **known,
            "status": "DONE",
            "controlResultCode": "B1" if bad else "A1",
            "outcome": "CONFIRMED" if bad else "NOT_CONFIRMED",
        }
        self.customs(k, "inspection.result.recorded", begins + 3 * HOUR + HOUR / 2, result)
