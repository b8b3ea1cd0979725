"""The imported monthly table of bilateral trade: read, and refused with line and column where it is wrong."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from sstl.models.codes import MODE_NAMES

COLUMNS: Final = ("month", "direction", "mode", "value", "mass_kg", "teu", "source", "released")
CURRENCY: Final = "currency"
"""Column that may be left out."""
_AMOUNTS: Final = ("value", "mass_kg", "teu")
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_DIRECTION: Final = re.compile(r"[A-Z]{2}-[A-Z]{2}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_MODES: Final = frozenset(MODE_NAMES.values())
EU: Final = "EU"
MEMBER_STATES: Final = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"}
    | {"IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)
"""Of the European Union since 2020, ISO 3166-1."""


@dataclass(frozen=True, slots=True)
class Trade:
    """All bilateral trade of one month, direction and mode; None: the table does not say."""

    month: str
    """``2024-05``."""
    direction: str
    """``CN-NL``: from one country to another; ``EU`` is all member states."""
    mode: str
    value: Decimal | None
    """In the currency that the table names; without a name there is no share of it."""
    mass_kg: Decimal | None
    teu: Decimal | None
    source: str
    released: date
    currency: str | None = None
    """Of the value, ISO 4217; None: the table does not say."""

    def covers(self, origin: str, destination: str) -> bool:
        """Tell whether trade from one country to another is in it."""
        first, _, second = self.direction.partition("-")
        return _within(origin, first) and _within(destination, second)


def _within(country: str, area: str) -> bool:
    return country == area or (area == EU and country in MEMBER_STATES)


class TradeTableError(Exception):
    """A table is wrong: every problem with file, line and column."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read_trade(path: Path) -> list[Trade]:
    """Return the rows of a table (CSV, UTF-8, with a heading), in their order.

    Raises:
        TradeTableError: It cannot be read, or a row is wrong; nothing of it is used then.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TradeTableError([f"{path}: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise TradeTableError([f"{path}: not UTF-8 ({error.reason})"]) from error
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    problems = [f"{path}, line 1: {one}" for one in _heading(reader.fieldnames)]
    if problems:
        raise TradeTableError(problems)
    found: list[Trade] = []
    lines: dict[tuple[str, str, str], int] = {}
    try:
        for row in reader:
            at = f"{path}, line {reader.line_num}"
            if None in row or None in row.values():
                problems.append(f"{at}: as many fields as the heading has are expected")
                continue
            wrong = list(_wrong(row))
            problems += [f"{at}, column {name}: {what}" for name, what in wrong]
            if wrong:
                continue
            trade = _trade(row)
            key = (trade.month, trade.direction, trade.mode)
            if key in lines:
                problems.append(f"{at}: {' '.join(key)} stands in line {lines[key]} already")
            lines.setdefault(key, reader.line_num)
            found.append(trade)
    except csv.Error as error:
        problems.append(f"{path}, line {reader.line_num}: no CSV ({error})")
    if problems:
        raise TradeTableError(problems)
    return found


def _heading(names: Iterable[str] | None) -> list[str]:
    given = list(names or ())
    found = [f"no column {name}" for name in COLUMNS if name not in given]
    found += [f"unknown column {name!r}" for name in given if name not in (*COLUMNS, CURRENCY)]
    if len(set(given)) < len(given):
        found.append("a column stands there twice")
    return found


def _wrong(row: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Yield column and what is wrong with its value."""
    if not _MONTH.fullmatch(row["month"]):
        yield "month", f"{row['month']!r} is no month like 2024-05"
    if not _DIRECTION.fullmatch(row["direction"]):
        yield "direction", f"{row['direction']!r} is no pair of countries like CN-NL or CN-EU"
    if row["mode"] not in _MODES:
        yield "mode", f"{row['mode']!r} is none of {', '.join(sorted(_MODES))}"
    for name in _AMOUNTS:
        text = row[name].strip()
        if text and _amount(text) is None:
            yield name, f"{text!r} is no number from 0 on; empty: not known"
    currency = row.get(CURRENCY, "").strip()
    if currency and not _CURRENCY.fullmatch(currency):
        yield CURRENCY, f"{currency!r} is no currency like EUR; empty: not known"
    if not row["source"].strip():
        yield "source", "says who published it; it is empty"
    try:
        date.fromisoformat(row["released"])
    except ValueError:
        yield "released", f"{row['released']!r} is no date like 2024-07-15"


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def _trade(row: Mapping[str, str]) -> Trade:
    value, mass_kg, teu = (_amount(row[name].strip()) for name in _AMOUNTS)
    return Trade(
        month=row["month"],
        direction=row["direction"],
        mode=row["mode"],
        value=value,
        mass_kg=mass_kg,
        teu=teu,
        source=row["source"].strip(),
        released=date.fromisoformat(row["released"]),
        currency=row.get(CURRENCY, "").strip() or None,
    )
