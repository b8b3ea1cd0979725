"""`sstl run` and `sstl topics` as an engineer uses them."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.admin import NewTopic

from sstl.core.draws import Draw
from sstl.core.selection import Lot, commitment, is_selected
from sstl.embedded import EmbeddedKafka
from sstl.embedded.ports import free_port
from sstl.errors import ExitCode
from tests.harness import SESSION

SSTL = [sys.executable, "-m", "sstl"]
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def environment(kafka: EmbeddedKafka, topic_prefix: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("SSTL_")}
    return {
        **own,
        **SESSION,
        "SSTL_BOOTSTRAP": kafka.bootstrap,
        "SSTL_PREFIX": topic_prefix,
        "SSTL_PARTITIONS": "*=2",
        "SSTL_METRICS_PORT": str(free_port()),
        "COLUMNS": "200",
    }


def sstl(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SSTL, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def workers(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Two supervised workers on topics that are as declared."""
    assert sstl(environment, "topics", "apply").returncode == ExitCode.OK
    with (tmp_path / "workers.log").open("wb") as log:
        process = subprocess.Popen([*SSTL, "run", "--workers", "2"], env=environment, stderr=log)
    children = []
    try:
        yield process
    finally:
        if process.poll() is None:
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.wait(10)
        for child in children:
            if child.is_running():
                child.kill()


def get(port: str, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def shows(port: str, name: str) -> bool:
    return name in get(port, "/metrics")[1]


def eventually(holds: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.2)


def both_ready(environment: dict[str, str]) -> bool:
    port = int(environment["SSTL_METRICS_PORT"])
    return all(get(str(port + index), "/health/ready")[0] == 200 for index in (0, 1))


def test_two_workers_share_the_partitions_and_say_so(
    environment: dict[str, str], workers: subprocess.Popen[bytes]
) -> None:
    eventually(lambda: both_ready(environment))
    port = int(environment["SSTL_METRICS_PORT"])
    assigned = [
        json.loads(get(str(port + index), "/health/ready")[1])["partitions_assigned"]
        for index in (0, 1)
    ]
    assert sum(assigned) == 26
    assert min(assigned) >= 8
    assert get(str(port), "/health/live")[0] == 200
    for name in (
        "sstl_worker_info{",
        "sstl_transaction_seconds_count{",
        "sstl_consumer_lag_records{",
        "sstl_restore_seconds{",
        "sstl_state_cells{",
        "sstl_watermark_timestamp_seconds{",
    ):
        eventually(partial(shows, str(port), name))


LANE = "CNYTN-NLRTM-SEA"
HOUSES = [f"HBL{number:07d}" for number in range(40)]
DRAWING = (
    f"lanes: {{{LANE}: {{origin: CNYTN, destination: NLRTM, mode: SEA, random_control_rate: 0.1}}}}"
)


def now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


@pytest.fixture
def keys(environment: dict[str, str], tmp_path: Path) -> dict[str, Draw]:
    """Keys of today and tomorrow for the workers, by day."""
    policy, folder = tmp_path / "policy.yaml", tmp_path / "keys"
    policy.write_text(DRAWING)
    folder.mkdir()
    environment |= {"SSTL_POLICY_FILE": str(policy), "SSTL_DRAW_KEYS": str(folder)}
    made = {}
    for later in (0, 1):
        lot = Lot(LANE, now().date() + timedelta(days=later), Fraction(1, 2))
        draw = Draw(lot, commitment(bytes([later] * 32), lot), bytes([later] * 32))
        document = {
            "format": "sstl-random-key.1",
            "laneId": LANE,
            "day": str(lot.day),
            "rate": "0.5",
            "commitment": draw.commitment,
            "key": draw.key.hex(),
        }
        path = folder / f"{later}.key"
        path.write_text(json.dumps(document))
        path.chmod(0o600)
        made[str(lot.day)] = draw
    return made


def lodge(environment: dict[str, str], path: Path, houses: Sequence[str]) -> None:
    at = now().isoformat().replace("+00:00", "Z")
    filings = [
        {
            "specversion": "1.0",
            "id": f"filing-{house}",
            "source": "urn:sstl:NLRTM:tos",
            "type": "org.sstl.manifest.lodged.v1",
            "time": at,
            "data": {
                "lrn": f"LRN-{house}",
                "laneId": LANE,
                "mode": "1",
                "placeOfLoading": "CNYTN",
                "placeOfUnloading": "NLRTM",
                "consignments": [{"consignmentId": house}],
            },
        }
        for house in houses
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in filings))
    assert sstl(environment, "publish", "jsonl", str(path)).returncode == ExitCode.OK


def drawn(environment: dict[str, str]) -> list[dict[str, Any]]:
    """Return the draws and selections that were committed."""
    with closing(
        KafkaConsumer(
            f"{environment['SSTL_PREFIX']}.inspection.v1",
            bootstrap_servers=environment["SSTL_BOOTSTRAP"],
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            consumer_timeout_ms=1500,
        )
    ) as consumer:
        return [json.loads(record.value) for record in consumer]


def test_a_killed_worker_is_started_anew_draws_nothing_twice_and_all_end_together(
    environment: dict[str, str],
    keys: dict[str, Draw],
    workers: subprocess.Popen[bytes],
    tmp_path: Path,
) -> None:
    eventually(lambda: both_ready(environment))
    lodge(environment, tmp_path / "filings.jsonl", HOUSES)
    before = psutil.Process(workers.pid).children()
    before[0].kill()
    eventually(
        lambda: (
            len([c for c in psutil.Process(workers.pid).children() if c.status() != "zombie"]) == 2
        )
    )
    lodge(environment, tmp_path / "filings.jsonl", HOUSES)
    eventually(lambda: both_ready(environment))
    eventually(lambda: {one["data"]["consignmentId"] for one in drawn(environment)} == set(HOUSES))
    events = drawn(environment)
    draws = [one["data"] for one in events if one["type"] == "org.sstl.inspection.drawn.v1"]
    assert sorted(one["consignmentId"] for one in draws) == HOUSES
    assert len({one["id"] for one in events}) == len(events)
    for one in draws:
        draw = keys[one["drawDay"]]
        assert one["selected"] == is_selected(draw.key, one["consignmentId"], draw.lot.rate)
    children = psutil.Process(workers.pid).children()
    workers.send_signal(signal.SIGTERM)
    assert workers.wait(40) == ExitCode.OK
    assert not any(child.is_running() for child in children)


def test_no_worker_outlives_a_killed_supervisor(
    environment: dict[str, str], workers: subprocess.Popen[bytes]
) -> None:
    eventually(lambda: both_ready(environment))
    children = psutil.Process(workers.pid).children()
    workers.kill()
    workers.wait(10)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []


def test_making_topics_twice_changes_nothing(environment: dict[str, str]) -> None:
    assert sstl(environment, "topics", "plan").returncode == ExitCode.INCOMPATIBLE
    made = sstl(environment, "topics", "apply")
    assert made.returncode == ExitCode.OK
    assert "made" in made.stdout
    assert "first position" in made.stdout
    again = sstl(environment, "topics", "apply")
    assert again.returncode == ExitCode.OK
    assert "nothing to do" in again.stdout
    assert sstl(environment, "topics", "plan").returncode == ExitCode.OK


def test_a_partition_count_that_differs_is_refused_and_nothing_is_made(
    environment: dict[str, str], kafka: EmbeddedKafka
) -> None:
    prefix = environment["SSTL_PREFIX"]
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(f"{prefix}.transport.v1", 3, 1)])
    refused = sstl(environment, "topics", "apply")
    assert refused.returncode == ExitCode.INCOMPATIBLE
    assert f"{prefix}.transport.v1: 3 there, 2 declared" in refused.stderr
    assert [name for name in admin.list_topics() if name.startswith(f"{prefix}.")] == [
        f"{prefix}.transport.v1"
    ]
    admin.close()
    # to apply cannot help here, so a worker does not send anybody there
    worker = sstl(environment, "run")
    assert worker.returncode == ExitCode.INCOMPATIBLE
    assert "SSTL_PARTITIONS" in worker.stderr
    assert "sstl topics apply" not in worker.stderr


def test_a_gap_is_skipped_only_on_a_partition_that_is_there(environment: dict[str, str]) -> None:
    topic = f"{environment['SSTL_PREFIX']}.transport.v1"
    missing = sstl(environment, "topics", "skip", topic, "0", "--yes")
    assert missing.returncode == ExitCode.INCOMPATIBLE
    assert f"there is no topic {topic}" in missing.stderr
    assert sstl(environment, "topics", "apply").returncode == ExitCode.OK
    beyond = sstl(environment, "topics", "skip", topic, "2", "--yes")
    assert beyond.returncode == ExitCode.USAGE
    assert f"{topic} has 2 partitions, 0 to 1" in beyond.stderr
    assert sstl(environment, "topics", "skip", topic, "1", "--yes").returncode == ExitCode.OK


def test_a_worker_without_topics_says_what_to_do(environment: dict[str, str]) -> None:
    refused = sstl(environment, "run")
    assert refused.returncode == ExitCode.INCOMPATIBLE
    assert "run `sstl topics apply`" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_worker_without_kafka_says_so(environment: dict[str, str]) -> None:
    lost = {**environment, "SSTL_BOOTSTRAP": f"127.0.0.1:{free_port()}"}
    refused = sstl(lost, "run")
    assert refused.returncode == ExitCode.UNREACHABLE
    assert "cannot reach Kafka" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_unknown_agent_is_refused_with_the_known_ones(environment: dict[str, str]) -> None:
    refused = sstl(environment, "run", "--agents", "journeys,seals")
    assert refused.returncode == ExitCode.USAGE
    assert "seals: known agents are intake" in refused.stderr


def test_stages_can_run_apart(environment: dict[str, str], tmp_path: Path) -> None:
    assert sstl(environment, "topics", "apply").returncode == ExitCode.OK
    port = int(environment["SSTL_METRICS_PORT"])
    crews = ["intake,manifests,references", "journeys,consignments,flags,lanes"]
    processes = []
    with (tmp_path / "apart.log").open("wb") as log:
        for index, agents in enumerate(crews):
            own = {**environment, "SSTL_METRICS_PORT": str(port + index)}
            command = [*SSTL, "run", "--agents", agents]
            processes.append(subprocess.Popen(command, env=own, stderr=log))
    try:
        eventually(lambda: both_ready(environment))
        assigned = [
            json.loads(get(str(port + index), "/health/ready")[1])["partitions_assigned"]
            for index in (0, 1)
        ]
        assert assigned == [18, 8]
    finally:
        for process in processes:
            process.kill()
            process.wait(10)
