"""Stage [lanes]: what is bounded so that every cell fits its record, and what is said where a bound is reached."""

import msgspec
import pytest

from sstl.agents.codec import pack
from sstl.agents.prepare import MAX_CELL_BYTES
from sstl.core.consignments.benefits import digest_of
from sstl.core.lanes import TOTAL, LanesStage, opened
from sstl.core.lanes.cell import WholeCell
from sstl.core.lanes.told import PublishedSeries, provisional_windows
from sstl.core.stage import Context, Inbound, MemoryState, Outcome, Work
from sstl.models.indicator import Indicator
from sstl.models.policy import Policy
from sstl.models.records import Measure, Observation

pytestmark = pytest.mark.unit

POLICY = Policy()
CONTEXT = Context(0, frozenset())
MAY_1, JUNE_1 = 1_714_521_600_000, 1_717_200_000_000
LANE = "CNSHG-NLRTM-SEA"
COUNTED = f"taking_part_operators|party|{LANE}|SEA|"
SAID = f"operators_taking_part|party|{LANE}|SEA|"


def operator(name: str, month: int = MAY_1) -> Measure:
    return Measure(lane_id=LANE, mode="SEA", start_ms=month, value_ms=0, category=digest_of(name))


def named(current: Measure | None, previous: Measure | None = None) -> Observation:
    return Observation(
        id="o",
        indicator="taking_part_operators",
        counting_unit="party",
        current=current,
        previous=previous,
    )


def fold(state: MemoryState, *told: Observation) -> Outcome:
    outcome = LanesStage().fold(state, [Inbound("o", one) for one in told], POLICY, CONTEXT)
    state.apply(outcome.changed)
    return outcome


def tick(state: MemoryState) -> dict[str, Indicator]:
    outcome = LanesStage().tick(state, POLICY, CONTEXT)
    state.apply(outcome.changed)
    return {output.key: output.message for output in outcome.outputs}


def largest(state: MemoryState) -> int:
    return max(len(pack(msgspec.json.encode(value))) for _, value in state.items())


def test_sixty_thousand_operators_of_a_month_leave_the_rest_uncounted_and_say_so() -> None:
    state = MemoryState()
    outcome = fold(state, *(named(operator(str(number))) for number in range(60_000)))
    assert outcome.counts["lanes_alarm", "too_many_categories"] == 30_000
    assert outcome.counts["observation", "taking_part_operators:added"] == 30_000
    told = tick(state)
    assert told[f"{SAID}|P1M/2024-05"].value == 30_000
    assert largest(state) < MAX_CELL_BYTES


def test_what_is_counted_already_still_counts_and_room_that_is_given_back_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opened, "MOST_CATEGORIES", 2)
    state = MemoryState()
    fold(state, named(operator("A")), named(operator("B")))
    assert fold(state, named(operator("A"))).counts["observation", "taking_part_operators:added"]
    refused = fold(state, named(operator("C")))
    assert refused.counts == {("lanes_alarm", "too_many_categories"): 1}
    assert refused.changed == {}
    unknown = fold(state, named(None, previous=operator("C")))
    assert unknown.counts == {("lanes_alarm", "unknown_retraction"): 1}
    fold(state, named(None, previous=operator("B")), named(operator("C")))
    assert tick(state)[f"{SAID}|P1M/2024-05"].value == 2
    in_june = fold(state, named(operator("D", JUNE_1)))
    assert ("lanes_alarm", "too_many_categories") not in in_june.counts


def test_the_whole_knows_how_many_were_named_and_its_months_who_they_are() -> None:
    state = MemoryState()
    fold(state, *(named(operator(name)) for name in "AB"), named(operator("B", JUNE_1)))
    told = tick(state)
    assert (told[f"{SAID}|{TOTAL}"].value, told[f"{SAID}|{TOTAL}"].n) == (2, 3)
    kept = state.get(COUNTED, TOTAL)
    assert isinstance(kept, WholeCell)
    assert (kept.counts.n, kept.counts.categories) == (3, {})
    fold(state, named(None, previous=operator("A")))
    assert tick(state)[f"{SAID}|{TOTAL}"].value == 1


def test_what_was_said_of_any_number_of_offices_is_spread_over_cells() -> None:
    state = MemoryState()
    offices = [f"NL{number:06d}" for number in range(200)]
    fold(
        state,
        *(
            Observation(
                id=office,
                indicator="LT_other",
                counting_unit="consignment",
                current=Measure(
                    lane_id=LANE,
                    mode="SEA",
                    start_ms=MAY_1,
                    value_ms=1,
                    strata={"office": office, "channel": "RED"},
                ),
            )
            for office in offices
        ),
    )
    tick(state)
    cells = {
        part: value
        for (_, part), value in state.items()
        if isinstance(value, PublishedSeries) and part.startswith("published/2024-05")
    }
    assert set(cells) == {"published/2024-05", *(f"published/2024-05/{n:x}" for n in range(16))}
    assert set(cells["published/2024-05"].series) == {"", "channel=RED"}
    assert max(len(cell.series) for cell in cells.values()) < 30
    whole = f"LT_other|consignment|{LANE}|SEA|"
    for office in offices:
        windows = set(provisional_windows(Work(state, POLICY, CONTEXT), f"{whole}office={office}"))
        assert windows == {"P1D/2024-05-01", "P1W/2024-W18", "P1M/2024-05", TOTAL}
