"""Stage [lanes]: what has not ended is counted, followed hour by hour, and said again until its follow-up ends."""

from typing import Any

import msgspec
import pytest

from sstl.core.histogram import bucket_of, value_of
from sstl.core.lanes import TOTAL, LanesStage, following
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.follow_up import FollowUp
from sstl.models.indicator import Indicator, net_content
from sstl.models.policy import IndicatorPolicy, LanePolicy, Policy
from sstl.models.records import OPEN, Heartbeat, LanesMessage, Measure, Observation

HOUR = 3_600_000
DAY = 24 * HOUR
MAY_1 = 1_714_521_600_000
"""A Wednesday."""
LANE = "CNSHG-NLRTM-SEA"
SOURCE = "journeys/0"
CONTEXT = Context(0, frozenset({SOURCE}))
CUSTOMS = "urn:sstl:NLRTM:customs"
POLICY = Policy(
    publisher_silence_s=2 * 3600,
    indicators={"LT_release": IndicatorPolicy(follow_up_hours=48)},
    lanes={
        LANE: LanePolicy(
            origin="CNSHG", destination="NLRTM", mode="SEA", publishers={"T13": CUSTOMS}
        )
    },
)
RELEASE = f"LT_release|consignment|{LANE}|SEA|"
WEDNESDAY, WEEK, MONTH = "P1D/2024-05-01", "P1W/2024-W18", "P1M/2024-05"


def measure(start: float, takes: float | None = None, outcome: str | None = None) -> Measure:
    """Return a measure that starts so many hours after MAY_1; not ended: no ``takes``."""
    return Measure(
        lane_id=LANE,
        mode="SEA",
        start_ms=MAY_1 + round(start * HOUR),
        value_ms=0 if takes is None else round(takes * HOUR),
        outcome=OPEN if takes is None else outcome,
    )


def told(
    current: Measure | None, previous: Measure | None = None, indicator: str = "LT_release"
) -> Observation:
    return Observation(
        id="o",
        indicator=indicator,
        counting_unit="consignment",
        current=current,
        previous=previous,
    )


def beat(hours: float, **heard: float) -> Heartbeat:
    """Return a heartbeat; ``customs`` is when the publisher of releases was last heard of."""
    publishers = tuple((CUSTOMS, MAY_1 + round(at * HOUR)) for at in heard.values())
    return Heartbeat(
        source=SOURCE,
        reached_ms=MAY_1 + round(hours * HOUR),
        caught_up=True,
        publishers=publishers,
    )


class Lane:
    """The stage with its state, and the last record of each key."""

    def __init__(self, *messages: LanesMessage) -> None:
        self.state = MemoryState()
        self.published: dict[str, Indicator] = {}
        self.say(*messages)

    def say(self, *messages: LanesMessage) -> set[str]:
        """Fold messages and tick until nothing is left; return the windows that were published."""
        stage = LanesStage()
        inbound = [Inbound("o", message) for message in messages]
        self.state.apply(stage.fold(self.state, inbound, POLICY, CONTEXT).changed)
        new: set[str] = set()
        while True:
            outcome = stage.tick(self.state, POLICY, CONTEXT)
            self.state.apply(outcome.changed)
            for output in outcome.outputs:
                if output.message is not None:
                    self.published[output.key] = output.message
                    new.add(output.key.removeprefix(f"{RELEASE}|"))
            if not outcome.changed:
                return new

    def __getitem__(self, window: str) -> FollowUp:
        found = self.published[f"{RELEASE}|{window}"].follow_up
        assert found is not None
        return found

    def n(self, window: str = WEDNESDAY) -> int:
        return self.published[f"{RELEASE}|{window}"].n

    @property
    def net(self) -> dict[str, Any]:
        contents = {key: net_content(one) for key, one in self.published.items()}
        return {key: content for key, content in contents.items() if content is not None}


def stands_for(hours: float) -> int:
    return value_of(bucket_of(round(hours * 3600)))


def test_what_is_open_counts_beside_what_has_ended_until_it_ends() -> None:
    lane = Lane(told(measure(1, 2)), told(measure(1)), beat(5.5))
    assert lane.n() == 1
    assert (lane[WEDNESDAY].n, lane[WEDNESDAY].n_open) == (2, 1)
    assert lane[WEDNESDAY].exposure_s == stands_for(2) + stands_for(4)
    lane.say(told(measure(1, 6), measure(1)))
    assert lane.n() == 2
    assert (lane[WEDNESDAY].n, lane[WEDNESDAY].n_open, lane[WEDNESDAY].as_of) == (2, 0, None)


def test_what_ends_otherwise_is_in_no_lead_time_and_has_an_incidence() -> None:
    lane = Lane(told(measure(1, 2)), told(measure(1)), beat(5.5))
    lane.say(told(measure(1, 3, "SEIZED"), measure(1)))
    assert lane.n() == 1
    assert lane[WEDNESDAY].competing == {"SEIZED": 1}
    assert {name: one.share for name, one in lane[WEDNESDAY].incidence.items()} == {
        "ENDED": 0.5,
        "SEIZED": 0.5,
    }


def test_while_sources_are_behind_open_windows_are_told_once_a_day() -> None:
    def behind(hours: float) -> Heartbeat:
        return msgspec.structs.replace(beat(hours), caught_up=False)

    lane = Lane(told(measure(1)), behind(5))
    assert lane.say(behind(23)) == set()
    assert lane[WEDNESDAY].exposure_s == stands_for(4)
    assert WEDNESDAY in lane.say(behind(24))
    assert lane[WEDNESDAY].exposure_s == stands_for(23)
    assert lane.say(behind(26)) == set()
    # the same watermark, and nothing is left to read
    assert WEDNESDAY in lane.say(beat(26))
    assert lane[WEDNESDAY].exposure_s == stands_for(25)
    assert lane.say(beat(26)) == set()


def test_a_corrected_start_moves_an_open_one_to_another_day() -> None:
    lane = Lane(told(measure(1)), beat(30))
    lane.say(told(measure(25), measure(1)))
    thursday = lane["P1D/2024-05-02"]
    assert (thursday.n_open, thursday.exposure_s) == (1, stands_for(5))
    assert net_content(lane.published[f"{RELEASE}|{WEDNESDAY}"]) is None
    assert lane[MONTH].n_open == lane[TOTAL].n_open == 1


def test_what_is_taken_back_is_not_open_any_more() -> None:
    lane = Lane(told(measure(1)), beat(30))
    lane.say(told(None, measure(1)))
    assert lane.net == {}


def test_windows_with_something_open_are_said_again_with_each_full_hour_and_others_are_not() -> (
    None
):
    lane = Lane(told(measure(1)), told(measure(26, 1)), beat(30))
    assert lane.say(beat(30.9)) == set()
    assert lane.say(beat(31)) == {WEDNESDAY, WEEK, MONTH, TOTAL}
    as_of = lane[WEDNESDAY].as_of
    assert as_of is not None
    assert as_of.timestamp() * 1000 == MAY_1 + 31 * HOUR
    assert lane[WEDNESDAY].followed_to_s == stands_for(30)


def test_a_window_is_said_no_more_once_its_follow_up_has_ended() -> None:
    """The day's ends at hour 72, the week's with Sunday and two days more; the whole is followed for ever."""
    lane = Lane(told(measure(1)), beat(71.5))
    assert WEDNESDAY in lane.say(beat(72.5))
    final = lane[WEDNESDAY]
    assert final.followed_to_s == 48 * 3600
    assert final.median is not None
    assert final.median.longer_than_s == 48 * 3600
    assert lane.say(beat(80)) == {WEEK, MONTH, TOTAL}
    assert lane.say(beat(200)) == {WEEK, MONTH, TOTAL}
    assert lane.say(beat(201)) == {MONTH, TOTAL}
    assert lane.say(beat(2000)) == {MONTH, TOTAL}
    assert lane.say(beat(2001)) == {TOTAL}
    assert lane[WEDNESDAY] == final


def test_a_late_end_moves_it_from_open_to_ended_and_leaves_the_figures_of_its_follow_up() -> None:
    lane = Lane(told(measure(1)), beat(100))
    before = lane[WEDNESDAY]
    lane.say(told(measure(1, 90), measure(1)))
    assert lane.n() == 1
    after = lane[WEDNESDAY]
    assert (after.n, after.n_open, after.median) == (before.n, before.n_open, before.median)


def test_those_of_a_silent_publisher_are_followed_to_its_last_contact() -> None:
    lane = Lane(told(measure(1)), beat(10, customs=9.9))
    assert (lane[TOTAL].n_open, lane[TOTAL].n_silent) == (1, 0)
    lane.say(beat(13))
    assert (lane[TOTAL].n_open, lane[TOTAL].n_silent) == (0, 1)
    assert lane[TOTAL].exposure_s == stands_for(8.9)
    # it speaks again: the same hour, another answer
    assert lane.say(beat(13, customs=13.2)) == {WEDNESDAY, WEEK, MONTH, TOTAL}
    assert (lane[TOTAL].n_open, lane[TOTAL].n_silent) == (1, 0)
    assert lane[TOTAL].exposure_s == stands_for(12)


def test_a_window_that_ended_in_silence_is_said_again_when_the_publisher_speaks() -> None:
    lane = Lane(told(measure(1)), told(measure(30, 1)), beat(10, customs=9.9), beat(100))
    assert (lane[WEDNESDAY].n_open, lane[WEDNESDAY].n_silent) == (0, 1)
    said = lane.say(beat(100.5, customs=100.4))
    assert WEDNESDAY in said
    assert (lane[WEDNESDAY].n_open, lane[WEDNESDAY].n_silent) == (1, 0)
    straight = Lane(told(measure(1)), told(measure(30, 1)), beat(100.5, customs=100.4))
    assert lane.net == straight.net


def test_a_publisher_that_speaks_regularly_has_nothing_said_again() -> None:
    lane = Lane(told(measure(1)), beat(10, customs=9.9))
    assert lane.say(beat(10.1, customs=10.05)) == set()


@pytest.mark.parametrize("most", [1, 2, 100])
def test_marking_goes_on_where_it_stopped(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_MARKS", most)
    stages = ("LT_release", "LT_import", "LT_transit")
    lane = Lane(*(told(measure(1), indicator=name) for name in stages), beat(5))
    lane.say(beat(7))
    as_of = {
        one.follow_up.as_of.timestamp() * 1000
        for one in lane.published.values()
        if one.follow_up is not None and one.follow_up.as_of is not None
    }
    assert as_of == {MAY_1 + 7 * HOUR}


def test_hours_and_what_is_not_waited_for_are_not_followed() -> None:
    lane = Lane(told(measure(1, 2)), told(measure(1, 2), indicator="LT_customs"), beat(5))
    followed = {key for key, one in lane.published.items() if one.follow_up is not None}
    assert followed == {f"{RELEASE}|{window}" for window in (WEDNESDAY, WEEK, MONTH, TOTAL)}


def test_without_a_watermark_only_what_has_ended_is_said() -> None:
    lane = Lane(told(measure(1, 2)), told(measure(1)))
    assert lane.published[f"{RELEASE}|{WEDNESDAY}"].follow_up is None
    lane.say(beat(3))
    assert lane[WEDNESDAY].n_open == 1
