"""What a worker shows of its lanes: the same after a take-over as before it."""

from collections.abc import Iterator, Mapping

import pytest

from sstl import metrics
from sstl.agents.lanes import LaneGauges
from sstl.agents.prepare import Preparer
from sstl.agents.store import PartitionStore
from sstl.agents.topics import Topics
from sstl.core.lanes import LanesStage
from sstl.core.stage import Context, Inbound, Outcome
from sstl.models.policy import Policy
from sstl.models.records import Measure, Observation

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

    def take(self, *observations: Observation) -> None:
        records = [Inbound(one.id, one) for one in observations]
        self._commit(self.stage.fold(self.store, records, POLICY, self.context))
        self._commit(self.stage.tick(self.store, POLICY, self.context))

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


def shown() -> dict[tuple[str, str, str], float]:
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
    lanes.take_over()
    assert shown() == before


def test_a_partition_that_is_given_up_shows_no_lane(lanes: Lanes) -> None:
    lanes.take(took("one", day=0, hours=100, strata={}))
    assert shown()
    metrics.forget_partition("lanes", "sstl.observations.v1", PARTITION)
    assert not shown()
