"""Which answer ends which referral."""

import itertools
from typing import Any

import pytest

from sstl.core.referrals import ANSWERED, RAISED, bare, pair
from sstl.models.records import Event
from tests.journey_events import HOUR, START, event


def raised(hour: int, kind: str = "RFI", number: str | None = None) -> Event:
    return event(RAISED, START + hour * HOUR, id=f"q{hour}", **_body(kind, number))


def answered(hour: int, kind: str = "RFI", number: str | None = None) -> Event:
    return event(ANSWERED, START + hour * HOUR, id=f"a{hour}", **_body(kind, number))


def _body(kind: str, number: str | None) -> dict[str, Any]:
    return {"referralType": kind} | ({} if number is None else {"referralId": number})


@pytest.mark.parametrize(
    ("asked", "answers", "ended", "left"),
    [
        pytest.param([raised(1)], [], {}, [], id="open"),
        pytest.param([raised(1)], [answered(2)], {"q1": "a2"}, [], id="same-type"),
        pytest.param([raised(1)], [answered(1)], {"q1": "a1"}, [], id="at-the-same-instant"),
        pytest.param([raised(1)], [answered(0)], {}, ["a0"], id="answered-before-it-was-asked"),
        pytest.param([raised(1)], [answered(2, "RFS")], {}, ["a2"], id="another-type"),
        pytest.param(
            [raised(1), raised(2)], [answered(3)], {"q1": "a3"}, [], id="the-oldest-one-is-ended"
        ),
        pytest.param(
            [raised(1, number="A"), raised(2, number="B")],
            [answered(3, number="B")],
            {"q2": "a3"},
            [],
            id="by-its-id",
        ),
        pytest.param(
            [raised(2, number="A")],
            [answered(1, number="A")],
            {"q2": "a1"},
            [],
            id="id-before-time",
        ),
        pytest.param(
            [raised(1, number="A")], [answered(2, number="B")], {}, ["a2"], id="another-id"
        ),
        pytest.param(
            [raised(1, number="A")], [answered(2)], {"q1": "a2"}, [], id="the-answer-has-no-id"
        ),
    ],
)
def test_an_answer_ends_the_referral_that_it_answers(
    asked: list[Event], answers: list[Event], ended: dict[str, str], left: list[str]
) -> None:
    for questions in itertools.permutations(asked):
        paired, over = pair(questions, answers)
        assert {
            one.raised.id: one.answered.id for one in paired if one.answered is not None
        } == ended
        assert [one.raised.id for one in paired] == [one.id for one in asked]
        assert [one.id for one in over] == left


def test_only_what_pairs_a_referral_is_kept_of_its_body() -> None:
    told = bare(event(RAISED, START, referralType="DNL", reason="a long text", lrn="LRN1"))
    assert told.data == {"referralType": "DNL"}
