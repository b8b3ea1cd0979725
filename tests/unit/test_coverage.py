"""What the programme covers and what operators gain, as rows from published indicators."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from sstl.cli.coverage import as_csv, as_json, as_table
from sstl.cli.coverage_row import Row, Section
from sstl.cli.coverage_rows import BENEFITS, GROUPS, rows
from sstl.cli.trade_table import Trade
from sstl.core.indicators.registry import REGISTRY
from sstl.models.indicator import RATE, SHARE, Indicator, Interval, Window

pytestmark = pytest.mark.unit

SEA, RAIL = "CNYTN-NLRTM-SEA", "CNXIA-DEDUI-RAIL"
WILSON = Interval(low=0.2, high=0.4, level=0.95, method="wilson-score", method_version=1)


def published(
    indicator: str, lane: str = SEA, window: str = "TOTAL", strata: str = "", **more: Any
) -> Indicator:
    unit = more.pop("counting_unit", "consignment")
    pairs = dict([strata.split("=")]) if strata else {}
    content: dict[str, Any] = {
        "key": f"{indicator}|{unit}|{lane}|{lane.rpartition('-')[2]}|{strata}|{window}",
        "indicator": indicator,
        "counting_unit": unit,
        "lane_id": lane,
        "mode": lane.rpartition("-")[2],
        "strata": pairs,
        "window": Window.named(window),
        "state": "AVAILABLE",
        "n": 10,
        "revision": 1,
        "complete_up_to": datetime(2026, 3, 1, tzinfo=UTC),
    }
    return Indicator.model_validate(content | more)


def share(indicator: str, k: int = 3, **more: Any) -> Indicator:
    said: dict[str, Any] = {
        "unit": "1",
        "method": SHARE,
        "k": k,
        "share": k / 10,
        "interval": WILSON,
    }
    return published(indicator, **(said | more))


def mass(k: int, of_all: int, lane: str = SEA, month: str = "2026-01", **more: Any) -> Indicator:
    said: dict[str, Any] = {
        "unit": "1",
        "method": RATE,
        "k": k,
        "exposure": of_all,
        "value": k / of_all,
    }
    return published("sstl_mass_share", lane, f"P1M/{month}", **(said | more))


TOO_FEW = published(
    "sstl_mass_share", SEA, "P1M/2026-01", n=3, minimum_n=5, state="INSUFFICIENT_DATA", unit="1"
)


def trade(direction: str = "CN-NL", mode: str = "SEA", mass_kg: int | None = 10_000) -> Trade:
    kg = None if mass_kg is None else Decimal(mass_kg)
    released = date(2026, 3, 15)
    return Trade("2026-01", direction, mode, Decimal(5), kg, Decimal(2), "an office", released)


def of_mass(found: list[Row]) -> dict[str, tuple[str, float | None, str]]:
    """Return state, value and reason of the two shares of mass, by direction and figure."""
    return {
        f"{row.of} {row.figure.partition('_')[0]}": (row.state, row.value, row.reason)
        for row in found
        if row.figure.endswith("mass")
    }


def against(*lanes: Indicator, table: list[Trade] | None) -> dict[str, Any]:
    return of_mass(rows(lanes, table, [Section.TRADE]))


def test_the_share_of_all_trade_is_the_mass_of_lanes_over_that_of_the_table() -> None:
    lanes = mass(1000, 4000), mass(500, 1000, "CNSHG-NLRTM-SEA"), mass(9, 9, RAIL)
    found = against(*lanes, table=[trade(), trade("CN-EU", "RAIL", 90)])
    assert found == {
        "CN-NL sstl": ("AVAILABLE", 0.15, ""),
        "CN-NL lanes": ("AVAILABLE", 0.5, ""),
        "CN-EU sstl": ("AVAILABLE", 0.1, ""),
        "CN-EU lanes": ("AVAILABLE", 0.1, ""),
    }


def test_what_is_in_no_table_is_not_estimable() -> None:
    reason = "no table of bilateral trade (--trade FILE)"
    assert against(mass(1, 2), table=None)["CN-NL sstl"] == ("NOT_ESTIMABLE", None, reason)
    reason = "the table has no row for it"
    found = against(mass(1, 2, month="2026-02"), table=[trade()])
    assert found["CN-NL sstl"] == ("NOT_ESTIMABLE", None, reason)


@pytest.mark.parametrize(
    ("lanes", "row", "reason"),
    [
        pytest.param([mass(1, 2)], trade(mass_kg=None), "the table states no mass", id="no-mass"),
        pytest.param([mass(1, 2)], trade(mass_kg=0), "the table states no trade", id="no-trade"),
        pytest.param([], trade(), "no lane publishes mass for it", id="no-lane"),
        pytest.param([mass(0, 9, RAIL)], trade(), "no lane publishes mass for it", id="other-lane"),
        pytest.param(
            [TOO_FEW],
            trade(),
            f"{SEA}: n below 5",
            id="too-few",
        ),
        pytest.param(
            [mass(1, 10_001)],
            trade(),
            "lanes carry more than the table says is traded: months or masses are not the same",
            id="more-than-all",
        ),
    ],
)  # fmt: skip
def test_a_share_that_cannot_be_said_says_why(
    lanes: list[Indicator], row: Trade, reason: str
) -> None:
    found = against(*lanes, table=[row])
    assert found["CN-NL sstl"] == ("NOT_ESTIMABLE", None, reason)


def test_a_lane_that_carries_all_there_is_has_a_share_of_one() -> None:
    assert against(mass(0, 10_000), table=[trade()])["CN-NL lanes"] == ("AVAILABLE", 1.0, "")


def test_a_lane_without_countries_in_its_name_has_no_direction() -> None:
    (state, _, reason) = against(mass(1, 2, "corridor-SEA"), table=[trade()])["corridor-SEA sstl"]
    assert (state, reason) == ("NOT_ESTIMABLE", "the lane names no countries")


def test_every_row_of_trade_names_source_and_release() -> None:
    found = rows([mass(1, 2)], [trade()], [Section.TRADE])
    assert {(row.source, row.released) for row in found} == {("an office", "2026-03-15")}
    assert {row.figure for row in found if row.state == "NOT_ESTIMABLE"} == {
        *("sstl_share_of_trade_teu", "lanes_share_of_trade_teu"),
        *("sstl_share_of_trade_value", "lanes_share_of_trade_value"),
    }
    assert "source: an office, released 2026-03-15" in as_table(found)


def test_shares_of_a_lane_carry_their_counts_and_intervals() -> None:
    gone = published("sstl_unit_share", n=0, state="INSUFFICIENT_DATA")
    lanes = [share("sstl_consignment_share"), mass(3, 4), gone]
    masses, consignments, value = rows(lanes, None, [Section.SHARES])
    assert (consignments.numerator, consignments.denominator, consignments.low) == (3, 10, 0.2)
    assert (masses.value, masses.numerator, masses.denominator) == (0.75, 3, 4)
    assert (value.figure, value.reason) == (
        "sstl_value_share",
        "10 of 10 consignments state no value",
    )


def amount(name: str, k: int, of_all: int, unit: str, n: int = 10, **more: Any) -> Indicator:
    said: dict[str, Any] = {"k": k, "exposure": of_all, "value": k / of_all, "n": n}
    window = more.pop("window", "P1M/2026-01")
    return published(
        name, window=window, counting_unit=unit, unit="1", method=RATE, **(said | more)
    )


def teu(k: int, of_all: int, n: int = 10, **more: Any) -> Indicator:
    return amount("sstl_teu_share", k, of_all, "journey", n, **more)


def value(k: int, of_all: int, n: int = 10, currency: str = "EUR", **more: Any) -> Indicator:
    return amount("sstl_value_share", k, of_all, currency, n, **more)


def all_of(name: str, **more: Any) -> Indicator:
    unit = "journey" if name == "sstl_unit_share" else "consignment"
    return share(name, **({"counting_unit": unit, "window": "P1M/2026-01"} | more))


UNITS, CONSIGNMENTS = all_of("sstl_unit_share"), all_of("sstl_consignment_share")
PLACED = trade("CN-NL")


def traded(
    column: str, *lanes: Indicator, currency: str | None = "EUR", of: int = 200, mode: str = "SEA"
) -> tuple[float | None, str]:
    """Return value and reason of the programme's share of trade."""
    row = replace(PLACED, mode=mode, value=Decimal(of), teu=Decimal(of), currency=currency)
    found = rows(lanes, [row], [Section.TRADE])
    (one,) = [one for one in found if one.figure == f"sstl_share_of_trade_{column}"]
    return one.value, one.reason


def test_the_share_of_trade_by_teu_and_by_value() -> None:
    assert traded("teu", UNITS, teu(8, 20)) == (0.04, "")
    assert traded("value", CONSIGNMENTS, value(50, 90)) == (0.25, "")
    lanes = rows([UNITS, teu(8, 20)], [replace(PLACED, teu=Decimal(100))], [Section.TRADE])
    (found,) = [one for one in lanes if one.figure == "lanes_share_of_trade_teu"]
    assert (found.value, found.numerator, found.denominator) == (0.2, 20, 100)


@pytest.mark.parametrize(
    ("column", "lanes", "reason"),
    [
        pytest.param("teu", [UNITS, teu(8, 20, n=9)], "1 of 10 units state no size", id="a-unit-without-size"),
        pytest.param("teu", [UNITS], "10 of 10 units state no size", id="no-size-at-all"),
        pytest.param("teu", [], "no lane publishes TEU for it", id="no-lane-with-teu"),
        pytest.param(
            "teu", [UNITS, teu(8, 201)],
            "lanes carry more than the table says is traded: months or TEUs are not the same",
            id="more-than-all",
        ),
        pytest.param(
            "value", [CONSIGNMENTS, value(5, 9, n=8)], "2 of 10 consignments state no value in EUR", id="without-value"
        ),
        pytest.param(
            "value", [CONSIGNMENTS, value(5, 9, currency="CNY")],
            "10 of 10 consignments state no value in EUR", id="another-currency",
        ),
        pytest.param(
            "value", [CONSIGNMENTS, value(5, 9, n=7), value(50, 90, n=3, currency="CNY")],
            "3 of 10 consignments state no value in EUR", id="two-currencies-are-not-summed",
        ),
        pytest.param("value", [], "no lane publishes value for it", id="no-lane-with-value"),
    ],
)  # fmt: skip
def test_what_not_everything_states_has_no_share_of_trade(
    column: str, lanes: list[Indicator], reason: str
) -> None:
    assert traded(column, *lanes) == (None, reason)


def test_a_value_in_no_named_currency_is_compared_with_nothing() -> None:
    reason = "the table names no currency of its value"
    assert traded("value", CONSIGNMENTS, value(5, 9), currency=None) == (None, reason)


def test_what_flies_is_not_counted_in_teu() -> None:
    assert traded("teu", mode="AIR") == (None, "no lane publishes TEU for it")
    (units,) = rows([all_of("sstl_unit_share", lane="CNYTN-NLRTM-AIR")], None, [Section.SHARES])
    assert units.figure == "sstl_unit_share"


def test_the_shares_of_a_lane_by_teu_and_value_say_what_states_neither() -> None:
    lanes = [UNITS, CONSIGNMENTS, teu(8, 20), value(3, 6, n=7), value(1, 4, n=3, currency="USD")]
    found = {row.figure: row for row in rows(lanes, None, [Section.SHARES])}
    assert (found["sstl_teu_share"].value, found["sstl_teu_share"].denominator) == (0.4, 20)
    euros = found["sstl_value_share in EUR"]
    assert (euros.value, euros.numerator, euros.state) == (None, 3, "NOT_ESTIMABLE")
    assert euros.reason == "3 of 10 consignments state no value in EUR"
    assert found["sstl_value_share in USD"].reason == "7 of 10 consignments state no value in USD"
    whole = rows([CONSIGNMENTS, value(3, 6)], None, [Section.SHARES])
    assert [row.value for row in whole] == [0.3, 0.5]


def test_each_benefit_stands_beside_the_group_it_is_compared_with() -> None:
    waiting = published("LT_insp_wait", strata="sstl=YES", counting_unit="control", median=3600)
    found = rows([waiting, share("prearrival", strata="operator=AEO")], None, [Section.BENEFITS])
    assert len(found) == len(BENEFITS) * len(GROUPS)
    by = {(row.figure, row.group): row for row in found}
    assert by["LT_insp_wait, median", "SSTL"].value == 3600
    assert by["prearrival", "AEO"].value == 0.3
    other = by["prearrival", "not AEO"]
    assert (other.state, other.reason) == ("NOT_ESTIMABLE", "nothing is published of it")


def test_the_unit_of_a_rate_is_said_once() -> None:
    interval = WILSON.model_copy(update={"low": 68.02, "high": 588.1})
    rate = published(
        "controls_per_1000_consignments",
        strata="sstl=YES",
        unit="per 1000",
        value=200,
        interval=interval,
    )
    shown = as_table(rows([rate], None, [Section.BENEFITS]))
    assert "200 per 1000  68.02 to 588.1" in shown


def test_too_few_are_insufficient_data() -> None:
    few = published("LT_release", strata="sstl=NO", n=2, minimum_n=5, state="INSUFFICIENT_DATA")
    found = rows([few], None, [Section.BENEFITS])
    (row,) = [one for one in found if one.n is not None]
    assert (row.state, row.reason, row.value) == ("INSUFFICIENT_DATA", "n below 5", None)
    assert "insufficient data: n below 5" in as_table(found)


def test_benefits_are_indicators_that_are_declared() -> None:
    for one in BENEFITS:
        assert REGISTRY[one.indicator].counting_unit == one.counting_unit


def test_who_takes_part_is_a_number() -> None:
    ports = published(
        "ports_taking_part", unit="ports", k=2, value=2,
        interval={"low": 2, "high": 2, "level": 0.95, "method": "distinct-count", "method_version": 1},
    )  # fmt: skip
    (row,) = rows([ports], None, [Section.TAKING_PART])
    assert (row.value, row.unit, row.numerator) == (2, "ports", None)
    assert "2 ports" in as_table([row])


def test_csv_and_json_say_the_same() -> None:
    found = rows([share("sstl_consignment_share"), mass(3, 4)], [trade()], list(Section))
    from_csv = list(csv.DictReader(io.StringIO(as_csv(found))))
    from_json = json.loads(as_json(found))
    assert len(from_csv) == len(from_json) == len(found)
    for text, record in zip(from_csv, from_json, strict=True):
        assert set(text) == set(record)
        assert (float(text["value"]) if text["value"] else None) == record["value"]
        assert text["reason"] == record["reason"]


def test_a_table_of_nothing_is_said_to_be_one() -> None:
    assert as_table([]) == "nothing\n"


def test_a_provisional_month_makes_the_share_of_trade_provisional() -> None:
    first, _, *_ = rows([mass(1, 2, provisional=True)], [trade()], [Section.TRADE])
    assert first.provisional
    assert "provisional" in as_table([replace(first, reason="")])
