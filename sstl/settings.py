"""Settings: the ``SSTL_*`` environment variables, read once at the start and frozen.

What the domain depends on is policy (reviewed YAML), not a setting. A variable that is wrong or unknown stops the
start with its name, so that a misspelt one cannot be ignored silently.
"""

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from sstl.errors import ExitCode, UserError

VARIABLE_PREFIX = "SSTL_"
IGNORED_PREFIX = "SSTL_TEST_"
"""Variables of the test suite and the benchmarks, none of our business."""

FAMILIES = frozenset(
    {"manifest", "seallock", "inspection", "transport", "feedback", "registry", "action"}
)
"""Input families; each has one input topic ``<prefix>.<family>.v1``."""

DEVELOPMENT_PSEUDONYM_KEY = b"sstl development key, not for production"
"""Stands in when ``SSTL_PSEUDONYM_KEY`` is not set; public, so its pseudonyms protect nobody."""

MIN_PSEUDONYM_KEY_BYTES = 16
MAX_PARTITIONS = 1_000
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
_INSTANCE = re.compile(r"[A-Za-z0-9._-]{1,200}\Z")
_MAX_PORT = 65_535


class SettingsError(UserError):
    """A wrong setting; the message names the variable."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ExitCode.SETTINGS)


def _bootstrap(text: str) -> str:
    servers = [server.strip() for server in text.split(",")]
    for server in servers:
        host, _, port = server.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) <= _MAX_PORT:
            raise ValueError("expected host:port, several separated by commas")
    return ",".join(servers)


def _prefix(text: str) -> str:
    if not _NAME.match(text):
        raise ValueError("expected up to 40 of a-z, 0-9, - and _, beginning with a letter or digit")
    return text


def _host(text: str) -> str:
    if text == "localhost":
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("expected an IP address to listen on, or localhost") from None


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > _MAX_PORT:
        raise ValueError("expected a port number, 0 to 65535 (0: any free one)")
    return int(text)


def _key(text: str) -> bytes:
    key = text.encode()
    if len(key) < MIN_PSEUDONYM_KEY_BYTES:
        raise ValueError(f"expected a secret of at least {MIN_PSEUDONYM_KEY_BYTES} bytes")
    return key


def _families(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if unknown := sorted(names - FAMILIES):
        raise ValueError(
            f"{', '.join(unknown)} is no input family; known: {', '.join(sorted(FAMILIES))}"
        )
    return names


def _partitions(text: str) -> tuple[tuple[str, int], ...]:
    expected = "expected topic=count separated by commas, * for all others (*=4,journeys=8)"
    counts: dict[str, int] = {}
    for part in text.split(","):
        topic, _, count = part.strip().partition("=")
        if not topic or not count.isdigit() or not 1 <= int(count) <= MAX_PARTITIONS:
            raise ValueError(expected)
        counts[topic] = int(count)
    return tuple(sorted(counts.items()))


def _file_or_directory(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.exists():
        raise ValueError("no such file or directory")
    return path


def _directory(text: str) -> Path:
    path = Path(text).expanduser()
    if path.exists() and not path.is_dir():
        raise ValueError("is not a directory")
    return path


def _instance(text: str) -> str:
    if not _INSTANCE.match(text):
        raise ValueError("expected up to 200 letters, digits, '.', '_' and '-'")
    return text


def _address(text: str) -> str:
    if not re.match(r"https?://[^/\s]+", text):
        raise ValueError("expected the address of a Maven repository, http:// or https://")
    return text


def _level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"expected one of {', '.join(LOG_LEVELS)}")
    return text.upper()


def _seconds(low: float, high: float) -> Callable[[str], timedelta]:
    def parse(text: str) -> timedelta:
        expected = f"expected seconds, {low:g} to {high:g}"
        try:
            seconds = float(text)
        except ValueError:
            raise ValueError(expected) from None
        if not low <= seconds <= high:
            raise ValueError(expected)
        return timedelta(seconds=seconds)

    return parse


def _count(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"expected a whole number, {low} to {high}")
        return int(text)

    return parse


def _variable(name: str, parse: Callable[[str], Any], default: Any, *, secret: bool = False) -> Any:
    metadata = {"variable": VARIABLE_PREFIX + name, "parse": parse, "secret": secret}
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a process is told by its environment."""

    bootstrap: str = _variable("BOOTSTRAP", _bootstrap, "127.0.0.1:9092")
    """Kafka servers, ``host:port`` separated by commas."""
    prefix: str = _variable("PREFIX", _prefix, "sstl")
    """First part of every topic name, consumer group and transactional id."""
    partitions: tuple[tuple[str, int], ...] = _variable("PARTITIONS", _partitions, ())
    """(topic without prefix and version, partition count); ``*`` for all others, 1 without it."""
    metrics_host: str = _variable("METRICS_HOST", _host, "127.0.0.1")
    """Where ``/metrics`` and ``/health`` listen."""
    metrics_port: int = _variable("METRICS_PORT", _port, 8900)
    """0 takes any free port."""
    pseudonym_key: bytes = _variable("PSEUDONYM_KEY", _key, DEVELOPMENT_PSEUDONYM_KEY, secret=True)
    """Secret of the HMAC that stands in for names of parties."""
    backfill: frozenset[str] = _variable("BACKFILL", _families, frozenset())
    """Families whose arrival time is the earlier of append and recorded time (historical files, accelerated demo)."""
    policy_file: Path | None = _variable("POLICY_FILE", _file_or_directory, None)
    """A YAML file, or a directory of them; None: the defaults of the rules and no lanes."""
    draw_keys: Path | None = _variable("DRAW_KEYS", _file_or_directory, None)
    """Keys of days, a file or a directory of ``*.key``: consignments are drawn at random; None: none is drawn here."""
    data_dir: Path | None = _variable("DATA_DIR", _directory, None)
    """Where the embedded broker keeps its data; None: the user's data directory (``data_directory``)."""
    maven_repository: str | None = _variable("MAVEN_REPOSITORY", _address, None)
    """Where the embedded broker is fetched from; None: Maven Central."""
    instance_id: str | None = _variable("INSTANCE_ID", _instance, None)
    """Static membership of the consumer group; None: a member of no fixed name."""
    session_timeout: timedelta = _variable(
        "SESSION_TIMEOUT", _seconds(1, 1800), timedelta(seconds=10)
    )
    """A worker that is silent for so long loses its partitions."""
    heartbeat_interval: timedelta = _variable(
        "HEARTBEAT_INTERVAL", _seconds(0.1, 600), timedelta(seconds=3)
    )
    """At most a third of the session time-out, so that one lost heartbeat costs nothing."""
    rebalance_timeout: timedelta = _variable(
        "REBALANCE_TIMEOUT", _seconds(1, 3600), timedelta(seconds=60)
    )
    transaction_timeout: timedelta = _variable(
        "TRANSACTION_TIMEOUT", _seconds(1, 900), timedelta(seconds=10)
    )
    """A dead producer's open transaction blocks readers for so long."""
    transaction_pause: timedelta = _variable(
        "TRANSACTION_PAUSE", _seconds(0, 10), timedelta(milliseconds=60)
    )
    """Rest of a partition after a transaction under load: fewer, larger transactions."""
    watermark_rest: timedelta = _variable(
        "WATERMARK_REST", _seconds(0, 2), timedelta(milliseconds=250)
    )
    """How long heartbeats of the watermark wait for each other where nothing else waits: each source sends its own."""
    batch_records: int = _variable("BATCH_RECORDS", _count(1, 100_000), 10_000)
    """Most input records of one transaction."""
    batch_fold: timedelta = _variable(
        "BATCH_FOLD", _seconds(0.001, 10), timedelta(milliseconds=100)
    )
    """About how long the fold of one transaction may keep the process to itself."""
    batch_bytes: int = _variable("BATCH_BYTES", _count(1_024, 1 << 28), 8 << 20)
    """Most input bytes of one transaction."""
    series_budget: int = _variable("SERIES_BUDGET", _count(100, 1_000_000), 20_000)
    """Most Prometheus series of lanes; what lies beyond is summed up as lane ``other``."""
    grafana: str | None = _variable("GRAFANA", str, None)
    """Command that the demo starts Grafana with, as ``COMMAND PORT PROVISIONING_DIR DATA_DIR``; None: looked for."""
    log_level: str = _variable("LOG_LEVEL", _level, "INFO")
    """Least level of our own log lines: DEBUG, INFO, WARNING or ERROR."""

    def __post_init__(self) -> None:
        """Check what holds between settings.

        Raises:
            SettingsError: Two settings contradict each other.
        """
        if self.heartbeat_interval * 3 > self.session_timeout:
            raise SettingsError(
                f"SSTL_HEARTBEAT_INTERVAL ({self.heartbeat_interval.total_seconds():g} s) must be at most a third of "
                f"SSTL_SESSION_TIMEOUT ({self.session_timeout.total_seconds():g} s)"
            )

    @property
    def group(self) -> str:
        """Consumer group of the workers."""
        return self.prefix

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should be said at the start although it works."""
        if self.pseudonym_key == DEVELOPMENT_PSEUDONYM_KEY:
            return (
                "SSTL_PSEUDONYM_KEY is not set: parties get pseudonyms under the public development key, "
                "which anybody can undo by guessing names",
            )
        return ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings; a variable that is set but empty counts as not set.

        Args:
            environment: Usually ``os.environ``.

        Raises:
            SettingsError: A variable has a wrong value or an unknown name, or two contradict each other.
        """
        known = {one.metadata["variable"]: one for one in fields(cls)}
        values: dict[str, Any] = {}
        for variable, text in environment.items():
            if not variable.startswith(VARIABLE_PREFIX) or variable.startswith(IGNORED_PREFIX):
                continue
            if variable not in known:
                near = difflib.get_close_matches(variable, known, n=1)
                hint = (
                    f", did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(known))}"
                )
                raise SettingsError(f"{variable}: unknown setting{hint}")
            if not text.strip():
                continue
            one = known[variable]
            try:
                values[one.name] = one.metadata["parse"](text.strip())
            except ValueError as error:
                got = "" if one.metadata["secret"] else f", got {text!r}"
                raise SettingsError(f"{variable}: {error}{got}") from error
        return cls(**values)


def data_directory(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Return where data of the embedded broker lies: ``SSTL_DATA_DIR``, else the user's data directory."""
    if settings.data_dir is not None:
        return settings.data_dir
    base = environment.get("XDG_DATA_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "sstl"
