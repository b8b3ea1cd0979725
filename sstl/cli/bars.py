"""Progress on standard error: a bar on a terminal, silence elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)


@contextmanager
def bar(label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show a bar while the block runs; yields what is told how many more are done.

    Args:
        label: What is being done.
        total: How many there are; None: not known.
    """
    if not sys.stderr.isatty():
        yield lambda _more: None
        return
    ends = (BarColumn(),) if total is not None else (SpinnerColumn(),)
    columns = (TextColumn(label), *ends, MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total)
        yield lambda more: progress.advance(task, more)
