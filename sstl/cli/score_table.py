"""A table of scores of consignments, and of what is known of them: read, and refused with line and column."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Final

NAMED, SCORE, ILLICIT, REVENUE = "consignment", "score", "illicit", "revenue"
COLUMNS: Final = (NAMED, SCORE, ILLICIT, REVENUE)
"""The last two may be left out."""
_TRUTHS: Final = {"0": False, "1": True}


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One consignment."""

    consignment: str
    score: float
    illicit: bool | None
    """None: the table does not say."""
    revenue: int | None
    """Recoverable, in whole units of one currency."""


class ScoreTableError(Exception):
    """A table is wrong: every problem with file, line and column."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read_scores(path: Path, *, truth: bool) -> list[ScoreRow]:
    """Return the rows of a table (CSV, UTF-8, with a heading), in their order.

    Args:
        path: The file.
        truth: Every row must say whether it is illicit.

    Raises:
        ScoreTableError: It cannot be read, or a row is wrong; nothing of it is used then.
    """
    reader = csv.DictReader(_lines(path), strict=True)
    problems = [f"{path}, line 1: {one}" for one in _heading(reader.fieldnames or (), truth=truth)]
    if problems:
        raise ScoreTableError(problems)
    found: dict[str, ScoreRow] = {}
    try:
        for row in reader:
            at = f"{path}, line {reader.line_num}"
            wrong = list(_wrong(row, found, truth=truth))
            problems += [f"{at}{what}" for what in wrong]
            if not wrong:
                one = _row(row)
                found[one.consignment] = one
    except csv.Error as error:
        problems.append(f"{path}, line {reader.line_num}: no CSV ({error})")
    if not (found or problems):
        problems.append(f"{path}: no row")
    if problems:
        raise ScoreTableError(problems)
    return list(found.values())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except OSError as error:
        raise ScoreTableError([f"{path}: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise ScoreTableError([f"{path}: not UTF-8 ({error.reason})"]) from error


def as_scores(rows: Iterable[ScoreRow]) -> str:
    """Return the table of some rows, all columns; what is not known is empty."""
    lines = [",".join(COLUMNS)]
    for row in rows:
        known = "" if row.illicit is None else str(int(row.illicit))
        money = "" if row.revenue is None else str(row.revenue)
        lines.append(f"{row.consignment},{row.score!r},{known},{money}")
    return "\n".join(lines) + "\n"


def _heading(names: Iterable[str], *, truth: bool) -> list[str]:
    given = list(names)
    needed = COLUMNS[:3] if truth else COLUMNS[:2]
    found = [f"no column {name}" for name in needed if name not in given]
    found += [f"unknown column {name!r}" for name in given if name not in COLUMNS]
    if len(set(given)) < len(given):
        found.append("a column stands there twice")
    return found


def _wrong(row: Mapping[str, str], known: Mapping[str, ScoreRow], *, truth: bool) -> Iterable[str]:
    """Yield what is wrong with a row, with the column where it is of one."""
    if None in row or None in row.values():
        yield ": as many fields as the heading has are expected"
        return
    name = row[NAMED].strip()
    if not name:
        yield f", column {NAMED}: is empty"
    if name in known:
        yield f", column {NAMED}: {name} stands there already"
    if _number(row[SCORE]) is None:
        yield f", column {SCORE}: {row[SCORE]!r} is no number"
    illicit = row.get(ILLICIT, "").strip()
    if illicit not in _TRUTHS and (illicit or truth):
        yield f", column {ILLICIT}: {illicit!r} is not 0 or 1"
    money = row.get(REVENUE, "").strip()
    if money and not (money.isascii() and money.isdigit()):
        yield f", column {REVENUE}: {money!r} is no whole number from 0 on; empty: not known"


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _row(row: Mapping[str, str]) -> ScoreRow:
    money = row.get(REVENUE, "").strip()
    return ScoreRow(
        row[NAMED].strip(),
        float(row[SCORE]),
        _TRUTHS.get(row.get(ILLICIT, "").strip()),
        int(money) if money else None,
    )
