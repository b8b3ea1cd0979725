"""The options that say of which time observations are asked for, handed over as one cohort."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click

from sstl.cli.indicator_slices import window_named
from sstl.core.comparing import Cohort
from sstl.core.lanes.windows import DAY_MS, TOTAL, bounds

_DAY = click.DateTime(formats=["%Y-%m-%d"])
_EVER = Cohort(TOTAL, -(1 << 62), 1 << 62)
BETWEEN = ".."
"""Between two days in the name of a cohort that is no window."""


def when(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say when, handed over as one ``cohort``."""

    @wraps(command)
    def bundled(
        *, window: str | None, since: datetime | None, until: datetime | None, **others: Any
    ) -> None:
        command(cohort=_cohort(window, since, until), **others)

    for option in (
        click.option(
            "--until", type=_DAY, metavar="DATE", help="Only what began on this UTC day or before."
        ),
        click.option(
            "--since", type=_DAY, metavar="DATE", help="Only what began on this UTC day or later."
        ),
        click.option(
            "--window",
            metavar="KIND/BEGIN",
            help="Only what began in this window, like P1M/2024-05.  [default: TOTAL]",
        ),
    ):
        bundled = option(bundled)
    return bundled


def _cohort(window: str | None, since: datetime | None, until: datetime | None) -> Cohort:
    if window is not None:
        if since is not None or until is not None:
            raise click.UsageError("--window says when: leave --since and --until out")
        try:
            name = window_named(window)
        except ValueError as error:
            raise click.BadParameter(
                f"{window!r} is no window like P1M/2024-05", param_hint="--window"
            ) from error
        return _EVER if name == TOTAL else Cohort(name, *bounds(name))
    if since is None and until is None:
        return _EVER
    if since is not None and until is not None and until < since:
        raise click.UsageError(f"--until {until:%F} lies before --since {since:%F}")
    named = BETWEEN.join("" if day is None else f"{day:%F}" for day in (since, until))
    return Cohort(
        named,
        _EVER.from_ms if since is None else _day_ms(since),
        _EVER.to_ms if until is None else _day_ms(until) + DAY_MS,
    )


def _day_ms(day: datetime) -> int:
    return int(day.replace(tzinfo=UTC).timestamp()) * 1000
