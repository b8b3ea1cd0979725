"""The counting stage on our delivery, exactly once. Settings come from ``SSTL_*``."""

import os
from collections.abc import Sequence
from typing import Any

import faust
import msgspec

from sstl import logs
from sstl.agents.app import create_app, serve
from sstl.agents.delivery import Delivery
from sstl.agents.prepare import Crash
from sstl.agents.store import PartitionStore
from sstl.agents.topics import Topics
from sstl.core.stage import Outcome, Output, StateReader
from sstl.settings import Settings


class Event(msgspec.Struct, frozen=True):
    """An input event; its filler is decoded too."""

    event_id: str
    key: str
    seq: int
    filler: str


class Sum(msgspec.Struct, frozen=True, tag="sum.1"):
    """Cell: what a key has seen."""

    count: int
    total: int


class Told(msgspec.Struct, frozen=True):
    """The message sent for each event."""

    id: str
    count: int


_decode = msgspec.json.Decoder(Event).decode


class Counting:
    """Counts and sums by key, and sends one message for each event."""

    name = "journeys"
    cell_type = Sum
    period_s: float | None = None

    def decode(self, records: Sequence[Any]) -> list[Any]:
        return [_decode(record.value) for record in records]

    def fold(self, state: StateReader, records: Sequence[Any]) -> Outcome:
        outcome = Outcome()
        changed, outputs = outcome.changed, outcome.outputs
        for event in records:
            cell = (event.key, "")
            old = changed.get(cell) or state.get(event.key, "") or Sum(0, 0)
            new = changed[cell] = Sum(old.count + 1, old.total + event.seq)
            outputs.append(Output("findings", event.key, Told(event.event_id, new.count)))
        return outcome

    def on_timer(self, state: StateReader, now_ms: int, *, caught_up: bool) -> Outcome:
        return Outcome()

    def on_crash(self, crash: Crash, topic: str, partition: int) -> Output:
        raise crash.error

    def on_restored(self, store: PartitionStore) -> None:
        """Show nothing."""

    def on_committed(self, outputs: Sequence[Output]) -> None:
        """Show nothing."""


def main() -> None:
    """Run the worker."""
    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log_level)
    topics = Topics(settings.prefix, dict(settings.partitions))
    delivery = Delivery(topics, settings, max_crashes=0)
    app = create_app(settings, delivery)
    serve(app, delivery, topics, name="counting", source="journeys", runner_of=lambda _: Counting())
    faust.Worker(
        app, loglevel="INFO", override_logging=False, redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
