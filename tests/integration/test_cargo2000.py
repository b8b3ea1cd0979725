"""The Cargo 2000 records through the real worker: counts exactly, statistics as numpy has them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest

from sstl.embedded import EmbeddedKafka
from sstl.models.indicator import Indicator
from sstl.models.rejection import Rejection
from tests.harness import Lab, net_contents
from tests.reference_cargo2000 import FILE, Reference, Statistics, statistics

MINUTE_S = 60
pytestmark = pytest.mark.timeout(900)
PUBLISH = [sys.executable, "-m", "sstl", "publish", "cargo2000", str(FILE)]


@pytest.fixture(scope="module")
def lab(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """All records published and worked off."""
    directory = tmp_path_factory.mktemp("cargo2000")
    settings = {"SSTL_BACKFILL": "manifest,transport"}
    with Lab(kafka.bootstrap, f"c2k-{os.getpid()}", directory, settings=settings) as lab:
        lab.start()
        subprocess.run(
            [*PUBLISH, "--state-dir", str(directory)],
            env=lab.environment,
            check=True,
            timeout=300,
        )
        lab.await_quiet("indicators", quiet_s=8, timeout_s=600)
        yield lab


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


@pytest.fixture(scope="module")
def told(lab: Lab) -> dict[bytes, bytes]:
    """What the topic of indicators says last of each key that has not ended."""
    last = {record.key: record.value for record in lab.read("indicators")}
    return {key: value for key, value in last.items() if value is not None}


@pytest.fixture(scope="module")
def of_all(told: dict[bytes, bytes]) -> list[Indicator]:
    """The indicators of all strata together."""
    keys = (key for key in told if key.split(b"|")[4] == b"")
    return [Indicator.model_validate_json(told[key]) for key in keys]


@pytest.fixture(scope="module")
def totals(of_all: list[Indicator]) -> dict[tuple[str, str], Indicator]:
    """Those of the whole period by (indicator, lane)."""
    return {(i.indicator, i.lane_id): i for i in of_all if i.window.kind == "TOTAL"}


def agree(indicator: Indicator, expected: Statistics) -> None:
    assert indicator.n == expected.n
    assert indicator.mean == pytest.approx(expected.mean * MINUTE_S, rel=1e-12)
    assert indicator.share_late == pytest.approx(expected.share_late, rel=1e-12)
    assert indicator.geometric_mean == pytest.approx(expected.geometric_mean * MINUTE_S, rel=1e-12)
    if expected.n > 1:
        deviation = expected.sample_standard_deviation * MINUTE_S
        assert indicator.standard_deviation == pytest.approx(deviation, rel=1e-9, abs=1e-6)
    assert indicator.median is not None
    assert indicator.p90 is not None
    assert abs(indicator.median - expected.median * MINUTE_S) <= expected.median * MINUTE_S / 100
    assert abs(indicator.p90 - expected.p90 * MINUTE_S) <= expected.p90 * MINUTE_S / 100


def test_topics_hold_every_process_leg_and_service_once(lab: Lab, reference: Reference) -> None:
    placed = [orjson.loads(record.value) for record in lab.read("journeys")]
    events = [m["event"] for m in placed if m["type"].startswith("placed")]
    actual = [
        event
        for event in events
        if event["type"].startswith("transport.") and event["data"]["eventClassifier"] == "ACTUAL"
    ]
    services = {event["id"] for event in actual}
    legs = {
        (event["data"]["transportDocumentReference"], event["data"]["legId"]) for event in actual
    }
    incoming = {leg for leg in legs if not leg[1].startswith("o")}
    assert len(actual) == len(services) == reference.services == 56_082
    assert len(incoming) == reference.incoming_legs == 7_932
    assert len({unit for unit, _ in legs}) == reference.processes == 3_942
    assert lab.read("rejected") == []
    assert lab.read("quarantine") == []


def test_process_statistics_equal_numpy(
    totals: dict[tuple[str, str], Indicator], reference: Reference
) -> None:
    processes = totals["LT_journey", "c2k:IN-c2k:OUT-AIR"]
    expected = statistics(reference.process_minutes("e"), reference.process_minutes("p"))
    assert expected.n == 3_942
    agree(processes, expected)


def test_leg_lane_statistics_equal_numpy(
    totals: dict[tuple[str, str], Indicator], reference: Reference
) -> None:
    lanes = reference.leg_lanes()
    found = {lane: indicator for (name, lane), indicator in totals.items() if name == "LT_leg"}
    assert len(found) == len(lanes)
    for (origin, destination), legs in lanes.items():
        expected = statistics(
            np.array([leg.effective for leg in legs]), np.array([leg.planned for leg in legs])
        )
        agree(found[f"c2k:{origin}-c2k:{destination}-AIR"], expected)


def test_days_add_up_to_the_whole_period(
    of_all: list[Indicator], totals: dict[tuple[str, str], Indicator]
) -> None:
    days: dict[tuple[str, str], int] = {}
    for indicator in of_all:
        if indicator.window.kind == "P1D":
            key = (indicator.indicator, indicator.lane_id)
            days[key] = days.get(key, 0) + indicator.n
    assert days == {key: indicator.n for key, indicator in totals.items()}


def test_a_flag_rests_on_events_that_lie_where_it_says(lab: Lab) -> None:
    flags = [orjson.loads(record.value) for record in lab.read("risk-flags")]
    inputs = {
        (record.topic, record.partition, record.offset): record.value
        for family in ("manifest", "transport")
        for record in lab.read(family)
    }
    assert flags
    checked = 0
    # which flags come first depends on how far manifests are ahead of transport events
    for flag in flags:
        for evidence in flag["evidence"]:
            place = (evidence["topic"], evidence["partition"], evidence["offset"])
            assert orjson.loads(inputs[place])["id"] == evidence["eventId"]
            checked += 1
    assert checked >= 200


def test_what_lies_far_behind_a_backfill_is_rejected_and_counts_no_second_time(
    lab: Lab, told: dict[bytes, bytes], tmp_path: Path
) -> None:
    flags, indicators = lab.net_flags(), net_contents(told)
    subprocess.run(
        [*PUBLISH, "--limit", "100", "--restart", "--state-dir", str(tmp_path)],
        env=lab.environment,
        check=True,
        timeout=120,
    )
    lab.await_quiet("rejected", quiet_s=6, timeout_s=120)
    rejections = [Rejection.model_validate_json(r.value) for r in lab.read("rejected")]
    assert len(rejections) == 2_900
    assert {rejection.reason for rejection in rejections} == {"too_late"}
    assert lab.net_flags() == flags
    assert lab.net_indicators() == indicators
