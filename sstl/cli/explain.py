"""``sstl explain``: the story of a unit, a consignment or a flag."""

import re
from collections.abc import Iterable
from typing import Literal

import click
import msgspec

from sstl.cli.common import declared_topics, read_policy, read_settings
from sstl.errors import ExitCode, UserError
from sstl.models.identifiers import canonical_equipment, equipment_fault

_FLAG = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@click.command()
@click.argument("name", metavar="FLAG|UNIT")
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object, shaped as docs/explain.md says."
)
@click.option(
    "--lang",
    "language",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="Language of the text.",
)
def command(*, name: str, as_json: bool, language: Literal["en", "zh"]) -> None:
    """Tell the story of a unit or a flag: what happened, what each rule said and why, with the events behind it.

    FLAG is a flag's id, UNIT a container, wagon or ULD, or the house transport document of loose cargo, a parcel or a
    consignment. What is told is what the workers know: their committed state is read and judged by the same rules, as
    of the same instant.

    \b
    Example:
      sstl explain CSQU3054383
      sstl explain 0f2c9a3e-6a55-5d5b-9a51-5a3d6e1f7c10 --json | jq .flag.evidence
    """
    from sstl.cli.explaining import Teller
    from sstl.core.explain import lines

    if not name.strip():
        raise click.BadParameter("name a flag, a unit or a consignment", param_hint="FLAG|UNIT")
    settings = read_settings()
    teller = Teller(settings.bootstrap, declared_topics(settings), read_policy(settings))
    try:
        is_flag = _FLAG.fullmatch(name) is not None
        story = teller.of_flag(name.lower()) if is_flag else teller.of_subject(_spellings(name))
        foreign = None if story is None else teller.foreign_policy(story)
    finally:
        teller.close()
    if story is None:
        raise UserError(
            f"nobody knows {name}: no event, manifest or flag names it (or it is past its horizon)"
            f"{_mistyped(name)}",
            ExitCode.USAGE,
        )
    if foreign is not None:
        click.echo(
            f"sstl: the workers judged by policy {foreign[:12]}, which is neither published nor that of "
            "SSTL_POLICY_FILE: what rules say below may differ; set SSTL_POLICY_FILE as the workers have it",
            err=True,
        )
    if as_json:
        click.echo(msgspec.json.encode(story))
    else:
        click.echo("\n".join(lines(story, language)))


def _spellings(name: str) -> Iterable[str]:
    """Return the name as given, then as equipment is compared."""
    return dict.fromkeys((name, canonical_equipment(name)))


def _mistyped(name: str) -> str:
    """Return what to add where the check digit says that the name was mistyped."""
    fault = equipment_fault(canonical_equipment(name))
    return f"; mistyped? expected {fault[1]}" if fault and fault[0] == "failed_check_digit" else ""
