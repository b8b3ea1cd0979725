"""A corridor on which nothing happens: how often we would call an officer for nothing.

10,000 clean journeys with the noise of real devices (`sstl/synthetic/noise.yaml`, fixed before any threshold was tuned)
go through all stages in memory under the policy that ships with the project. The seeds here are used for nothing else.
"""

import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from sstl.policy_files import load_policy
from sstl.publish.routing import family_of
from sstl.synthetic.corridor import Corridor
from sstl.synthetic.noise import Noise
from tests.chain import Chain

POLICY = Path(__file__).parents[2] / "policy"
SEEDS = (410_901, 410_902, 410_903, 410_904)
SHIPMENTS = int(os.environ.get("SSTL_TEST_QUIET_SHIPMENTS", "1520"))
"""Of each seed; together at least 10,000 journeys."""
BEAT_EVERY = 2_000


def _run(seed: int) -> tuple[int, dict[str, set[str]], dict[str, set[str]]]:
    """Return (journeys, rule -> subjects flagged, rule -> subjects flagged HIGH or CRITICAL)."""
    corridor = Corridor(
        seed=seed,
        shipments=SHIPMENTS,
        incident_share=0,
        confirmed_share=0,
        noise=Noise.shipped(),
    )
    chain = Chain(policy=load_policy(POLICY), ticks=False)
    waiting = []
    for delivery in corridor.deliveries():
        event = delivery.report.event
        waiting.append((family_of(event["type"]) or "transport", event))
        if len(waiting) == BEAT_EVERY:
            chain.take(waiting)
            waiting.clear()
            chain.beat(int((delivery.at - corridor.latest).timestamp() * 1000))
    chain.take(waiting)
    chain.beat(int(datetime.fromisoformat(event["recordedtime"]).timestamp() * 1000) + 86_400_000)
    journeys = sum(len(corridor.shipment(number).units) for number in range(SHIPMENTS))
    flagged: dict[str, set[str]] = {}
    grave: dict[str, set[str]] = {}
    for _, value in chain.published["risk-flags"]:
        flag = orjson.loads(value)
        if flag["flagType"] == "LANE_TREND":
            # a publisher or a lane: no journey is stopped for it
            continue
        named = _subject(flag["subject"])
        rule = flag["indicators"][0]["ruleId"]
        flagged.setdefault(rule, set()).add(named)
        if flag["severity"] in {"HIGH", "CRITICAL"}:
            grave.setdefault(rule, set()).add(named)
    return journeys, flagged, grave


def _subject(stated: dict[str, Any]) -> str:
    """Return what is stopped for a flag: a unit, loose cargo, consignments, or what carries a seal or a lock."""
    named = stated.get("equipmentReference") or stated.get("transportDocument")
    several = stated.get("consignments") or stated.get("sealNumbers") or [str(stated)]
    return str(named or ",".join(several))


@pytest.mark.timeout(600)
def test_a_quiet_corridor_calls_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    with ProcessPoolExecutor(max_workers=2) as pool:
        found = list(pool.map(_run, SEEDS))
    journeys = sum(one[0] for one in found)
    by_rule = Counter[str]()
    grave_by_rule = Counter[str]()
    flagged = grave = 0
    for _, rules, grave_rules in found:
        by_rule.update({rule: len(subjects) for rule, subjects in rules.items()})
        grave_by_rule.update({rule: len(subjects) for rule, subjects in grave_rules.items()})
        flagged += len(set().union(*rules.values())) if rules else 0
        grave += len(set().union(*grave_rules.values())) if grave_rules else 0
    lines = [f"quiet corridor: {journeys:,} journeys, {flagged} flagged, {grave} HIGH or CRITICAL"]
    for rule, subjects in by_rule.most_common():
        share = 1_000 * subjects / journeys
        lines.append(f"  {rule:36} {share:7.2f} per 1,000, {grave_by_rule[rule]} grave")
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert journeys >= 10_000 or "SSTL_TEST_QUIET_SHIPMENTS" in os.environ
    assert flagged < 0.01 * journeys
    assert grave < journeys / 2_000
