"""The data directory: whose it is, who works on it, which format it has."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sstl.embedded.errors import DataInUseError, NewerDataError

MARKER = "sstl-broker.json"
MARKER_FORMAT = 1
LOCK = ".sstl-broker.lock"
META_VERSION = 1
"""Newest layout of Kafka's ``meta.properties`` that this release knows."""

IN_USE_SECONDS = 3.0
"""A broker whose program was killed needs a moment to leave its directory."""


def is_ours(data: Path) -> bool:
    """Say whether the directory is empty or was made here: anything else is neither used nor emptied."""
    names = {path.name for path in data.iterdir()} - {LOCK}
    return not names or MARKER in names


def empty(data: Path) -> None:
    """Remove what is in the directory, all but its lock."""
    for path in data.iterdir():
        if path.name == LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextlib.contextmanager
def held(data: Path, patience: float = IN_USE_SECONDS) -> Iterator[IO[str]]:
    """Hold the directory's lock while starting; the broker inherits it and keeps it until it ends.

    Args:
        data: The directory.
        patience: Seconds to wait for it.

    Raises:
        DataInUseError: Another broker has it.
    """
    with (data / LOCK).open("a+") as lock:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    lock.seek(0)
                    raise DataInUseError(data, lock.read().strip() or None) from None
                time.sleep(0.1)
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield lock


def check_format(data: Path, known: str) -> None:
    """Refuse data that a newer release has written.

    Args:
        data: The directory.
        known: Version of Apache Kafka that is about to start.

    Raises:
        NewerDataError: It is newer.
    """
    marker = data / MARKER
    if marker.exists():
        found = json.loads(marker.read_text())
        if found["format"] > MARKER_FORMAT:
            raise NewerDataError(data, f"layout {found['format']}", f"layout {MARKER_FORMAT}")
        if _numbers(found["kafka"]) > _numbers(known):
            raise NewerDataError(data, f"Apache Kafka {found['kafka']}", f"Apache Kafka {known}")
    meta = data / "logs" / "meta.properties"
    if meta.exists():
        version = re.search(r"^version=(\d+)$", meta.read_text(), re.MULTILINE)
        if version and int(version.group(1)) > META_VERSION:
            raise NewerDataError(
                data, f"meta.properties {version.group(1)}", f"meta.properties {META_VERSION}"
            )


def mark(data: Path, kafka_version: str) -> None:
    """Write down who made the directory, before anything else is written to it."""
    (data / MARKER).write_text(json.dumps({"format": MARKER_FORMAT, "kafka": kafka_version}) + "\n")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
