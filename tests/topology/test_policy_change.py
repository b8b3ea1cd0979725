"""A version of the policy taken over under way says what it would have said, had it been known from the start."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sstl.models.common import to_ms
from sstl.models.policy import Policy
from sstl.policy_files import load_policy
from sstl.publish.routing import family_of
from sstl.synthetic.corridor import Corridor
from tests.chain import Chain, as_bytes

pytestmark = [pytest.mark.topology, pytest.mark.timeout(300)]

OLD = load_policy(Path(__file__).parents[2] / "policy")
LANES = ("CNYTN-NLRTM-SEA", "CNXIA-DEDUI-RAIL", "CNCAN-NLAMS-AIR")
CORRIDOR = Corridor(seed=5, shipments=12, lanes=LANES, incident_share=0.5)
GOVERNS = datetime(2006, 10, 12, tzinfo=UTC)
KNOWN = GOVERNS - timedelta(minutes=5)
ON_TIME = {mode: {"threshold": 5000.0 if mode == "AIR" else 0.0} for mode in ("SEA", "RAIL", "AIR")}
BEAT_EVERY = 500


def _new() -> Policy:
    stated: dict[str, Any] = OLD.model_dump()
    stated |= {"version": "new", "valid_from": GOVERNS}
    stated["rules"]["milestone-later-than-planned"] |= {
        "thresholds_by_mode": ON_TIME,
        "severity": "HIGH",
    }
    stated["rules"]["milestone-expected-late"] |= {"thresholds_by_mode": ON_TIME}
    stated["rules"]["leg-longer-than-planned"] |= {"mode": "off"}
    stated["rules"]["dwell-exceeded"] |= {"mode": "shadow"}
    for lane in stated["lanes"].values():
        for stage in lane["stages"]:
            stage["limit_hours"] *= 0.9
    return Policy.model_validate(stated)


BOTH = _new().after(OLD)


def run(*, first: Policy, then: Policy) -> Chain:
    """Tell the corridor to all stages; the second policy takes the place of the first when it becomes known."""
    chain = Chain(policy=first)
    waiting: list[tuple[str, dict[str, Any]]] = []
    reached = None
    known = first is then
    for delivery in CORRIDOR.deliveries():
        event = delivery.report.event
        if not known and delivery.at - CORRIDOR.latest >= KNOWN:
            known = True
            chain.take(waiting)
            waiting.clear()
            chain._policy = then
            for runner in chain._runners.values():
                runner._policy = lambda: then
        waiting.append((family_of(event["type"]) or "transport", event))
        reached = delivery.at
        if len(waiting) == BEAT_EVERY:
            chain.take(waiting)
            waiting.clear()
            chain.beat(to_ms(delivery.at - CORRIDOR.latest))
    chain.take(waiting)
    assert reached is not None
    chain.beat(to_ms(reached + timedelta(days=30)))
    return chain


def test_a_version_taken_over_under_way_says_the_same_as_one_known_from_the_start() -> None:
    live, replayed = run(first=OLD, then=BOTH), run(first=BOTH, then=BOTH)
    assert as_bytes(live.net_flags()) == as_bytes(replayed.net_flags())
    assert as_bytes(live.net_indicators()) == as_bytes(replayed.net_indicators())
    by = {flag["policyHash"] for flag in live.net_flags().values()}
    assert by == {OLD.hash, BOTH.hash}


def test_each_flag_names_the_version_that_governed_it() -> None:
    changed, kept = run(first=BOTH, then=BOTH), run(first=OLD, then=OLD)
    before, after = kept.net_flags(), changed.net_flags()
    assert before != after
    by_old = {key: flag for key, flag in after.items() if flag["policyHash"] == OLD.hash}
    assert by_old
    for key, flag in by_old.items():
        assert before[key] == flag
    for flag in after.values():
        if flag["policyHash"] == BOTH.hash:
            rules = {one["ruleId"] for one in flag["indicators"]}
            assert not rules & {"leg-longer-than-planned", "dwell-exceeded"}
