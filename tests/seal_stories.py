"""Short ways to tell what seals and locks report, in hours after the start, and to ask the rules on them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from sstl.core.journeys.assess import assess
from sstl.core.milestones import order
from sstl.core.positions import Positions
from sstl.core.rules.base import Verdict
from sstl.core.rules.seals import RULES
from sstl.models.common import EPOCH, to_wire
from sstl.models.policy import Policy
from sstl.models.records import Event, Share
from tests.journey_events import HOUR, LANE, START, UNIT, event, share

DEVICE = {"manufacturerId": "LOCKS", "tagSerial": "7"}
SECOND = {"manufacturerId": "LOCKS", "tagSerial": "8"}
NAME = "device:LOCKS/7"
FAR = START + 5000 * HOUR
ORIGIN, DESTINATION, REST = "CNYTN", "NLRTM", "DEDUI"


def at(hours: float) -> int:
    """Return the instant so many hours after the start, in ms."""
    return START + round(hours * HOUR)


def text(hours: float) -> str:
    """Return it as bodies have it."""
    return to_wire(EPOCH + timedelta(milliseconds=at(hours)))


def lock(
    kind: str,
    hours: float,
    /,
    *,
    id: str | None = None,  # noqa: A002 - the attribute's own name
    recorded_ms: int | None = None,
    **data: Any,
) -> Event:
    """Report of the lock; a field that is None is left out."""
    body = {"deviceId": DEVICE, "equipmentReference": UNIT} | data
    kept = {name: value for name, value in body.items() if value is not None}
    made = event(f"seallock.{kind}", at(hours), id=id or f"{kind}@{hours}", recorded_ms=recorded_ms)
    return msgspec.structs.replace(made, data=kept)


def bolt(kind: str, hours: float, number: str | None, /, **data: Any) -> Event:
    """Report of a mechanical seal."""
    return lock(kind, hours, deviceId=None, sealNumber=number, **data)


def grant(hours: float, first: float, last: float, **data: Any) -> Event:
    """Grant of a command, for a time."""
    body: dict[str, Any] = {"commandId": "C1", "validFrom": text(first), "validTo": text(last)}
    return lock("authorisation.granted", hours, **(body | data))


def customs(kind: str, hours: float, **data: Any) -> Event:
    """Report of an inspection of the unit."""
    body = {"equipmentReference": UNIT} | data
    return event(f"inspection.{kind}", at(hours), id=f"{kind}@{hours}", **body)


def move(kind: str, hours: float, place: str | None = None, **data: Any) -> Event:
    """Report of a transport event of the unit."""
    body: dict[str, Any] = {"equipmentReference": UNIT} | data
    return event(f"transport.{kind}", at(hours), place=place, **body)


def pings(*hours: float) -> list[Positions]:
    """Buckets of one position each."""
    bucket = 6 * HOUR
    found = []
    for number, one in enumerate(sorted(hours)):
        ping = (at(one), number, 22.5, 114.2)
        found.append(Positions(at(one) - at(one) % bucket, ping, ping))
    return found


def policy(
    rules: Mapping[str, Mapping[str, Any]] | None = None,
    vendors: Mapping[str, Any] | None = None,
    **lane: Any,
) -> Policy:
    """Policy with the sea lane."""
    known = {"origin": ORIGIN, "destination": DESTINATION, "mode": "SEA"} | lane
    return Policy.model_validate(
        {"lanes": {LANE: known}, "rules": rules or {}, "vendors": vendors or {}}
    )


def says(
    rule_id: str,
    events: Iterable[Event],
    *,
    by: Policy | None = None,
    shares: Sequence[Share] | None = None,
    positions: Sequence[Positions] = (),
    publishers: Mapping[str, int] | None = None,
    as_of_ms: int = FAR,
) -> list[Verdict]:
    """Return what one rule says of a unit."""
    asked = [one for one in RULES if one.rule.id == rule_id]
    found = assess(
        UNIT,
        sorted(events, key=order),
        [share()] if shares is None else shares,
        policy() if by is None else by,
        positions=positions,
        publishers=publishers,
        as_of_ms=as_of_ms,
        rules=asked,
    )
    return [verdict for verdict in found.verdicts if verdict.rule_id == rule_id]


def answers(verdicts: Iterable[Verdict]) -> list[str]:
    """Return the answers alone."""
    return [verdict.result.value for verdict in verdicts]
