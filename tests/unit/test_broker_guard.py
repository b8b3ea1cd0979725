"""The guard by itself, with a sleeping command in the place of the broker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import sstl.embedded

GUARD = str(Path(sstl.embedded.__file__).parent / "guard.py")
SLEEP = ["/bin/sleep", "300"]
STUBBORN = ["/bin/sh", "-c", "trap '' TERM; echo deaf >&2; while :; do sleep 0.1; done"]
STARTER = """
import subprocess, sys, os, threading
def start():
    guard = subprocess.Popen([sys.executable, "-I", "-S", sys.argv[1], str(os.getpid()), "1", "/bin/sleep", "300"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    print(guard.pid, guard.stdout.readline().decode().split()[1], flush=True)
    globals()["guard"] = guard
thread = threading.Thread(target=start)
thread.start()
thread.join()
if sys.argv[2] == "fork":
    forked = os.fork()
    if forked == 0:
        import time
        time.sleep(30)
        os._exit(0)
    print(forked, flush=True)
sys.stdin.read()
"""


class Guarded:
    """A guard whose parent is this test."""

    def __init__(self, command: list[str], limit: float = 5) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", GUARD, str(os.getpid()), str(limit), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.child = int(self.line().removeprefix("started "))

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().decode().strip()

    def order(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()


@pytest.fixture
def guard() -> Iterator[Callable[..., Guarded]]:
    made: list[Guarded] = []

    def make(command: list[str], limit: float = 5) -> Guarded:
        made.append(Guarded(command, limit))
        return made[-1]

    yield make
    for one in made:
        one.process.kill()
        one.process.communicate()
        if psutil.pid_exists(one.child):
            os.kill(one.child, signal.SIGKILL)


@pytest.fixture
def starter() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    made: list[subprocess.Popen[str]] = []

    def make(mode: str) -> subprocess.Popen[str]:
        made.append(
            subprocess.Popen(
                [sys.executable, "-c", STARTER, GUARD, mode],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.kill()
        one.communicate()


def gone(pid: int, within: float = 5) -> bool:
    """Whether the process ends in time; a zombie that nobody has collected has ended."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ("stop\n", -signal.SIGTERM),
        ("kill\n", -signal.SIGKILL),
        ("nonsense\nstop\n", -signal.SIGTERM),
    ],
)
def test_the_guard_ends_the_broker_when_told_to(
    guard: Callable[..., Guarded], order: str, code: int
) -> None:
    guarded = guard(SLEEP)
    guarded.order(order)
    assert guarded.line() == f"ended {code}"
    assert guarded.process.wait(5) == 0
    assert gone(guarded.child)


def test_a_broker_that_does_not_listen_is_killed_after_the_limit(
    guard: Callable[..., Guarded],
) -> None:
    guarded = guard(STUBBORN, 0.3)
    assert guarded.process.stderr
    assert guarded.process.stderr.readline() == b"deaf\n"
    guarded.order("stop\n")
    assert guarded.line() == f"ended {-signal.SIGKILL}"


def test_the_guard_reports_a_broker_that_ends_by_itself(guard: Callable[..., Guarded]) -> None:
    assert guard(["/bin/sh", "-c", "exit 3"]).line() == "ended 3"


def test_a_command_that_does_not_exist_is_reported(guard: Callable[..., Guarded]) -> None:
    guarded = guard(["/nowhere/java"])
    assert guarded.line() == "ended 127"
    assert guarded.process.stderr
    assert b"/nowhere/java" in guarded.process.stderr.readline()


def test_the_broker_stops_when_the_guard_is_terminated(guard: Callable[..., Guarded]) -> None:
    guarded = guard(SLEEP)
    guarded.process.terminate()
    assert guarded.line() == f"ended {-signal.SIGTERM}"


def test_ctrl_c_is_left_to_the_parent(guard: Callable[..., Guarded]) -> None:
    guarded = guard(SLEEP)
    guarded.process.send_signal(signal.SIGINT)
    guarded.order("stop\n")
    assert guarded.line() == f"ended {-signal.SIGTERM}"


def test_no_orphan_is_left_when_the_parent_is_killed(
    starter: Callable[[str], subprocess.Popen[str]],
) -> None:
    parent = starter("plain")
    assert parent.stdout
    guard_pid, child = map(int, parent.stdout.readline().split())
    # The thread that started it has ended; on Linux a death signal tied to it would have fired by now.
    assert not gone(child, within=0.5)
    parent.kill()
    parent.wait()
    assert gone(child)
    assert gone(guard_pid)


def test_no_orphan_is_left_when_a_forked_child_holds_the_pipe(
    starter: Callable[[str], subprocess.Popen[str]],
) -> None:
    parent = starter("fork")
    assert parent.stdout
    guard_pid, child = map(int, parent.stdout.readline().split())
    forked = int(parent.stdout.readline())
    try:
        parent.kill()
        parent.wait()
        assert gone(child)
        assert gone(guard_pid)
    finally:
        os.kill(forked, signal.SIGKILL)


if sys.platform == "linux":

    def test_no_orphan_is_left_when_the_guard_itself_is_killed(
        guard: Callable[..., Guarded],
    ) -> None:
        guarded = guard(SLEEP)
        guarded.process.kill()
        assert gone(guarded.child)
