"""``sstl rank``: what selecting the consignments of the highest score would find."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import IO

import click
import msgspec
import orjson
from pydantic import ValidationError

from sstl.cli.board import FLAG
from sstl.cli.cohorts import when
from sstl.cli.common import declared_topics, read_settings
from sstl.cli.comparison_indicators import matches
from sstl.cli.indicator_formats import as_csv, as_json
from sstl.cli.observed import LINES, observation_of
from sstl.cli.outputs import OBSERVATION, Outputs
from sstl.cli.ranking_formats import Asked, Scored, as_ranking_table, ranking_records
from sstl.cli.score_table import ScoreRow, ScoreTableError, read_scores
from sstl.cli.table_problems import nothing_used
from sstl.core.comparing import Cohort, current_measures
from sstl.core.decided import OBSERVED, Decided, FlagScores, decided
from sstl.core.indicators.arm import Arm
from sstl.core.statistics.ranking import SHARES
from sstl.errors import ExitCode, UserError
from sstl.models.ranking import RankingRecord
from sstl.models.records import Observation
from sstl.models.risk_flag import RiskFlag

_ALL = "ALL"
"""Window of a table that says itself what is known."""
_TEXTS: dict[str, Callable[[list[RankingRecord]], str]] = {
    "table": as_ranking_table,
    "csv": lambda records: as_csv(records, RankingRecord),
    "json": as_json,
}


def _shares(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> list[Fraction]:
    found = []
    for text in given:
        try:
            share = Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except (ValueError, ZeroDivisionError) as error:
            raise click.BadParameter(f"{text!r} is no share like 0.05 or 5%") from error
        if not 0 < share <= 1:
            raise click.BadParameter(f"{text!r} is not above 0 and at most 1 (or 100%)")
        found.append(share)
    return found or list(SHARES)


@click.command()
@click.option("--lane", "lanes", multiple=True, help="Only these lanes, like CN*-SEA.")
@click.option("--mode", "modes", multiple=True, help="Only these modes, like SEA.")
@when
@click.option(
    "--q",
    "shares",
    multiple=True,
    callback=_shares,
    metavar="SHARE",
    help="Share that is selected, 0.05 or 5%; may be repeated.  [default: 1%, 2%, 5%, 10%]",
)
@click.option("--pooled", is_flag=True, help="One ranking over all lanes; not one a lane.")
@click.option(
    "--scores",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Rank by this table (CSV: consignment, score), not by flags.",
)
@click.option(
    "--truth",
    is_flag=True,
    help="The table says what a control finds in each (illicit 0 or 1, revenue); nothing else is read.",
)
@click.option(
    "--from",
    "files",
    type=click.File("rb"),
    multiple=True,
    metavar="FILE",
    help='Read observations and flags as they lie on their topics, one a line ("-": standard input), not from Kafka.',
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
    lanes: tuple[str, ...],
    modes: tuple[str, ...],
    cohort: Cohort,
    shares: list[Fraction],
    pooled: bool,
    scores: Path | None,
    truth: bool,
    files: tuple[IO[bytes], ...],
    written_as: str,
) -> None:
    """Print precision, recall and revenue of the top by score: what selecting it would find.

    Consignments are ranked by the combined score of the flags issued before they were decided upon (or by a table of
    another score). What lies in the top and was not controlled is told by the random arm, with intervals; without one
    the figures are not estimable, and say why (docs/rankings.md). Nothing to rank is exit code 2.

    \b
    Example:
      sstl rank --lane CNSHG-NLRTM-SEA --window P1M/2024-05
      sstl rank --pooled --scores scores.csv --q 1% --q 5% --format csv
      sstl rank --truth --scores declarations.csv
    """
    if truth:
        if scores is None:
            raise click.UsageError("--truth is of a table: name it with --scores")
        if files or lanes or modes or cohort.name != "TOTAL":
            raise click.UsageError(
                "--truth reads the table alone: leave --from, --lane, --mode, --window, --since and --until out"
            )
    table = None if scores is None else _table(scores, truth=truth)
    if table is not None and truth:
        records = _of_truth(table, shares)
    else:
        told, flags = _from_files(files) if files else _from_topics(flags=table is None)
        holding = current_measures(one for one in told if one.indicator in OBSERVED)
        found = [
            one
            for one in decided(holding, cohort)
            if matches(one.lane_id, lanes) and matches(one.mode, tuple(map(str.upper, modes)))
        ]
        scored = None if table is None else {row.consignment: row.score for row in table}
        records = _ranked(found, FlagScores(flags), scored, shares, cohort.name, pooled=pooled)
    if not records:
        raise UserError(
            "no consignment of these lanes and this time was decided upon (no channel, draw or selection)"
            + (", or the table has no score of any" if scores is not None else ""),
            ExitCode.USAGE,
        )
    click.echo(_TEXTS[written_as](records), nl=False)


def _table(path: Path, *, truth: bool) -> list[ScoreRow]:
    try:
        return read_scores(path, truth=truth)
    except ScoreTableError as error:
        raise nothing_used(path, error.problems) from error


def _of_truth(table: Sequence[ScoreRow], shares: Sequence[Fraction]) -> list[RankingRecord]:
    """Return the ranking of a table that says of each consignment what a control finds."""
    scored = []
    for row in table:
        hit = bool(row.illicit)
        arm = Arm(
            targeted=True, drawn=False, probability=Fraction(0), control_type="PHYSICAL", hit=hit
        )
        one = Decided(
            consignment=row.consignment,
            lane_id="",
            mode="",
            at_ms=0,
            arm=arm,
            revenue=row.revenue if hit else None,
        )
        scored.append(Scored(one, row.score))
    return ranking_records(Asked("", "", _ALL, "table"), scored, shares)


def _ranked(
    found: Iterable[Decided],
    flags: FlagScores,
    table: Mapping[str, float] | None,
    shares: Sequence[Fraction],
    window: str,
    *,
    pooled: bool,
) -> list[RankingRecord]:
    """Return the rankings of each lane and mode; of one that no consignment has a score of there is none."""
    rankings: defaultdict[tuple[str, str], list[Scored]] = defaultdict(list)
    unscored: defaultdict[tuple[str, str], int] = defaultdict(int)
    for one in found:
        place = ("", "") if pooled else (one.lane_id, one.mode)
        if table is None:
            rankings[place].append(Scored(one, flags.before(one.consignment, one.at_ms)))
        elif one.consignment in table:
            rankings[place].append(Scored(one, table[one.consignment]))
        else:
            unscored[place] += 1
    return [
        record
        for place, scored in sorted(rankings.items())
        for record in ranking_records(
            Asked(*place, window, "flags" if table is None else "table", unscored[place]),
            scored,
            shares,
        )
    ]


def _from_topics(*, flags: bool) -> tuple[list[Observation], list[RiskFlag]]:
    settings = read_settings()
    topics = declared_topics(settings)
    kinds = frozenset({OBSERVATION, FLAG} if flags else {OBSERVATION})
    told: list[Observation] = []
    raised: list[RiskFlag] = []
    with Outputs(settings.bootstrap, topics, kinds, from_beginning=True) as outputs:
        for read in outputs.whole():
            if read.kind == OBSERVATION:
                one = observation_of(read)
                if one is not None and one.indicator in OBSERVED:
                    told.append(one)
            elif read.record is not None:
                where = f"{read.topic}, partition {read.partition}, offset {read.offset}"
                raised.append(_flag(read.record, where, ExitCode.INCOMPATIBLE))
    return told, raised


def _flag(raw: object, where: str, exit_code: ExitCode) -> RiskFlag:
    try:
        return RiskFlag.model_validate_json(orjson.dumps(raw))
    except ValidationError as error:
        raise UserError(
            f"{where}: no risk flag as this release knows it ({error.error_count()} problems)",
            exit_code,
        ) from error


def _from_files(files: Iterable[IO[bytes]]) -> tuple[list[Observation], list[RiskFlag]]:
    told: list[Observation] = []
    flags: list[RiskFlag] = []
    for file in files:
        for number, line in enumerate(file, 1):
            for one in _line(line, f"{file.name}, line {number}"):
                (flags if isinstance(one, RiskFlag) else told).append(one)  # type: ignore[arg-type]
    return told, flags


def _line(line: bytes, where: str) -> Iterator[Observation | RiskFlag]:
    """Yield what a line holds; nothing of an empty one and of a heartbeat."""
    if not line.strip():
        return
    try:
        raw = orjson.loads(line)
        if isinstance(raw, dict) and "flagId" in raw:
            yield _flag(raw, where, ExitCode.SETTINGS)
            return
        one = LINES.decode(line)
    except (orjson.JSONDecodeError, msgspec.DecodeError) as error:
        raise UserError(f"{where}: neither an observation nor a risk flag ({error})") from error
    if isinstance(one, Observation):
        yield one
