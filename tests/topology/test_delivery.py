"""What the owner of a partition does when something goes wrong, seen from the logs."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from aiokafka import errors as kafka_errors

from sstl.agents import intake
from sstl.agents.runner import Quarantined, Runner, StageRunner
from sstl.agents.stop import StopError
from sstl.agents.store import POSITION_RECORD, changelog_key
from sstl.agents.transport import Batch, Read
from sstl.core.lanes import LanesStage
from sstl.core.lanes.windows import TOTAL
from sstl.core.stage import Context, Inbound, Outcome, Output, StateReader
from sstl.errors import ExitCode
from sstl.intake.stage import IntakeStage
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat, Measure, Observation
from sstl.models.rejection import Rejection
from sstl.settings import Settings
from tests.intake_messages import STRUCTURED
from tests.memory_kafka import Broker, Record, Worker

pytestmark = pytest.mark.asyncio

WorkerOn = Callable[..., Worker]
SERIES = "LT_transit|journey|CNYTN-NLRTM-SEA|SEA|"
BAD, HUGE = "bad", "huge"


def observe(broker: Broker, name: str) -> int:
    measure = Measure(lane_id="CNYTN-NLRTM-SEA", mode="SEA", start_ms=0, value_ms=60_000)
    message = Observation(id=name, indicator="LT_transit", counting_unit="journey", current=measure)
    return broker.send("observations", name, message)


def counted(worker: Worker) -> int:
    cell = worker.owner("observations").store.get(SERIES, TOTAL)
    return 0 if cell is None else int(cell.counts.n)


class Fragile(LanesStage):
    """Lanes of a bad release: they fail on one observation, and say too much of another."""

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        names = [record.message.id for record in records if isinstance(record.message, Observation)]
        if any(name.startswith(BAD) for name in names):
            raise ZeroDivisionError
        outcome = super().fold(state, records, policy, context)
        if any(name.startswith(HUGE) for name in names):
            outcome.outputs.append(Output("indicators", HUGE, b"x" * 2_000_000))
        return outcome


def fragile(partition: int) -> Runner:
    return StageRunner(Fragile(), Policy(), Context(partition, frozenset()))


def quarantined(broker: Broker) -> list[Quarantined]:
    return [
        msgspec.json.decode(record.value or b"", type=Quarantined)
        for record in broker.read("quarantine")
    ]


def positions(broker: Broker) -> list[Record]:
    return [r for r in broker.read("changelog-lanes") if r.key == POSITION_RECORD]


def the_stop(worker: Worker) -> StopError:
    (stop,) = worker.stops
    return stop


async def test_a_message_that_crashes_us_is_quarantined_and_the_rest_is_kept(
    broker: Broker, worker_on: WorkerOn
) -> None:
    offsets = [observe(broker, name) for name in ("a", BAD, "b")]
    worker = worker_on(broker, "observations", instead={"observations": fragile})
    await worker.settle()
    (pointer,) = quarantined(broker)
    assert (pointer.stage, pointer.topic) == ("lanes", "sstl.observations.v1")
    assert (pointer.offset, pointer.error) == (offsets[1], "ZeroDivisionError")
    assert counted(worker) == 2
    assert not worker.stops


async def test_an_output_that_is_too_large_sets_its_message_aside(
    broker: Broker, worker_on: WorkerOn
) -> None:
    for name in ("a", HUGE, "b"):
        observe(broker, name)
    worker = worker_on(broker, "observations", instead={"observations": fragile})
    await worker.settle()
    assert [pointer.error for pointer in quarantined(broker)] == ["OutputTooLargeError"]
    assert counted(worker) == 2
    assert all(len(record.value or b"") < 2_000_000 for record in broker.read("indicators"))


async def test_more_crashes_than_the_policy_allows_stop_the_process_with_nothing_committed(
    broker: Broker, worker_on: WorkerOn
) -> None:
    for name in ("a", "bad-1", "bad-2", "bad-3"):
        observe(broker, name)
    policy = Policy(max_crashes=2)
    worker = worker_on(broker, "observations", policy=policy, instead={"observations": fragile})
    before = broker.ends
    await worker.settle()
    assert the_stop(worker).exit_code == ExitCode.CRASHES
    assert broker.ends == before
    assert counted(worker) == 0


async def test_as_many_crashes_as_the_policy_allows_do_not_stop_it(
    broker: Broker, worker_on: WorkerOn
) -> None:
    for name in ("a", "bad-1", "bad-2"):
        observe(broker, name)
    policy = Policy(max_crashes=2)
    worker = worker_on(broker, "observations", policy=policy, instead={"observations": fragile})
    await worker.settle()
    assert not worker.stops
    assert len(quarantined(broker)) == 2
    assert counted(worker) == 1


class CrashingIntake(intake.IntakeRunner):
    """Intake of a bad release."""

    def fold(self, state: StateReader, records: Sequence[Any]) -> Outcome:
        if any(record.value == b"crash" for record in records):
            raise ZeroDivisionError
        return super().fold(state, records)


async def test_a_message_that_crashes_intake_is_rejected_with_its_bytes(
    broker: Broker, worker_on: WorkerOn
) -> None:
    def crashing(partition: int) -> Runner:
        stage = IntakeStage("transport", pseudonym_key=b"k" * 16)
        context = Context(partition, frozenset())
        return CrashingIntake(stage, Policy(), context, "transport")

    broker.append("transport", 0, None, b"crash", STRUCTURED)
    broker.append("transport", 0, None, b"not JSON", STRUCTURED)
    worker = worker_on(broker, "transport", instead={"transport": crashing})
    await worker.settle()
    reasons = {
        (rejection.offset, rejection.reason, rejection.original_value)
        for rejection in (
            Rejection.model_validate_json(record.value or b"") for record in broker.read("rejected")
        )
    }
    assert {(offset, reason) for offset, reason, _ in reasons} == {
        (0, "internal_error"),
        (1, "not_json"),
    }
    assert (0, "internal_error", "Y3Jhc2g=") in reasons


async def test_a_commit_that_fails_changes_nothing_and_is_done_again(
    broker: Broker, worker_on: WorkerOn
) -> None:
    source = broker.tp("observations")
    worker = worker_on(broker, "observations")
    await worker.ready()
    broker.faults[source] = [kafka_errors.RequestTimedOutError()]
    observe(broker, "a")
    owner = worker.owner("observations")
    await worker.until(lambda: not broker.faults[source])
    assert (owner.store.position, counted(worker)) == (0, 0)
    await worker.settle()
    assert (owner.store.position, counted(worker)) == (1, 1)
    assert broker.epochs[source] == 2


async def test_a_commit_whose_answer_is_lost_counts_once(
    broker: Broker, worker_on: WorkerOn
) -> None:
    worker = worker_on(broker, "observations")
    await worker.ready()
    broker.lost_answers.add(broker.tp("observations"))
    observe(broker, "a")
    await worker.settle()
    assert counted(worker) == 1
    assert worker.owner("observations").store.position == 1


async def test_a_fenced_owner_joins_anew_and_goes_on(broker: Broker, worker_on: WorkerOn) -> None:
    source = broker.tp("observations")
    worker = worker_on(broker, "observations")
    await worker.ready()
    broker.epochs[source] += 1
    observe(broker, "a")
    await worker.until(lambda: worker.reader.rejoins == 1)
    await worker.settle()
    assert counted(worker) == 1
    assert not worker.stops


async def test_a_worker_that_slept_through_its_loss_changes_nothing(
    broker: Broker, worker_on: WorkerOn
) -> None:
    zombie = worker_on(broker, "observations")
    await zombie.ready()
    heir = worker_on(broker, "observations")
    await heir.ready()
    observe(broker, "a")
    zombie.read()
    await heir.settle()
    await zombie.until(lambda: zombie.reader.rejoins == 1)
    assert counted(heir) == 1
    assert len([r for r in broker.read("indicators") if (r.key or b"").endswith(b"TOTAL")]) == 1


async def test_a_batch_of_an_earlier_session_is_dropped(
    broker: Broker, worker_on: WorkerOn
) -> None:
    source = broker.tp("observations")
    worker = worker_on(broker, "observations")
    await worker.ready()
    observe(broker, "a")
    read = Read(worker.owner("observations").session, 0, 1)
    records = broker.read("observations")
    batch = worker.delivery.cut(source, read, records)
    assert batch is not None
    worker.start("observations")
    worker.delivery.hand_over(batch)
    assert worker.delivery.cut(source, read, records) is None
    await worker.settle()
    assert counted(worker) == 1
    assert not worker.stops


async def test_a_batch_that_does_not_begin_at_the_position_stops_the_process(
    broker: Broker, worker_on: WorkerOn
) -> None:
    source = broker.tp("observations")
    worker = worker_on(broker, "observations")
    await worker.ready()
    observe(broker, "a")
    observe(broker, "b")
    session = worker.owner("observations").session
    worker.delivery.hand_over(Batch(source, session, 1, 2, broker.read("observations")[1:]))
    await worker.until(lambda: bool(worker.stops))
    assert the_stop(worker).exit_code == ExitCode.FAILED
    assert "read from 1 but folded up to 0" in str(the_stop(worker))
    assert counted(worker) == 0


async def test_what_does_not_fit_one_transaction_waits_for_the_next(
    broker: Broker, worker_on: WorkerOn
) -> None:
    worker = worker_on(broker, "observations", settings=Settings(batch_records=2))
    await worker.ready()
    for number in range(6):
        observe(broker, f"o{number}")
        worker.read()
    await worker.settle()
    assert counted(worker) == 6
    written = [msgspec.json.decode(record.value or b"")["offset"] for record in positions(broker)]
    steps = [after - before for before, after in pairwise(written)]
    assert max(steps) == 2


async def test_a_gap_in_the_offsets_is_not_a_loss(broker: Broker, worker_on: WorkerOn) -> None:
    observe(broker, "a")
    broker.log(broker.tp("observations")).end += 5
    observe(broker, "b")
    worker = worker_on(broker, "observations")
    await worker.settle()
    assert counted(worker) == 2
    assert worker.owner("observations").store.position == 7


async def test_what_the_broker_refuses_for_good_stops_the_process(
    broker: Broker, worker_on: WorkerOn
) -> None:
    source = broker.tp("observations")
    worker = worker_on(broker, "observations")
    await worker.ready()
    broker.faults[source] = [kafka_errors.MessageSizeTooLargeError()]
    observe(broker, "a")
    await worker.settle()
    assert the_stop(worker).exit_code == ExitCode.INCOMPATIBLE
    assert "sstl topics plan" in str(the_stop(worker))
    assert counted(worker) == 0


async def test_a_changelog_without_a_position_stops_with_what_to_do(
    broker: Broker, worker_on: WorkerOn
) -> None:
    broker.log(broker.tp("changelog-lanes")).records.clear()
    worker = worker_on(broker, "observations")
    await worker.settle()
    assert the_stop(worker).exit_code == ExitCode.INCOMPATIBLE
    assert "sstl topics apply" in str(the_stop(worker))


async def test_a_position_below_the_start_of_the_log_stops_with_what_to_do(
    broker: Broker, worker_on: WorkerOn
) -> None:
    for name in ("a", "b", "c"):
        observe(broker, name)
    broker.truncate(broker.tp("observations"), 2)
    worker = worker_on(broker, "observations")
    await worker.settle()
    assert the_stop(worker).exit_code == ExitCode.INCOMPATIBLE
    assert "2 offsets are gone" in str(the_stop(worker))
    assert "sstl topics skip sstl.observations.v1 0" in str(the_stop(worker))


async def test_a_position_at_the_start_of_the_log_is_enough(
    broker: Broker, worker_on: WorkerOn
) -> None:
    observe(broker, "a")
    first = worker_on(broker, "observations")
    await first.settle()
    await first.close()
    observe(broker, "b")
    broker.truncate(broker.tp("observations"), 1)
    second = worker_on(broker, "observations")
    await second.settle()
    assert counted(second) == 2
    assert not second.stops


async def test_a_message_of_an_unknown_format_stops_the_process(
    broker: Broker, worker_on: WorkerOn
) -> None:
    observe(broker, "a")
    offset = broker.append("observations", 0, b"b", b'{"type":"observation.9","id":"b"}')
    worker = worker_on(broker, "observations")
    await worker.settle()
    assert the_stop(worker).exit_code == ExitCode.INCOMPATIBLE
    assert f"sstl.observations.v1/0/{offset}" in str(the_stop(worker))
    assert "docs/formats.md" in str(the_stop(worker))
    assert counted(worker) == 0
    assert not quarantined(broker)


async def test_a_position_of_an_unknown_format_stops_the_process(
    broker: Broker, worker_on: WorkerOn
) -> None:
    broker.append("changelog-lanes", 0, POSITION_RECORD, b'{"type":"position.9","offset":3}')
    worker = worker_on(broker, "observations")
    await worker.settle()
    assert the_stop(worker).exit_code == ExitCode.INCOMPATIBLE


async def test_a_cell_of_an_unknown_format_stops_the_process(
    broker: Broker, worker_on: WorkerOn
) -> None:
    week = changelog_key(SERIES, "days/1970-W01")
    broker.append("changelog-lanes", 0, week, b'{"type":"lane-week.9","counts":{}}')
    observe(broker, "a")
    worker = worker_on(broker, "observations")
    before = broker.ends
    await worker.settle()
    assert the_stop(worker).exit_code == ExitCode.INCOMPATIBLE
    assert "docs/formats.md" in str(the_stop(worker))
    assert broker.ends == before


async def test_state_comes_back_for_the_next_owner(broker: Broker, worker_on: WorkerOn) -> None:
    observe(broker, "a")
    first = worker_on(broker, "observations")
    await first.settle()
    await first.close()
    observe(broker, "b")
    second = worker_on(broker, "observations")
    await second.settle()
    assert counted(second) == 2


async def test_no_partition_waits_for_another_one_in_trouble(
    broker: Broker, worker_on: WorkerOn
) -> None:
    broker.faults[broker.tp("findings")] = [kafka_errors.RequestTimedOutError()] * 3
    worker = worker_on(broker, "observations", "findings")
    await worker.ready()
    source = min(broker.topics.sources("flags"))
    broker.broadcast("findings", Heartbeat(source=source, reached_ms=1, caught_up=True))
    observe(broker, "a")
    await worker.until(lambda: counted(worker) == 1)
    assert not worker.owner("findings").ready or broker.faults[broker.tp("findings")]
    await worker.settle()
    assert worker.owner("findings").store.position == 1


async def _commits_of(broker: Broker, worker: Worker, *told: Callable[[], Any]) -> int:
    """Return how many transactions a stage needs for what is told it one after another."""
    tp = broker.tp("observations")
    await worker.ready()
    before = broker.commits[tp]
    for tell in told:
        tell()
        worker.read()
        await asyncio.sleep(0.02)
    await worker.settle()
    return broker.commits[tp] - before


async def test_heartbeats_wait_for_each_other(broker: Broker, worker_on: WorkerOn) -> None:
    settings = Settings(watermark_rest=timedelta(milliseconds=400))
    worker = worker_on(broker, "observations", settings=settings)
    beats = [
        partial(
            broker.broadcast,
            "observations",
            Heartbeat(source=f"{stage}/0", reached_ms=1, caught_up=True),
        )
        for stage in ("journeys", "consignments", "references")
    ]
    assert await _commits_of(broker, worker, *beats) == 1


async def test_what_comes_for_a_key_waits_for_no_heartbeat(
    broker: Broker, worker_on: WorkerOn
) -> None:
    settings = Settings(watermark_rest=timedelta(seconds=2))
    worker = worker_on(broker, "observations", settings=settings)
    await worker.ready()
    broker.broadcast("observations", Heartbeat(source="journeys/0", reached_ms=1, caught_up=True))
    worker.read()
    await asyncio.sleep(0.02)
    assert counted(worker) == 0
    observe(broker, "a")
    async with asyncio.timeout(1):
        await worker.until(lambda: counted(worker) == 1)
