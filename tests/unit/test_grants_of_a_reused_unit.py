"""A grant counts on every journey that its window lies on, whenever it was entered and whatever is forgotten."""

from typing import Any

import pytest

from sstl.core.journeys.stage import JourneysStage
from sstl.models.policy import Policy
from sstl.models.records import Event, Heartbeat, Placed
from tests.journey_events import DAY, Chain, by_rule
from tests.seal_stories import DESTINATION, ORIGIN, answers, at, grant, lock, move, says

UNAUTHORISED, AGAINST = "seal-opened-unauthorised", "seal-opened-against-grant"
FIRST = (
    lock("armed", 1, id="armed-out"),
    move("gated_in", 2, ORIGIN),
    move("departed", 10, ORIGIN),
    move("arrived", 100, DESTINATION),
    move("gated_out", 110, DESTINATION),
    grant(90, 118, 121, commandId="C1"),
    lock("opened", 120, id="opened-out", commandId="C1"),
    lock("unpaired", 121),
    move("stripped", 130, DESTINATION),
)
SECOND = (
    lock("armed", 200, id="armed-back"),
    move("gated_in", 210, DESTINATION),
    move("departed", 220, DESTINATION),
    move("arrived", 320, ORIGIN),
    move("gated_out", 330, ORIGIN),
    lock("opened", 340, id="opened-back", commandId="C2"),
)
HOURS = (91, 131, 199, 250, 341, 400)


@pytest.mark.parametrize("entered", HOURS)
@pytest.mark.parametrize("holds_from", [132, 199, 330])
def test_a_grant_allows_the_opening_in_its_window_whenever_it_was_entered(
    entered: float, holds_from: float
) -> None:
    events = [*FIRST, *SECOND, grant(entered, holds_from, 350, commandId="C2")]
    assert answers(says(UNAUTHORISED, events)) == ["no_hit", "no_hit"]
    assert "hit" not in answers(says(AGAINST, events))


@pytest.mark.parametrize("entered", HOURS)
def test_a_grant_entered_on_the_next_journey_allows_the_opening_before(entered: float) -> None:
    events = [*FIRST, *SECOND, grant(250, 335, 350, commandId="C2")]
    events = [one for one in events if one.data.get("commandId") != "C1"]
    late = grant(entered, 118, 121, commandId="C1")
    opened = lock("opened", 120, id="opened-out", commandId="C1")
    assert answers(says(UNAUTHORISED, [*events, late, opened])) == ["no_hit", "no_hit"]


def test_a_grant_of_the_journey_before_whose_window_has_passed_names_nothing() -> None:
    events = [*FIRST, *SECOND, lock("opened", 205, id="again", commandId="C1")]
    assert answers(says(UNAUTHORISED, events)) == ["no_hit", "hit"]
    assert answers(says(AGAINST, events)) == ["no_hit"]


@pytest.mark.parametrize(("revoked", "answer"), [(95, "hit"), (250, "hit"), (345, "no_hit")])
def test_a_grant_of_both_journeys_is_taken_back_on_both(revoked: float, answer: str) -> None:
    both = grant(91, 118, 350, commandId="C2")
    back = lock("authorisation.revoked", revoked, commandId="C2")
    found = says(AGAINST, [*FIRST, *SECOND, both, back])
    assert answers(found)[-1] == answer


POLICY = Policy(max_lateness_s=86_400, parking_horizon_s=0)


def _told(events: list[Event], *, forgotten: bool) -> dict[str, Any]:
    """Return the findings of a unit whose first journey is forgotten before the opening is reported."""
    chain = Chain(JourneysStage(0), POLICY)
    opened = [one for one in events if one.id == "opened-back"]
    chain.feed(*(Placed(event=one) for one in events if one not in opened))
    if forgotten:
        reached_ms = at(330) + 3 * DAY
        beat = Heartbeat(source="intake-transport/0", reached_ms=reached_ms, caught_up=True)
        chain.fold([("~heartbeat", beat)])
        assert chain.counts["journey_dropped", ""] == 1
    chain.feed(*(Placed(event=one) for one in opened))
    return by_rule(chain.findings())


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("entered", [91, 199])
def test_a_grant_outlives_the_journey_on_which_it_was_entered(
    entered: float, *, forgotten: bool
) -> None:
    events = [*FIRST, *SECOND, grant(entered, 199, 350, commandId="C2")]
    assert UNAUTHORISED not in _told(events, forgotten=forgotten)
    assert UNAUTHORISED in _told([*FIRST, *SECOND], forgotten=forgotten)
