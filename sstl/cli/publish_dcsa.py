"""``sstl publish dcsa``: DCSA Track & Trace and IoT events as ours."""

import json
from pathlib import Path
from typing import Any

import click
import orjson

from sstl.cli.bars import bar
from sstl.cli.common import declared_topics, read_settings
from sstl.errors import ExitCode, UserError
from sstl.intake.dcsa import Unmapped, convert
from sstl.publish.message import encode
from sstl.publish.publisher import Publisher


@click.command("dcsa")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--source",
    required=True,
    metavar="URN",
    help="CloudEvents source that stands for the publisher (urn:sstl:NLRTM:carrier).",
)
@click.option(
    "--show", is_flag=True, help="Write the converted events, one a line, and send nothing."
)
def dcsa_command(file: Path, *, source: str, show: bool) -> int:
    """Publish the DCSA events in FILE (a JSON array, or one object a line; Track & Trace 2.2 and 3.0-beta, IoT).

    What has no counterpart here (documents of a shipment) is listed on standard error with the reason. Judge the rest
    before sending it with: sstl publish dcsa --show FILE | sstl publish jsonl --check -

    \b
    Example:
      sstl publish dcsa --source urn:sstl:NLRTM:carrier events.json
    """
    found = []
    unmapped = 0
    for number, event in enumerate(_events(file), start=1):
        try:
            converted = convert(event, source)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                f"{file}: event {number} is no DCSA event with metadata and payload ({error})"
            ) from error
        if isinstance(converted, Unmapped):
            unmapped += 1
            click.echo(f"event {number}: {converted.reason}", err=True)
        else:
            found.append(converted)
    if show:
        for _, event in found:
            click.echo(orjson.dumps(event).decode())
        return int(ExitCode.OK)
    settings = read_settings()
    topics = declared_topics(settings)
    with Publisher(settings.bootstrap) as publisher, bar("DCSA", len(found)) as advance:
        for number, (family, event) in enumerate(found, start=1):
            publisher.send_message(topics[family].name, encode(event), f"event {number}")
            advance(1)
        publisher.flush()
    click.echo(f"{len(found)} events sent, {unmapped} without a counterpart", err=True)
    return int(ExitCode.OK)


def _events(file: Path) -> list[dict[str, Any]]:
    raw = file.read_text(encoding="utf-8")
    try:
        try:
            whole = json.loads(raw)
        except json.JSONDecodeError:
            whole = [json.loads(line) for line in raw.splitlines() if line.strip()]
    except json.JSONDecodeError as error:
        raise UserError(f"{file}: neither a JSON array nor one object a line: {error}") from error
    return whole if isinstance(whole, list) else [whole]
