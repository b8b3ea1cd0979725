"""Files that commands write: whole or not at all, and never over one that is in the way unasked."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from sstl.errors import ExitCode, UserError


def may_write(output: Path, *, force: bool, option: str = "--output") -> None:
    """Refuse a file that is in the way before anything is read.

    Raises:
        UsageError: It exists and may not be replaced, is no regular file, or its directory is not there.
    """
    if output.exists() and not output.is_file():
        raise click.UsageError(f"{option} {output} is no regular file")
    if output.exists() and not force:
        raise click.UsageError(f"{option} {output} exists; replace it with --force")
    if not output.absolute().parent.is_dir():
        raise click.UsageError(f"{option} {output}: there is no such directory")


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
        raise unwritable(output, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> UserError:
    """Return what to say of a file or directory that cannot be written."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    code = ExitCode.NO_SPACE if full else ExitCode.SETTINGS
    return UserError(f"cannot write {path}: {error.strerror or error}", code)


def make_directory(path: Path) -> None:
    """Make a directory with those above it; nothing where it is there.

    Raises:
        UserError: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
