"""What is wrong with a table that somebody gave, said on standard error."""

from collections.abc import Sequence
from pathlib import Path

import click

from sstl.errors import ExitCode, UserError

_MOST_SAID = 20


def nothing_used(path: Path, problems: Sequence[str]) -> UserError:
    """Say the first problems of a table; return the error that ends the command."""
    for problem in problems[:_MOST_SAID]:
        click.echo(problem, err=True)
    many = len(problems)
    return UserError(
        f"{many} problem{'s' * (many > 1)} in {path}; nothing of it is used", ExitCode.SETTINGS
    )
