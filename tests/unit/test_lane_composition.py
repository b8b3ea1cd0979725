"""Through the stage [lanes]: a change of the mix of lots or channels does not pass as an improvement."""

import random
from collections.abc import Sequence

import msgspec
import pytest

from sstl.core.lanes import LanesStage
from sstl.core.lanes.composition import BY
from sstl.models.indicator import net_content
from sstl.models.records import OPEN, Measure, Observation
from tests.unit.test_lane_windows import CONTEXT, DAY, LANE, Lane, beat

pytestmark = pytest.mark.unit

MINUTE = 60_000
JANUARY = 1_767_225_600_000
FEBRUARY = JANUARY + 31 * DAY
MARCH = FEBRUARY + 28 * DAY
REGULAR_2018 = ((60, 60), (30, 120), (10, 540))
REGULAR_2024 = ((36, 45), (18, 90), (6, 420))
SMALL = ((24, 3), (12, 8), (4, 18))
"""Counts and minutes: means of 2.1, 1.6 and 0.1 h (docs/statistics.md)."""
HOUR_S = 3600
CLEARED = "LT_clear_declared"


def measure(at: int, minutes: int, **strata: str) -> Measure:
    return Measure(lane_id=LANE, mode="SEA", start_ms=at, value_ms=minutes * MINUTE, strata=strata)


def told(
    current: Measure | None, previous: Measure | None = None, indicator: str = CLEARED
) -> Observation:
    return Observation(
        id="o",
        indicator=indicator,
        counting_unit="declaration",
        current=current,
        previous=previous,
    )


def lots(
    at: int, lot: str | None, pairs: Sequence[tuple[int, int]], indicator: str = CLEARED
) -> list[Observation]:
    """Return declarations of a class, spread over days of a month."""
    strata = {} if lot is None else {"lot": lot}
    times = [minutes for n, minutes in pairs for _ in range(n)]
    return [
        told(measure(at + number % 20 * DAY, minutes, **strata), indicator=indicator)
        for number, minutes in enumerate(times)
    ]


def figures(
    lane: Lane, month: str, by: str = "lot", indicator: str = CLEARED
) -> list[float | None]:
    """Return crude change, change within and mix effect, in hours."""
    found = []
    for name in ("crude_change", "within_change", "mix_effect"):
        key = f"{indicator}_{name}|declaration|{LANE}|SEA|{BY}={by}|P1M/{month}"
        value = lane.published[key].value
        found.append(None if value is None else value / HOUR_S)
    return found


@pytest.mark.parametrize("indicator", ["LT_release", "LT_clear", CLEARED])
def test_small_lots_that_join_in_are_mix_and_no_improvement(indicator: str) -> None:
    lane = Lane()
    lane.take(*lots(JANUARY, "REGULAR", REGULAR_2024, indicator))
    lane.take(*lots(FEBRUARY, "REGULAR", REGULAR_2024, indicator))
    lane.take(*lots(FEBRUARY, "SMALL", SMALL, indicator))
    lane.tick()
    crude, within, mix = figures(lane, "2026-02", indicator=indicator)
    assert (crude, within, mix) == (-0.6, 0, -0.6)


def test_japans_2_1_and_1_0_are_half_an_hour_within_and_the_rest_mix() -> None:
    lane = Lane()
    lane.take(*lots(JANUARY, "REGULAR", REGULAR_2018))
    lane.take(*lots(FEBRUARY, "REGULAR", REGULAR_2024), *lots(FEBRUARY, "SMALL", SMALL))
    lane.tick()
    assert figures(lane, "2026-02") == [-1.1, -0.5, -0.6]
    # of the regular lots alone the same edition says 1.6
    alone = Lane()
    alone.take(*lots(JANUARY, "REGULAR", REGULAR_2018), *lots(FEBRUARY, "REGULAR", REGULAR_2024))
    alone.tick()
    assert figures(alone, "2026-02") == [-0.5, -0.5, 0]


def test_the_record_says_how_it_is_made_and_what_it_rests_on() -> None:
    lane = Lane()
    lane.take(*lots(JANUARY, "REGULAR", ((3, 60),)), *lots(FEBRUARY, "SMALL", ((5, 60),)))
    lane.tick()
    record = lane.published[f"{CLEARED}_mix_effect|declaration|{LANE}|SEA|by=lot|P1M/2026-02"]
    assert (record.n, record.unit, record.strata) == (5, "s", {"by": "lot"})
    assert (record.method.name, record.interval) == ("kitagawa-first-standard", None)
    assert record.provisional


def test_without_a_month_before_there_is_no_change() -> None:
    lane = Lane()
    lane.take(*lots(FEBRUARY, "REGULAR", REGULAR_2024))
    lane.tick()
    assert figures(lane, "2026-02") == [None, None, None]
    (reason,) = {
        one.reason for one in lane.published.values() if one.indicator.startswith(f"{CLEARED}_")
    }
    assert reason == "no observation in the month before"
    assert not any("2026-03" in key for key in lane.published)


def test_where_no_class_is_stated_there_is_nothing_to_decompose() -> None:
    lane = Lane()
    lane.take(*lots(JANUARY, None, REGULAR_2018), *lots(FEBRUARY, None, REGULAR_2024))
    lane.tick()
    assert not any(one.indicator != CLEARED for one in lane.published.values())


def test_what_states_no_class_is_a_class_by_itself() -> None:
    lane = Lane()
    lane.take(*lots(JANUARY, "REGULAR", REGULAR_2024))
    lane.take(*lots(FEBRUARY, "REGULAR", REGULAR_2024), *lots(FEBRUARY, None, SMALL))
    lane.tick()
    assert figures(lane, "2026-02") == [-0.6, 0, -0.6]


def test_channels_are_classes_too() -> None:
    lane = Lane()
    for month, reds in ((JANUARY, 10), (FEBRUARY, 40)):
        times = (("RED", 600, reds), ("GREEN", 60, 100 - reds))
        lane.take(
            *(
                told(measure(month + number % 20 * DAY, minutes, channel=channel))
                for channel, minutes, n in times
                for number in range(n)
            )
        )
    lane.tick()
    assert figures(lane, "2026-02", by="channel") == [2.7, 0, 2.7]


def test_a_correction_of_a_month_changes_the_month_after_too() -> None:
    lane = Lane()
    january = lots(JANUARY, "REGULAR", REGULAR_2018)
    lane.take(*january, *lots(FEBRUARY, "REGULAR", REGULAR_2024))
    lane.tick()
    before = lane.published[f"{CLEARED}_crude_change|declaration|{LANE}|SEA|by=lot|P1M/2026-02"]
    lane.take(told(measure(JANUARY, 660, lot="REGULAR"), january[0].current))
    lane.tick()
    after = lane.published[before.key]
    assert (before.revision, after.revision) == (1, 2)
    assert figures(lane, "2026-02") == [-0.6, -0.6, 0]


def test_a_class_that_is_corrected_moves_from_within_to_mix() -> None:
    lane = Lane()
    named = lots(FEBRUARY, "REGULAR", SMALL)
    lane.take(*lots(JANUARY, "REGULAR", REGULAR_2024), *lots(FEBRUARY, "REGULAR", REGULAR_2024))
    lane.take(*named)
    lane.tick()
    assert figures(lane, "2026-02") == [-0.6, -0.6, 0]
    for one in named:
        assert one.current is not None
        lane.take(told(msgspec.structs.replace(one.current, strata={"lot": "SMALL"}), one.current))
    lane.tick()
    assert figures(lane, "2026-02") == [-0.6, 0, -0.6]


def test_what_was_taken_back_is_published_as_gone() -> None:
    lane = Lane()
    lane.take(*lots(JANUARY, "REGULAR", REGULAR_2024))
    (one,) = lots(FEBRUARY, "SMALL", ((1, 30),))
    lane.take(one)
    lane.tick()
    assert figures(lane, "2026-02")[0] == pytest.approx(-1.1)
    lane.take(told(None, one.current))
    lane.tick()
    gone = lane.published[f"{CLEARED}_mix_effect|declaration|{LANE}|SEA|by=lot|P1M/2026-02"]
    assert (gone.n, gone.value, net_content(gone)) == (0, None, None)


def test_what_is_open_is_in_no_change() -> None:
    lane = Lane()
    lane.take(*lots(JANUARY, "REGULAR", REGULAR_2024), *lots(FEBRUARY, "REGULAR", REGULAR_2024))
    waiting = msgspec.structs.replace(measure(FEBRUARY, 0, lot="SMALL"), outcome=OPEN)
    lane.take(told(waiting))
    lane.tick()
    assert figures(lane, "2026-02") == [0, 0, 0]


def test_a_change_is_final_when_its_month_is() -> None:
    lane = Lane()
    lane.take(*lots(JANUARY, "REGULAR", REGULAR_2018), *lots(FEBRUARY, "REGULAR", REGULAR_2024))
    key = f"{CLEARED}_crude_change|declaration|{LANE}|SEA|by=lot|P1M/2026-02"
    lane.take(beat(MARCH + 30 * DAY - 1))
    lane.tick()
    assert lane.published[key].provisional
    lane.take(beat(MARCH + 30 * DAY))
    lane.tick()
    assert not lane.published[key].provisional
    assert key not in lane.tick()


def test_order_and_detours_leave_no_trace() -> None:
    wrong = measure(JANUARY, 7, lot="SMALL")
    messages = [
        *lots(JANUARY, "REGULAR", REGULAR_2018),
        *lots(FEBRUARY, "REGULAR", REGULAR_2024),
        *lots(FEBRUARY, "SMALL", SMALL),
    ]
    contents = []
    for seed in range(3):
        order = random.Random(seed)
        shuffled = order.sample(messages, len(messages))
        lane = Lane()
        lane.take(told(wrong))
        for start in range(0, len(shuffled), 50):
            lane.take(*shuffled[start : start + 50])
            if order.random() < 0.5:
                lane.tick()
        lane.take(told(None, wrong))
        lane.tick()
        kept = {key: net_content(one) for key, one in lane.published.items()}
        contents.append({key: one for key, one in kept.items() if one is not None})
    assert contents[0] == contents[1] == contents[2]


def test_a_tick_that_cannot_do_all_at_once_comes_to_the_same() -> None:
    messages = [
        *lots(JANUARY, "REGULAR", REGULAR_2018),
        *lots(FEBRUARY, "REGULAR", REGULAR_2024),
        *lots(FEBRUARY, "SMALL", SMALL),
    ]
    lane, slow = Lane(), Lane()
    lane.take(*messages)
    lane.tick()
    slow.take(*messages)
    stage = LanesStage(most_per_tick=3)
    while outputs := (outcome := stage.tick(slow.state, slow.policy, CONTEXT)).outputs:
        slow.state.apply(outcome.changed)
        slow.published |= {one.key: one.message for one in outputs}
    contents = [
        {key: net_content(one) for key, one in sorted(said.items())}
        for said in (lane.published | lane.ended, slow.published)
    ]
    assert contents[0] == contents[1]
