"""The policy as an officer changes it: published while a worker runs, refused where it does not hold."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sstl.embedded import EmbeddedKafka
from sstl.embedded.ports import free_port
from sstl.errors import ExitCode
from sstl.models.policy import Policy
from tests.harness import Lab, Worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.fixture
def lab(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Lab]:
    with Lab(kafka.bootstrap, topic_prefix, tmp_path) as running:
        yield running


def sstl(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sstl", "policy", *arguments],
        env={**lab.environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def shown(port: int) -> dict[str, str]:
    """Return the metrics of the policy, by name and labels."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    lines = (line for line in text.splitlines() if line.startswith("sstl_policy"))
    return {name: value for name, _, value in (line.rpartition(" ") for line in lines)}


def eventually(holds: Callable[[], bool], lab: Lab, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        lab.check_workers()
        assert time.monotonic() < deadline, lab.workers[-1].log_text()[-3000:]
        time.sleep(0.2)


def ahead(minutes: float) -> str:
    now = datetime.fromtimestamp(time.time(), UTC)
    return (now + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def versions(port: int) -> float:
    return float(shown(port).get("sstl_policy_versions", "0"))


def start(lab: Lab) -> tuple[Worker, int]:
    port = free_port()
    worker = lab.start(SSTL_METRICS_PORT=str(port))
    eventually(lambda: versions(port) > 0, lab)
    return worker, port


def rejections(lab: Lab) -> list[dict[str, Any]]:
    return [json.loads(record.value) for record in lab.read("rejected")]


def test_a_published_version_is_taken_over_and_a_bad_one_is_not(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("version: a\nvague_words: [parts]\n")
    worker, port = start(lab)
    assert versions(port) == 1

    done = sstl(lab, "publish", str(file), "--valid-from", ahead(6))
    assert done.returncode == ExitCode.OK, done.stderr
    assert "vague_words: with parts" in done.stdout
    eventually(lambda: versions(port) == 2, lab)
    # it governs from its own instant only
    assert f'policy_hash="{Policy().hash[:12]}"' in "".join(shown(port))

    too_soon = sstl(lab, "publish", str(file), "--valid-from", ahead(4))
    assert too_soon.returncode == ExitCode.SETTINGS
    assert "not published: valid_from" in too_soon.stderr
    assert len(lab.read("policy")) == 1

    lab.produce("policy", [(b"k", b'{"lanez": {}}'), (b"k", {"valid_from": ahead(1)})])
    eventually(lambda: len(rejections(lab)) == 2, lab)
    assert [(one["reason"], one["pointer"]) for one in rejections(lab)] == [
        ("invalid_value", "/lanez"),
        ("invalid_value", "/valid_from"),
    ]
    assert shown(port)['sstl_policy_refused_total{reason="invalid_value"}'] == "2.0"
    assert versions(port) == 2
    assert "policy refused, the one in force stays" in worker.log_text()

    later = sstl(lab, "publish", str(file), "--valid-from", ahead(60), "--version", "b")
    assert later.returncode == ExitCode.OK, later.stderr
    eventually(lambda: versions(port) == 3, lab)
    table = sstl(lab, "show")
    assert table.returncode == ExitCode.OK, table.stderr
    assert "in force" in table.stdout
    assert table.stdout.count("next") == 2
    assert table.stdout.count("refused") == 2
    assert sstl(lab, "diff", "published", str(file)).stdout.startswith("version: b -> a\n")

    # another worker comes to the same versions, and what was told is not told again
    assert worker.stop() == ExitCode.OK
    _, again = start(lab)
    assert versions(again) == 3
    time.sleep(4)
    assert len(rejections(lab)) == 2


def test_two_workers_tell_once_what_both_refuse(lab: Lab) -> None:
    _, one = start(lab)
    _, other = start(lab)
    lab.produce("policy", [(b"k", b"{")])
    refused = 'sstl_policy_refused_total{reason="not_json"}'
    eventually(lambda: shown(one).get(refused) == shown(other).get(refused) == "1.0", lab)
    eventually(lambda: len(rejections(lab)) >= 1, lab)
    time.sleep(4)
    assert len(rejections(lab)) == 1


def test_a_policy_file_that_does_not_hold_stops_the_start(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("lanes: {}\nlanez: {}\n")
    worker = lab.start(SSTL_POLICY_FILE=str(tmp_path / "policy.yaml"))
    assert worker.process.wait(60) == ExitCode.SETTINGS
    assert "policy.yaml:2:1: lanez: unknown key, did you mean lanes?" in worker.log_text()
