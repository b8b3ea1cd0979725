"""The demo as a user starts it: everything comes up, moves, and is gone afterwards."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CLAIMED = ("Kafka", "Topics", "Worker", "Corridor", "Commands", "End")


def _start(directory: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SSTL_")
    }
    return subprocess.Popen(
        [sys.executable, "-m", "sstl", "demo", "--no-monitoring", *arguments],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _left(directory: Path) -> list[str]:
    """Return the processes that work in this directory or were started there."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            works_here = os.readlink(entry / "cwd").startswith(str(directory))
        except OSError:
            continue
        if works_here or str(directory) in command:
            found.append(command)
    return found


def _wait_until_gone(directory: Path, seconds: float) -> list[str]:
    deadline = time.monotonic() + seconds
    while _left(directory) and time.monotonic() < deadline:
        time.sleep(0.5)
    return _left(directory)


@pytest.mark.timeout(240)
def test_the_demo_shows_flags_and_indicators_and_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = _start(tmp_path, "--duration", "100", "--speed", "86400")
    said = []
    assert demo.stdout is not None
    for line in demo.stdout:
        said.append(line)
        if re.search(r"flags: [1-9]\d* known.*indicators: [1-9]", line):
            demo.send_signal(signal.SIGTERM)
    demo.stdout.close()
    assert demo.wait(60) == 0, "".join(said)
    for what in CLAIMED:
        assert any(line.startswith(what) for line in said), what
    assert any(line.startswith("first flag after") for line in said), "".join(said)
    assert _wait_until_gone(tmp_path, 5) == []


@pytest.mark.timeout(240)
def test_a_killed_demo_takes_its_processes_with_it(tmp_path: Path) -> None:
    demo = _start(tmp_path)
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("End"):
            break
    demo.kill()
    demo.wait(10)
    demo.stdout.close()
    assert _wait_until_gone(tmp_path, 60) == []
