"""What a worker shows of its lanes: the same after a take-over as before it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from prometheus_client.samples import Sample

from sstl import metrics
from sstl.agents.lanes import LaneGauges
from sstl.agents.prepare import Preparer
from sstl.agents.store import PartitionStore
from sstl.agents.topics import Topics
from sstl.core.lanes import LanesStage
from sstl.core.stage import Context, Inbound, Outcome
from sstl.models.policy import Policy
from sstl.models.records import Measure, Observation
from tests.lane_kinds import RATE, TALLY, declared

pytestmark = pytest.mark.unit

PARTITION = 78
LANE = "CNYTN-NLRTM-SEA"
DAY_MS = 86_400_000
POLICY = Policy.model_validate({"indicators": {"LT_transit": {"minimum_n": 2}}})


class Lanes:
    """The stage with a store, as a worker has it."""

    def __init__(self) -> None:
        self.stage, self.gauges = LanesStage(), LaneGauges()
        self.store = PartitionStore(self.stage.cell_type)
        self.context = Context(PARTITION, frozenset())

    def take(self, *observations: Observation) -> dict[tuple[str, str], int]:
        """Return what was counted."""
        records = [Inbound(one.id, one) for one in observations]
        outcome = self.stage.fold(self.store, records, POLICY, self.context)
        self._commit(outcome)
        self._commit(self.stage.tick(self.store, POLICY, self.context))
        return dict(outcome.counts)

    def _commit(self, outcome: Outcome) -> None:
        prepared = Preparer(Topics("test"), self._never).encode(outcome)
        self.store.apply(prepared.changed, prepared.decoded)
        self.gauges.committed(outcome.outputs, PARTITION)

    def _never(self, *_: object) -> Outcome:
        raise AssertionError

    def take_over(self) -> None:
        metrics.LANES.forget(PARTITION)
        for _ in self.gauges.restored(self.store, PARTITION, POLICY):
            pass


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    yield Lanes()
    metrics.LANES.forget(PARTITION)


def took(name: str, *, day: int, hours: float, strata: Mapping[str, str]) -> Observation:
    measure = Measure(
        lane_id=LANE,
        mode="SEA",
        start_ms=(20_000 + day) * DAY_MS,
        value_ms=int(hours * 3_600_000),
        strata=dict(strata),
    )
    return Observation(
        id=name, indicator="LT_transit", counting_unit="journey", current=measure, previous=None
    )


def samples(name: str, indicator: str | None = None) -> list[Sample]:
    return [
        sample
        for family in metrics.LANES.collect()
        for sample in family.samples
        if (sample.name, sample.labels.get("lane")) == (name, LANE)
        and indicator in (None, sample.labels["indicator"])
    ]


def everything() -> list[tuple[str, list[tuple[str, str]], float]]:
    """Return all that is shown, in a fixed order."""
    return sorted(
        (sample.name, sorted(sample.labels.items()), sample.value)
        for family in metrics.LANES.collect()
        for sample in family.samples
    )


def shown() -> dict[tuple[str, str, str], float]:
    """Return what is shown; of several indicators the last one's."""
    return {
        (sample.name, sample.labels["stratum"], sample.labels["window"]): sample.value
        for family in metrics.LANES.collect()
        for sample in family.samples
        if sample.labels.get("lane") == LANE
    }


def test_a_worker_that_takes_a_lane_over_shows_what_the_one_before_showed(lanes: Lanes) -> None:
    for number in range(6):
        strata = {"operator": "AEO" if number else "NON_AEO"}
        lanes.take(took(f"o{number}", day=number * 3, hours=100 + number, strata=strata))
    before = shown()
    assert before["sstl_lane_observations", "operator=AEO", "TOTAL"] == 5
    assert before["sstl_lane_observations", "all", "P1D"] == 1
    assert ("sstl_lane_mean_seconds", "all", "P1D") not in before
    assert before["sstl_lane_window_start_timestamp_seconds", "all", "P1D"] == 20_015 * 86_400
    whole = everything()
    lanes.take_over()
    assert everything() == whole


def said(name: str, number: int, indicator: str, **fields: Any) -> Observation:
    known: dict[str, Any] = {"start_ms": 20_000 * DAY_MS, "value_ms": 0}
    measure = Measure(lane_id=LANE, mode="SEA", **(known | fields))
    return Observation(
        id=f"{name}{number}",
        indicator=indicator,
        counting_unit="consignment",
        current=measure,
        previous=None,
    )


def test_rates_and_derived_figures_are_shown_and_outlive_a_take_over(lanes: Lanes) -> None:
    with declared():
        counted = lanes.take(
            *(
                said("rate", number, RATE.name, value_ms=number, exposure=250 * DAY_MS)
                for number in (1, 3)
            ),
            *(
                said("arm", number, TALLY.name, category="HIT" if number else "MISS")
                for number in range(4)
            ),
        )
        before = everything()
        rates = {name: value for (name, _, window), value in shown().items() if window == "P1D"}
        lanes.take_over()
        assert everything() == before
    assert counted["observed_events", f"{RATE.name}:added"] == 4
    assert counted["observation", f"{TALLY.name}:added"] == 4
    assert rates["sstl_lane_exposure"] == 500
    assert {one.labels["indicator"] for one in samples("sstl_lane_value_ratio")} == {
        RATE.name,
        "test_hit_rate",
    }
    assert [one.value for one in samples("sstl_lane_value_ratio", RATE.name)] == [0.008] * 4
    assert {
        (one.labels["indicator"], one.labels["reason"])
        for one in samples("sstl_lane_without_figure")
    } == {("test_missed", "not_estimable")}


def test_a_correction_is_counted_as_taken_back_and_added(lanes: Lanes) -> None:
    first = said("hit", 1, "hit_rate", value_ms=1)
    lanes.take(first)
    assert first.current is not None
    corrected = msgspec.structs.replace(
        first, previous=first.current, current=msgspec.structs.replace(first.current, value_ms=0)
    )
    assert {label: many for (what, label), many in lanes.take(corrected).items()} == {
        "hit_rate:taken_back": 1,
        "hit_rate:added": 1,
    }


def test_a_partition_that_is_given_up_shows_no_lane(lanes: Lanes) -> None:
    lanes.take(took("one", day=0, hours=100, strata={}))
    assert shown()
    metrics.forget_partition("lanes", "sstl.observations.v1", PARTITION)
    assert not shown()
