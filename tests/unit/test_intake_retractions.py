"""What is accepted as a retraction, and when."""

import pytest

from sstl.intake.envelope import RawRecord
from sstl.models.records import Registered
from sstl.models.rejection import Reason
from tests.intake_messages import LOADED, event, fold, rejection, structured

AHEAD = "2026-04-10T08:00:00Z"
RECORDED = "2026-03-01T08:00:30Z"
PLANNED = LOADED | {"eventClassifier": "PLANNED"}


def retraction(*, body: dict[str, str] | None, recorded: str = RECORDED) -> RawRecord:
    document = event("transport.loaded", body, time=AHEAD, recordedtime=recorded, retracted=True)
    return structured(document)


@pytest.mark.parametrize("body", [None, PLANNED], ids=["without-body", "with-body"])
def test_a_plan_is_taken_back_before_its_time_has_come(body: dict[str, str] | None) -> None:
    registered = fold(retraction(body=body)).outputs[-1].message
    assert isinstance(registered, Registered)
    assert registered.version.retracted


def test_a_fact_that_has_yet_to_happen_is_not_taken_back_with_its_body() -> None:
    assert rejection(retraction(body=LOADED)).reason == Reason.FAR_FUTURE


def test_a_retraction_is_not_recorded_in_the_future() -> None:
    refused = rejection(retraction(body=None, recorded=AHEAD))
    assert (refused.reason, refused.pointer) == (Reason.FAR_FUTURE, "/recordedtime")
