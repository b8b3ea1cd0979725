"""``sstl coverage``: how much of trade the programme covers, who takes part, and what operators gain."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import click
import orjson

from sstl.cli.board import INDICATOR
from sstl.cli.columns import aligned
from sstl.cli.common import declared_topics, read_settings
from sstl.cli.coverage_row import AVAILABLE, NOT_ESTIMABLE, Row, Section
from sstl.cli.coverage_rows import rows
from sstl.cli.indicator_formats import quantity
from sstl.cli.indicator_slices import WINDOW_KINDS, window_named
from sstl.cli.indicators import published
from sstl.cli.outputs import TOPICS, Outputs
from sstl.cli.table_problems import nothing_used
from sstl.cli.trade_table import Trade, TradeTableError, read_trade
from sstl.cli.writing import may_write, write_whole
from sstl.errors import ExitCode, UserError

_FORMATS = ("table", "csv", "json")
_COLUMNS: Final = tuple(one.name for one in fields(Row))


def _window(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> list[str]:
    found = []
    for text in given:
        try:
            found.append(text if text in WINDOW_KINDS else window_named(text))
        except ValueError as error:
            kinds = ", ".join(WINDOW_KINDS)
            raise click.BadParameter(
                f"{text!r} is no kind of window ({kinds}) and no window like P1M/2024-05"
            ) from error
    return found


@click.command()
@click.option(
    "--trade",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Monthly table of all bilateral trade (CSV); without it the share of it is not estimable.",
)
@click.option(
    "--section",
    "sections",
    multiple=True,
    type=click.Choice([one.value for one in Section]),
    help="Only this section; may be repeated.  [default: all]",
)
@click.option("--lane", "lanes", multiple=True, help="Only these lanes, like CN*-SEA.")
@click.option(
    "--window",
    "windows",
    multiple=True,
    callback=_window,
    metavar="KIND[/BEGIN]",
    help="Windows of shares, of who takes part and of benefits; trade is always by month.  [default: TOTAL]",
)
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="table", help="How it is written."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to this file, not to standard output.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def command(
    *,
    trade: Path | None,
    sections: tuple[str, ...],
    lanes: tuple[str, ...],
    windows: list[str],
    form: str,
    output: Path | None,
    force: bool,
) -> None:
    """Print what the programme covers and what operators gain, from the published indicators.

    shares: the programme's share of each lane's consignments, units, mass, TEU and value. trade: its share of all
    bilateral trade, by direction, mode and month, against an imported table (docs/coverage.md). taking-part: operators,
    offices and ports. benefits: AEO and SSTL, each beside the group it is compared with. What cannot be said says why.

    \b
    Example:
      sstl coverage --lane 'CN*-SEA' --section benefits
      sstl coverage --trade trade.csv --window P1M --format csv --output coverage.csv
    """
    if output is not None:
        may_write(output, force=force)
    table = None if trade is None else _trade(trade)
    settings = read_settings()
    topics = declared_topics(settings)
    with Outputs(
        settings.bootstrap, topics, frozenset({INDICATOR}), from_beginning=True
    ) as outputs:
        known = [one for one in published(outputs.whole()) if _of(one.lane_id, lanes)]
    if not known:
        topic = topics[TOPICS[INDICATOR]].name
        raise UserError(f"no indicator of such a lane is published on {topic}", ExitCode.USAGE)
    wanted = [Section(one) for one in sections] or list(Section)
    found = [
        row
        for row in rows(known, table, wanted)
        if row.section is Section.TRADE or _in(row.window, windows or ["TOTAL"])
    ]
    text = _TEXTS[form](found)
    if output is None:
        click.echo(text, nl=False)
        return
    write_whole(output, lambda part: part.write_text(text, encoding="utf-8", newline=""))
    click.echo(f"{len(found)} rows written to {output}", err=True)


def _trade(path: Path) -> list[Trade]:
    try:
        return read_trade(path)
    except TradeTableError as error:
        raise nothing_used(path, error.problems) from error


def _of(lane_id: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(lane_id, pattern) for pattern in patterns)


def _in(window: str, windows: Sequence[str]) -> bool:
    return window in windows or window.partition("/")[0] in windows


def as_csv(found: Sequence[Row]) -> str:
    """Return CSV with LF: what is absent is empty, numbers read back as they were."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in found:
        writer.writerow(_text(getattr(row, name)) for name in _COLUMNS)
    return written.getvalue()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_json(found: Sequence[Row]) -> str:
    """Return one JSON array, a row a line; absent: null."""
    lines = (orjson.dumps(row).decode() for row in found)
    return "[\n" + ",\n".join(lines) + "\n]\n"


_HEADING: Final = ("of", "mode", "window", "figure", "group", "n", "value", "interval", "state")
_NUMBERS: Final = (False, False, False, False, False, True, True, False, False)


def as_table(found: Sequence[Row]) -> str:
    """Return a table for people, a section after the other, each with its heading."""
    parts = []
    for section in dict.fromkeys(row.section for row in found):
        shown = [_shown(row) for row in found if row.section is section]
        parts.append(f"{section.value}\n{aligned([_HEADING, *shown], _NUMBERS)}")
        parts += [f"source: {one}\n" for one in _sources(found, section)]
    return "\n".join(parts) or "nothing\n"


def _sources(found: Sequence[Row], section: Section) -> list[str]:
    said = {
        f"{row.source}, released {row.released}"
        for row in found
        if row.section is section and row.source
    }
    return sorted(said)


def _shown(row: Row) -> tuple[str, ...]:
    return (
        row.of,
        row.mode,
        row.window,
        row.figure,
        row.group,
        "" if row.n is None else str(row.n),
        quantity(row.value, row.unit),
        _interval(row),
        _state(row),
    )


def _interval(row: Row) -> str:
    if row.value is None or (row.low is None and row.high is None) or row.low == row.high:
        return ""
    plain = row.unit not in ("1", "s")
    ends = (
        "-" if end is None else f"{end:.4g}" if plain else quantity(end, row.unit)
        for end in (row.low, row.high)
    )
    return " to ".join(ends)


_WORDS: Final = {
    AVAILABLE: "",
    "INSUFFICIENT_DATA": "insufficient data",
    NOT_ESTIMABLE: "not estimable",
}


def _state(row: Row) -> str:
    said = _WORDS[row.state]
    if row.reason:
        said = f"{said}: {row.reason}"
    provisional = "provisional" if row.provisional and row.state == AVAILABLE else ""
    return said or provisional


_TEXTS: Final[Mapping[str, Callable[[Sequence[Row]], str]]] = {
    "table": as_table,
    "csv": as_csv,
    "json": as_json,
}
