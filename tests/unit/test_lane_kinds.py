"""Stage [lanes]: rates, tallies and their figures, what has not ended or ended otherwise, what is not plausible."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from scipy.stats import chi2

from sstl.core.lanes import TOTAL, LaneCell, LanesStage
from sstl.core.lanes.cohorts import Cohorts
from sstl.core.stage import Context, Inbound, MemoryState, Outcome, Work
from sstl.models.indicator import Indicator, net_content
from sstl.models.policy import IndicatorPolicy, Policy
from sstl.models.records import OPEN, Heartbeat, LanesMessage, Measure, Observation
from tests.lane_kinds import RATE, TALLY, declared

CONTEXT = Context(0, frozenset({"journeys/0"}))
HOUR = 3_600_000
DAY = 24 * HOUR
MAY_1 = 1_714_521_600_000
LANE = "CNSHG-NLRTM-SEA"
LEG = f"LT_leg|leg|{LANE}|SEA|"
ALARMS = f"{RATE.name}|leg|{LANE}|SEA|"
ARMS = f"{TALLY.name}|leg|{LANE}|SEA|"


@pytest.fixture(scope="module", autouse=True)
def _kinds() -> Iterator[None]:
    with declared():
        yield


class Lane:
    """The stage with its state, and the last record of each key."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.state, self.policy = MemoryState(), policy or Policy()
        self.published: dict[str, Indicator] = {}

    def take(self, *messages: LanesMessage) -> Outcome:
        records = [Inbound("o", message) for message in messages]
        outcome = LanesStage().fold(self.state, records, self.policy, CONTEXT)
        self.state.apply(outcome.changed)
        return outcome

    def tick(self) -> set[str]:
        outcome = LanesStage().tick(self.state, self.policy, CONTEXT)
        self.state.apply(outcome.changed)
        new = {output.key: output.message for output in outcome.outputs}
        self.published |= new
        return set(new)

    def cell(self, series: str, window: str = TOTAL) -> LaneCell | None:
        return Cohorts(Work(self.state, self.policy, CONTEXT)).counts(series, window)


def one(value_ms: int = 0, *, day: int = 0, **fields: Any) -> Measure:
    return Measure(
        lane_id=LANE, mode="SEA", start_ms=MAY_1 + day * DAY, value_ms=value_ms, **fields
    )


def change(
    current: Measure | None, previous: Measure | None = None, indicator: str = "LT_leg"
) -> Observation:
    return Observation(
        id="o", indicator=indicator, counting_unit="leg", current=current, previous=previous
    )


def told(indicator: str, *measures: Measure) -> Sequence[Observation]:
    return [change(measure, indicator=indicator) for measure in measures]


def test_a_rate_is_its_events_over_its_exposure() -> None:
    lane = Lane()
    lane.take(*told(RATE.name, one(2, exposure=200 * DAY), one(0, exposure=300 * DAY, day=1)))
    lane.tick()
    whole = lane.published[f"{ALARMS}|TOTAL"]
    assert (whole.n, whole.k, whole.exposure, whole.value) == (2, 2, 0.5, 4.0)
    assert (whole.unit, whole.method.name) == ("per 1000 container-days", "rate")
    assert whole.interval is not None
    assert whole.interval.method == "poisson-score"
    # the exact interval holds about the same means
    assert whole.interval.low == pytest.approx(chi2.ppf(0.025, 4) / 2 / 0.5, abs=0.7)
    assert whole.interval.high == pytest.approx(chi2.ppf(0.975, 6) / 2 / 0.5, abs=0.7)


def test_without_a_stated_exposure_a_counting_unit_is_one() -> None:
    lane = Lane()
    lane.take(*told(RATE.name, one(1), one(3)))
    cell = lane.cell(ALARMS)
    assert cell is not None
    assert (cell.n, cell.sum_ms, cell.exposure) == (2, "4", 2)


def test_a_rate_without_exposure_is_not_estimable() -> None:
    lane = Lane()
    lane.take(*told(RATE.name, one(0, exposure=0)))
    lane.tick()
    whole = lane.published[f"{ALARMS}|TOTAL"]
    assert (whole.state, whole.reason, whole.value) == ("NOT_ESTIMABLE", "no exposure", None)


@pytest.mark.parametrize(
    ("indicator", "measure", "alarm"),
    [
        pytest.param(RATE.name, one(-1), "not_a_rate", id="negative-events"),
        pytest.param(RATE.name, one(1, exposure=-1), "not_a_rate", id="negative-exposure"),
        pytest.param(TALLY.name, one(), "no_category", id="no-category"),
    ],
)
def test_what_is_no_value_of_its_kind_is_an_alarm(
    indicator: str, measure: Measure, alarm: str
) -> None:
    lane = Lane()
    assert lane.take(change(measure, indicator=indicator)).counts == {("lanes_alarm", alarm): 1}
    assert lane.tick() == set()


@pytest.mark.parametrize(
    ("indicator", "counted", "unknown"),
    [
        pytest.param(RATE.name, one(1, exposure=9), one(2, exposure=9), id="more-events"),
        pytest.param(RATE.name, one(1, exposure=9), one(1, exposure=10), id="more-exposure"),
        pytest.param(RATE.name, one(1, exposure=9), one(1, exposure=8), id="exposure-left-of-none"),
        pytest.param(TALLY.name, one(category="HIT"), one(category="CLEAN"), id="category"),
        pytest.param("LT_leg", one(outcome=OPEN), one(0), id="open-is-no-duration"),
        pytest.param("LT_leg", one(HOUR), one(HOUR, outcome="SEIZED"), id="ended-as-defined"),
        pytest.param("LT_leg", one(HOUR, outcome="LOST"), one(HOUR, outcome="SEIZED"), id="event"),
        pytest.param("LT_leg", one(HOUR), one(401 * DAY), id="excluded"),
    ],
)
def test_taking_back_what_was_never_counted_is_an_alarm(
    indicator: str, counted: Measure, unknown: Measure
) -> None:
    lane = Lane()
    lane.take(change(counted, indicator=indicator))
    outcome = lane.take(change(None, previous=unknown, indicator=indicator))
    assert outcome.counts == {("lanes_alarm", "unknown_retraction"): 1}
    assert outcome.changed == {}
    lane.take(change(None, previous=counted, indicator=indicator))
    assert lane.cell(f"{indicator}|leg|{LANE}|SEA|") is None


def test_what_is_open_counts_by_its_start_until_it_ends() -> None:
    lane = Lane()
    lane.take(*told("LT_leg", one(outcome=OPEN), one(outcome=OPEN, day=1), one(HOUR)))
    cell = lane.cell(LEG)
    assert cell is not None
    assert cell.open == {MAY_1 // 60_000: 1, (MAY_1 + DAY) // 60_000: 1}
    assert (cell.n, cell.sum_ms, cell.histogram.n) == (1, str(HOUR), 1)
    lane.take(change(one(2 * HOUR), previous=one(outcome=OPEN)))
    cell = lane.cell(LEG, "P1D/2024-05-01")
    assert cell is not None
    assert (cell.open, cell.n) == ({}, 2)


def test_what_another_event_ended_is_in_no_lead_time() -> None:
    lane = Lane()
    lane.take(*told("LT_leg", one(60_000), one(9 * HOUR, outcome="SEIZED")))
    cell = lane.cell(LEG)
    assert cell is not None
    assert (cell.n, cell.histogram.n) == (1, 1)
    assert {name: durations.n for name, durations in cell.competing.items()} == {"SEIZED": 1}
    lane.tick()
    assert lane.published[f"{LEG}|TOTAL"].max == 60


@pytest.mark.parametrize(
    ("value_ms", "excluded"),
    [
        pytest.param(400 * DAY, 0, id="longest"),
        pytest.param(400 * DAY + 1, 1, id="longer"),
        pytest.param(-400 * DAY, 0, id="shortest"),
        pytest.param(-400 * DAY - 1, 1, id="shorter"),
        pytest.param(-HOUR, 0, id="negative-counts"),
    ],
)
def test_what_is_not_plausible_is_counted_apart(value_ms: int, excluded: int) -> None:
    lane = Lane()
    lane.take(*told("LT_leg", one(HOUR), one(value_ms)))
    lane.tick()
    whole = lane.published[f"{LEG}|TOTAL"]
    assert (whole.n, whole.n_excluded) == (2 - excluded, excluded)
    lane.take(change(None, previous=one(value_ms)))
    lane.tick()
    whole = lane.published[f"{LEG}|TOTAL"]
    assert (whole.n, whole.n_excluded, whole.mean) == (1, 0, 3600.0)


def test_the_policy_says_what_is_plausible_and_excluded_ones_alone_are_told() -> None:
    policy = Policy(indicators={"LT_leg": IndicatorPolicy(plausible_s=(0, 3600))})
    lane = Lane(policy)
    lane.take(*told("LT_leg", one(HOUR + 1)))
    lane.tick()
    whole = lane.published[f"{LEG}|TOTAL"]
    assert (whole.n, whole.n_excluded, whole.state) == (0, 1, "INSUFFICIENT_DATA")
    assert net_content(whole) is not None


def test_plausible_bounds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="shortest"):
        IndicatorPolicy(plausible_s=(1, 0))


def test_a_tally_is_published_as_the_figures_made_of_it() -> None:
    lane = Lane()
    lane.take(*told(TALLY.name, one(category="HIT"), one(category="CLEAN"), one(category="HIT")))
    hit_rate = f"test_hit_rate|leg|{LANE}|SEA|"
    windows = ("P1D/2024-05-01", "P1W/2024-W18", "P1M/2024-05", "TOTAL")
    missed = {f"test_missed|leg|{LANE}|SEA||{window}" for window in windows}
    assert lane.tick() == {f"{hit_rate}|{window}" for window in windows} | missed
    whole = lane.published[f"{hit_rate}|TOTAL"]
    assert (whole.n, whole.value, whole.method.name) == (3, 2 / 3, "wilson-score")
    untold = lane.published[f"test_missed|leg|{LANE}|SEA||TOTAL"]
    assert (untold.state, untold.reason) == ("NOT_ESTIMABLE", "no random stratum")
    assert lane.tick() == set()


def test_figures_are_published_again_only_where_they_changed() -> None:
    lane = Lane()
    hit, clean = one(category="HIT"), one(category="CLEAN")
    lane.take(*told(TALLY.name, hit, clean))
    lane.tick()
    lane.take(change(one(category="UNKNOWN"), previous=clean, indicator=TALLY.name))
    assert lane.tick() == set()
    lane.take(change(None, previous=hit, indicator=TALLY.name))
    assert len(lane.tick()) == 8
    assert lane.published[f"test_hit_rate|leg|{LANE}|SEA||TOTAL"].revision == 2


def test_figures_of_nothing_say_so_and_go_on_with_their_revisions() -> None:
    lane = Lane()
    for _ in range(2):
        lane.take(*told(TALLY.name, one(category="HIT")))
        lane.tick()
        lane.take(change(None, previous=one(category="HIT"), indicator=TALLY.name))
        lane.tick()
    whole = lane.published[f"test_hit_rate|leg|{LANE}|SEA||TOTAL"]
    assert (whole.n, whole.state, whole.revision) == (0, "INSUFFICIENT_DATA", 4)


def test_figures_become_final_with_their_window() -> None:
    lane = Lane()
    lane.take(Heartbeat(source="journeys/0", reached_ms=MAY_1, caught_up=True))
    lane.take(*told(TALLY.name, one(category="HIT")))
    lane.tick()
    assert lane.published[f"test_hit_rate|leg|{LANE}|SEA||P1D/2024-05-01"].provisional
    lane.take(Heartbeat(source="journeys/0", reached_ms=MAY_1 + 31 * DAY, caught_up=True))
    lane.tick()
    assert not lane.published[f"test_hit_rate|leg|{LANE}|SEA||P1D/2024-05-01"].provisional


def test_hours_hold_rates_but_neither_tallies_nor_what_has_not_ended() -> None:
    lane = Lane()
    lane.take(
        *told(RATE.name, one(1)),
        *told(TALLY.name, one(category="HIT")),
        *told("LT_leg", one(outcome=OPEN)),
    )
    lane.tick()
    hours = [key for key in lane.published if "PT1H" in key]
    assert hours == [f"{ALARMS}|PT1H/2024-05-01T00"]
