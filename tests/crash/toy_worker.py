"""A worker with two toy stages on the real delivery: what it does to each event can be counted from outside.

``transport`` is relayed to ``journeys`` by key; ``journeys`` counts and sums by key and sends one message for each
event to ``findings``. Run as a process: ``python toy_worker.py``; settings come from ``SSTL_*``, faults from ``TOY_*``.
"""

import os
import random
from collections.abc import Iterator, Sequence
from typing import Any

import faust
import msgspec

from sstl import logs
from sstl.agents.app import create_app, serve
from sstl.agents.delivery import Delivery, RunnerOf
from sstl.agents.prepare import Crash
from sstl.agents.store import PartitionStore
from sstl.agents.topics import Topics
from sstl.core.stage import Outcome, Output, StateReader
from sstl.settings import Settings


class ToyEvent(msgspec.Struct, frozen=True):
    """An input event."""

    id: str
    key: str
    number: int
    size: int = 0


class ToySum(msgspec.Struct, frozen=True, tag="toy.1"):
    """Cell: what a key has seen."""

    count: int
    total: int
    filler: str = ""


decode = msgspec.json.Decoder(ToyEvent).decode


class Toy:
    """What both toy stages share."""

    cell_type = ToySum
    period_s: float | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def decode(self, records: Sequence[Any]) -> list[Any]:
        return [(record.offset, decode(record.value)) for record in records]

    def on_timer(self, state: StateReader, now_ms: int, *, caught_up: bool) -> Outcome:
        return Outcome()

    def on_crash(self, crash: Crash, topic: str, partition: int) -> Output:
        return Output("quarantine", f"{topic}/{crash.record[0]}", crash.record[1])

    def on_restored(self, store: PartitionStore) -> Iterator[None]:
        return iter(())

    def on_committed(self, outputs: Sequence[Output]) -> None:
        pass


class Relay(Toy):
    """Stateless: routes by key."""

    def fold(self, state: StateReader, records: Sequence[Any]) -> Outcome:
        outcome = Outcome()
        for _, event in records:
            outcome.outputs.append(Output("journeys", event.key, event))
        return outcome


class Count(Toy):
    """Stateful: counts and sums by key."""

    def fold(self, state: StateReader, records: Sequence[Any]) -> Outcome:
        outcome = Outcome()
        for _, event in records:
            if os.environ.get("TOY_BAD_RELEASE"):
                raise ZeroDivisionError(event.id)
            cell = (event.key, "")
            old = outcome.changed.get(cell) or state.get(*cell) or ToySum(0, 0)
            # nothing that a changelog could pack
            noise = random.Random(event.number).randbytes(event.size)
            filler = noise.hex() if os.environ.get("TOY_LARGE") == "state" else ""
            outcome.changed[cell] = ToySum(old.count + 1, old.total + event.number, filler)
            size = event.size if os.environ.get("TOY_LARGE") == "output" else 0
            outcome.outputs.append(
                Output("findings", event.key, {"id": event.id, "filler": "x" * size})
            )
        return outcome


def main() -> None:
    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log_level)
    topics = Topics(settings.prefix, dict(settings.partitions))
    delivery = Delivery(topics, settings, max_crashes=3)
    app = create_app(settings, delivery)
    stages: dict[str, RunnerOf] = {
        "transport": lambda _: Relay("intake-transport"),
        "journeys": lambda _: Count("journeys"),
    }
    for source, runner_of in stages.items():
        serve(app, delivery, topics, name=f"toy-{source}", source=source, runner_of=runner_of)
    faust.Worker(
        app, loglevel="INFO", override_logging=False, redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
