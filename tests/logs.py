"""Logs of events that tell the same facts in different ways: shuffled, repeated, corrected, taken back."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sstl.intake import cargo2000
from sstl.publish.routing import family_of
from sstl.synthetic.corridor import Corridor
from sstl.synthetic.log import text
from tests.reference_cargo2000 import FILE

Document = dict[str, Any]
Log = list[tuple[str, Document]]
"""(family, structured CloudEvent) in the order of publication."""

SPAN = timedelta(days=44)
"""No log is longer, so that all of it is within the lateness from wherever a backfill has come."""
LOCKED = ("org.sstl.seallock.position.v1", "org.sstl.progress.v1")
"""What cannot be corrected."""


def with_family(event: Document) -> tuple[str, Document]:
    """Return the event with the family of the topic that its type goes to."""
    family = family_of(event["type"])
    assert family is not None
    return family, event


def corridor_log(corridor: Corridor) -> Log:
    """Return a synthetic corridor in the order of arrival."""
    return [with_family(event) for event in corridor.events()]


def cargo2000_log(limit: int) -> Log:
    """Return the first Cargo 2000 processes, without the few that last too long to be told out of order."""
    end = text(cargo2000.START + SPAN)
    processes = [
        process
        for process in cargo2000.read(FILE)[:limit]
        if all(event["time"] < end for event in cargo2000.events([process]))
    ]
    return [with_family(event) for event in cargo2000.events(processes)]


def feedback_log(flags: Sequence[str], at: datetime) -> Log:
    """Return what offices answer to flags: every second one is confirmed or not, once per flag."""
    return [
        (
            "feedback",
            {
                "specversion": "1.0",
                "id": f"feedback-{number}",
                "source": "urn:sstl:NLRTM:office",
                "type": "org.sstl.risk.feedback.v1",
                "time": text(at),
                "recordedtime": text(at),
                "data": {
                    "flagId": flag,
                    "feedbackId": f"FB-{number}",
                    "actionTaken": "CONTROL_DONE",
                    "outcome": "CONFIRMED" if number % 4 else "NOT_CONFIRMED",
                },
            },
        )
        for number, flag in enumerate(flags)
        if number % 2 == 0
    ]


def action_log(flags: Sequence[str], rule: str, at: datetime) -> Log:
    """Return what operators do about flags: some of each kind, and one snooze of a rule from forty days before on."""

    def action(kind: str, number: int, when: datetime, **body: Any) -> tuple[str, Document]:
        said = {"author": f"officer-{number % 3}", "reason": "seen before", **body}
        event = {
            "specversion": "1.0",
            "id": f"action-{kind}-{number}",
            "source": "urn:sstl:NLRTM:desk",
            "type": f"org.sstl.action.{kind}.v1",
            "time": text(when),
            "recordedtime": text(when),
            "data": said,
        }
        return "action", event

    later, until = at + timedelta(minutes=5), text(at + timedelta(days=30))
    log = [action("snoozed", 0, at - timedelta(days=40), ruleId=rule, until=until)]
    for number, flag in enumerate(flags, 1):
        log.append(action("acknowledged", number, at, flagIds=[flag]))
        if number % 2:
            log.append(action("closed", number, at, flagIds=[flag]))
        if number % 4 == 1:
            log.append(action("reopened", number, later, flagIds=[flag]))
        if number % 3 == 0:
            log.append(action("snoozed", number, at, flagIds=[flag], until=until))
    return log


def is_spoilt(event: Document) -> bool:
    """Whether intake must reject this event of the corridor."""
    return bool(event["id"].endswith("-bad"))


def in_order(log: Log) -> Log:
    """Return the log by recorded time."""
    return sorted(log, key=lambda entry: str(entry[1]["recordedtime"]))


def shuffled(log: Log, seed: int) -> Log:
    """Return the log in any order."""
    return random.Random(seed).sample(log, len(log))


def doubled(log: Log) -> Log:
    """Return the log with every event twice: at once, and the whole of it again."""
    half = [entry for number, entry in enumerate(log) for _ in range(1 + number % 2)]
    return half + [entry for number, entry in enumerate(log) if number % 2 == 0]


def corrected(log: Log, seed: int, *, share: float = 0.5) -> Log:
    """Return the log with mistakes that are put right, each before or after what it corrects.

    The greatest version of every event is the one of the log, and every event that the log does not have
    ends retracted, so that the accepted net facts are the same.
    """
    draw = random.Random(seed)
    pool = _Pool(log)
    result: list[tuple[float, tuple[str, Document]]] = []
    for number, (family, event) in enumerate(log):
        result.append((float(number), (family, event)))
        fixed = event["type"] in LOCKED or is_spoilt(event) or "data" not in event
        if fixed or draw.random() >= share:
            continue
        mistakes = list(_mistakes(event, pool, draw))
        result.extend((draw.uniform(0, len(log)), (family, mistake)) for mistake in mistakes)
    return [entry for _, entry in sorted(result, key=lambda pair: pair[0])]


class _Pool:
    """Values of the log that a mistake may confuse with one another."""

    FIELDS = ("equipmentReference", "consignmentId", "mrn", "lrn", "transportDocumentReference")

    def __init__(self, log: Log) -> None:
        self.values: dict[str, list[Any]] = {}
        for name in (*self.FIELDS, "deviceId", "conveyance", "commandId", "flagId"):
            seen = {
                repr(body[name]): body[name]
                for _, event in log
                if not is_spoilt(event) and name in (body := event.get("data", {}))
            }
            self.values[name] = [seen[key] for key in sorted(seen)]


def _mistakes(event: Document, pool: _Pool, draw: random.Random) -> Iterator[Document]:
    recorded = datetime.fromisoformat(event["recordedtime"])
    earlier = recorded - timedelta(seconds=draw.randint(1, 290))
    kind = draw.choice(["wrong first", "wrong first", "taken back first", "never happened"])
    if kind == "never happened":
        phantom = {**_wrong(event, pool, draw), "id": f"{event['id']}-phantom"}
        yield phantom
        if draw.random() < 0.3:
            yield {**_wrong(phantom, pool, draw), "recordedtime": text(earlier)}
        yield _retraction(phantom, recorded + timedelta(seconds=draw.randint(0, 200)), draw)
        return
    wrong = {**_wrong(event, pool, draw), "recordedtime": text(earlier)}
    yield wrong
    if kind == "taken back first":
        yield _retraction(
            wrong, min(recorded - timedelta(milliseconds=1), earlier + timedelta(seconds=1)), draw
        )


def _retraction(event: Document, recorded: datetime, draw: random.Random) -> Document:
    retraction = {**event, "recordedtime": text(recorded), "retracted": True}
    if draw.random() < 0.6:
        retraction.pop("data", None)
    return retraction


def _wrong(event: Document, pool: _Pool, draw: random.Random) -> Document:
    """Return the event with another time, place, leg, identifier or plan; still acceptable by itself."""
    body: Document = dict(event.get("data", {}))
    wrong = {key: value for key, value in event.items() if key != "retracted"} | {"data": body}
    ways: list[Callable[[], Mapping[str, Any]]] = [lambda: _at(event, draw)]
    ways += [partial(_confused, body, name, pool, draw) for name in pool.values if name in body]
    if "legId" in body:
        ways.append(lambda: {"data": body | {"legId": draw.choice(["i1", "i2", "o", "m1", "x9"])}})
    if body.get("eventClassifier") == "ACTUAL":
        ways.append(lambda: {"data": body | {"eventClassifier": "PLANNED"}})
    if "unLocationCode" in body:
        ways.append(lambda: {"data": body | {"unLocationCode": draw.choice(["CNYTN", "BEANR"])}})
    if "legs" in body:
        ways += [lambda: {"data": _other_filing(body, draw)}] * 4
    if event["type"] == "org.sstl.manifest.registered.v1":
        ways.append(lambda: {"data": {k: v for k, v in body.items() if k != "consignmentId"}})
    return wrong | dict(draw.choice(ways)())


def _confused(body: Document, name: str, pool: _Pool, draw: random.Random) -> Document:
    return {"data": body | {name: draw.choice(pool.values[name])}}


def _at(event: Document, draw: random.Random) -> Document:
    at = datetime.fromisoformat(event["time"])
    return {"time": text(at - timedelta(minutes=draw.randint(1, 1_800)))}


def _other_filing(body: Document, draw: random.Random) -> Document:
    """Return a filing with another plan, without its last consignment, or by another means."""
    choice = draw.randrange(4)
    if choice == 0:
        shift = timedelta(hours=draw.choice([-40, -10, 10, 40]))
        legs = [
            {
                **leg,
                "plannedStart": _moved(leg["plannedStart"], shift),
                "plannedEnd": _moved(leg["plannedEnd"], shift),
            }
            for leg in body["legs"]
        ]
        return body | {"legs": legs}
    if choice == 1 and len(body["consignments"]) > 1:
        return body | {"consignments": body["consignments"][:-1]}
    if choice == 2 and "transportMeans" in body:
        return {k: v for k, v in body.items() if k not in {"transportMeans", "etd", "eta"}}
    return body | {"legs": body["legs"][:1]}


def _moved(instant: str, by: timedelta) -> str:
    return text(datetime.fromisoformat(instant) + by)
