"""``sstl publish``: real records, files of CloudEvents, and a made-up corridor."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click

from sstl.cli.bars import bar
from sstl.cli.common import declared_topics, read_policy, read_settings
from sstl.cli.publish_dcsa import dcsa_command
from sstl.cli.publish_declarations import declarations_command
from sstl.cli.publish_synthetic import synthetic_command
from sstl.cli.publishing import backfill_families, split, topic_of
from sstl.errors import ExitCode, UserError
from sstl.intake import cargo2000
from sstl.publish.check import Checker
from sstl.publish.lines import Line, read_lines
from sstl.publish.message import Message, Mode, encode
from sstl.publish.publisher import Publisher, fits
from sstl.publish.resume import Acknowledged, ResumeFile
from sstl.publish.routing import FAMILIES, family_of
from sstl.publish.session import Backfill, publish
from sstl.settings import Settings

STATE_DIR = Path(".sstl/publish")
FLUSH_LINES = 1_000
_MODES = click.Choice([mode.value for mode in Mode])


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
      sstl publish cargo2000 c2k_data_comma.csv
      sstl publish cargo2000 --limit 100 --mode binary c2k_data_comma.csv
    """
    settings = read_settings()
    topics = declared_topics(settings)
    families = backfill_families(settings, backfill, ("manifest", "transport"))
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
                topic_of(topics),
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
            frozenset(split(backfill, FAMILIES, "--backfill")) if backfill else settings.backfill
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
            where = f" at {problem.pointer}" if problem.pointer else ""
            _complain(
                line, f"{problem.reason}{where}: got {problem.got}, expected {problem.expected}"
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
            if not fits(message):
                bad += 1
                _complain(line, f"{len(line.raw)} bytes, more than can be sent in one message")
                continue
            publisher.send_message(topics[target].name, message, f"line {line.number}")
            sent += 1
            advance(1)
            if sent % FLUSH_LINES == 0:
                publisher.flush()
        publisher.flush()
    left = f", {bad} {'line' if bad == 1 else 'lines'} left out" if bad else ""
    click.echo(f"{sent} events sent{left}", err=True)
    return int(ExitCode.SETTINGS if bad else ExitCode.OK)


def _complain(line: Line, text: str) -> None:
    click.echo(f"line {line.number}: {text}", err=True)


command.add_command(declarations_command)
command.add_command(dcsa_command)
command.add_command(synthetic_command)
