"""What one event costs the stage [journeys] with all rules: in order, as a position, and as a full refold.

The synthetic corridor's events go through intake, [manifests] and [references] once; what these send to [journeys] is
then folded message by message in memory, with a heartbeat now and then. The goal is about that. Under load a stage
folds what has gathered in one batch, each unit once; what an event costs then is printed beside it. The baseline is the
same fold with every rule off: what keeping the units' records, milestones, seals and lead times costs by itself. CPU
time of this thread; decoding, encoding and transactions are not in it (the benchmark ``stage`` measures them).
"""

import gc
import sys
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import orjson

from bench.lab import ROOT, arguments, goal, say, title
from sstl.core.journeys.stage import JourneysStage
from sstl.core.manifests import ManifestsStage
from sstl.core.references import ReferencesStage
from sstl.core.rules import UNIT_RULES
from sstl.core.stage import Context, Inbound, MemoryState, Stage
from sstl.intake.envelope import RawRecord
from sstl.intake.stage import IntakeStage
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat, JourneysMessage, Placed
from sstl.policy_files import load_policy
from sstl.synthetic.corridor import Corridor

POLICY = ROOT / "policy"
GOAL_US, GOAL_REFOLD_MS, GOAL_PING_US = 40, 1.0, 20
REFOLD_EVENTS = 60
HEARTBEAT_EVERY = 200
DRAINED = (50, 500)
"""Messages in a batch, where these have gathered."""
SOURCE = "bench/0"
HERE = Context(0, frozenset({SOURCE}))
NS_PER_US = 1000


@dataclass(slots=True)
class Spent:
    """CPU time by kind of message."""

    ns: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    many: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, kind: str, ns: int) -> None:
        """Add one message."""
        self.ns[kind] += ns
        self.many[kind] += 1

    def mean_us(self, *kinds: str) -> float:
        """Return the mean over some kinds of message, all where none is named."""
        chosen = kinds or tuple(self.ns)
        many = sum(self.many[kind] for kind in chosen)
        return sum(self.ns[kind] for kind in chosen) / many / NS_PER_US if many else 0.0


def policy_of(path: Path) -> Policy:
    """Return the policy of the repository."""
    return load_policy(path)


def silenced(policy: Policy) -> Policy:
    """Return a policy by which no rule on units is asked."""
    stated = policy.model_dump()
    for asked in UNIT_RULES:
        stated["rules"].setdefault(asked.rule.id, {})["mode"] = "off"
    return Policy.model_validate(stated)


def messages(shipments: int, policy: Policy) -> Iterator[Inbound]:
    """Yield what [journeys] gets of a corridor with so many shipments, in its order."""
    stages: dict[str, Stage] = {"manifests": ManifestsStage(), "references": ReferencesStage()}
    states = {name: MemoryState() for name in (*stages, "intake")}
    decoders = {
        name: msgspec.json.Decoder(stage.message_type).decode for name, stage in stages.items()
    }
    decode: Any = msgspec.json.Decoder(JourneysMessage).decode
    intakes: dict[str, IntakeStage] = {}
    headers = (("content-type", b"application/cloudevents+json"),)
    corridor = Corridor(shipments=shipments)
    for offset, delivery in enumerate(corridor.deliveries()):
        event = delivery.report.event
        family = str(event["type"]).split(".")[2]
        family = {"mass": "transport", "declaration": "inspection"}.get(family, family)
        family = {"channel": "inspection", "duty": "inspection", "bond": "inspection"}.get(
            family, family
        )
        intake = intakes.setdefault(
            family, IntakeStage(family, pseudonym_key=b"bench", backfill=True)
        )
        at_ms = int(delivery.at.timestamp() * 1000)
        raw = RawRecord(family, family, 0, offset, at_ms, None, orjson.dumps(event), headers)
        waiting = deque(intake.fold(MemoryState(), [raw], policy, HERE).outputs)
        while waiting:
            output = waiting.popleft()
            if output.topic == "journeys":
                yield Inbound(output.key, decode(msgspec.json.encode(output.message)), offset)
            elif output.topic in stages:
                message = decoders[output.topic](msgspec.json.encode(output.message))
                inbound = Inbound(output.key, message)
                state = states[output.topic]
                outcome = stages[output.topic].fold(state, [inbound], policy, HERE)
                state.apply(outcome.changed)
                waiting.extend(outcome.outputs)


def kind_of(message: Any) -> str:
    """Return what a message is counted as."""
    if isinstance(message, Heartbeat):
        return "heartbeat"
    event = getattr(message, "event", None)
    if event is None:
        return type(message).__name__
    return "position" if event.type == "seallock.position" else str(event.type.partition(".")[0])


def timed(found: list[Inbound], policy: Policy, size: int) -> list[int]:
    """Return the time of each batch of so many messages, ns; a heartbeat goes before some, not timed."""
    stage, state = JourneysStage(), MemoryState()
    spent: list[int] = []
    reached, beaten = 0, -HEARTBEAT_EVERY
    clock = time.thread_time_ns
    for first in range(0, len(found), size):
        if first - beaten >= HEARTBEAT_EVERY:
            beaten = first
            beat = Heartbeat(source=SOURCE, reached_ms=reached, caught_up=True)
            state.apply(stage.fold(state, [Inbound("~heartbeat", beat)], policy, HERE).changed)
        batch = found[first : first + size]
        start = clock()
        outcome = stage.fold(state, batch, policy, HERE)
        spent.append(clock() - start)
        state.apply(outcome.changed)
        for record in batch:
            event = getattr(record.message, "event", None)
            reached = max(reached, 0 if event is None else event.arrival_ms)
    return spent


def least(found: list[Inbound], policy: Policy, size: int, runs: int) -> list[int]:
    """Return the least time of each batch over some runs, ns: what other work on the machine adds is left out."""
    all_runs = [timed(found, policy, size) for _ in range(runs)]
    return [min(times) for times in zip(*all_runs, strict=True)]


def refold_ms(found: list[Inbound], policy: Policy, repeats: int) -> tuple[int, float]:
    """Return (events, ms) of assessing anew the unit that has about `REFOLD_EVENTS` events."""
    own: dict[str, list[Inbound]] = defaultdict(list)
    for record in found:
        event = getattr(record.message, "event", None)
        if event is None or event.type != "seallock.position":
            own[record.key].append(record)
    nearest = min(own.values(), key=lambda records: abs(len(records) - REFOLD_EVENTS))
    nearest = nearest[:REFOLD_EVENTS]
    state = MemoryState()
    state.apply(JourneysStage().fold(state, nearest, policy, HERE).changed)
    events = [record for record in nearest if isinstance(record.message, Placed)]
    again = [msgspec.structs.replace(events[0].message.event)]
    best = float("inf")
    for number in range(repeats):
        version = msgspec.structs.replace(
            again[0].version, recorded_ms=again[0].version.recorded_ms + number + 1
        )
        changed = msgspec.structs.replace(
            again[0], version=version, event_ms=again[0].event_ms - number - 1
        )
        record = Inbound(nearest[0].key, Placed(event=changed))
        stage = JourneysStage()
        start = time.thread_time_ns()
        stage.fold(state, [record], policy, HERE)
        best = min(best, (time.thread_time_ns() - start) / 1e6)
    return len(nearest), best


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--runs", type=int, default=1, help="of so many runs the least time of each message"
    )
    options = parser.parse_args()
    shipments = 20 if options.quick else 150
    policy = policy_of(POLICY)
    title("Fold of [journeys] with all rules, CPU of the thread")
    found = list(messages(shipments, policy))
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)  # as the workers have it
    spent = Spent()
    for record, ns in zip(found, least(found, policy, 1, options.runs), strict=True):
        spent.add(kind_of(record.message), ns)
    for kind in sorted(spent.ns, key=lambda name: -spent.ns[name]):
        say(f"   {kind:12} {spent.many[kind]:7} messages  {spent.mean_us(kind):7.1f} us each")
    mean = spent.mean_us()
    events, refold = refold_ms(found, policy, 20 if options.quick else 50)
    say(f"   all          {len(found):7} messages  {mean:7.1f} us each, one at a time")
    quiet = silenced(policy)
    bare = sum(least(found, quiet, 1, options.runs)) / len(found) / NS_PER_US
    say(f"   with every rule off                {bare:7.1f} us each, {mean / bare:.1f} times less")
    for size in DRAINED:
        drained = sum(least(found, policy, size, options.runs)) / len(found) / NS_PER_US
        bare = sum(least(found, quiet, size, options.runs)) / len(found) / NS_PER_US
        say(
            f"   in drained batches of {size:4}     {drained:7.1f} us each, {bare:.1f} with every rule off"
        )
    say(f"   refold of {events} messages: {refold:.2f} ms")
    goal(f"at most {GOAL_US} us an event in order", met=mean <= GOAL_US)
    goal(
        f"at most {GOAL_PING_US} us a position",
        met=spent.mean_us("position", "PingBucket") <= GOAL_PING_US,
    )
    goal(f"at most {GOAL_REFOLD_MS:g} ms a refold", met=refold <= GOAL_REFOLD_MS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
