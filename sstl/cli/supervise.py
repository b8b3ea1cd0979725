"""Several worker processes, started anew when one dies, ended together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from sstl.errors import ExitCode
from sstl.settings import Settings

FINAL = {ExitCode.USAGE, ExitCode.SETTINGS, ExitCode.INCOMPATIBLE, ExitCode.CRASHES}
"""Exit codes that a restart cannot mend; they end all workers."""
MAX_RESTARTS, WITHIN_S = 20, 600.0
MAX_BACKOFF_S = 15.0
STOP_GRACE_S = 20.0
LOOK_S = 0.2
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """In a child, before it becomes another program: end when the parent's starting thread ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def worker_command(agents: Sequence[str]) -> list[str]:
    """Return the command line of one worker."""
    return [sys.executable, "-m", "sstl", "run", "--agents", ",".join(agents)]


def worker_environment(
    index: int, settings: Settings, environment: Mapping[str, str]
) -> dict[str, str]:
    """Return a worker's environment: a metrics port and, if membership is static, a name of its own."""
    own = dict(environment)
    port = settings.metrics_port
    own["SSTL_METRICS_PORT"] = str(port + index if port else 0)
    if settings.instance_id is not None:
        own["SSTL_INSTANCE_ID"] = f"{settings.instance_id}-{index}"
    return own


class Supervised:
    """One worker and when it may be started again."""

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._start = start
        self._restarts: deque[float] = deque()
        self._start_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def look(self, now: float) -> int | None:
        """Start or restart the worker when it is time; return an exit code that must end all workers."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return None
            self.process = None
            if code in FINAL:
                return code
            self._restarts.append(now)
            while self._restarts and now - self._restarts[0] > WITHIN_S:
                self._restarts.popleft()
            if len(self._restarts) > MAX_RESTARTS:
                return int(ExitCode.STOPPED)
            delay = min(MAX_BACKOFF_S, 0.5 * 2 ** (len(self._restarts) - 1))
            sys.stderr.write(f"sstl: a worker ended with {code}; started anew in {delay:g} s\n")
            self._start_at = now + delay
        if now >= self._start_at:
            self.process = self._start()
        return None


def supervise(agents: Sequence[str], workers: int, settings: Settings) -> int:
    """Run worker processes until told to stop or until one ends for good; return the exit code."""
    stop: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        stop.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)

    def starter(index: int) -> Callable[[], subprocess.Popen[bytes]]:
        return lambda: subprocess.Popen(
            worker_command(agents),
            env=worker_environment(index, settings, os.environ),
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one thread, and nothing else ties a child to us
            stdin=subprocess.DEVNULL,
        )

    crew = [Supervised(starter(index)) for index in range(workers)]
    code: int | None = None
    while not stop and code is None:
        for worker in crew:
            code = worker.look(time.monotonic())
            if code is not None:
                break
        time.sleep(LOOK_S)
    end_all([worker.process for worker in crew if worker.process is not None])
    return int(ExitCode.OK) if code is None else code


def end_all(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes in an orderly way, and those that do not heed it by force."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_GRACE_S
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
