"""The broker's jars: locked by SHA-256, fetched once through jgo, verified at every start.

The lock lists Maven coordinates, not addresses; where they come from is jgo's business. Hashing all of them takes a
tenth of a second, so nothing is ever taken on trust from an earlier run.
"""

import errno
import fcntl
import hashlib
import importlib.resources
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sstl.embedded.errors import NoNetworkError, NoSpaceError, NotInstalledError, UntrustedJarError

_log = logging.getLogger(__name__)

LOCK_FORMAT = 1
LOCK_FILE = "broker.lock.json"
ATTEMPTS = 3
"""A connection that breaks once in fifty files is ordinary."""
PAUSE_SECONDS = 0.3
PARALLEL = 4
STAGING = "fetch-"
SPARE_BYTES = 64 << 20

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all) while jars are fetched."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked file."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """File name; no two locked jars share one."""
        return f"{self.artifact}-{self.version}.jar"


@dataclass(frozen=True, slots=True)
class BrokerLock:
    """Which Apache Kafka, and every jar of it in classpath order."""

    kafka_version: str
    jars: tuple[Jar, ...]

    @property
    def size(self) -> int:
        """Bytes of all jars."""
        return sum(jar.size for jar in self.jars)

    @property
    def title(self) -> str:
        """What is downloaded, for a person."""
        return (
            f"Apache Kafka {self.kafka_version} ({len(self.jars)} files, {self.size / 1e6:.0f} MB)"
        )


@cache
def broker_lock() -> BrokerLock:
    """Read the lock that ships with the package."""
    raw = json.loads((importlib.resources.files(__package__) / LOCK_FILE).read_bytes())
    if raw["format"] != LOCK_FORMAT:
        message = f"{LOCK_FILE}: format {raw['format']}, this release reads {LOCK_FORMAT}"
        raise ValueError(message)
    jars = []
    for line in raw["jars"]:
        group, artifact, version = line["coordinate"].split(":")
        jars.append(Jar(group, artifact, version, line["sha256"], line["size"]))
    return BrokerLock(raw["kafka"], tuple(jars))


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Return the user's cache directory for sstl: ``XDG_CACHE_HOME`` where it is absolute, else ``~/.cache``."""
    base = environment.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "sstl"


def ensure_jars(
    directory: Path,
    lock: BrokerLock,
    progress: Progress | None = None,
    repository: str | None = None,
) -> tuple[Path, ...]:
    """Return the verified jars in classpath order; fetch those that are missing.

    Safe to call from several processes at once: one fetches, the others wait for it. A jar appears under its name only
    when its checksum is right, so a broken download is continued, not repeated.

    Args:
        directory: Cache; a folder for this Kafka version is made in it.
        lock: What is wanted.
        progress: Told how far the download is; not called when nothing is missing.
        repository: Address of a Maven repository; None: jgo's own choice, Maven Central.

    Raises:
        NoNetworkError: Something is missing and cannot be fetched.
        NoSpaceError: It does not fit on the disk.
        UntrustedJarError: A jar, kept or fetched, differs from the lock.
    """
    home = directory / f"kafka-{lock.kafka_version}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if any(not (home / jar.name).exists() for jar in lock.jars):
            with _exclusive(home / ".lock"):
                _fetch_missing(home, lock, progress, repository)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpaceError(home, (lock.size + SPARE_BYTES) >> 20) from error
        raise
    paths = tuple(home / jar.name for jar in lock.jars)
    for jar, path in zip(lock.jars, paths, strict=True):
        _verify(path, jar)
    return paths


def _verify(path: Path, jar: Jar) -> None:
    with path.open("rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if got != jar.sha256:
        raise UntrustedJarError(path, jar.sha256, got)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch_missing(
    home: Path, lock: BrokerLock, progress: Progress | None, repository: str | None
) -> None:
    missing = [jar for jar in lock.jars if not (home / jar.name).exists()]
    if not missing:
        return
    for left in home.glob(f"{STAGING}*"):  # by a process that was killed: we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    needed = sum(jar.size for jar in missing) + SPARE_BYTES
    if shutil.disk_usage(home).free < needed:
        raise NoSpaceError(home, needed >> 20)
    done = lock.size - sum(jar.size for jar in missing)
    if progress:
        progress(done, lock.size)
    with (
        tempfile.TemporaryDirectory(prefix=STAGING, dir=home) as staging,
        ThreadPoolExecutor(PARALLEL) as pool,
    ):
        fetches = {
            pool.submit(_fetch, jar, Path(staging), lock.title, repository): jar for jar in missing
        }
        try:
            for fetch in as_completed(fetches):
                jar = fetches[fetch]
                arrived = fetch.result()
                _verify(arrived, jar)
                os.replace(arrived, home / jar.name)
                done += jar.size
                if progress:
                    progress(done, lock.size)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(jar: Jar, staging: Path, title: str, repository: str | None) -> Path:
    try:
        import requests
        from jgo.maven import MavenContext
    except ImportError as error:
        raise NotInstalledError("jgo") from error
    for attempt in range(1, ATTEMPTS + 1):
        # A directory per attempt: jgo refuses to write over what a broken attempt left behind.
        context = MavenContext(
            repo_cache=staging / f"{jar.artifact}-{attempt}",
            remote_repos=None if repository is None else {"mirror": repository.rstrip("/")},
            timeout=20,
        )
        try:
            component = context.project(jar.group, jar.artifact).at_version(jar.version)
            return Path(component.artifact().resolve())
        except (requests.RequestException, RuntimeError) as error:
            if attempt == ATTEMPTS:
                raise NoNetworkError(title, _plain(error)) from error
            time.sleep(attempt * PAUSE_SECONDS)
            _log.info("fetching %s failed, trying again: %s", jar.name, _plain(error))
    raise AssertionError  # the loop returns or raises


def _plain(error: BaseException) -> str:
    while isinstance(error, Exception) and error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return f"{type(error).__name__}: {error}".split("\n", 1)[0][:300]
