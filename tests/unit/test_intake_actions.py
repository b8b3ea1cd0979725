"""Operators' actions at intake: where they go, who did them, and what is refused."""

from typing import Any

import pytest

from sstl.core.references.moves import take_registered
from sstl.core.stage import Context, MemoryState, Output, Work
from sstl.intake.envelope import RawRecord
from sstl.models.action import KINDS
from sstl.models.policy import Policy
from sstl.models.records import Placed, Registered, Version, Withdrawn
from sstl.models.rejection import Reason
from tests.intake_messages import accepted, event, fold, places, rejection, structured

REGISTER = ("references", "event:urn:sstl:NLRTM:tests|event-1")
BY = {"author": "officer-0417", "reason": "known defect"}
UNTIL = {"until": "2026-03-08T08:00:00Z"}


def sent(kind: str, data: dict[str, Any], **attributes: Any) -> RawRecord:
    return structured(event(f"action.{kind}", data, **attributes), family="action")


def body(kind: str, **named: Any) -> dict[str, Any]:
    return {**BY, **(UNTIL if kind == "snoozed" else {}), **named}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_action_on_flags_goes_to_each_of_them(kind: str) -> None:
    raw = sent(kind, body(kind, flagIds=["F1", "F2", "F1"]))
    assert places(raw) == [("findings", "F1"), ("findings", "F2"), REGISTER]
    assert not any(output.broadcast for output in fold(raw).outputs)


@pytest.mark.parametrize("kind", ["snoozed", "unsnoozed"])
@pytest.mark.parametrize(
    "scope",
    [
        pytest.param({"ruleId": "seal-battery-low"}, id="rule"),
        pytest.param({"laneId": "CNYTN-NLRTM-SEA"}, id="lane"),
        pytest.param({"equipmentReference": "CSQU3054383"}, id="unit"),
        pytest.param({"transportDocumentReference": "HBL1"}, id="loose-cargo"),
        pytest.param({"ruleId": "seal-battery-low", "laneId": "L1"}, id="rule-and-lane"),
    ],
)
def test_a_snooze_of_a_scope_goes_to_every_partition(kind: str, scope: dict[str, str]) -> None:
    placed, registered = fold(sent(kind, body(kind, **scope))).outputs
    assert (placed.topic, placed.key, placed.broadcast) == ("findings", "~snoozes", True)
    assert isinstance(placed.message, Placed)
    assert registered.message.places == ("flags:~snoozes",)


def test_who_acted_is_a_pseudonym_that_stays_the_same() -> None:
    first = accepted(sent("closed", body("closed", flagIds=["F1"])))
    again = accepted(sent("reopened", body("reopened", flagIds=["F1"], author="OFFICER 0417")))
    assert first.data["author"].startswith("p:")
    assert "0417" not in first.data["author"]
    assert first.data["author"] == again.data["author"]
    assert first.data["reason"] == "known defect"


def without(data: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != name}


@pytest.mark.parametrize(
    ("kind", "data", "reason", "pointer"),
    [
        pytest.param(
            "acknowledged", BY, Reason.MISSING_FIELD, "/data/flagIds", id="acknowledges-nothing"
        ),
        pytest.param(
            "acknowledged",
            without(BY, "author") | {"flagIds": ["F1"]},
            Reason.MISSING_FIELD,
            "/data/author",
            id="nobody-did-it",
        ),
        pytest.param(
            "closed",
            BY | {"flagIds": ["F1"], "reason": "  "},
            Reason.INVALID_VALUE,
            "/data/reason",
            id="closes-for-a-reason-of-blanks",
        ),
        pytest.param(
            "closed",
            without(BY, "reason") | {"flagIds": ["F1"]},
            Reason.MISSING_FIELD,
            "/data/reason",
            id="closed-without-a-reason",
        ),
        pytest.param(
            "reopened",
            without(BY, "reason") | {"flagIds": ["F1"]},
            Reason.MISSING_FIELD,
            "/data/reason",
            id="reopened-without-a-reason",
        ),
        pytest.param(
            "snoozed",
            without(BY, "reason") | UNTIL | {"ruleId": "R"},
            Reason.MISSING_FIELD,
            "/data/reason",
            id="snoozed-without-a-reason",
        ),
        pytest.param(
            "snoozed",
            BY | {"ruleId": "R"},
            Reason.MISSING_FIELD,
            "/data/until",
            id="snoozed-for-ever",
        ),
        pytest.param(
            "snoozed", BY | UNTIL, Reason.MISSING_FIELD, "/data/flagIds", id="snoozes-nothing"
        ),
        pytest.param(
            "snoozed",
            BY | UNTIL | {"flagIds": ["F1"], "ruleId": "R"},
            Reason.CONTRADICTORY_FIELDS,
            "/data/flagIds",
            id="flags-and-a-rule",
        ),
        pytest.param(
            "snoozed",
            BY | UNTIL | {"equipmentReference": "CSQU3054383", "transportDocumentReference": "H"},
            Reason.CONTRADICTORY_FIELDS,
            "/data/transportDocumentReference",
            id="two-units",
        ),
        pytest.param(
            "snoozed",
            BY | {"ruleId": "R", "until": "2026-03-01T08:00:00Z"},
            Reason.CONTRADICTORY_FIELDS,
            "/data/until",
            id="ends-when-it-begins",
        ),
        pytest.param(
            "snoozed",
            BY | {"ruleId": "R", "until": "2027-03-02T08:00:01Z"},
            Reason.CONTRADICTORY_FIELDS,
            "/data/until",
            id="a-second-longer-than-366-days",
        ),
        pytest.param(
            "closed",
            BY | {"flagIds": ["~position"]},
            Reason.INVALID_VALUE,
            "/data/flagIds/0",
            id="a-key-of-the-machinery",
        ),
    ],
)
def test_what_is_refused(kind: str, data: dict[str, Any], reason: Reason, pointer: str) -> None:
    refused = rejection(sent(kind, data))
    assert (refused.reason, refused.pointer) == (reason, pointer)
    assert "officer-0417" not in refused.got


def test_a_snooze_may_last_366_days() -> None:
    data = BY | {"ruleId": "R", "until": "2027-03-02T08:00:00Z"}
    assert accepted(sent("snoozed", data)).data["until"] == "2027-03-02T08:00:00Z"


def test_an_author_of_the_wrong_shape_is_not_repeated() -> None:
    refused = rejection(sent("closed", BY | {"flagIds": ["F1"], "author": ["Jan", "0417"]}))
    assert refused.pointer == "/data/author"
    assert "0417" not in refused.got


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        pytest.param("action.closed", "action", id="action"),
        pytest.param("registry.operator.status", "registry", id="registry-entry"),
    ],
)
def test_what_names_somebody_is_retracted_without_a_body_too(kind: str, family: str) -> None:
    (output,) = fold(structured(event(kind, None, retracted=True), family=family)).outputs
    assert (output.topic, output.key) == REGISTER
    assert output.message.version.retracted


def test_actions_come_on_their_own_topic_only() -> None:
    document = event("action.closed", BY | {"flagIds": ["F1"]})
    assert rejection(structured(document, family="feedback")).reason == Reason.WRONG_TOPIC


def test_a_snooze_corrected_to_one_flag_is_taken_from_every_partition() -> None:
    work = Work(MemoryState(), Policy(), Context(0, frozenset()))

    def registered(recorded_ms: int, place: str) -> Registered:
        version = Version(recorded_ms, retracted=False, digest="d")
        return Registered(identity="s|1", version=version, places=(place,), event_ms=1)

    take_registered(work, "event:s|1", registered(1, "flags:~snoozes"))
    take_registered(work, "event:s|1", registered(2, "flag:F1"))
    away = Withdrawn(identity="s|1", version=Version(2, retracted=False, digest="d"))
    assert work.outcome.outputs == [Output("findings", "~snoozes", away, broadcast=True)]
