"""``sstl select``: the random arm of controls, from the key of a day to its check by the other side."""

import os
import secrets
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import click
import orjson

from sstl.cli import select_files as files
from sstl.cli.common import read_policy, read_settings
from sstl.core.draws import SOURCE, draw_events
from sstl.core.selection import (
    KEY_BYTES,
    Lot,
    commitment,
    derived_key,
    draw_event_id,
    selection_event_id,
    verify,
)
from sstl.errors import ExitCode, UserError
from sstl.key_files import draw_of, lot_of, read_model, read_secret_key
from sstl.models.common import EPOCH, to_wire
from sstl.models.policy import Policy
from sstl.models.selection import Commitment, DayKey, exact_rate, parse_rate, rate_text

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW = click.Path(dir_okay=False, path_type=Path)
_KEY = click.option(
    "--key", "key_file", required=True, type=_EXISTING, help="File of the day's key."
)


class RateType(click.ParamType):
    """A rate as decimal text."""

    name = "rate"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        """Return the rate exactly."""
        if isinstance(value, Fraction):
            return value
        try:
            return parse_rate(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group()
def command() -> None:
    """Draw consignments for control at random, so that the other side can check every draw.

    Before the day: key, and publish the commitment that it prints. In the day: random, as often as consignments come.
    After it: reveal. The other side: verify. docs/selection.md says why.

    \b
    Example:
      sstl select key --lane CNYTN-NLRTM-SEA --file day.key > commitment.json
      sstl select random --key day.key --output draws.jsonl consignments.csv
      sstl select reveal --key day.key > revealed.json
      sstl select verify --commitment commitment.json --key revealed.json draws.jsonl
    """


@command.command("key")
@click.option("--lane", "lane_id", required=True, help="The lane, as the policy names it.")
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="UTC day it is for; not today, whose consignments are known already.  [default: tomorrow]",
)
@click.option(
    "--file", "path", required=True, type=_NEW, help="Where the key goes; made for its owner only."
)
@click.option(
    "--secret",
    type=_EXISTING,
    help="Derive the key from this file (32 bytes or more, its owner's only) instead of the system's randomness.",
)
@click.option(
    "--rate",
    type=RateType(),
    help="Chance of each consignment (0.02).  [default: the lane's random_control_rate]",
)
def key_command(
    lane_id: str, day: datetime | None, path: Path, secret: Path | None, rate: Fraction | None
) -> None:
    """Make the key of a lane and day and print its commitment, to be published before the day begins.

    The key goes into a new file and nowhere else. Refused: a rate below the lane's random_control_rate, a day that
    has begun, a file that exists.

    \b
    Example:
      sstl select key --lane CNYTN-NLRTM-SEA --file day.key > commitment.json
      sstl select key --lane CNYTN-NLRTM-SEA --day 2027-03-01 --rate 0.02 --file 0301.key --secret lane.secret
    """
    tomorrow = _today() + timedelta(days=1)
    for_day = tomorrow if day is None else day.date()
    if for_day < tomorrow:
        raise UserError(
            f"{for_day} has begun (UTC): its consignments may be known, so a key for it proves nothing; "
            f"the next day is {tomorrow}",
            ExitCode.USAGE,
        )
    least = _least_rate(lane_id)
    lot = Lot(lane_id, for_day, least if rate is None else rate)
    _refuse_below(lot, least)
    drawn = (
        secrets.token_bytes(KEY_BYTES)
        if secret is None
        else derived_key(files.read_secret(secret), lane_id, for_day)
    )
    made = {
        "laneId": lane_id,
        "day": for_day,
        "rate": rate_text(lot.rate),
        "commitment": commitment(drawn, lot),
    }
    key = DayKey.model_validate(made | {"format": "sstl-random-key.1", "key": drawn.hex()})
    files.write_secret(path, files.to_line(key))
    click.echo(files.to_line(files.public_part(key)), nl=False)


@command.command("commitment")
@_KEY
def commitment_command(key_file: Path) -> None:
    """Print the commitment of a day's key once more. It tells nothing of the key.

    \b
    Example:
      sstl select commitment --key day.key > commitment.json
    """
    click.echo(files.to_line(files.public_part(read_secret_key(key_file))), nl=False)


@command.command("random")
@_KEY
@click.argument("consignments", type=click.File("rb"), default="-")
@click.option(
    "--output",
    type=_NEW,
    help="Add the events to this file; what it holds as drawn is not drawn again.  [default: standard output]",
)
@click.option(
    "--drawn",
    "earlier",
    multiple=True,
    type=_EXISTING,
    help="Events of earlier days: consignments drawn in them are left out. May be repeated.",
)
@click.option(
    "--source",
    default=SOURCE,
    show_default=True,
    metavar="URN",
    help="CloudEvents source of the draws (urn:sstl:NLRTM:selection).",
)
def random_command(
    key_file: Path,
    consignments: IO[bytes],
    output: Path | None,
    earlier: tuple[Path, ...],
    source: str,
) -> int:
    """Draw the consignments of a list ("-": standard input) with the day's key, before their channel is assigned.

    The list is CSV with a column consignmentId, one id a line, or JSON lines (ids, objects with consignmentId,
    manifests as CloudEvents). Each draw becomes an event, whatever its outcome; each selected consignment has a second
    one, its selection with basis RANDOM. Send them with: sstl publish jsonl FILE. Lines that cannot be read are listed
    and left out; the exit code is then 3. Refused: a day that is not today (UTC), and a rate below the lane's
    random_control_rate.

    \b
    Example:
      sstl select random --key day.key --output draws.jsonl consignments.csv
      sstl publish jsonl draws.jsonl
    """
    key = read_secret_key(key_file)
    lot = lot_of(key)
    _refuse_below(lot, _least_rate(lot.lane_id))
    listed = files.read_consignments(consignments, lot.lane_id)
    now_ms = _now_ms()  # a list on standard input may have taken its time
    if not lot.start_ms <= now_ms < lot.end_ms:
        raise UserError(f"{key_file}: a key for {lot.day}, today is {_today()} (UTC)")
    for problem in listed.problems:
        click.echo(problem, err=True)
    with ExitStack() as stack:
        target = None if output is None else stack.enter_context(files.only_writer(output))
        before = _drawn_before(lot, (*earlier, *(() if output is None else (output,))))
        due = [name for name in listed.ids if name not in before]
        instant = to_wire(EPOCH + timedelta(milliseconds=now_ms))
        draw = draw_of(key)
        lines = [
            orjson.dumps(one) for name in due for one in draw_events(draw, name, instant, source)
        ]
        content = b"".join(line + b"\n" for line in lines)
        if target is None:
            click.echo(content, nl=False)
        else:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
    known = len(listed.ids) - len(due)
    click.echo(
        f"{len(due)} consignments drawn, {len(lines) - len(due)} selected"
        + (f", {known} were drawn before" if known else "")
        + (f", {listed.repeated} listed again" if listed.repeated else "")
        + (f", {listed.other_lane} manifests of other lanes" if listed.other_lane else "")
        + (f", {len(listed.problems)} lines left out" if listed.problems else ""),
        err=True,
    )
    return int(ExitCode.SETTINGS if listed.problems else ExitCode.OK)


@command.command("reveal")
@_KEY
def reveal_command(key_file: Path) -> None:
    """Print a day's key for publication, once the day has ended (UTC).

    There is no way to have it printed earlier: whoever knew the key could foresee the draws.

    \b
    Example:
      sstl select reveal --key day.key > revealed.json
    """
    key = read_secret_key(key_file)
    end_ms = lot_of(key).end_ms
    if _now_ms() < end_ms:
        ends = to_wire(EPOCH + timedelta(milliseconds=end_ms))
        raise UserError(f"{key_file}: the day has not ended; reveal it from {ends} on")
    click.echo(files.to_line(key), nl=False)


@command.command("verify")
@click.option(
    "--commitment",
    "commitment_file",
    required=True,
    type=_EXISTING,
    help="The commitment as it was received before the day.",
)
@click.option(
    "--key", "key_file", required=True, type=_EXISTING, help="The key as it was revealed."
)
@click.option(
    "--consignments",
    type=click.File("rb"),
    help="All that should have been drawn, as a list like that of random: tells missing and extra draws.",
)
@click.option(
    "--minimum-rate",
    type=RateType(),
    help="Least rate that was agreed.  [default: the lane's random_control_rate, where the policy states it]",
)
@click.option(
    "--source",
    metavar="URN",
    help="Only events of this source: both ends of a lane may draw.  [default: any]",
)
@click.argument("draws", nargs=-1, required=True, type=_EXISTING)
def verify_command(
    commitment_file: Path,
    key_file: Path,
    consignments: IO[bytes] | None,
    minimum_rate: Fraction | None,
    source: str | None,
    draws: tuple[Path, ...],
) -> int:
    """Compute all draws of a lane and day again from the revealed key and list what differs; exit code 1 if any does.

    DRAWS are files of events, one a line, as random writes them and the inspection topic holds them; draws of other
    lanes and days, and other events, are passed over. Needs no broker.

    \b
    Example:
      sstl select verify --commitment commitment.json --key revealed.json draws.jsonl
      sstl select verify --commitment commitment.json --key revealed.json --consignments lodged.csv draws.jsonl
    """
    committed = read_model(commitment_file, Commitment, "commitment")
    key = read_model(key_file, DayKey, "day key")
    if (key.lane_id, key.day) != (committed.lane_id, committed.day):
        raise UserError(
            f"{key_file}: a key of {key.lane_id} for {key.day}, the commitment is of {committed.lane_id} "
            f"for {committed.day}"
        )
    lot = lot_of(committed)
    minimum = _stated_rate(lot.lane_id) if minimum_rate is None else minimum_rate
    with ExitStack() as stack:
        opened = [(str(path), stack.enter_context(path.open("rb"))) for path in draws]
        published = files.read_published(opened, lot, source)
    eligible = None if consignments is None else files.read_consignments(consignments, lot.lane_id)
    found = verify(
        bytes.fromhex(key.key),
        lot,
        committed.commitment,
        published.draws,
        published.selections,
        eligible=None if eligible is None else eligible.ids.keys(),
        minimum=minimum,
    )
    names = {one.consignment_id for one in published.draws}
    lines = [f"{one.kind} {one.subject}: {one.detail}" for one in found]
    lines += [f"unreadable {problem}" for problem in published.problems]
    lines += [f"unreadable list, {one}" for one in (eligible.problems if eligible else ())]
    lines += [
        f"drawn_before {name}: drawn on {day} already"
        for name, day in sorted(published.drawn.items())
        if day < lot.day.isoformat() and name in names
    ]
    lines += [
        f"retracted {name}: a later event takes the draw or its selection back"
        for name in sorted(names)
        if {draw_event_id(lot, name), selection_event_id(lot, name)} & published.retracted
    ]
    for line in lines:
        click.echo(line)
    click.echo(
        f"{lot.lane_id} {lot.day}, rate {rate_text(lot.rate)}: {len(names)} consignments drawn, "
        f"{sum(one.selected for one in set(published.draws))} selected, {len(lines)} differences"
        + ("" if minimum is not None else "; no least rate known")
        + ("" if eligible is not None else "; missing draws unknown without --consignments")
    )
    return int(ExitCode.FAILED if lines else ExitCode.OK)


def _drawn_before(lot: Lot, paths: tuple[Path, ...]) -> dict[str, str]:
    with ExitStack() as stack:
        opened = [(str(path), stack.enter_context(path.open("rb"))) for path in paths]
        found = files.read_published(opened, lot)
    if found.problems:
        # what was drawn before must be known for sure, or it would be drawn twice
        raise UserError(f"{len(found.problems)} lines cannot be read, first {found.problems[0]}")
    return found.drawn


def _stated_rate(lane_id: str) -> Fraction | None:
    """Return the least rate that the policy states for a lane, None where it states none."""
    policy: Policy = read_policy(read_settings())
    lane = policy.lanes.get(lane_id)
    rate = None if lane is None else lane.random_control_rate
    return None if rate is None else exact_rate(rate)


def _least_rate(lane_id: str) -> Fraction:
    rate = _stated_rate(lane_id)
    if rate is None:
        raise UserError(
            f"the policy states no random_control_rate for lane {lane_id}; state it in SSTL_POLICY_FILE: it is the "
            "least rate, and without it [lanes] does not count draws"
        )
    return rate


def _refuse_below(lot: Lot, least: Fraction) -> None:
    if lot.rate < least:
        raise UserError(
            f"rate {rate_text(lot.rate)} is below the least rate of lane {lot.lane_id}, {rate_text(least)} "
            "(random_control_rate)"
        )
    if not lot.rate:
        raise UserError(f"lane {lot.lane_id}: at rate 0 nothing is drawn; state one with --rate")


def _now_ms() -> int:
    return int(time.time() * 1000)


def _today() -> date:
    return datetime.fromtimestamp(_now_ms() / 1000, tz=UTC).date()
