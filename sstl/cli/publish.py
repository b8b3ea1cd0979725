"""``sstl publish``: real records, files of CloudEvents, and a made-up corridor."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import click

from sstl.agents.topics import Topics
from sstl.cli.bars import bar
from sstl.cli.common import declared_topics, read_policy, read_settings
from sstl.cli.signals import stop_on_signals
from sstl.errors import ExitCode, UserError
from sstl.intake import cargo2000
from sstl.publish import corridor as paced
from sstl.publish.check import Checker
from sstl.publish.lines import Line, read_lines
from sstl.publish.message import Message, Mode, encode
from sstl.publish.publisher import Publisher
from sstl.publish.resume import Acknowledged, ResumeFile
from sstl.publish.routing import FAMILIES, family_of
from sstl.publish.session import Backfill, publish
from sstl.settings import Settings
from sstl.synthetic.corridor import START, Corridor
from sstl.synthetic.lanes import LANES

STATE_DIR = Path(".sstl/publish")
FLUSH_LINES = 1_000
_MODES = click.Choice([mode.value for mode in Mode])


def _split(names: str, known: tuple[str, ...] | set[str], option: str) -> list[str]:
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    unknown = sorted(set(chosen) - set(known))
    if unknown or not chosen:
        message = f"{', '.join(unknown) or 'none'}: known are {', '.join(sorted(known))}"
        raise click.BadParameter(message, param_hint=option)
    return chosen


def _backfill(settings: Settings, option: str | None, used: tuple[str, ...]) -> list[str]:
    """Return the families whose topics are a backfill: the option, else the setting, else those used."""
    if option is not None:
        return _split(option, FAMILIES, "--backfill")
    return sorted(settings.backfill) or list(used)


def _topic_of(topics: Topics) -> Callable[[dict[str, Any]], str]:
    def topic(event: dict[str, Any]) -> str:
        family = family_of(str(event.get("type")))
        if family is None:
            raise UserError(f"event {event.get('id')}: no topic for type {event.get('type')!r}")
        return topics[family].name

    return topic


@click.group()
def command() -> None:
    """Publish events to the input topics.

    \b
    Example:
      sstl publish cargo2000 c2k_data_comma.csv
      sstl publish synthetic --shipments 100
    """


@command.command("cargo2000")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--restart", is_flag=True, help="Send everything again, whatever was acknowledged.")
@click.option(
    "--backfill",
    metavar="FAMILIES",
    help="Topics that the workers treat as a backfill.  [default: SSTL_BACKFILL or manifest,transport]",
)
@click.option(
    "--mode", type=_MODES, default="structured", help="CloudEvents on Kafka.  [default: structured]"
)
@click.option("--limit", type=click.IntRange(1), help="Only the first so many processes.")
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=STATE_DIR,
    show_default=True,
    help="Where it is noted how far a publication came.",
)
def cargo2000_command(
    file: Path,
    *,
    restart: bool,
    backfill: str | None,
    mode: str,
    limit: int | None,
    state_dir: Path,
) -> None:
    """Publish the Cargo 2000 records in FILE (CSV or gzip) as manifests and air transport events.

    An interrupted run goes on where it was; ids are the same at each run, so sending twice does no harm. The
    records lie in the past: run the workers with SSTL_BACKFILL=manifest,transport.

    \b
    Example:
      SSTL_BACKFILL=manifest,transport sstl run
      sstl publish cargo2000 c2k_data_comma.csv
    """
    settings = read_settings()
    topics = declared_topics(settings)
    families = _backfill(settings, backfill, ("manifest", "transport"))
    try:
        raw = cargo2000.content(file)
        processes = cargo2000.parse(raw, name=str(file))[:limit]
    except (cargo2000.Cargo2000Error, OSError) as error:
        raise UserError(str(error)) from error
    content = f"{hashlib.sha256(raw).hexdigest()}/{limit}"
    note = ResumeFile(
        state_dir, content=content, bootstrap=settings.bootstrap, prefix=settings.prefix
    )
    told = Backfill([topics[family].name for family in families], cargo2000.SOURCE)
    services = sum(len(leg.services) for process in processes for leg in process.legs)
    total = len(processes) + 2 * services
    with Publisher(settings.bootstrap, mode=Mode(mode)) as publisher:
        used = [topics[family].name for family in ("manifest", "transport")]
        done = Acknowledged() if restart else note.load(publisher.end_offsets(used))
        begun = time.monotonic()
        with bar("Cargo 2000", total) as advance:
            sent = publish(
                cargo2000.events(processes),
                publisher,
                _topic_of(topics),
                done=done,
                save=note.save,
                advance=advance,
                backfill=told,
            )
        elapsed = time.monotonic() - begun
    legs = sum(len(process.incoming) for process in processes)
    click.echo(
        f"{len(processes)} processes, {legs} incoming legs, {services} services: {sent} events sent"
        f" in {elapsed:.1f} s ({sent / max(elapsed, 1e-3):.0f} a second)"
        + (
            f", {done.events} were acknowledged before (--restart sends them again)"
            if done.events
            else ""
        ),
        err=True,
    )


@command.command("jsonl")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--topic",
    "family",
    type=click.Choice(FAMILIES),
    help="Family of the topic, whatever the type says.",
)
@click.option("--check", is_flag=True, help="Judge only, with the code of intake; needs no broker.")
@click.option(
    "--backfill",
    metavar="FAMILIES",
    help="With --check: topics judged as a backfill.  [default: SSTL_BACKFILL]",
)
def jsonl_command(file: IO[bytes], family: str | None, *, check: bool, backfill: str | None) -> int:
    """Publish structured CloudEvents, one on each line of FILE ("-": standard input).

    Each goes to the topic of its type, byte for byte as it stands in the file. Lines that cannot be sent, or
    with --check would be rejected, are listed on standard error; the exit code is then 3.

    \b
    Example:
      sstl publish jsonl --check events.jsonl
      cat events.jsonl | sstl publish jsonl -
    """
    settings = read_settings()
    lines = read_lines(file)
    if check:
        families = (
            frozenset(_split(backfill, FAMILIES, "--backfill")) if backfill else settings.backfill
        )
        checker = Checker(
            read_policy(settings), settings.pseudonym_key, int(time.time() * 1000), families
        )
        return _check(lines, checker, family)
    return _send_lines(lines, settings, family)


def _check(lines: Iterator[Line], checker: Checker, family: str | None) -> int:
    read = bad = 0
    for line in lines:
        read += 1
        if line.event is None:
            bad += 1
            _complain(line, str(line.problem))
            continue
        # an unknown type has no topic; intake says so wherever it comes
        target = family or family_of(str(line.event.get("type"))) or FAMILIES[0]
        problems = checker.problems(line.raw, target, line.number)
        bad += bool(problems)
        for problem in problems:
            where = problem.pointer or "/"
            _complain(
                line, f"{problem.reason} at {where}: got {problem.got}, expected {problem.expected}"
            )
    click.echo(f"{read} events read, {read - bad} would be accepted, {bad} rejected", err=True)
    return int(ExitCode.SETTINGS if bad else ExitCode.OK)


def _send_lines(lines: Iterator[Line], settings: Settings, family: str | None) -> int:
    topics = declared_topics(settings)
    sent = bad = 0
    with Publisher(settings.bootstrap) as publisher, bar("Events") as advance:
        for line in lines:
            kind = str((line.event or {}).get("type"))
            target = family or family_of(kind)
            if line.event is None or target is None:
                bad += 1
                _complain(
                    line, line.problem or f"no topic for type {kind!r}; choose one with --topic"
                )
                continue
            message = encode(line.event)
            message = Message(message.key, line.raw, message.headers)
            publisher.send_message(topics[target].name, message, f"line {line.number}")
            sent += 1
            advance(1)
            if sent % FLUSH_LINES == 0:
                publisher.flush()
        publisher.flush()
    click.echo(f"{sent} events sent" + (f", {bad} lines left out" if bad else ""), err=True)
    return int(ExitCode.SETTINGS if bad else ExitCode.OK)


def _complain(line: Line, text: str) -> None:
    click.echo(f"line {line.number}: {text}", err=True)


@command.command("synthetic")
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
    backfill: str | None,
    resume: Path | None,
    truth: Path | None,
) -> None:
    """Publish a made-up corridor between China and the EU, with known incidents, until it ends or Ctrl-C.

    Its calendar lies in the past and may run faster than life; run the workers with
    SSTL_BACKFILL=manifest,seallock,inspection,transport. With --live the journeys are squeezed onto the wall
    clock instead, and no backfill is needed.

    \b
    Example:
      sstl publish synthetic --seed 7 --shipments 200
      sstl publish synthetic --speed 20000 --rate 100
      sstl publish synthetic --live --speed 20000 --rate 500
    """
    if (rate is not None or live) and speed == 0:
        raise click.UsageError("--rate and --live need a --speed above 0")
    settings = read_settings()
    topics = declared_topics(settings)
    wall = datetime.fromtimestamp(time.time(), UTC)
    first = start.replace(tzinfo=UTC) if start else wall if live else START
    corridor = Corridor(
        seed=seed,
        start=first,
        spacing=timedelta(hours=4) if rate is None else paced.spacing(rate, speed),
        shipments=shipments,
        lanes=tuple(_split(lanes, set(LANES), "--lanes")),
        incident_share=incidents,
        disorder=disorder,
    )
    if truth is not None:
        if shipments is None:
            raise click.UsageError("--truth needs --shipments")
        _write_truth(corridor, truth)
    families = [] if live else _backfill(settings, backfill, paced.FAMILIES)
    after = _resumed(resume)
    pace = paced.Pace(speed, after or first, wall, live=live)
    with _noted(resume) as note, bar("Corridor") as advance, stop_on_signals() as stop:

        def advanced(count: int, reached: datetime) -> None:
            advance(count)
            note(reached)

        with Publisher(settings.bootstrap) as publisher:
            sent = paced.run(
                corridor,
                pace,
                publisher,
                _topic_of(topics),
                paced.Clock(time.time, _waiter(stop)),
                after=after,
                progress_topics=[topics[family].name for family in families],
                advance=advanced,
            )
    click.echo(f"{sent} events sent", err=True)


def _waiter(stop: threading.Event) -> Callable[[float], bool]:
    return lambda seconds: stop.wait(seconds) if seconds else stop.is_set()


def _write_truth(corridor: Corridor, file: Path) -> None:
    from sstl.publish.truth import as_json

    with file.open("wb") as out:
        for incident in corridor.truth():
            out.write(as_json(incident) + b"\n")


def _resumed(file: Path | None) -> datetime | None:
    if file is None or not file.exists():
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
            beside = file.with_suffix(".new")
            beside.write_text(latest[-1].isoformat(), encoding="ascii")
            beside.replace(file)

    def note(reached: datetime) -> None:
        latest[:] = [reached]
        if time.monotonic() - written[0] > 1:
            written[0] = time.monotonic()
            write()

    try:
        yield note
    finally:
        write()
