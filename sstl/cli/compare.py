"""``sstl compare``: groups of a lane compared within strata, from the observations themselves."""

from collections.abc import Callable, Iterable, Iterator
from typing import IO

import click
import msgspec

from sstl.agents.indicator_publish import send_indicators
from sstl.agents.policy_publish import read_versions
from sstl.cli.board import INDICATOR
from sstl.cli.cohorts import BETWEEN, when
from sstl.cli.common import declared_topics, read_policy, read_settings
from sstl.cli.comparison_formats import as_comparison_table, record
from sstl.cli.comparison_indicators import SOURCE, Asked, changed_indicators, matches
from sstl.cli.indicator_formats import as_csv, as_json
from sstl.cli.indicators import published
from sstl.cli.observed import LINES, observation_of
from sstl.cli.outputs import OBSERVATION, Outputs
from sstl.core.comparing import (
    GROUPS,
    Cohort,
    compare_observations,
    current_measures,
    is_comparable,
)
from sstl.errors import ExitCode, UserError
from sstl.models.comparison import ComparisonRecord
from sstl.models.records import Observation

_TEXTS: dict[str, Callable[[list[ComparisonRecord]], str]] = {
    "table": as_comparison_table,
    "csv": lambda records: as_csv(records, ComparisonRecord),
    "json": as_json,
}


@click.command()
@click.option(
    "--indicator",
    "indicators",
    multiple=True,
    help="Durations to compare, like LT_*; may be repeated.  [default: LT_release]",
)
@click.option("--lane", "lanes", multiple=True, help="Only these lanes, like CN*-SEA.")
@click.option("--mode", "modes", multiple=True, help="Only these modes, like SEA.")
@click.option(
    "--by",
    type=click.Choice(list(GROUPS)),
    multiple=True,
    help="What tells the groups apart; may be repeated.  [default: each of them]",
)
@when
@click.option(
    "--pooled", is_flag=True, help="One comparison over all lanes, within each; not one a lane."
)
@click.option(
    "--from",
    "file",
    type=click.File("rb"),
    metavar="FILE",
    help='Read observations as they lie on the topic, one a line ("-": standard input), not from Kafka.',
)
@click.option(
    "--publish",
    is_flag=True,
    help="Write the figures to the topic of indicators too, for both sides of the lane.",
)
@click.option(
    "--format",
    "written_as",
    type=click.Choice(list(_TEXTS)),
    default="table",
    help="How it is written.  [default: table]",
)
def command(
    *,
    indicators: tuple[str, ...],
    lanes: tuple[str, ...],
    modes: tuple[str, ...],
    by: tuple[str, ...],
    cohort: Cohort,
    pooled: bool,
    file: IO[bytes] | None,
    publish: bool,
    written_as: str,
) -> None:
    """Compare AEO with non-AEO, SSTL with the comparison group, inspected with not inspected.

    Units are compared within strata of lane, mode, ISO week and channel: a difference and a ratio of geometric means
    with their intervals, and beside them what is still open, what was left out and the mix of channels
    (docs/comparisons.md). Of two numbers the group that is asked about stands first. The same observations give the
    same figures. Nothing to compare is exit code 2.

    \b
    Example:
      sstl compare --lane CNSHG-NLRTM-SEA --by operator --window P1M/2024-05
      sstl compare --indicator 'LT_clear*' --pooled --format json
    """
    if publish and (file is not None or pooled or BETWEEN in cohort.name):
        raise click.UsageError(
            "--publish is for lanes and windows as they lie on the topic:"
            " leave --from, --pooled, --since and --until out"
        )
    names, modes = indicators or ("LT_release",), tuple(mode.upper() for mode in modes)
    settings = read_settings()
    policy = read_policy(settings)
    if file is None:
        topics = declared_topics(settings)
        # as the workers have it: what is plausible is judged alike
        policy = read_versions(settings.bootstrap, topics["policy"], policy)[0].latest
    told = _from_file(file) if file is not None else _from_topic()
    holding = current_measures(_wanted(told, names, lanes))
    wanted = [(one, measure) for one, measure in holding if matches(measure.mode, modes)]
    compared = compare_observations(
        wanted, by or tuple(GROUPS), cohort, policy=policy, pooled=pooled
    )
    records = [record(one) for one in compared]
    if publish:
        _publish(records, Asked(names, lanes, modes, by or tuple(GROUPS), cohort.name))
    if not records:
        raise UserError(
            "no durations of the indicators, lanes and time asked for; shares are not compared here",
            ExitCode.USAGE,
        )
    click.echo(_TEXTS[written_as](records), nl=False)


def _publish(records: list[ComparisonRecord], asked: Asked) -> None:
    """Publish the figures that say something else than what is published."""
    settings = read_settings()
    topics = declared_topics(settings)
    with Outputs(
        settings.bootstrap, topics, frozenset({INDICATOR}), from_beginning=True
    ) as outputs:
        known = {one.key: one for one in published(outputs.whole())}
    changed = changed_indicators(records, known, asked)
    send_indicators(settings.bootstrap, topics["indicators"], changed, SOURCE)
    click.echo(f"{len(changed)} figures published anew, {2 * len(records)} made", err=True)


def _from_topic() -> Iterator[Observation]:
    settings = read_settings()
    topics = declared_topics(settings)
    with Outputs(
        settings.bootstrap, topics, frozenset({OBSERVATION}), from_beginning=True
    ) as outputs:
        for read in outputs.whole():
            one = observation_of(read)
            if one is not None:
                yield one


def _from_file(file: IO[bytes]) -> Iterator[Observation]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            told = LINES.decode(line)
        except msgspec.DecodeError as error:
            raise UserError(f"{file.name}, line {number}: no observation ({error})") from error
        if isinstance(told, Observation):
            yield told


def _wanted(
    told: Iterable[Observation], indicators: tuple[str, ...], lanes: tuple[str, ...]
) -> Iterator[Observation]:
    """Yield what may be compared; neither indicator nor lane of a message changes what others of its key say."""
    for one in told:
        measure = one.current or one.previous
        if (
            measure is not None
            and is_comparable(one.indicator, one.counting_unit)
            and matches(one.indicator, indicators)
            and matches(measure.lane_id, lanes)
        ):
            yield one
