"""Referrals of a customs system and the answers that end them (IE3Q01 to IE3Q03, IE3R02 and IE3R03).

A referral names its filing by LRN, and is then told by [manifests], or only by MRN, and then reaches the consignment
as an event of its own. Both sides pair them by the same rule, so that it does not matter which way either came.
"""

from collections.abc import Iterable

import msgspec

from sstl.core.milestones import order
from sstl.models.records import Event, Referral

RAISED = "manifest.referral.raised"
ANSWERED = "manifest.referral.answered"
_NAMED = ("referralId", "referralType")


def bare(event: Event) -> Event:
    """Return a referral or answer with only that of its body by which it is paired."""
    data = {name: event.data[name] for name in _NAMED if name in event.data}
    return event if data == event.data else msgspec.structs.replace(event, data=data)


def pair(
    raised: Iterable[Event], answers: Iterable[Event]
) -> tuple[tuple[Referral, ...], tuple[Event, ...]]:
    """Return the referrals in their order, each with the answer that ends it, and the answers that end none.

    An answer that bears the id of a referral ends the first one of that id that is still open. Where either bears no
    id, it ends the first open one of its type that was not raised after it.
    """
    asked = sorted(raised, key=order)
    ended: dict[int, Event] = {}
    left = []
    for answer in sorted(answers, key=order):
        number = _by_id(asked, answer, ended)
        if number is None:
            number = _by_type(asked, answer, ended)
        if number is None:
            left.append(answer)
        else:
            ended[number] = answer
    paired = tuple(
        Referral(
            kind=str(event.data.get("referralType", "")), raised=event, answered=ended.get(number)
        )
        for number, event in enumerate(asked)
    )
    return paired, tuple(left)


def _by_id(asked: list[Event], answer: Event, ended: dict[int, Event]) -> int | None:
    named = answer.data.get("referralId")
    if named is None:
        return None
    for number, event in enumerate(asked):
        if number not in ended and event.data.get("referralId") == named:
            return number
    return None


def _by_type(asked: list[Event], answer: Event, ended: dict[int, Event]) -> int | None:
    for number, event in enumerate(asked):
        if number in ended or event.event_ms > answer.event_ms:
            continue
        both = (event.data.get("referralId"), answer.data.get("referralId"))
        if None in both and event.data.get("referralType") == answer.data.get("referralType"):
            return number
    return None
