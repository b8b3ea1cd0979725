"""``sstl publish customs-declarations``: made-up Korean declarations, some of them controlled."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import click

from sstl.cli.bars import bar
from sstl.cli.common import declared_topics, read_settings
from sstl.cli.publishing import backfill_families, topic_of
from sstl.cli.score_table import ScoreRow, as_scores
from sstl.cli.writing import write_whole
from sstl.errors import UserError
from sstl.intake import customs_declarations as source
from sstl.models.selection import parse_rate, rate_text
from sstl.publish.message import Mode
from sstl.publish.publisher import Publisher
from sstl.publish.resume import Acknowledged, ResumeFile
from sstl.publish.session import Backfill, publish

_USED = ("manifest", "inspection")


@click.command("customs-declarations")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--random-rate",
    default=rate_text(source.RANDOM_RATE),
    show_default=True,
    help="Chance of each declaration to be drawn for control, a decimal above 0.",
)
@click.option("--restart", is_flag=True, help="Send everything again, whatever was acknowledged.")
@click.option(
    "--backfill",
    metavar="FAMILIES",
    help="Topics that the workers treat as a backfill.  [default: SSTL_BACKFILL or manifest,inspection]",
)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default="structured",
    help="CloudEvents on Kafka.  [default: structured]",
)
@click.option(
    "--scores",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="TABLE",
    help="Write score, label and revenue of each for `sstl rank` to this file (CSV), and publish nothing.",
)
@click.option("--limit", type=click.IntRange(1), help="Only the first so many declarations.")
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".sstl/publish"),
    show_default=True,
    help="Where it is noted how far a publication came.",
)
def declarations_command(
    file: Path,
    *,
    random_rate: str,
    restart: bool,
    backfill: str | None,
    mode: str,
    scores: Path | None,
    limit: int | None,
    state_dir: Path,
) -> None:
    """Publish the customs declarations in FILE (CSV or gzip) as filings, declarations, draws and controls.

    Each is drawn at random with a stated chance and selected by a stated score; of those that are neither, the label
    is not told (docs/customs-declarations.md). An interrupted run goes on where it was. The declarations lie in the
    past: run the workers with SSTL_BACKFILL=manifest,inspection.

    \b
    Example:
      sstl publish customs-declarations tests/data/customs-declarations/df_syn_valid_eng.csv.gz
      sstl publish customs-declarations --random-rate 0.1 --limit 500 df_syn_valid_eng.csv
      sstl publish customs-declarations --scores declarations.csv df_syn_valid_eng.csv
    """
    if scores is not None and scores.exists():
        raise click.UsageError(f"--scores {scores} exists; name another file")
    try:
        rate = parse_rate(random_rate)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--random-rate") from error
    try:
        raw = source.content(file)
        everything = source.parse(raw, name=str(file))[:limit]
    except (source.DeclarationsError, OSError) as error:
        raise UserError(str(error)) from error
    declarations = source.replayed(everything)
    if scores is not None:
        _write_scores(declarations, scores)
        return
    settings = read_settings()
    topics = declared_topics(settings)
    families = backfill_families(settings, backfill, _USED)
    note = ResumeFile(
        state_dir,
        content=f"{hashlib.sha256(raw).hexdigest()}/{limit}/{rate_text(rate)}",
        bootstrap=settings.bootstrap,
        prefix=settings.prefix,
    )
    with Publisher(settings.bootstrap, mode=Mode(mode)) as publisher:
        used = [topics[family].name for family in _USED]
        done = Acknowledged() if restart else note.load(publisher.end_offsets(used))
        begun = time.monotonic()
        with bar("Declarations") as advance:
            sent = publish(
                source.events(declarations, rate),
                publisher,
                topic_of(topics),
                done=done,
                save=note.save,
                advance=advance,
                backfill=Backfill([topics[family].name for family in families], source.SOURCE),
            )
        elapsed = time.monotonic() - begun
    targeted = sum(map(source.is_targeted, declarations))
    drawn = sum(source.is_drawn(one, rate) for one in declarations)
    click.echo(
        f"{len(declarations)} declarations ({len(everything) - len(declarations)} of no mode of a lane left out),"
        f" {targeted} selected by score, {drawn} drawn: {sent} events sent in {elapsed:.1f} s"
        + (f", {done.events} were acknowledged before" if done.events else ""),
        err=True,
    )


def _write_scores(declarations: Sequence[source.Declaration], path: Path) -> None:
    """Write what is known of each declaration, those too of which nothing would be published."""
    text = as_scores(
        ScoreRow(one.consignment_id, float(one.score), one.fraud, one.revenue_krw)
        for one in declarations
    )
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8", newline=""))
    click.echo(f"{len(declarations)} declarations written to {path}", err=True)
