"""Processes that a command starts beside itself, each with a log, none of them left behind.

They run under the guard of the embedded broker: what ends us, a kill -9 too, ends them.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sstl.embedded import guard
from sstl.errors import ExitCode, UserError

GRACE_S = 25.0
"""A process that was told to end and has not by then is killed; more than workers give each other."""
SHOWN_BYTES = 2_000


class Children:
    """Runs ``sstl`` commands as processes of their own.

    Args:
        logs: Directory for what they print.
        environment: Their environment.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs, self._environment = logs, dict(environment)
        self._guards: dict[str, subprocess.Popen[bytes]] = {}

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
        for one in reversed(self._guards.values()):
            if one.stdin is not None:
                one.stdin.close()  # the guard takes the end of its input as the order to stop
            try:
                one.wait(GRACE_S + 5)
            except subprocess.TimeoutExpired:
                one.kill()  # and the kernel what it guards
                one.wait()
            if one.stdout is not None:
                one.stdout.close()

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start ``sstl <arguments>``; its output goes to ``<name>.log``, made anew."""
        command = [sys.executable, "-m", "sstl", *arguments]
        with self.log(name).open("wb") as log:
            self._guards[name] = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    guard.__file__,
                    str(os.getpid()),
                    str(GRACE_S),
                    *command,
                ],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us alone, and we end them in order
            )

    def log(self, name: str) -> Path:
        """Return where a process's output lies."""
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Look whether all of them still run.

        Raises:
            UserError: One has ended; says with what, and the last it had to say.
        """
        for name, one in self._guards.items():
            if one.poll() is not None:
                said = b"" if one.stdout is None else one.stdout.read()
                code = said.decode().rpartition("ended ")[2].strip() or "unknown"
                message = (
                    f"the {name} stopped with exit code {code}, saying: {self._last_line(name)} "
                    f"(all of it: {self.log(name)})"
                )
                raise UserError(message, ExitCode.STOPPED)

    def _last_line(self, name: str) -> str:
        with self.log(name).open("rb") as log:
            log.seek(max(0, self.log(name).stat().st_size - SHOWN_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "nothing")
