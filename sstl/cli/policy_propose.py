"""``sstl policy propose``: ranges for the stages of lanes, from the published indicators, to be reviewed."""

from fnmatch import fnmatchcase
from pathlib import Path

import click
import orjson
from pydantic import ValidationError

from sstl.cli.common import declared_topics, load_checked, read_settings
from sstl.cli.indicator_slices import window_named
from sstl.cli.policy_ranges import as_table, as_yaml
from sstl.core.ranges import MINIMUM_N, propose, without_lane
from sstl.errors import ExitCode, UserError
from sstl.models.indicator import Indicator
from sstl.models.policy import Policy

_LEAST_N = 10
"""With fewer, p10 and p90 are the extremes."""


def _window(_context: click.Context, _option: click.Parameter, given: str) -> str:
    try:
        return window_named(given)
    except ValueError as error:
        raise click.BadParameter(f"{given!r} is no window like TOTAL or P1M/2024-05") from error


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--from-file",
    "exported",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="What `sstl indicators --format json` wrote (- is standard input).  [default: the topic]",
)
@click.option(
    "--window",
    default="TOTAL",
    show_default=True,
    callback=_window,
    metavar="KIND[/BEGIN]",
    help="The window whose observations count, like P1M/2024-05.",
)
@click.option(
    "--minimum-n",
    type=click.IntRange(min=_LEAST_N),
    default=MINIMUM_N,
    show_default=True,
    help="With fewer observations no range is proposed.",
)
@click.option("--lane", "lanes", multiple=True, help="Only these lanes, like CN*-SEA.")
@click.option(
    "--yaml",
    "written_as_yaml",
    is_flag=True,
    help="The lanes with a proposal as YAML, to be compared with the policy file by file.",
)
def command(
    *,
    path: Path,
    exported: Path | None,
    window: str,
    minimum_n: int,
    lanes: tuple[str, ...],
    written_as_yaml: bool,
) -> None:
    """Propose the usual range of each stage of the lanes of the policy PATH, from the published indicators.

    Nothing is written into the policy: a proposal is read, put into the file by a person and reviewed like any other
    change (docs/policy.md says how the range is computed). Without --from-file the topic of indicators is read.

    \b
    Exit codes:
      2  wrong option, no lane or indicator to go by, with --yaml also nothing to propose
      3  the policy or FILE is not as it should be: says where
      4  Kafka cannot be reached
      7  an indicator on the topic is of another release

    \b
    Example:
      sstl policy propose policy/
      sstl indicators --totals --format json --output may.json
      sstl policy propose policy/ --from-file may.json --window P1M/2024-05 --yaml
    """
    policy = _narrowed(load_checked(path), lanes)
    published = _from_topic() if exported is None else from_file(exported)
    proposals = propose(policy, published, window, minimum_n)
    if not any(one.indicator for one in proposals):
        raise UserError(_nothing(policy, published, window), ExitCode.USAGE)
    if not lanes:
        for lane in without_lane(policy, published, window):
            click.echo(f"measured, but not in the policy: {lane}", err=True)
    if not written_as_yaml:
        click.echo(as_table(proposals), nl=False)
        return
    if not any(one.proposed for one in proposals):
        raise UserError(
            f"no range to propose from {window}: without --yaml, the table says why of each stage",
            ExitCode.USAGE,
        )
    click.echo(as_yaml(policy, proposals, window), nl=False)


def from_file(exported: Path) -> list[Indicator]:
    """Return the indicators of an export: one JSON array with a record a line, or JSON lines.

    Of records with the same key the last one counts, as on the topic.

    Raises:
        UserError: The file cannot be read, a line is no indicator, or the array is not whole; says file and line.
    """
    found: dict[str, Indicator] = {}
    source = "standard input" if str(exported) == "-" else str(exported)
    lines = _content(exported).split(b"\n")
    while lines and not lines[-1].strip():
        lines.pop()
    is_array = bool(lines) and lines[0].strip() == b"["
    if is_array and lines[-1].strip() != b"]":
        raise UserError(
            f"{source}:{len(lines)}: the array has no end: the file is cut off, or was written otherwise than"
            " by sstl indicators"
        )
    first, end = (2, len(lines) - 1) if is_array else (1, len(lines))
    for number, line in enumerate(lines[first - 1 : end], start=first):
        record = line.strip()
        if is_array and number < end:
            record = record.removesuffix(b",")
        if record:
            one = _indicator(record, f"{source}:{number}")
            found.pop(one.key, None)
            found[one.key] = one
    return list(found.values())


def _content(exported: Path) -> bytes:
    if str(exported) == "-":
        return click.get_binary_stream("stdin").read()
    try:
        return exported.read_bytes()
    except OSError as error:
        raise UserError(f"{exported}: cannot be read: {error.strerror or error}") from error


def _indicator(record: bytes, where: str) -> Indicator:
    try:
        return Indicator.model_validate(orjson.loads(record))
    except orjson.JSONDecodeError as error:
        raise UserError(f"{where}: no JSON record: {error.msg}; expected one a line") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "record"
        raise UserError(
            f"{where}: no indicator as this release knows it ({field}: {first['msg']})"
        ) from error


def _from_topic() -> list[Indicator]:
    # brings Kafka with it, which a file does not need
    from sstl.cli.board import INDICATOR
    from sstl.cli.indicators import published
    from sstl.cli.outputs import Outputs

    settings = read_settings()
    with Outputs(
        settings.bootstrap, declared_topics(settings), frozenset({INDICATOR}), from_beginning=True
    ) as outputs:
        return published(outputs.whole())


def _narrowed(policy: Policy, patterns: tuple[str, ...]) -> Policy:
    """Return the policy with the lanes that are asked for."""
    chosen = {
        name: lane
        for name, lane in policy.lanes.items()
        if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    if not chosen:
        asked = f" called {' or '.join(patterns)}" if patterns else ""
        raise UserError(f"the policy has no lane{asked}", ExitCode.USAGE)
    return policy.model_copy(update={"lanes": chosen})


def _nothing(policy: Policy, published: list[Indicator], window: str) -> str:
    windows = sorted({one.window.name for one in published if one.lane_id in policy.lanes})
    if not windows:
        asked = ", ".join(policy.lanes)
        return f"none of {len(published)} published indicators is of the lanes {asked}"
    shown = ", ".join(windows[:5]) + (", ..." if len(windows) > 5 else "")  # noqa: PLR2004
    return f"no stage is measured in the window {window}; published for these lanes: {shown}"
