"""Cargo 2000 records as their publisher sends them, through intake to journeys, against numpy over the file."""

from collections import deque
from typing import Any

import orjson
import pytest

from sstl.core.journeys.stage import JourneysStage
from sstl.core.manifests import ManifestsStage
from sstl.core.references import ReferencesStage
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.intake import cargo2000
from sstl.intake.envelope import RawRecord
from sstl.intake.stage import IntakeStage
from sstl.models.policy import Policy
from sstl.models.records import OPEN, Measure, Observation
from tests.reference_cargo2000 import FILE, LegTimes, Reference

PROCESSES = 120
MINUTE = 60_000
HEADERS = (("content-type", b"application/cloudevents+json"),)


def observed(documents: list[dict[str, Any]]) -> dict[str, Measure]:
    """Run the stages in one process and return the net observations."""
    policy, context = Policy(), Context(0, frozenset())
    stages: dict[str, Any] = {
        "manifests": ManifestsStage(),
        "references": ReferencesStage(),
        "journeys": JourneysStage(),
    }
    states = {name: MemoryState() for name in stages}
    queues: dict[str, deque[Inbound]] = {name: deque() for name in stages}
    net: dict[str, Measure] = {}

    def send(outputs: list[Any]) -> None:
        for output in outputs:
            if output.topic in queues:
                queues[output.topic].append(Inbound(output.key, output.message))
            elif output.topic == "observations":
                told: Observation = output.message
                assert net.get(told.id) == told.previous
                if told.current is None:
                    del net[told.id]
                else:
                    net[told.id] = told.current
            else:
                assert output.topic in ("findings", "consignments", "scores"), output

    for offset, document in enumerate(documents):
        family = document["type"].split(".")[2]
        recorded_ms = 1_700_000_000_000
        raw = RawRecord(
            family,
            f"sstl.{family}.v1",
            0,
            offset,
            recorded_ms,
            None,
            orjson.dumps(document),
            HEADERS,
        )
        intake = IntakeStage(family, pseudonym_key=b"a key of the tests", backfill=True)
        send(intake.fold(MemoryState(), [raw], policy, context).outputs)
    while any(queues.values()):
        for name, stage in stages.items():
            batch = list(queues[name])
            queues[name].clear()
            outcome = stage.fold(states[name], batch, policy, context)
            states[name].apply(outcome.changed)
            send(outcome.outputs)
    return net


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    return list(cargo2000.events(cargo2000.read(FILE)[:PROCESSES]))


@pytest.fixture(scope="module")
def measures(documents: list[dict[str, Any]]) -> dict[str, Measure]:
    return observed(documents)


def test_each_leg_is_observed_on_its_lane_with_its_minutes(measures: dict[str, Measure]) -> None:
    found = {
        LegTimes(
            _process(name.split("|")[1]),
            name.split("|")[2],
            (_number(measure.lane_id, 0), _number(measure.lane_id, 1)),
            (measure.planned_ms or 0) // MINUTE,
            measure.value_ms // MINUTE,
        )
        for name, measure in measures.items()
        if name.startswith("LT_leg|")
    }
    assert found == {times for times in Reference().legs() if times.process <= PROCESSES}


def _process(unit: str) -> int:
    return int(unit.rpartition(":")[2])


def _number(lane_id: str, end: int) -> int:
    return int(lane_id.split("-")[end].rpartition(":")[2])


def test_each_process_takes_its_longest_incoming_leg_and_the_outgoing_one(
    measures: dict[str, Measure],
) -> None:
    reference = Reference()
    planned, effective = reference.process_minutes("p"), reference.process_minutes("e")
    journeys = {
        _process(name.split("|")[1]): measure
        for name, measure in measures.items()
        if name.startswith("LT_journey|")
    }
    assert len(journeys) == PROCESSES
    for number, measure in journeys.items():
        assert measure.lane_id == cargo2000.LANE
        assert measure.value_ms == effective[number - 1] * MINUTE
        assert measure.planned_ms == planned[number - 1] * MINUTE
    stages = {name.split("|")[0] for name in measures} - {
        "reporting_delay",
        "report_fault",
    }
    # nothing reports loading and arrival of the flight, so that these two stay open
    assert stages == {"LT_leg", "LT_journey", "LT_export", "LT_transit"}
    still_open = {name.split("|")[0] for name, one in measures.items() if one.outcome == OPEN}
    assert still_open == {"LT_export", "LT_transit"}


def test_the_order_of_the_records_does_not_matter(
    documents: list[dict[str, Any]], measures: dict[str, Measure]
) -> None:
    few = [one for one in documents if _process(one["subject"]) <= 20]
    expected = {
        name: measure for name, measure in measures.items() if _process(name.split("|")[1]) <= 20
    }
    assert observed(few[::-1] + few[::2]) == expected
