"""What goes wrong through no fault of the program: one sentence for a person, one exit code for a script."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the ``sstl`` command; documented in the README and stable."""

    OK = 0
    FAILED = 1
    """A fault of the program itself; a traceback is printed."""
    USAGE = 2
    """Wrong command, option or argument (printed by click)."""
    SETTINGS = 3
    """A wrong ``SSTL_*`` variable, policy or input file."""
    UNREACHABLE = 4
    """Kafka, or the network that a first download needs, cannot be reached."""
    IN_USE = 5
    """Somebody else holds the port or the data directory."""
    NO_SPACE = 6
    """No room left on the disk."""
    INCOMPATIBLE = 7
    """What was found does not fit this version: a newer data format, a topic with another partition count."""
    UNTRUSTED = 8
    """A downloaded file is not the one that was locked."""
    STOPPED = 9
    """A process that was started stopped by itself, or did not come up in time."""
    CRASHES = 10
    """Our code failed on more messages than the policy allows; a restart would only set more of them aside."""
    INTERRUPTED = 130
    """Ended by Ctrl-C before it had finished."""


class UserError(Exception):
    """Something the caller can put right; shown as one line, never as a traceback.

    Args:
        message: One line that says what is wrong, where, and what to do.
        exit_code: What the ``sstl`` command exits with.
    """

    def __init__(self, message: str, exit_code: int = ExitCode.SETTINGS) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = int(exit_code)
