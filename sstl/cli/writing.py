"""Files that commands write: whole or not at all, and never over one that is in the way unasked."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import click

from sstl.errors import ExitCode, UserError


def may_write(output: Path, *, force: bool) -> None:
    """Refuse a file that is in the way before anything is read.

    Raises:
        UsageError: It exists and may not be replaced, is no regular file, or its directory is not there.
    """
    if output.exists() and not output.is_file():
        raise click.UsageError(f"--output {output} is no regular file")
    if output.exists() and not force:
        raise click.UsageError(f"--output {output} exists; replace it with --force")
    if not output.absolute().parent.is_dir():
        raise click.UsageError(f"--output {output}: there is no such directory")


def write_whole(output: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all.

    Args:
        output: The file.
        write: Writes everything to the path that it is given, which becomes the file.

    Raises:
        UserError: It cannot be written.
    """
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        write(part)
        part.replace(output)
    except OSError as error:
        code = ExitCode.NO_SPACE if error.errno == errno.ENOSPC else ExitCode.SETTINGS
        raise UserError(f"cannot write {output}: {error.strerror or error}", code) from error
    finally:
        part.unlink(missing_ok=True)
