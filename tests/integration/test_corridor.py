"""The corridor through a running worker: what was planted is flagged, and nothing else is."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sstl.agents.admin import TopicAdmin
from sstl.agents.topics import FAMILIES, Topics
from sstl.embedded import EmbeddedKafka
from sstl.synthetic.corridor import Corridor

CORRIDOR = Corridor(seed=3, shipments=80, incident_share=0.25)


@pytest.mark.timeout(240)
def test_what_was_planted_is_flagged_and_nothing_else(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    admin = TopicAdmin(kafka.bootstrap, Topics(topic_prefix))
    admin.apply()
    admin.close()
    own = {name: value for name, value in os.environ.items() if not name.startswith("SSTL_")}
    own |= {
        "SSTL_BOOTSTRAP": kafka.bootstrap,
        "SSTL_PREFIX": topic_prefix,
        "SSTL_BACKFILL": ",".join(FAMILIES),
        "SSTL_METRICS_PORT": "0",
    }

    def sstl(*arguments: str) -> list[str]:
        command = [sys.executable, "-m", "sstl", *arguments]
        done = subprocess.run(
            command, env=own, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "sstl", "run"], env=own, cwd=tmp_path, stdout=log, stderr=log
        )
    try:
        sstl(
            *("publish", "synthetic", "--seed", "3", "--shipments", "80", "--incidents", "0.25"),
            *("--truth", "truth.jsonl"),
        )
        truth = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
        planted = {unit for incident in truth for unit in incident["units"]}
        deadline = time.monotonic() + 150
        flagged: set[str] = set()
        before = -1
        while time.monotonic() < deadline:
            lines = sstl("watch", "--once", "--json")
            flagged = _flagged(lines)
            if flagged >= planted and len(lines) == before:
                break
            before = len(lines)
            time.sleep(3)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
    assert [incident["lrn"] for incident in truth] == [one.lrn for one in CORRIDOR.truth()]
    assert flagged == planted, (tmp_path / "worker.log").read_text()[-2000:]


def _flagged(lines: list[str]) -> set[str]:
    """Return the units with a flag that stands, on them or on a consignment in them.

    A control that found something is a finding, but no planted incident.
    """
    holds = {
        house.consignment_id: house.units
        for number in range(80)
        for house in CORRIDOR.shipment(number).houses
    }
    flags = {}
    for line in lines:
        one = json.loads(line)
        if one["kind"] == "flag":
            flags[one["key"]] = one["record"]
    units: set[str] = set()
    for flag in flags.values():
        if flag["status"] in {"WITHDRAWN", "CORRECTED"}:
            continue
        if flag["indicators"][0]["ruleId"] == "control-unsatisfactory":
            continue
        subject = flag["subject"]
        if "equipmentReference" in subject:
            units.add(subject["equipmentReference"])
        else:
            units.update(unit for name in subject["consignments"] for unit in holds[name])
    return units
