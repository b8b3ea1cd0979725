"""What docs/statistics.md says on durations and comparisons: its examples run, its tables are recomputed."""

import csv
import doctest
from fractions import Fraction
from pathlib import Path

import pytest

from sstl.core.histogram import Histogram

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "tests" / "data" / "reference-tables"
SECTION = "Durations and comparisons"
PAGE = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
TEXT = PAGE.partition(f"\n## {SECTION}\n")[2].partition("\n## ")[0]


def rows(name: str) -> list[list[str]]:
    """Return the cells of a marked table."""
    body = TEXT.partition(f"<!-- {name} -->")[2].partition("<!-- end -->")[0]
    lines = [line for line in body.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def published(table: str, figure: str) -> str:
    """Return what the transcribed table says."""
    wanted = [part.strip() for part in figure.split(",")]
    with (PUBLISHED / f"{table}.csv").open(encoding="utf-8") as lines:
        columns = (
            ("survey_year", "mode", "segment", "cargo", "mean_hours")
            if table == "japan_trs"
            else ("year", "flow", "facility", "measure", "value")
        )
        (found,) = (
            row[columns[-1]]
            for row in csv.DictReader(lines)
            if [row[column] for column in columns[:-1]] == wanted
        )
    return found


def minutes(cell: str) -> list[int]:
    """Return the minutes of ``count x minutes, ...``, one for each unit."""
    pairs = [[int(number) for number in pair.split("x")] for pair in cell.split(",")]
    return [minute for count, minute in pairs for _ in range(count)]


def as_said(mean: Fraction, said: str) -> str:
    """Return a mean of minutes as the table says it: hours and minutes, or hours to a tenth."""
    if ":" in said:
        return f"{int(mean) // 60}:{int(mean) % 60:02}" if mean.denominator == 1 else f"{mean}"
    return f"{float(mean / 60):.1f}"


def test_the_examples_on_the_page_run() -> None:
    example = doctest.DocTestParser().get_doctest(TEXT, {}, SECTION, "docs/statistics.md", 0)
    runner = doctest.DocTestRunner()
    said: list[str] = []
    assert len(example.examples) > 20
    assert runner.run(example, out=said.append).failed == 0, "".join(said)


@pytest.mark.parametrize(
    ("table", "figure", "said", "constructed", "mean", "median"),
    [pytest.param(*cells, id=cells[1]) for cells in rows("published means")],
)
def test_published_means_follow_from_the_counts_and_times_on_the_page(
    table: str, figure: str, said: str, constructed: str, mean: str, median: str
) -> None:
    times = minutes(constructed)
    histogram = Histogram.of(minute * 60 for minute in times)
    middle = histogram.quantile(Fraction(1, 2))
    assert said == published(table, figure)
    assert as_said(Fraction(sum(times), len(times)), said) == said == mean.removesuffix(" h")
    assert middle is not None
    assert float(median.removesuffix(" min")) == pytest.approx(middle / 60, rel=0.01)


@pytest.mark.parametrize(
    ("figure", "said", "target", "constructed"),
    [pytest.param(*cells, id=cells[0]) for cells in rows("published shares")],
)
def test_published_shares_within_target_follow_from_the_counts_on_the_page(
    figure: str, said: str, target: str, constructed: str
) -> None:
    times = minutes(constructed)
    limit = int(target.removesuffix(" h")) * 60
    assert said == published("india_ntrs", figure)
    assert f"{100 * sum(time <= limit for time in times) / len(times):.2f}" == said


@pytest.mark.parametrize(
    ("figure", "said", "without", "having", "reduced", "otherwise"),
    [pytest.param(*cells, id=cells[0]) for cells in rows("published reductions")],
)
def test_published_reductions_follow_from_the_counts_and_times_on_the_page(
    figure: str, said: str, without: str, having: str, reduced: str, otherwise: str
) -> None:
    before, after = (Fraction(sum(times), len(times)) for times in map(minutes, (without, having)))
    assert said == published("india_ntrs", figure)
    assert f"{float(100 * (1 - after / before)):.0f} %" == f"{said} %" == reduced
    # read as a release time of so many percent, it would be this reduction
    assert f"{100 - int(said)} %" == otherwise


def test_the_tables_of_the_page_are_there() -> None:
    assert len(rows("published means")) == 25
    assert len(rows("published reductions")) == 4
    assert len(rows("published shares")) == 4
