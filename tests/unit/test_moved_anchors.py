"""A report from before moves the beginning of an episode: the new flag supersedes the old and inherits its answers."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.chain import Chain, as_bytes

UNIT = "CSQU3054383"
DEVICE = {"manufacturerId": "LOCKS", "tagSerial": "7"}
START = datetime(2026, 1, 1, tzinfo=UTC)
Document = tuple[str, dict[str, Any]]


def text(hours: float) -> str:
    return (START + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def report(name: str, kind: str, hours: float, told: float, /, **body: Any) -> Document:
    """Return what the lock reported at an hour and its vendor told at another."""
    event = {
        "specversion": "1.0",
        "id": name,
        "source": "urn:sstl:DEDUI:locks",
        "type": f"org.sstl.seallock.{kind}.v1",
        "time": text(hours),
        "recordedtime": text(told),
        "data": {"equipmentReference": UNIT, "deviceId": DEVICE, **body},
    }
    return "seallock", event


def confirmed(name: str, flag_id: str, hours: float) -> Document:
    event = {
        "specversion": "1.0",
        "id": name,
        "source": "urn:sstl:NLRTM:office",
        "type": "org.sstl.risk.feedback.v1",
        "time": text(hours),
        "recordedtime": text(hours),
        "data": {
            "flagId": flag_id,
            "feedbackId": name,
            "actionTaken": "CONTROL_DONE",
            "outcome": "CONFIRMED",
        },
    }
    return "feedback", event


ARMED = report("armed", "armed", 1, 1, sealNumber="A1")
BACK_AFTER_SILENCE = {
    "an-opening": (
        report("snapshot", "state.reported", 40, 40, state="OPENED"),
        report("opened-again", "opened", 30, 41),
        report("opened", "opened", 20, 42),
    ),
    "an-alarm": (
        report("third", "alarm", 40, 40, kind="TAMPER", latched=True),
        report("second", "alarm", 30, 41, kind="TAMPER", latched=True),
        report("first", "alarm", 20, 42, kind="TAMPER", latched=True),
    ),
    "a-number": (
        report("third", "checked", 40, 40, deviceId=None, sealNumber="XX999", condition="RIGHT"),
        report("second", "checked", 30, 41, deviceId=None, sealNumber="XX999", condition="RIGHT"),
        report("first", "checked", 20, 42, deviceId=None, sealNumber="XX999", condition="RIGHT"),
    ),
}


def _without_nothing(entry: Document) -> Document:
    family, event = entry
    data = {name: value for name, value in event["data"].items() if value is not None}
    return family, event | {"data": data}


def _only(chain: Chain) -> dict[str, Any]:
    (flag,) = chain.net_flags().values()
    return flag


@pytest.mark.parametrize("reports", BACK_AFTER_SILENCE.values(), ids=BACK_AFTER_SILENCE)
def test_a_backlog_from_before_moves_the_flag_and_its_feedback(
    reports: tuple[Document, ...],
) -> None:
    last, middle, first = map(_without_nothing, reports)
    chain = Chain()
    chain.take([ARMED, last])
    flag_id = _only(chain)["flagId"]
    feedback = confirmed("F1", flag_id, 40.5)
    chain.take([feedback])
    for earlier in (middle, first):
        chain.take([earlier])
        moved = _only(chain)
        assert moved["flagId"] != flag_id
        assert moved["feedback"]["feedbackId"] == "F1"
        assert moved["status"] == "CLOSED"
        assert "supersedes" in moved
    expected = as_bytes(chain.net_flags())
    for order in permutations((ARMED, last, middle, first, feedback)):
        again = Chain()
        for entry in order:
            again.take([entry])
        assert as_bytes(again.net_flags()) == expected


@pytest.mark.parametrize("reports", BACK_AFTER_SILENCE.values(), ids=BACK_AFTER_SILENCE)
def test_the_new_flag_supersedes_the_one_that_it_takes_the_place_of(
    reports: tuple[Document, ...],
) -> None:
    last, middle, first = map(_without_nothing, reports)
    chain = Chain()
    for told in ([ARMED, last], [middle], [first]):
        before = next(iter(chain.net_flags()), None)
        chain.take(told)
        assert _only(chain).get("supersedes") == before


def test_an_opening_after_the_lock_was_armed_again_is_an_episode_of_its_own() -> None:
    again = report("armed-again", "armed", 35, 35, sealNumber="A1")
    opened = report("opened", "opened", 20, 42)
    chain = Chain()
    chain.take([ARMED, report("later", "opened", 40, 40)])
    chain.take([again, opened])
    flags = [
        flag
        for flag in chain.net_flags().values()
        if flag["indicators"][0]["ruleId"] == "seal-opened-unauthorised"
    ]
    assert len(flags) == 2
    assert not any("supersedes" in flag for flag in flags)
