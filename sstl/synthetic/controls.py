"""A corridor whose controls can be judged: random draws, images with follow-up, the partner's results, trusted traders.

What a control would find in a consignment is drawn first, for all of them; what is reported of it is what customs looks
at. So the truth of recall and of comparisons is known. Everything is drawn from a random stream of its own.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any, Literal

from sstl.core.selection import (
    Lot,
    commitment,
    derived_key,
    draw_event_id,
    is_selected,
    selection_event_id,
)
from sstl.synthetic.log import Report, ShipmentLog
from sstl.synthetic.plan import HOUR, House, Shipment, Unit, filing
from sstl.synthetic.shipment import PINGS_PER_DAY, Story, whole

RANDOM_RATE = Fraction(1, 10)
SECRET = b"synthetic corridor, no secret"
"""Keys of the draws follow from it; a made-up corridor has nothing to hide."""
IMPORTERS = 61
PARTNER_AHEAD = 3 * HOUR
"""After the departure the partner's result comes, where it comes before the arrival."""
_TARGETED_RULE = "synthetic-risk"


@dataclass(frozen=True, slots=True)
class Controls:
    """How much of each; shares are 0 to 1."""

    random_rate: Fraction = RANDOM_RATE
    illicit_share: float = 0.1
    """Of all consignments."""
    targeted_share: tuple[float, float] = (0.12, 0.45)
    """Of those with nothing in them, and of the illicit."""
    done_share: float = 0.96
    """Of what is selected, what is examined."""
    image_share: float = 0.5
    """Of what is selected, what is scanned first."""
    suspect_share: tuple[float, float] = (0.1, 0.7)
    """Of scanned consignments with nothing in them, and of the illicit."""
    export_share: float = 0.3
    """Of all, those that the export side has scanned for security."""
    partner_share: tuple[float, float] = (0.6, 0.2)
    """Of these, results that the import side has before the arrival, and after it."""
    waived_share: float = 0.4
    """Of results that came before the arrival and whose consignment is not selected, controls waived citing them."""
    security_share: float = 0.5
    """Of import controls, those for security too; the others are for revenue."""
    faster: tuple[float, float] = (0.6, 0.8)
    """How long trusted traders and members of the programme wait, of what others do."""


@dataclass(frozen=True, slots=True)
class Handling:
    """What customs does with one consignment, and what is in it whether anybody looks or not."""

    house: House
    importer: str
    trusted: bool
    illicit: bool
    revenue: int
    """Recoverable if found; 0 where nothing is."""
    targeted: bool
    drawn: bool
    done: bool
    """It was selected and examined."""
    image: Literal["CLEAR", "SUSPECT"] | None
    """Before the examination; None: not scanned."""
    purpose: Literal["SECURITY", "FISCAL"]
    exported: bool
    """Scanned by the export side."""
    partner: Literal["BEFORE", "AFTER"] | None
    """When the import side has that result; None: never, or there is none."""
    waived: bool
    waits: timedelta
    """From the begin of controls, two hours after the arrival or the discharge, to the release."""

    @property
    def value(self) -> float:
        """What its goods are declared to be worth, in EUR."""
        return 12 * self.house.gross_mass_kg

    @property
    def selected(self) -> bool:
        """Whether anything selects it."""
        return self.targeted or self.drawn

    @property
    def hit(self) -> bool:
        """Whether a control found something."""
        return self.done and self.illicit


def size_of(unit: Unit) -> str:
    """Return the size and type code of a container: 20, 40 or 45 feet, by its check digit."""
    return ("22G1", "45G1", "42G1", "L5G1")[int(unit.reference[-1]) % 4]


def draw_day(shipment: Shipment) -> datetime:
    """Return when the consignments of a shipment are drawn."""
    return shipment.actual.arrived - 2.5 * HOUR


def lot_of(shipment: Shipment, controls: Controls) -> Lot:
    """Return what the key of its lane and day draws a shipment's consignments from."""
    return Lot(shipment.lane.lane_id, draw_day(shipment).date(), controls.random_rate)


def handling(shipment: Shipment, seed: int, controls: Controls) -> tuple[Handling, ...]:
    """Return what becomes of each consignment of a shipment; the same arguments give the same."""
    random = Random(f"{seed}/{shipment.number}/controls")  # noqa: S311 - a simulation, no secret
    return tuple(_handled(shipment, house, controls, random) for house in shipment.houses)


def _handled(shipment: Shipment, house: House, controls: Controls, random: Random) -> Handling:
    lot = lot_of(shipment, controls)
    key = derived_key(SECRET, lot.lane_id, lot.day)
    illicit = random.random() < controls.illicit_share
    money = random.randint(100, 20_000)
    targeted = random.random() < controls.targeted_share[illicit]
    drawn = is_selected(key, house.consignment_id, lot.rate)
    selected = targeted or drawn
    done = random.random() < controls.done_share and selected
    scanned = random.random() < controls.image_share and selected
    suspect = random.random() < controls.suspect_share[illicit]
    secure = random.random() < controls.security_share
    exported = random.random() < controls.export_share
    told, before = random.random(), controls.partner_share[0]
    partner: Literal["BEFORE", "AFTER"] | None = None
    if exported and told < sum(controls.partner_share):
        partner = "BEFORE" if told < before else "AFTER"
    waived = random.random() < controls.waived_share and partner == "BEFORE" and not selected
    trusted = shipment.number % IMPORTERS % 2 == 0
    factor = controls.faster[0] if trusted else 1.0
    factor *= controls.faster[1] if shipment.number % 3 else 1.0
    longest = 4 * HOUR if selected else 3 * HOUR
    waits = longest * factor * random.uniform(0.4, 1) + (4 * HOUR if selected else timedelta())
    return Handling(
        house=house,
        importer=f"ZZ{shipment.number % IMPORTERS:06d}3",
        trusted=trusted,
        illicit=illicit,
        revenue=money if illicit else 0,
        targeted=targeted,
        drawn=drawn,
        done=done,
        image=None if not scanned else "SUSPECT" if suspect else "CLEAR",
        purpose="SECURITY" if secure else "FISCAL",
        exported=exported,
        partner=partner,
        waived=waived,
        waits=timedelta(seconds=round(waits.total_seconds())),
    )


def tell_controlled(
    shipment: Shipment, seed: int, controls: Controls, *, pings_per_day: int = PINGS_PER_DAY
) -> list[Report]:
    """Return everything that is recorded of a shipment; the same arguments give the same reports."""
    random = Random(f"{seed}/{shipment.number}/events")  # noqa: S311 - a simulation, no secret
    log = ShipmentLog(shipment.name, shipment.lane.lane_id, shipment.lrn, random)
    return whole(_Controlled(shipment, seed, random, log, controls), pings_per_day)


class _Controlled(Story):
    """A shipment whose controls are told as `handling` drew them."""

    def __init__(
        self, shipment: Shipment, seed: int, random: Random, log: ShipmentLog, controls: Controls
    ) -> None:
        super().__init__(shipment, seed, random, log, confirmed_share=0)
        self._lot = lot_of(shipment, controls)
        self._key = derived_key(SECRET, self._lot.lane_id, self._lot.day)
        self._handled = {
            one.house.consignment_id: one for one in handling(shipment, seed, controls)
        }

    def filing(self, mass_factor: float) -> dict[str, Any]:
        """Return the body of the manifest, with importer and value of each consignment and the size of containers."""
        body = filing(self.shipment, mass_factor=mass_factor)
        for entry in body["consignments"]:
            one = self._handled[entry["consignmentId"]]
            entry["parties"].append({"role": "IMPORTER", "identifier": one.importer})
            for item in entry["items"]:
                item |= {"value": one.value, "currency": "EUR"}
        for unit, listed in zip(self.shipment.units, body["equipment"], strict=True):
            if unit.device is not None:
                listed["ISOEquipmentCode"] = size_of(unit)
        return body

    def release(self, house: House) -> tuple[datetime, datetime]:
        """Return when controls begin and when the consignment is released."""
        begins, _ = super().release(house)
        return begins, begins + self._handled[house.consignment_id].waits

    def file(self) -> None:
        """The manifest, and what the register says of the importer."""
        super().file()
        one = next(iter(self._handled.values()))
        entry = {
            "id": one.importer,
            "programme": "AEO",
            "status": "GRANTED" if one.trusted else "REVOKED",
        }
        lodged = self.shipment.lodged
        self.log.add(
            "importer",
            "registry.operator.status",
            lodged - 24 * HOUR,
            entry,
            system="register",
            recorded=lodged,
        )

    def clear(self, k: int, house: House) -> None:
        """Export control and release, import declaration, draw, channel, controls and release of one consignment."""
        one = self._handled[house.consignment_id]
        self._export(k, one)
        begins, released = self.release(house)
        named = {"mrn": house.mrn} if house.by_mrn else {"consignmentId": house.consignment_id}
        common = {**named, "side": "IMPORT", "office": f"{self.lane.destination}01"}
        arrived = self.actual.arrived
        declared = {**common, "declarationType": "IMPORT"}
        self.customs(k, "declaration.lodged", arrived - 4 * HOUR, declared)
        self.customs(k, "declaration.accepted", arrived - 3 * HOUR, declared)
        self._draw(one)
        inspection = {"inspectionId": f"{self.shipment.name}-c{k}"}
        if one.targeted:
            chosen = {"selections": [{"basis": "RULE", "ruleId": _TARGETED_RULE}]}
            at = arrived - 2.25 * HOUR
            self.customs(k, "inspection.selected", at, {**common, **inspection, **chosen})
        assigned = {**common, "channel": "RED" if one.selected else "GREEN"}
        self.customs(k, "channel.assigned", arrived - 2 * HOUR, assigned)
        if one.waived:
            cited = {"citedInspectionId": f"{self.shipment.name}-x{k}", "reason": "partner result"}
            self.customs(k, "inspection.control.waived", arrived - HOUR, {**common, **cited})
        if one.image is not None:
            image = {
                "inspectionId": f"{self.shipment.name}-i{k}",
                "controlPurpose": one.purpose,
                "niiResult": one.image,
            }
            self.customs(k, "inspection.scan.completed", begins + HOUR / 2, {**common, **image})
        if one.done:
            self._examine(k, one, {**common, **inspection}, begins)
        self.customs(k, "duty.paid", released - HOUR / 4, common)
        self.customs(k, "inspection.released", released, common)

    def _export(self, k: int, one: Handling) -> None:
        gated_in = self.actual.gated_in
        side = {
            "consignmentId": one.house.consignment_id,
            "side": "EXPORT",
            "office": f"{self.lane.origin}01",
        }
        if one.exported:
            scan = {
                "inspectionId": f"{self.shipment.name}-x{k}",
                "controlPurpose": "SECURITY",
                "niiResult": "CLEAR",
                "controlResultCode": "A1",
            }
            self.log.add(
                f"h{k}-export-scan",
                "inspection.scan.completed",
                gated_in + HOUR,
                {**side, **scan},
                system="customs",
            )
        self.log.add(
            f"h{k}-export", "inspection.released", gated_in + 2 * HOUR, side, system="customs"
        )
        if one.partner is not None:
            before = one.partner == "BEFORE"
            at = self.actual.departed + PARTNER_AHEAD if before else self.actual.arrived + HOUR
            result = {
                "consignmentId": one.house.consignment_id,
                "inspectionId": f"{self.shipment.name}-x{k}",
                "controlResultCode": "A1",
                "status": "DONE",
            }
            self.customs(k, "inspection.partner.result.received", at, result)

    def _draw(self, one: Handling) -> None:
        """Report the draw and the selection that follows from it, as `sstl select random` does."""
        lot, name = self._lot, one.house.consignment_id
        rate = float(lot.rate)
        drawn = {
            "consignmentId": name,
            "laneId": lot.lane_id,
            "drawDay": lot.day.isoformat(),
            "probability": rate,
            "selected": one.drawn,
            "commitment": commitment(self._key, lot),
        }
        at = draw_day(self.shipment)
        report = self.log.add("draw", "inspection.drawn", at, drawn, system="draws")
        report.event["id"] = draw_event_id(lot, name)
        if one.drawn:
            body = {"consignmentId": name, "selections": [{"basis": "RANDOM", "probability": rate}]}
            report = self.log.add("draw", "inspection.selected", at, body, system="draws")
            report.event["id"] = selection_event_id(lot, name)

    def _examine(self, k: int, one: Handling, control: dict[str, Any], begins: datetime) -> None:
        control = {**control, "controlType": "PHYSICAL", "controlPurpose": one.purpose}
        self.customs(k, "inspection.physical.started", begins + HOUR, control)
        self.customs(k, "inspection.physical.completed", begins + 3 * HOUR, control)
        result: dict[str, Any] = {
            **control,
            "status": "DONE",
            "controlResultCode": "B1" if one.hit else "A1",
            "outcome": "CONFIRMED" if one.hit else "NOT_CONFIRMED",
        }
        if one.hit:
            result["irregularities"] = [
                {"type": "MISDECLARATION", "riskArea": "FINANCIAL", "revenue": one.revenue}
            ]
        self.customs(k, "inspection.result.recorded", begins + 3.5 * HOUR, result)
