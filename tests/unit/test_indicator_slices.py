"""Which indicators a slice takes, and in which order."""

import random
from dataclasses import replace
from datetime import date

import pytest

from sstl.cli.indicator_slices import Slice, begin_of, series_of
from tests.published_indicators import published

IMPORT, EXPORT = {"side": "IMPORT"}, {"side": "EXPORT"}
SEA, AIR = "CNSHG-NLRTM-SEA", "CNPVG-NLAMS-AIR"
ALL = [
    published("LT_leg", AIR, mode="AIR", day="2024-05-02"),
    published("LT_release", AIR, mode="AIR"),
    published("LT_release", SEA, day="2024-05-01"),
    published("LT_release", SEA, day="2024-05-02"),
    published("LT_release", SEA),
    published("LT_release", SEA, strata=EXPORT),
    published("LT_release", SEA, strata=IMPORT, day="2024-05-01"),
    published("LT_release", SEA, strata=IMPORT),
    published("LT_release", SEA, strata=IMPORT | {"channel": "RED"}),
]
"""In the order that slices have."""


def places(chosen: Slice) -> list[int]:
    return [ALL.index(one) for one in chosen.of(ALL)]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        pytest.param(Slice(), [0, 1, 2, 3, 4, 8, 5, 6, 7], id="nothing-said-is-all"),
        pytest.param(Slice(indicators=("LT_leg",)), [0], id="an-indicator"),
        pytest.param(Slice(lanes=("CN*-AIR",)), [0, 1], id="lanes-by-pattern"),
        pytest.param(Slice(lanes=(AIR, "none")), [0, 1], id="any-of-several-lanes"),
        pytest.param(Slice(modes=("AIR",)), [0, 1], id="a-mode"),
        pytest.param(Slice(strata=(("side", "EXPORT"),)), [5], id="a-stratum"),
        pytest.param(
            Slice(strata=(("side", "EXPORT"), ("side", "I*"))), [8, 5, 6, 7], id="any-of-one-name"
        ),
        pytest.param(
            Slice(strata=(("side", "IMPORT"), ("channel", "RED"))), [8], id="all-of-several-names"
        ),
        pytest.param(Slice(totals=True), [0, 1, 2, 3, 4], id="not-split-by-strata"),
        pytest.param(Slice(windows=("TOTAL",)), [1, 4, 8, 5, 7], id="windows-of-a-kind"),
        pytest.param(Slice(windows=("P1D/2024-05-01",)), [2, 6], id="one-window"),
        pytest.param(Slice(since=date(2024, 5, 2)), [0, 3], id="since-is-included"),
        pytest.param(Slice(until=date(2024, 5, 1)), [2, 6], id="until-is-included"),
        pytest.param(
            Slice(since=date(2024, 5, 1), until=date(2024, 5, 1)), [2, 6], id="a-period-of-one-day"
        ),
        pytest.param(Slice(latest=True), [0, 1, 3, 4, 8, 5, 6, 7], id="newest-of-each-series"),
        pytest.param(
            Slice(latest=True, until=date(2024, 5, 1)), [2, 6], id="newest-of-what-is-left"
        ),
        pytest.param(Slice(lanes=(SEA,), modes=("AIR",)), [], id="all-options-have-to-hold"),
    ],
)
def test_a_slice_takes_what_all_its_options_choose(chosen: Slice, expected: list[int]) -> None:
    assert places(chosen) == expected


@pytest.mark.parametrize("latest", [False, True])
def test_the_order_does_not_depend_on_the_order_of_the_topic(latest: bool) -> None:
    chosen, shuffled = Slice(latest=latest), ALL.copy()
    expected = chosen.of(ALL)
    for seed in range(20):
        random.Random(seed).shuffle(shuffled)
        assert chosen.of(shuffled) == expected


def test_final_windows_are_those_whose_follow_up_has_ended() -> None:
    waiting = published(day="2024-05-03", provisional=True)
    assert waiting in Slice().of([*ALL, waiting])
    assert Slice(final=True).of([*ALL, waiting]) == Slice().of(ALL)
    assert Slice(final=True).unmet([waiting]) == ["--final-only"]


def test_an_empty_slice_names_the_options_that_nothing_has() -> None:
    asked = Slice(lanes=(SEA,), modes=("ROAD",), strata=(("side", "TRANSIT"),), windows=("TOTAL",))
    assert asked.unmet(ALL) == ["--mode ROAD", "--stratum side=TRANSIT"]
    assert replace(asked, modes=("AIR",), strata=()).unmet(ALL) == []


@pytest.mark.parametrize(
    ("window", "began"),
    [
        pytest.param("TOTAL", None, id="without-an-end"),
        pytest.param("PT1H/2024-05-01T13", date(2024, 5, 1), id="hour"),
        pytest.param("P1D/2024-02-29", date(2024, 2, 29), id="day"),
        pytest.param("P1W/2024-W01", date(2024, 1, 1), id="week-from-monday"),
        pytest.param("P1W/2020-W53", date(2020, 12, 28), id="week-that-ends-next-year"),
        pytest.param("P1M/2024-05", date(2024, 5, 1), id="month"),
    ],
)
def test_a_window_begins_on_the_day_that_its_name_says(window: str, began: date | None) -> None:
    assert begin_of(window) == began


@pytest.mark.parametrize(
    "window", ["P1D/2024-02-30", "P1D/yesterday", "P1W/2024-W60", "P1M/2024-13", "P1D/"]
)
def test_a_window_that_the_calendar_does_not_have_is_refused(window: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        begin_of(window)


def test_the_windows_of_a_series_share_all_but_the_time() -> None:
    first, second, total = ALL[2:5]
    assert series_of(first) == series_of(second) == f"LT_release|consignment|{SEA}|SEA||P1D"
    assert series_of(total) == f"LT_release|consignment|{SEA}|SEA||TOTAL"
