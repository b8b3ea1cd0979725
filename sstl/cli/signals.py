"""Ctrl-C and SIGTERM as an event that loops look at, so that ends are orderly."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_on_signals(
    interrupting: Callable[[], bool] = lambda: False,
) -> Iterator[threading.Event]:
    """Yield an event that is set by Ctrl-C, SIGTERM or SIGHUP; handlers are put back afterwards.

    Args:
        interrupting: Whether the first signal shall raise KeyboardInterrupt, because what runs does not look at
            the event. Later signals never do: they would cut the tidying up short.
    """
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        first = not stop.is_set()
        stop.set()
        if first and interrupting():
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
