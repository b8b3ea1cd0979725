"""The registry of indicators: what it declares, and that the documentation says the same."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from sstl.core.indicators.definition import Definition, Kind
from sstl.core.indicators.page import replaced, table
from sstl.core.indicators.registry import REGISTRY, definition

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[2] / "docs" / "indicators.md"


def test_the_table_of_the_documentation_is_that_of_the_registry() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert replaced(page, REGISTRY.values()) == page, "run `make docs`"


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="indicators"):
        replaced("# Indicators", REGISTRY.values())


def test_a_bar_in_a_formula_does_not_end_its_column() -> None:
    one = Definition(
        name="x",
        question="How far?",
        formula="|a - b|",
        source="here",
        kind=Kind.DURATION,
        counting_unit="journey",
        start="T6",
        misleads="Never.",
    )
    row = table([one]).splitlines()[-1]
    assert len(re.split(r"(?<!\\)\|", row)) == 12
    assert r"\|a - b\|" in row


_MAY_BE_ABSENT = (
    *("strata", "end", "awaits", "plausible_s", "is_amount", "per_unit", "estimator"),
)


@pytest.mark.parametrize("one", REGISTRY.values(), ids=lambda one: one.name)
def test_every_definition_says_everything(one: Definition) -> None:
    assert REGISTRY[one.name] is one
    for field in fields(one):
        value = getattr(one, field.name)
        assert value or field.name in _MAY_BE_ABSENT, field.name
    assert (one.plausible_s is not None) == (one.kind is Kind.DURATION)
    assert one.question.endswith("?")
    assert one.minimum_n >= 1
    assert one.follow_up_hours > 0
    assert not set("|;=~%") & set(one.name + one.counting_unit)
    assert one.end is None or one.formula.startswith(f"{one.end} - {one.start}")


@pytest.mark.parametrize("one", REGISTRY.values(), ids=lambda one: one.name)
def test_combinations_of_strata_are_told_once(one: Definition) -> None:
    combinations = [tuple(sorted(names)) for names in one.strata or ()]
    assert len(set(combinations)) == len(combinations)
    assert () not in combinations


def test_an_indicator_that_nobody_declared_is_a_duration() -> None:
    one = definition("LT_unheard_of", "journey")
    assert (one.name, one.counting_unit, one.kind, one.unit) == (
        "LT_unheard_of",
        "journey",
        Kind.DURATION,
        "s",
    )
