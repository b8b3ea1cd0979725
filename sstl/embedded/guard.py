"""Stands between a program and its broker, so that no broker outlives the program.

Run as a file with ``python -I -S guard.py PARENT LIMIT COMMAND...``: it starts the command as its
child and ends it when the parent asks, or is gone. It imports nothing of sstl, so that it is up in
a few hundredths of a second.

Why a process of its own: Linux can kill a child when its parent dies (PR_SET_PDEATHSIG), but "parent" there means the
*thread* that made the child, and programs start brokers in short-lived threads. The guard has one thread. So:

* parent gone, by whatever signal: the pipe on standard input ends, the broker is told to stop, after LIMIT seconds it
  is killed. A child of the parent that was forked without exec may hold the pipe open: the guard also looks once a
  second whether its own parent is still the one it had;
* guard gone: on Linux the kernel kills the broker.

Standard input takes lines ``stop`` (SIGTERM, after LIMIT seconds SIGKILL) and ``kill`` (SIGKILL). Standard output tells
``started PID`` and ``ended CODE`` (negative: the signal).
Standard error, and both outputs of the command, are the console log.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
LOOK_SECONDS = 1.0
CANNOT_EXECUTE = 127
HANDLED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP)


def main(argv: list[str]) -> int:
    """Start the command and watch over it until it has ended."""
    parent, limit, command = int(argv[1]), float(argv[2]), argv[3:]
    wake = _wake_on_signals()
    # Blocked over the fork: an early SIGTERM must find the child's default, not our handler that swallows it.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    child = os.fork()
    if child == 0:
        _become(command)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    _say(f"started {child}")
    code = _watch(child, parent, limit, wake)
    _say(f"ended {code}")
    return 0


def _wake_on_signals() -> int:
    receive, send = os.pipe()
    for end in (receive, send):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(send, warn_on_full_buffer=False)
    for number in HANDLED:
        signal.signal(number, lambda *_: None)
    # Ctrl-C reaches every process of the terminal; when the broker stops is the parent's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return receive


def _become(command: list[str]) -> None:
    guard = os.getppid()
    try:
        for number in (*HANDLED, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        if sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != guard or guard == 1:
                os._exit(CANNOT_EXECUTE)  # the guard died before the kernel was asked to watch it
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error}\n".encode())
    os._exit(CANNOT_EXECUTE)


def _watch(child: int, parent: int, limit: float, wake: int) -> int:
    inputs = [0, wake]
    deadline: float | None = None
    orders = b""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
        ready, _, _ = select.select(inputs, [], [], LOOK_SECONDS)
        stop = os.getppid() != parent
        if wake in ready:
            signals = os.read(wake, 64)
            stop |= signal.SIGTERM in signals or signal.SIGHUP in signals
        if 0 in ready:
            heard = os.read(0, 4096)
            orders += heard
            if not heard:
                inputs.remove(0)
                stop = True
            while b"\n" in orders:
                order, _, orders = orders.partition(b"\n")
                stop |= order == b"stop"
                if order == b"kill":
                    os.kill(child, signal.SIGKILL)
        if stop and deadline is None:
            deadline = time.monotonic() + limit
            os.kill(child, signal.SIGTERM)


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        os.write(1, line.encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
