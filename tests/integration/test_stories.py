"""Stories of journeys through a real worker: the flags that an officer expects, and none besides.

Each story is a shipment of the synthetic corridor on which nothing happens, retold with one thing that does. The
policy is the one that ships with the project.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from sstl.agents.topics import FAMILIES
from sstl.embedded import EmbeddedKafka
from sstl.publish.routing import family_of
from sstl.synthetic.corridor import Corridor
from sstl.synthetic.log import text
from sstl.synthetic.plan import Shipment
from sstl.synthetic.shipment import tell
from tests.harness import Lab

POLICY = Path(__file__).parents[2] / "policy"
HOUR = timedelta(hours=1)
END = datetime(2013, 9, 1, tzinfo=UTC)
Event = dict[str, Any]
Retelling = Callable[[Shipment, list[Event]], list[Event]]


@dataclass(frozen=True)
class Story:
    """One story and what it must come to."""

    number: int
    """The shipment that is retold."""
    lane: str
    retold: Retelling
    flags: frozenset[str]
    """Rules whose flags hold at the end."""
    notices: frozenset[str] = frozenset()
    withdrawn: frozenset[str] = frozenset()
    """Rules that were flagged, or noticed, on the way and taken back."""
    looked_at: timedelta | None = None
    """After the filing: when somebody looks, so that what is said by then is not overtaken unseen."""


def corridor(lane: str) -> Corridor:
    return Corridor(
        seed=31,
        start=datetime(2013, 1, 7, tzinfo=UTC),
        spacing=timedelta(hours=7),
        lanes=(lane,),
        incident_share=0,
        confirmed_share=0,
        disorder=0,
    )


def moved(event: Event, by: timedelta, **more: Any) -> Event:
    """Return an event that happened later (or earlier), recorded accordingly."""
    shifted = {
        name: text(datetime.fromisoformat(event[name]) + by) for name in ("time", "recordedtime")
    }
    return {**event, **shifted, **more}


def named(events: list[Event], ending: str) -> Event:
    """Return the one event whose id ends so."""
    (found,) = [event for event in events if event["id"].endswith(ending)]
    return found


def lock_report(events: list[Event], name: str, report: str, at: datetime, **body: Any) -> Event:
    """Return a report of the first unit's lock."""
    armed = named(events, "-0-lock-2")
    known = {key: armed["data"][key] for key in ("equipmentReference", "deviceId")}
    return {
        **armed,
        "id": f"{armed['id']}-{name}",
        "type": f"org.sstl.seallock.{report}.v1",
        "time": text(at),
        "recordedtime": text(at + timedelta(seconds=30)),
        "data": {**known, **body},
    }


def as_it_was(_: Shipment, events: list[Event]) -> list[Event]:
    """Everything as planned; the lock is opened at the destination under a grant."""
    return events


def tampered_at_a_rest_area(_: Shipment, events: list[Event]) -> list[Event]:
    """On the road to the terminal the lock is forced, opened, closed and armed again."""
    armed = named(events, "-0-lock-2")
    at = datetime.fromisoformat(armed["time"]) + 3 * HOUR
    sealed = {"sealNumber": armed["data"]["sealNumber"], "sealGrade": "H"}
    return [
        *events,
        lock_report(events, "forced", "alarm", at, kind="TAMPER"),
        lock_report(events, "opened", "opened", at + HOUR / 60),
        lock_report(events, "closed", "closed", at + HOUR / 4),
        lock_report(events, "again", "armed", at + HOUR / 3, **sealed),
    ]


def gate_in_corrected(_: Shipment, events: list[Event]) -> list[Event]:
    """A gate-in is typed in with the wrong day, and corrected two days later."""
    right = named(events, "-0-gated_in")
    wrong = moved(right, 24 * HOUR)
    corrected = {**right, "recordedtime": moved(wrong, 48 * HOUR)["recordedtime"]}
    return [event for event in events if event is not right] + [wrong, corrected]


def container_reused(shipment: Shipment, events: list[Event]) -> list[Event]:
    """The same container with the same lock travels again two months later; that time the lock is forced."""
    again = corridor(shipment.lane.lane_id).shipment(shipment.number + 200)
    later = [one.event for one in tell(again, 31, confirmed_share=0) if one.good]
    later = tampered_at_a_rest_area(again, later)
    told = orjson.dumps(later).decode()
    for other, own in zip(again.units, shipment.units, strict=False):
        told = told.replace(other.reference, own.reference)
        assert other.device is not None
        assert own.device is not None
        told = told.replace(f'"{other.device["tagSerial"]}"', f'"{own.device["tagSerial"]}"')
    found: list[Event] = orjson.loads(told)
    return events + found


def battery_dies_at_sea(shipment: Shipment, events: list[Event]) -> list[Event]:
    """The battery runs down; from mid-ocean on nothing is heard of the lock any more."""
    sailed, arrived = shipment.actual.departed, shipment.actual.arrived
    dies = sailed + (arrived - sailed) / 2
    device = named(events, "-0-lock-2")["data"]["deviceId"]

    def lives(event: Event) -> bool:
        of_lock = event["source"].endswith(":locks") and event["data"].get("deviceId") == device
        return not of_lock or datetime.fromisoformat(event["time"]) < dies

    readings = [
        lock_report(
            events, f"status-{day}", "device.status", sailed + day * 24 * HOUR, batteryPct=pct
        )
        for day, pct in ((0, 60.0), (2, 50.0), (4, 40.0), (6, 30.0))
    ]
    return [event for event in events if lives(event)] + readings


def inspection_by_mrn_before_its_manifest(shipment: Shipment, events: list[Event]) -> list[Event]:
    """Customs find something; the result names the MRN only and comes before the filing itself."""
    house = shipment.houses[0]
    at = shipment.lodged + 2 * HOUR
    result = {
        "specversion": "1.0",
        "id": f"{shipment.name}-early-result",
        "source": "urn:sstl:synthetic:customs",
        "type": "org.sstl.inspection.result.recorded.v1",
        "time": text(at),
        "recordedtime": text(at),
        "datacontenttype": "application/json",
        "data": {
            "mrn": house.mrn,
            "side": "EXPORT",
            "office": f"{shipment.lane.origin}01",
            "inspectionId": "early",
            "controlType": "DOCUMENT",
            "status": "DONE",
            "controlResultCode": "B1",
            "outcome": "CONFIRMED",
        },
    }
    return [result, *events]


SEA, RAIL = "CNYTN-NLRTM-SEA", "CNXIA-DEDUI-RAIL"
STORIES = {
    "authorised opening at Duisburg": Story(1, RAIL, as_it_was, frozenset()),
    "tampered at a rest area and resealed": Story(
        2,
        RAIL,
        tampered_at_a_rest_area,
        frozenset({"seal-opened-unauthorised", "seal-tampered"}),
    ),
    "late gate-in corrected": Story(
        4,
        RAIL,
        gate_in_corrected,
        frozenset(),
        withdrawn=frozenset({"milestone-later-than-planned"}),
        looked_at=timedelta(days=2.8),
    ),
    "container reused": Story(
        9,
        RAIL,
        container_reused,
        frozenset({"seal-opened-unauthorised", "seal-tampered"}),
    ),
    "lock battery dies at sea": Story(
        5,
        SEA,
        battery_dies_at_sea,
        frozenset({"seal-still-locked"}),
        withdrawn=frozenset({"lock-battery-short"}),
        looked_at=timedelta(days=12),
    ),
    "inspection known by MRN only before its manifest": Story(
        8, RAIL, inspection_by_mrn_before_its_manifest, frozenset({"control-unsatisfactory"})
    ),
}


def shipment_of(story: Story) -> Shipment:
    return corridor(story.lane).shipment(story.number)


def events_of(story: Story) -> list[Event]:
    shipment = shipment_of(story)
    reports = tell(shipment, 31, confirmed_share=0)
    told = story.retold(shipment, [report.event for report in reports if report.good])
    return sorted(told, key=lambda event: event["recordedtime"])


def _progress(family: str, reached: datetime) -> Event:
    return {
        "specversion": "1.0",
        "id": f"progress-{family}-{reached.timestamp():.0f}",
        "source": "urn:sstl:tests",
        "type": "org.sstl.progress.v1",
        "time": text(reached),
        "data": {"reached": text(reached)},
    }


def _publish(lab: Lab, log: list[Event], reached: datetime) -> None:
    """Publish what was recorded up to an instant, and that all of it is there."""
    lab.publish([(family_of(event["type"]) or "transport", event) for event in log])
    lab.publish([(family, _progress(family, reached)) for family in FAMILIES])
    lab.await_quiet("journeys", "consignments", "findings", quiet_s=5, timeout_s=150)


@dataclass(frozen=True)
class Outcome:
    """What the topics say at the end."""

    flags: list[dict[str, Any]]
    """Every version of every flag, as issued."""
    notices: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    quarantined: int


@pytest.fixture(scope="module")
def outcome(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All stories at once through one worker."""
    settings = {"SSTL_BACKFILL": ",".join(FAMILIES), "SSTL_POLICY_FILE": str(POLICY)}
    directory = tmp_path_factory.mktemp("stories")
    with Lab(kafka.bootstrap, f"stories-{os.getpid()}", directory, settings=settings) as lab:
        log = [event for story in STORIES.values() for event in events_of(story)]
        log.sort(key=lambda event: event["recordedtime"])
        lab.start()
        looks = sorted(
            shipment_of(story).lodged + story.looked_at
            for story in STORIES.values()
            if story.looked_at is not None
        )
        for until in (*looks, END):
            known = [event for event in log if event["recordedtime"] < text(until)]
            log = log[len(known) :]
            _publish(lab, known, until)
        return Outcome(
            flags=[orjson.loads(record.value) for record in lab.read("risk-flags")],
            notices=[orjson.loads(record.value) for record in lab.read("notices")],
            rejected=[orjson.loads(record.value) for record in lab.read("rejected")],
            quarantined=len(lab.read("quarantine")),
        )


def _about(story: Story, record: dict[str, Any]) -> bool:
    shipment = shipment_of(story)
    subject = record["subject"]
    units = {unit.reference for unit in shipment.units}
    houses = {house.consignment_id for house in shipment.houses}
    named_here = {*subject.get("consignments", ()), subject.get("transportDocument", "")}
    return subject.get("equipmentReference") in units or bool(houses & named_here)


def _rule(record: dict[str, Any]) -> str:
    return str(record["indicators"][0]["ruleId"]) if "indicators" in record else record["ruleId"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", STORIES)
def test_a_story_raises_the_flags_that_are_expected_and_none_besides(
    outcome: Outcome, name: str
) -> None:
    story = STORIES[name]
    last = {flag["flagId"]: flag for flag in outcome.flags if _about(story, flag)}
    standing = {
        _rule(flag) for flag in last.values() if flag["status"] in {"ISSUED", "UPDATED", "EXPIRED"}
    }
    told = {one["noticeId"]: one for one in outcome.notices if _about(story, one)}
    notices = {_rule(one) for one in told.values() if one["status"] != "WITHDRAWN"}
    withdrawn = {
        _rule(one) for one in (*last.values(), *told.values()) if one["status"] == "WITHDRAWN"
    }
    assert standing == story.flags
    assert withdrawn == story.withdrawn
    assert notices == story.notices


@pytest.mark.timeout(240)
def test_no_event_of_a_story_is_rejected_or_quarantined(outcome: Outcome) -> None:
    assert [one["ceId"] for one in outcome.rejected] == []
    assert outcome.quarantined == 0


@pytest.mark.timeout(240)
def test_every_flag_says_why_and_what_to_do_in_two_languages(outcome: Outcome) -> None:
    assert outcome.flags
    for flag in outcome.flags:
        assert flag["text"]["en"]
        assert flag["text"]["zh"]
        assert flag["advice"]["en"]
        assert flag["advice"]["zh"]
        assert flag["evidence"] or flag["flagType"] == "LANE_TREND"
        assert len(flag["policyHash"]) == 64
