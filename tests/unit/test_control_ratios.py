"""Ratios of controls: what is over what, and that docs/statistics.md says and computes the same."""

import re
from fractions import Fraction
from pathlib import Path

import pytest

from sstl.core.statistics.control_ratios import CONTROL_RATIOS, Kind
from sstl.core.statistics.proportions import wilson
from sstl.core.statistics.recall import (
    Effectiveness,
    Flow,
    RandomStratum,
    TargetedArm,
    effectiveness,
)
from sstl.core.statistics.result import Estimate, Estimated

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[2] / "docs/statistics.md"
PHYSICAL = frozenset({"PHYSICAL"})
DAY_MS = 86_400_000


def rows(section: str) -> list[str]:
    body = PAGE.read_text(encoding="utf-8").partition(f"<!-- {section} -->")[2]
    return [line for line in body.partition("<!-- end")[0].splitlines() if line][2:]


def outside(percent: int, eligible: int, drawn: int, done: int, hits: int) -> RandomStratum:
    return RandomStratum(
        probability=Fraction(percent, 100), eligible=eligible, drawn=drawn, done=done, hits=hits
    )


def example(*strata: RandomStratum) -> Effectiveness:
    arm = TargetedArm(selected=500, done=500, hits=60, control_types=PHYSICAL)
    return effectiveness(Flow(targeted=arm, outside=strata, random_control_types=PHYSICAL))


def told(found: Estimated, digits: int) -> str:
    assert isinstance(found, Estimate)
    if found.estimate is None:
        return (
            f"at most {found.high:.{digits}f}"
            if found.low is None
            else f"at least {found.low:.{digits}f}"
        )
    limits = f"{found.low:.{digits}f} to {found.high:.{digits}f}"
    return f"{found.estimate:.{digits}f} ({limits})"


def example_rows() -> list[str]:
    """Return the rows of the worked example."""
    columns = [
        example(outside(2, 9_500, 190, 186, 4)),
        example(outside(2, 9_500, 190, 186, 0)),
        example(outside(2, 8_500, 170, 170, 2), outside(20, 1_000, 200, 200, 20)),
    ]
    digits = {"missed": 0, "total": 0, "lift_against_untargeted": 2, "lift_against_flow": 2}
    table = []
    for name in Effectiveness.__struct_fields__:
        cells = [told(getattr(column, name), digits.get(name, 3)) for column in columns]
        table.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return table


def test_the_documentation_says_of_every_ratio_what_the_code_says() -> None:
    said = [
        f"| `{r.name}` | {r.counting_unit} | {r.numerator} | {r.denominator} | {r.misleads} |"
        for r in CONTROL_RATIOS.values()
    ]
    assert rows("control ratios") == said


def test_the_worked_example_is_what_the_code_computes() -> None:
    assert rows("recall example") == example_rows()


@pytest.mark.parametrize("name", CONTROL_RATIOS)
def test_ratios_have_names_that_say_what_they_are_per(name: str) -> None:
    ratio = CONTROL_RATIOS[name]
    assert re.fullmatch(r"[a-z0-9_]+", name)
    per = re.search(r"_per_(\d+)_", name)
    if per:
        assert (ratio.kind, ratio.per) == (Kind.RATE, int(per[1]))
    if ratio.kind is Kind.SHARE:
        assert name.removesuffix("_by_rule").endswith(("_rate", "_share", "_precision"))


def test_a_share_has_a_wilson_interval() -> None:
    assert CONTROL_RATIOS["recognition_rate"].estimate(4, 30) == wilson(4, 30)


def test_false_alarms_are_counted_per_thousand_days_that_locks_were_armed() -> None:
    found = CONTROL_RATIOS["seal_false_alarm_rate"].estimate(9, 2_500 * DAY_MS)
    assert isinstance(found, Estimate)
    assert (found.low, found.estimate, found.high) == pytest.approx((1.894, 3.6, 6.843), abs=5e-4)


def test_a_part_larger_than_its_whole_is_an_error_and_more_events_than_exposure_are_not() -> None:
    with pytest.raises(ValueError, match="no proportion"):
        CONTROL_RATIOS["hit_rate"].estimate(2, 1)
    found = CONTROL_RATIOS["seizures_per_1000_consignments"].estimate(3, 2)
    assert isinstance(found, Estimate)
    assert found.estimate == 1500
