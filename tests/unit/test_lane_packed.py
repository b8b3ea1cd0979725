"""Cells of lanes in short: which form they take, and that it says the same and follows from the counts alone."""

from collections.abc import Sequence

import msgspec
import pytest

from sstl.core.histogram import Histogram
from sstl.core.lanes import LaneCell
from sstl.core.lanes.cell import Beside, Packed, WeekCell
from sstl.core.lanes.opened import OpenCell
from sstl.core.lanes.packed import merged_packed, packed, unpacked
from sstl.core.lanes.tally import Contribution
from sstl.core.lanes.told import Published, Told
from sstl.models.records import Measure

pytestmark = pytest.mark.unit

HOUR = 3_600_000


def one(value_ms: int, *, planned_ms: int | None = None, target_ms: int | None = None) -> Packed:
    return counted([Contribution.of(measure(value_ms, planned_ms), target_ms)])


def measure(value_ms: int, planned_ms: int | None = None) -> Measure:
    return Measure(lane_id="L", mode="SEA", start_ms=0, value_ms=value_ms, planned_ms=planned_ms)


def counted(values: Sequence[Contribution], before: Packed | None = None) -> Packed:
    opened = OpenCell(before)
    for value in values:
        opened.put(value)
    after = opened.after()
    assert after is not None
    return after


@pytest.mark.parametrize(
    ("short", "form"),
    [
        pytest.param(one(HOUR), 16 * HOUR, id="a-duration"),
        pytest.param(one(-1), -16, id="a-negative-one"),
        pytest.param(one(0, planned_ms=0), 8, id="planned-and-in-time"),
        pytest.param(one(2, planned_ms=1), 32 + 8 + 4, id="planned-and-late"),
        pytest.param(one(1, target_ms=1), 16 + 2 + 1, id="within-its-target"),
        pytest.param(one(2, target_ms=1), 32 + 2, id="beyond-its-target"),
        pytest.param(one(2**58 - 1), 16 * (2**58 - 1), id="the-longest-that-fits"),
        pytest.param(
            counted([Contribution.of_share(measure(value)) for value in (1, 0, 1)]),
            "3,2",
            id="a-share",
        ),
        pytest.param(
            packed(LaneCell(n=2, sum_ms="1", beside=Beside(exposure="900"))), "2,1,900", id="a-rate"
        ),
    ],
)
def test_counts_of_few_words_are_kept_in_short(short: Packed, form: int | str) -> None:
    assert short == form
    assert packed(unpacked(short)) == short


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(unpacked(one(2**58)), id="too-long-for-its-marks"),
        pytest.param(unpacked(counted([], before=one(1))), id="unchanged"),
        pytest.param(
            msgspec.structs.replace(unpacked(one(HOUR)), sum_logs="1"), id="sums-that-no-value-has"
        ),
        pytest.param(
            msgspec.structs.replace(unpacked(one(HOUR)), n_planned=2), id="more-marks-than-values"
        ),
        pytest.param(
            msgspec.structs.replace(unpacked(one(HOUR)), beside=Beside(n_excluded=1)), id="beside"
        ),
        pytest.param(LaneCell(n=1, sum_ms="0", beside=Beside(categories={"HIT": 1})), id="a-tally"),
    ],
)
def test_what_is_kept_says_the_same_as_the_counts(cell: LaneCell) -> None:
    assert unpacked(packed(cell)) == cell


def test_two_values_of_which_one_is_taken_back_are_kept_as_the_other_alone() -> None:
    first, second = Contribution.of(measure(HOUR, 1)), Contribution.of(measure(-5), 0)
    both = counted([first, second])
    assert isinstance(both, LaneCell)
    opened = OpenCell(both)
    assert opened.can_give_back(first)
    opened.take_back(first)
    assert opened.after() == counted([second]) == -5 * 16 + 2 + 1


def test_short_and_long_ones_add_up() -> None:
    values = [Contribution.of(measure(value, 3), 4) for value in (-1, 0, 1, 5, 5)]
    whole = unpacked(counted(values))
    assert (
        merged_packed([counted(values[:3]), *map(counted, ([one] for one in values[3:]))]) == whole
    )
    assert whole.histogram.n == whole.n == 5
    assert (whole.n_zero, whole.n_negative, whole.n_late, whole.n_within) == (1, 1, 2, 3)


def test_a_week_travels_with_all_forms() -> None:
    long = LaneCell(n=2, sum_ms="3", histogram=Histogram((1, 2), (1, 1)))
    week = WeekCell({"": {"1": 16}, "channel=RED": {"1": "3,2", "7": long}})
    assert msgspec.json.decode(msgspec.json.encode(week), type=WeekCell) == week


@pytest.mark.parametrize(
    ("name", "told", "short"),
    [
        ("P1D/2024-05-01", Told(2, "abcdefgh", provisional=True), "2:abcdefgh"),
        ("P1D/2024-05-01", Told(3, "abcdefgh", provisional=False), 3),
        ("P1D/2024-05-01", Told(4, "", provisional=False), "4="),
        ("P1D/2024-05-01", Told(3, None, provisional=False), 3),
        ("TOTAL", Told(5, "abcdefgh", provisional=False), "5=abcdefgh"),
    ],
)
def test_of_what_is_final_only_the_revision_is_kept(
    name: str, told: Told, short: int | str
) -> None:
    cell = Published({}).changed({name: told})
    assert cell.windows == {name: short}
    assert cell.changed({}) == cell
