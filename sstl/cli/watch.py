"""``sstl watch``: flags and indicators as they change."""

import threading
from collections.abc import Callable

import click
import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sstl.cli.board import FLAG, INDICATOR, REFRESH, SEVERITIES, Board, Filter, line
from sstl.cli.common import declared_topics, read_settings
from sstl.cli.outputs import Outputs, Read
from sstl.cli.signals import stop_on_signals

POLL_S = REFRESH.total_seconds()


@click.command()
@click.option(
    "--lane", "lanes", multiple=True, help="Only these lanes, like CN*-SEA; may be repeated."
)
@click.option("--rule", "rules", multiple=True, help="Only flags of these rules; may be repeated.")
@click.option("--indicator", "indicators", multiple=True, help="Only these indicators, like LT_*.")
@click.option(
    "--severity",
    type=click.Choice(SEVERITIES, case_sensitive=False),
    default=SEVERITIES[0],
    show_default=True,
    help="Only flags of this severity and above.",
)
@click.option("--flags-only", is_flag=True, help="Leave out the indicators.")
@click.option("--indicators-only", is_flag=True, help="Leave out the flags.")
@click.option("--from-beginning", is_flag=True, help="Begin with what is on the topics already.")
@click.option("--once", is_flag=True, help="Show what is on the topics now, and end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on standard output.")
def command(
    *,
    lanes: tuple[str, ...],
    rules: tuple[str, ...],
    indicators: tuple[str, ...],
    severity: str,
    flags_only: bool,
    indicators_only: bool,
    from_beginning: bool,
    once: bool,
    as_json: bool,
) -> None:
    """Show risk flags and indicators as they change, until Ctrl-C.

    A table on a terminal, a line for each change elsewhere. Only committed records are read.

    \b
    Example:
      sstl watch --lane 'CN*-SEA' --severity HIGH
      sstl watch --once --json --indicators-only | jq .record.median
    """
    if flags_only and indicators_only:
        raise click.UsageError("--flags-only and --indicators-only leave nothing to show")
    kinds = frozenset(
        kind
        for kind, left_out in ((FLAG, indicators_only), (INDICATOR, flags_only))
        if not left_out
    )
    board = Board(Filter(lanes, rules, indicators, severity.upper(), kinds))
    settings = read_settings()
    topics = declared_topics(settings)
    console = Console()
    with (
        stop_on_signals() as stop,
        Outputs(
            settings.bootstrap, topics, board.filter.kinds, from_beginning=from_beginning or once
        ) as outputs,
    ):
        if as_json or not console.is_terminal:
            show = _print_json if as_json else _print_line
            _print(outputs, board, show, stop, once=once)
        elif once:
            for read in outputs.to_end(stop.is_set):
                board.take(read.kind, read.key, read.record)
            console.print(board.render(height=1_000))
        else:
            watch_live(outputs, board, stop, console)


def watch_live(
    outputs: Outputs,
    board: Board,
    stop: threading.Event,
    console: Console,
    *,
    look: Callable[[], str] = lambda: "",
) -> None:
    """Draw the tables until told to stop.

    Args:
        outputs: Where records come from.
        board: What is shown.
        stop: Set when it is time to end.
        console: Where it is drawn.
        look: Called before each drawing; returns a line to show below the tables.
    """
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while not stop.is_set():
            for read in outputs.poll(POLL_S):
                board.take(read.kind, read.key, read.record)
            below = Text(look(), style="dim")
            tables = board.render(console.size.height - 2)
            live.update(Group(tables, below), refresh=True)
    console.print(board.summary())


def _print(
    outputs: Outputs,
    board: Board,
    show: Callable[[Read], None],
    stop: threading.Event,
    *,
    once: bool,
) -> None:
    if once:
        for read in outputs.to_end(stop.is_set):
            if board.take(read.kind, read.key, read.record):
                show(read)
        return
    while not stop.is_set():
        for read in outputs.poll(POLL_S):
            if board.take(read.kind, read.key, read.record):
                show(read)


def _print_json(read: Read) -> None:
    shown = {
        "kind": read.kind,
        "topic": read.topic,
        "partition": read.partition,
        "offset": read.offset,
        "key": read.key,
        "record": read.record,
    }
    click.echo(orjson.dumps(shown))


def _print_line(read: Read) -> None:
    click.echo(
        f"{read.kind} {read.key} deleted" if read.record is None else line(read.kind, read.record)
    )
