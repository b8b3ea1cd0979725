"""The seven stages in one process, as pure folds over messages in memory: what any worker must arrive at."""

import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
import orjson

from sstl.agents.prepare import encode_value
from sstl.agents.runner import StageRunner
from sstl.agents.topics import STAGE_SOURCE, Topics
from sstl.core.consignments import ConsignmentsStage
from sstl.core.flags import FlagsStage
from sstl.core.journeys.stage import JourneysStage
from sstl.core.lanes import LanesStage
from sstl.core.manifests import ManifestsStage
from sstl.core.observations import PREFIX, Shown
from sstl.core.references import ReferencesStage
from sstl.core.stage import Context, Inbound, MemoryState, Outcome, Stage
from sstl.intake.envelope import RawRecord
from sstl.intake.stage import IntakeStage
from sstl.models.indicator import Indicator
from sstl.models.indicator import net_content as net_indicator
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat, Measure, Observation
from sstl.models.risk_flag import RiskFlag, net_set
from sstl.settings import DEVELOPMENT_PSEUDONYM_KEY

Net = dict[str, dict[str, Any]]
STAGES: Mapping[str, Callable[[], Stage]] = {
    "manifests": ManifestsStage,
    "references": ReferencesStage,
    "journeys": JourneysStage,
    "consignments": ConsignmentsStage,
    "flags": FlagsStage,
    "lanes": LanesStage,
}
APPENDED_MS = 1_780_000_000_000
"""Append time of the first message; one millisecond more for each that follows."""


def as_bytes(net: Net) -> bytes:
    """Return a net result in one canonical form, for comparison byte for byte."""
    return orjson.dumps(net, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)


class Chain:
    """All stages with one partition each; every family is a backfill, so that time is that of the log.

    Args:
        batch: Most messages of one fold.
        seed: Chooses which stage folds next; None: the first that has something to fold.
        policy: What is judged by; None: the defaults.
        ticks: Whether stages do what waits for a pause: without, no indicator is published.
    """

    def __init__(
        self,
        *,
        batch: int = 500,
        seed: int | None = None,
        policy: Policy | None = None,
        ticks: bool = True,
    ) -> None:
        self._batch, self._ticks = batch, ticks
        self._random = None if seed is None else random.Random(seed)
        self._topics = Topics("chain")
        policy = policy or Policy()
        self._runners = {
            STAGE_SOURCE[name]: StageRunner(
                stage_of(), policy, Context(0, self._topics.sources(name))
            )
            for name, stage_of in STAGES.items()
        }
        self._decoders = {
            STAGE_SOURCE[name]: msgspec.json.Decoder(stage_of().message_type).decode
            for name, stage_of in STAGES.items()
        }
        self._intakes: dict[str, tuple[IntakeStage, MemoryState]] = {}
        self.states = {topic: MemoryState() for topic in self._runners}
        self._waiting: dict[str, deque[Inbound]] = {topic: deque() for topic in self._runners}
        self._policy = policy
        self._offsets: dict[str, int] = defaultdict(int)
        self._heard: dict[str, int] = {}
        self.published: dict[str, list[tuple[str, bytes]]] = defaultdict(list)

    def take(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Take structured CloudEvents, each on its family's topic, and work off everything."""
        for family, event in events:
            offset = self._offsets[family]
            self._offsets[family] += 1
            headers = (("content-type", b"application/cloudevents+json"),)
            if "recordedtime" in event:
                heard_ms = int(datetime.fromisoformat(event["recordedtime"]).timestamp() * 1000)
                source = event["source"]
                self._heard[source] = max(heard_ms, self._heard.get(source, 0))
            at_ms = APPENDED_MS + sum(self._offsets.values())
            topic = self._topics[family].name
            self._judge(
                RawRecord(family, topic, 0, offset, at_ms, None, orjson.dumps(event), headers)
            )
            if self._random is not None and self._random.random() < 0.2:
                self._step()
        self._rest()

    def _rest(self) -> None:
        """Work off everything, and let stages do what waits for a pause."""
        while self._step():
            pass
        for topic, runner in self._runners.items():
            if self._ticks and runner.period_s is not None:
                self._tick(topic, runner)
        while self._step():
            pass

    def _tick(self, topic: str, runner: StageRunner) -> None:
        """Let a stage do what waits for a pause, until nothing waits."""
        while True:
            outcome = runner.on_timer(self.states[topic], APPENDED_MS, caught_up=True)
            self._apply(topic, outcome)
            if not outcome.changed:
                return

    def beat(self, reached_ms: int) -> None:
        """Let every source of intake say how far it has come in arrival time, and work off what follows.

        Publishers are heard of as the events say that were taken so far.
        """
        publishers = tuple(sorted(self._heard.items()))
        for name, topic in STAGE_SOURCE.items():
            for source in sorted(self._topics.sources(name)):
                if source.startswith("intake-"):
                    beat = Heartbeat(
                        source=source, reached_ms=reached_ms, caught_up=True, publishers=publishers
                    )
                    self._waiting[topic].append(Inbound("~heartbeat", beat))
        self._rest()

    def observed(self) -> list[tuple[Observation, Measure]]:
        """Return what stands of journeys and consignments: the last message of each observation, and its measure."""
        found = []
        for topic in ("journeys", "consignments"):
            for (_, part), cell in self.states[topic].items():
                if not isinstance(cell, Shown):
                    continue
                for indicator, stated in cell.stated.items():
                    one = Observation(
                        id=f"{indicator}|{part.removeprefix(PREFIX)}",
                        indicator=indicator,
                        counting_unit=stated.counting_unit,
                        current=stated.measure,
                    )
                    found.append((one, stated.measure))
        return sorted(found, key=lambda pair: pair[0].id)

    def net_flags(self) -> Net:
        """Return the net content of every flag that holds."""
        return net_set(
            RiskFlag.model_validate_json(value) for _key, value in self.published["risk-flags"]
        )

    def net_indicators(self) -> Net:
        """Return the net content of every indicator."""
        last = {
            key: Indicator.model_validate_json(value) for key, value in self.published["indicators"]
        }
        contents = {key: net_indicator(indicator) for key, indicator in sorted(last.items())}
        return {key: content for key, content in contents.items() if content is not None}

    def _judge(self, record: RawRecord) -> None:
        if record.family not in self._intakes:
            stage = IntakeStage(
                record.family, pseudonym_key=DEVELOPMENT_PSEUDONYM_KEY, backfill=True
            )
            self._intakes[record.family] = (stage, MemoryState())
        stage, state = self._intakes[record.family]
        outcome = stage.fold(state, [record], self._policy, Context(0, frozenset()))
        state.apply(outcome.changed)
        self._send(outcome)

    def _step(self) -> bool:
        """Let one stage fold a batch; False when none has anything to fold."""
        busy = [topic for topic, waiting in self._waiting.items() if waiting]
        if not busy:
            return False
        topic = busy[0] if self._random is None else self._random.choice(busy)
        waiting = self._waiting[topic]
        size = self._batch if self._random is None else self._random.randint(1, self._batch)
        records = [waiting.popleft() for _ in range(min(size, len(waiting)))]
        self._apply(topic, self._runners[topic].fold(self.states[topic], records))
        return True

    def _apply(self, topic: str, outcome: Outcome) -> None:
        self.states[topic].apply(outcome.changed)
        self._send(outcome)

    def _send(self, outcome: Outcome) -> None:
        for output in outcome.outputs:
            if output.message is None:
                self.published[output.topic] = [
                    one for one in self.published[output.topic] if one[0] != output.key
                ]
                continue
            value = encode_value(output.message)
            if output.topic in self._waiting:
                message = self._decoders[output.topic](value)
                self._waiting[output.topic].append(Inbound(output.key, message))
            else:
                self.published[output.topic].append((output.key, value))
