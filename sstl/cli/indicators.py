"""``sstl indicators``: any slice of the published indicators, printed or exported."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from sstl.cli.board import INDICATOR
from sstl.cli.common import declared_topics, read_settings
from sstl.cli.indicator_formats import (
    Format,
    as_csv,
    as_json,
    as_table,
    require_parquet,
    write_parquet,
)
from sstl.cli.indicator_slices import WINDOW_KINDS, Slice, window_named
from sstl.cli.outputs import TOPICS, Outputs, Read
from sstl.cli.writing import may_write, write_whole
from sstl.errors import ExitCode, UserError
from sstl.models.indicator import Indicator

_DAY = click.DateTime(formats=["%Y-%m-%d"])
_TEXTS: dict[Format, Callable[[Iterable[Indicator]], str]] = {
    Format.TABLE: as_table,
    Format.CSV: as_csv,
    Format.JSON: as_json,
}


def _strata(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in given:
        name, equals, pattern = text.partition("=")
        if not (name and equals and pattern):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE, like side=IMPORT")
        pairs.append((name, pattern))
    return tuple(pairs)


def _windows(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(text if text in WINDOW_KINDS else _window(text) for text in given)


def _window(text: str) -> str:
    try:
        return window_named(text)
    except ValueError as error:
        kinds = ", ".join(WINDOW_KINDS)
        raise click.BadParameter(
            f"{text!r} is no kind of window ({kinds}) and no window like P1D/2024-05-01"
        ) from error


def _day(_context: click.Context, _option: click.Parameter, given: datetime | None) -> date | None:
    return None if given is None else given.date()


def _choosing(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which indicators, handed over as one ``chosen``."""

    @wraps(command)
    def bundled(  # noqa: PLR0913 - one parameter for each option
        *,
        lanes: tuple[str, ...],
        modes: tuple[str, ...],
        indicators: tuple[str, ...],
        strata: tuple[tuple[str, str], ...],
        windows: tuple[str, ...],
        since: date | None,
        until: date | None,
        totals: bool,
        final: bool,
        latest: bool,
        by: str,
        **others: Any,
    ) -> None:
        if since is not None and until is not None and until < since:
            raise click.UsageError(f"--until {until} lies before --since {since}")
        if totals and strata:
            raise click.UsageError("--totals are not split by strata: leave --stratum out")
        chosen = Slice(
            lanes,
            tuple(mode.upper() for mode in modes),
            indicators,
            strata,
            windows,
            since,
            until,
            totals,
            final,
            latest,
            by.upper(),
        )
        command(chosen=chosen, **others)

    for option in (
        click.option(
            "--by",
            type=click.Choice(["start", "end"]),
            default="start",
            show_default=True,
            help="Windows of what began in them (cohorts), or of what ended in them (lead times, all together only).",
        ),
        click.option("--latest", is_flag=True, help="Only the newest window of each series."),
        click.option(
            "--final-only/--include-provisional",
            "final",
            help="Leave out windows whose follow-up has not ended, or show them too (the default).",
        ),
        click.option("--totals", is_flag=True, help="Only what is not split by strata."),
        click.option(
            "--until",
            type=_DAY,
            metavar="DATE",
            callback=_day,
            help="Windows that begin on this UTC day or before.",
        ),
        click.option(
            "--since",
            type=_DAY,
            metavar="DATE",
            callback=_day,
            help="Windows that begin on this UTC day (2024-05-01) or later; one without an end (TOTAL) is left out.",
        ),
        click.option(
            "--window",
            "windows",
            multiple=True,
            callback=_windows,
            metavar="KIND[/BEGIN]",
            help=f"Only windows of this kind ({', '.join(WINDOW_KINDS)}), or one window; may be repeated.",
        ),
        click.option(
            "--stratum",
            "strata",
            multiple=True,
            callback=_strata,
            metavar="NAME=VALUE",
            help="Only this stratum, like side=IMPORT; of one name any, of several names all.",
        ),
        click.option("--mode", "modes", multiple=True, help="Only these modes, like SEA."),
        click.option("--lane", "lanes", multiple=True, help="Only these lanes, like CN*-SEA."),
        click.option(
            "--indicator", "indicators", multiple=True, help="Only these indicators, like LT_*."
        ),
    ):
        bundled = option(bundled)
    return bundled


@click.command()
@_choosing
@click.option(
    "--format",
    "written_as",
    type=click.Choice([one.value for one in Format]),
    help="How it is written.  [default: by the ending of FILE, else table]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to this file, not to standard output; needed for parquet.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def command(*, chosen: Slice, written_as: str | None, output: Path | None, force: bool) -> None:
    """Print or export the published indicators: all of them, or the slice that the options choose.

    The last record of each key counts. Options may be repeated; patterns are as in file names. The table shows the
    essential columns with durations for people; csv, json and parquet have every field, durations in seconds
    (docs/indicators.md). A slice that is empty is exit code 2, and no file is written.

    \b
    Example:
      sstl indicators --lane 'CN*-SEA' --indicator LT_release --latest
      sstl indicators --stratum side=IMPORT --since 2024-05-01 --output may.parquet
      sstl indicators --window TOTAL --format json | jq '.[].median'
    """
    form = _format_of(written_as, output)
    if form is Format.PARQUET:
        if output is None:
            raise click.UsageError(
                "parquet is not for terminals and pipes: say where with --output FILE"
            )
        require_parquet()
    if output is not None:
        may_write(output, force=force)
    settings = read_settings()
    topics = declared_topics(settings)
    with Outputs(
        settings.bootstrap, topics, frozenset({INDICATOR}), from_beginning=True
    ) as outputs:
        known = published(outputs.whole())
    found = chosen.of(known)
    if not found:
        raise UserError(_nothing(chosen, known, topics[TOPICS[INDICATOR]].name), ExitCode.USAGE)
    if output is None:
        click.echo(_TEXTS[form](found), nl=False)
        return
    _write(found, form, output)
    click.echo(f"{len(found)} of {len(known)} indicators written to {output}", err=True)


def published(read: Iterable[Read]) -> list[Indicator]:
    """Return what the topic says now: the last record of each key, without keys that were deleted.

    Raises:
        UserError: A record does not fit the model of this release.
    """
    last: dict[str, Read] = {}
    for one in read:
        last.pop(one.key, None)
        if one.record is not None:
            last[one.key] = one
    return [_indicator(one) for one in last.values()]


def _indicator(read: Read) -> Indicator:
    try:
        return Indicator.model_validate(read.record)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "record"
        raise UserError(
            f"{read.topic}, partition {read.partition}, offset {read.offset}: no indicator as this release knows it"
            f" ({where}: {first['msg']}); was it written by another release?",
            ExitCode.INCOMPATIBLE,
        ) from error


def _format_of(given: str | None, output: Path | None) -> Format:
    if given is not None:
        return Format(given)
    if output is None:
        return Format.TABLE
    ending = output.suffix.removeprefix(".").lower()
    if ending in set(Format):
        return Format(ending)
    if ending in {"", "txt"}:
        return Format.TABLE
    raise click.UsageError(
        f"--output {output}: .{ending} is no format; say which one with --format"
    )


def _nothing(chosen: Slice, known: list[Indicator], topic: str) -> str:
    if not known:
        return f"no indicator is published on {topic} yet"
    unmet = chosen.unmet(known)
    reason = f"nothing has {'; '.join(unmet)}" if unmet else "nothing has all that is asked"
    return f"none of {len(known)} published indicators is in this slice: {reason}"


def _write(found: list[Indicator], form: Format, output: Path) -> None:
    def whole(part: Path) -> None:
        if form is Format.PARQUET:
            write_parquet(found, part)
        else:
            part.write_text(_TEXTS[form](found), encoding="utf-8", newline="")

    write_whole(output, whole)
