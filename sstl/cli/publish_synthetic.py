"""``sstl publish synthetic``: the made-up corridor, as fast as wanted."""

import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from sstl.cli.bars import bar
from sstl.cli.common import declared_topics, read_settings
from sstl.cli.publishing import backfill_families, split, topic_of
from sstl.cli.signals import stop_on_signals
from sstl.cli.writing import may_write, write_whole
from sstl.errors import UserError
from sstl.models.selection import parse_rate, rate_text
from sstl.publish import corridor as paced
from sstl.publish.publisher import Publisher
from sstl.publish.truth import as_json
from sstl.synthetic.controls import RANDOM_RATE, Controls
from sstl.synthetic.corridor import START, Corridor
from sstl.synthetic.lanes import LANES
from sstl.synthetic.log import text


@click.command("synthetic")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="The same seed gives the same events.",
)
@click.option(
    "--shipments", type=click.IntRange(1), help="Filings with 1 to 3 units each.  [default: no end]"
)
@click.option(
    "--lanes",
    default=",".join(LANES),
    help=f"Lane ids, separated by commas.  [default: all: {', '.join(LANES)}]",
)
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=0,
    show_default=True,
    help="Simulated seconds for each real one; 0: as fast as the broker takes them.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="About so many events a second (needs --speed).  [default: a filing every 4 simulated hours]",
)
@click.option(
    "--live",
    is_flag=True,
    help="Squeeze the instants onto the wall clock (needs --speed): no backfill, nothing in the past.",
)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
    help=f"First simulated instant, UTC.  [default: {START:%Y-%m-%d}; with --live: now]",
)
@click.option(
    "--disorder",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Share of events that arrive late; half of it arrive twice.",
)
@click.option(
    "--incidents",
    type=click.FloatRange(0, 1),
    default=0.08,
    show_default=True,
    help="Share of shipments with a planted delay.",
)
@click.option(
    "--controls",
    is_flag=True,
    help="Random draws, images with follow-up, the partner's results and trusted traders (not with --live).",
)
@click.option(
    "--random-rate",
    metavar="RATE",
    help=f"With --controls: chance of each consignment to be drawn.  [default: {rate_text(RANDOM_RATE)}]",
)
@click.option(
    "--backfill",
    metavar="FAMILIES",
    help="Topics that are a backfill.  [default: SSTL_BACKFILL or those used]",
)
@click.option(
    "--resume",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Note in this file how far it came, and go on from there.",
)
@click.option(
    "--truth",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the planted incidents here (JSONL).",
)
def synthetic_command(  # noqa: PLR0913 - one parameter for each option
    *,
    seed: int,
    shipments: int | None,
    lanes: str,
    speed: float,
    rate: float | None,
    live: bool,
    start: datetime | None,
    disorder: float,
    incidents: float,
    controls: bool,
    random_rate: str | None,
    backfill: str | None,
    resume: Path | None,
    truth: Path | None,
) -> None:
    """Publish a made-up corridor between China and the EU, with known incidents, until it ends or Ctrl-C.

    Its calendar lies in the past and may run faster than life; run the workers with
    SSTL_BACKFILL=manifest,seallock,inspection,transport (and registry with --controls). With --live the journeys are
    squeezed onto the wall clock instead, and no backfill is needed.

    \b
    Example:
      sstl publish synthetic --seed 7 --shipments 200
      sstl publish synthetic --lanes CNCAN-NLAMS-AIR --shipments 500 --controls
      sstl publish synthetic --speed 20000 --rate 100
      sstl publish synthetic --live --speed 20000 --rate 500
    """
    if (rate is not None or live) and speed == 0:
        raise click.UsageError("--rate and --live need a --speed above 0")
    judged = _controls(random_rate, controls=controls, live=live)
    used = paced.FAMILIES if judged is None else paced.REGISTERED
    settings = read_settings()
    topics = declared_topics(settings)
    wall = datetime.fromtimestamp(time.time(), UTC)
    first = start.replace(tzinfo=UTC) if start else wall if live else START
    # a live run is another one each time: the same ids at other instants would pass for corrections
    corridor = Corridor(
        seed=zlib.crc32(f"{seed}/{text(first)}".encode()) if live else seed,
        start=first,
        spacing=timedelta(hours=4) if rate is None else paced.spacing(rate, speed),
        shipments=shipments,
        lanes=tuple(split(lanes, set(LANES), "--lanes")),
        incident_share=incidents,
        disorder=disorder,
        controls=judged,
    )
    if truth is not None:
        if shipments is None:
            raise click.UsageError("--truth needs --shipments")
        may_write(truth, force=True, option="--truth")
        _write_truth(corridor, truth)
    families = [] if live else backfill_families(settings, backfill, used)
    after = _resumed(resume)
    pace = paced.Pace(speed, after or first, wall, live=live)
    with _noted(resume) as note, bar("Corridor") as advance, stop_on_signals() as stop:

        def advanced(count: int, reached: datetime) -> None:
            advance(count)
            note(reached)

        with Publisher(settings.bootstrap) as publisher:
            for family in {*used, *families}:
                publisher.partitions(topics[family].name)
            sent = paced.run(
                corridor,
                pace,
                publisher,
                topic_of(topics),
                paced.Clock(time.time, _waiter(stop)),
                after=after,
                progress_topics=[topics[family].name for family in families],
                advance=advanced,
            )
    click.echo(f"{sent} events sent", err=True)


def _controls(random_rate: str | None, *, controls: bool, live: bool) -> Controls | None:
    if not controls:
        if random_rate is not None:
            raise click.UsageError("--random-rate needs --controls")
        return None
    if live:
        raise click.UsageError("--controls are drawn by the day of the calendar: not with --live")
    if random_rate is None:
        return Controls()
    try:
        return Controls(random_rate=parse_rate(random_rate))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--random-rate") from error


def _waiter(stop: threading.Event) -> Callable[[float], bool]:
    return lambda seconds: stop.wait(seconds) if seconds else stop.is_set()


def _write_truth(corridor: Corridor, file: Path) -> None:
    write_whole(
        file,
        lambda part: part.write_bytes(
            b"".join(as_json(incident) + b"\n" for incident in corridor.truth())
        ),
    )


def _resumed(file: Path | None) -> datetime | None:
    if file is None:
        return None
    may_write(file, force=True, option="--resume")
    if not file.exists():
        return None
    try:
        return datetime.fromisoformat(file.read_text(encoding="ascii").strip())
    except ValueError as error:
        raise UserError(f"{file}: does not say how far a corridor came: {error}") from error


@contextmanager
def _noted(file: Path | None) -> Iterator[Callable[[datetime], None]]:
    """Yield what is told the instant reached; it is written now and then and at the end."""
    latest: list[datetime] = []
    written = [0.0]

    def write() -> None:
        if file is not None and latest:
            reached = latest[-1].isoformat()
            write_whole(file, lambda part: part.write_text(reached, encoding="ascii"))

    def note(reached: datetime) -> None:
        latest[:] = [reached]
        if time.monotonic() - written[0] > 1:
            written[0] = time.monotonic()
            write()

    try:
        yield note
    finally:
        write()
