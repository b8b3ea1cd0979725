"""The ``sstl`` command: parse, call, print.

A mistake of the caller is one line on stderr and a documented exit code (``sstl.errors.ExitCode``). Only a fault of the
program itself shows a traceback.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from sstl.errors import ExitCode, UserError

COMMANDS = (
    "demo",
    "broker",
    "topics",
    "run",
    "publish",
    "select",
    "watch",
    "indicators",
    "coverage",
    "compare",
    "rank",
    "explain",
    "policy",
)
"""Each lives in the module of its name as ``command``, in the order in which they are shown."""


class Root(click.Group):
    """Imports a command's module only when it is asked for: ``sstl --help`` need not wait for Faust."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of a first acquaintance, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return command

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's own signature
        **extra: Any,
    ) -> Any:
        """Run the command line; what the caller can put right becomes one line and an exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            result = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.exceptions.Exit as stop:
            sys.exit(stop.exit_code)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _fail("interrupted", ExitCode.INTERRUPTED)
        except BrokenPipeError:
            # The reader of our output (head, less) has what it wanted. Without this, closing stdout complains again.
            sys.stdout = None
            sys.exit(ExitCode.OK)
        except UserError as error:
            _fail(error.message, error.exit_code)
        except Exception as error:
            message = _unreachable(error)
            if message is None:
                raise
            _fail(message, ExitCode.UNREACHABLE)
        sys.exit(result if isinstance(result, int) else ExitCode.OK)


def _fail(message: str, exit_code: int) -> NoReturn:
    click.echo(f"sstl: {' '.join(message.split())}", err=True)
    sys.exit(exit_code)


def _unreachable(error: Exception) -> str | None:
    """Return what to say when a Kafka client could not get through, None for any other error."""
    names = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__}
    lost = {
        "NoBrokersAvailable",
        "KafkaConnectionError",
        "KafkaTimeoutError",
        "KafkaUnavailableError",
    }
    if any(package in {"kafka", "aiokafka"} and name in lost for package, name in names):
        return f"cannot reach Kafka ({error}); is it running, and is SSTL_BOOTSTRAP right?"
    return None


@click.group(
    cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="sstl", message="%(prog)s %(version)s")
def main() -> None:
    """Lead times, control effectiveness and risk flags from trade lane events on Kafka.

    Settings come from SSTL_* environment variables. Exit codes: 0 done, 1 fault of the program, 2 wrong usage,
    3 wrong setting or file, 4 Kafka or network not reachable, 5 port or directory in use, 6 disk full, 7 incompatible
    version, 8 checksum differs, 9 a child process stopped, 10 our code
    failed on too many messages, 130 interrupted.

    \b
    Example:
      sstl demo
    """
