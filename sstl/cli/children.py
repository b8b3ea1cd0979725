"""Processes that a command starts beside itself, each with a log, none of them left behind."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sstl.cli.supervise import die_with_parent, end_all
from sstl.errors import ExitCode, UserError

SHOWN_BYTES = 2_000


class Children:
    """Runs ``sstl`` commands as processes of their own.

    Args:
        logs: Directory for what they print.
        environment: Their environment.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs, self._environment = logs, dict(environment)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        """Make the directory of the logs."""
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what still runs, the last started first."""
        for process in reversed(self._processes.values()):
            if process.poll() is None:
                end_all([process])

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start ``sstl <arguments>``; its output goes to ``<name>.log``, made anew."""
        with self.log(name).open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "sstl", *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone, and we end them in order
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one thread, and nothing else ties a child to us
            )

    def log(self, name: str) -> Path:
        """Return where a process's output lies."""
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Look whether all of them still run.

        Raises:
            UserError: One has ended; says with what, and the last it had to say.
        """
        for name, process in self._processes.items():
            code = process.poll()
            if code is not None:
                with self.log(name).open("rb") as log:
                    log.seek(max(0, self.log(name).stat().st_size - SHOWN_BYTES))
                    lines = log.read().decode(errors="replace").split("\n")
                last = next((line for line in reversed(lines) if line.strip()), "nothing")
                message = f"the {name} stopped with exit code {code}, saying: {last} (all of it: {self.log(name)})"
                raise UserError(message, ExitCode.STOPPED)
