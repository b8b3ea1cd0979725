"""Short ways to ask a rule on a unit: what is known of one journey, and the answers to one rule."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sstl.core.journeys.derive import Facts, derive
from sstl.core.journeys.view import JourneyView
from sstl.core.positions import Ping, Positions
from sstl.core.rules.base import Result, Verdict
from sstl.core.rules.engine import Asked, ask
from sstl.models.policy import Geofence, LanePolicy, Policy, RulePolicy
from sstl.models.records import Event, Share
from tests.journey_events import DAY, HOUR, LANE, START, UNIT, ordered, share

YANTIAN, SINGAPORE, ROTTERDAM = (22.57, 114.27), (1.25, 103.85), (51.95, 4.05)
GEOFENCES = {
    "yantian": Geofence(centre=YANTIAN, radius_km=12, un_location_code="CNYTN"),
    "singapore": Geofence(centre=SINGAPORE, radius_km=30, un_location_code="SGSIN"),
    "rotterdam": Geofence(centre=ROTTERDAM, radius_km=15, un_location_code="NLRTM"),
}
LATER = START + 400 * DAY
"""When every deadline has passed."""


def policy(
    *,
    lane: Mapping[str, Any] | None = None,
    rules: Mapping[str, Mapping[str, float]] | None = None,
    geofences: Mapping[str, Geofence] | None = None,
    mode: str = "SEA",
) -> Policy:
    """Return a policy with the lane from Yantian to Rotterdam; ``rules`` are thresholds by rule."""
    stated: dict[str, Any] = {"origin": "CNYTN", "destination": "NLRTM", "mode": mode}
    return Policy(
        lanes={LANE: LanePolicy.model_validate(stated | dict(lane or {}))},
        rules={name: RulePolicy(thresholds=dict(values)) for name, values in (rules or {}).items()},
        geofences=GEOFENCES if geofences is None else dict(geofences),
    )


def ping(at_ms: int, point: tuple[float, float], sequence: int = 0) -> Ping:
    """Make a report of a position."""
    return (at_ms, sequence, *point)


def positions(*pings: Ping) -> tuple[Positions, ...]:
    """Summarise reports by six hours, as a unit is told of them."""
    buckets: dict[int, list[Ping]] = {}
    for one in sorted(pings):
        buckets.setdefault(one[0] - one[0] % (6 * HOUR), []).append(one)
    return tuple(Positions(start, found[0], found[-1]) for start, found in sorted(buckets.items()))


def journey(
    *events: Event,
    shares: Sequence[Share] | None = None,
    pings: Iterable[Ping] = (),
    by: Policy | None = None,
    publishers: Mapping[str, int] | None = None,
    loose: bool = False,
) -> JourneyView:
    """Return the journey of these events; without ``shares`` one manifest on the lane names the unit."""
    facts = Facts(
        unit=UNIT,
        key="",
        loose=loose,
        events=ordered(events),
        shares=(share(),) if shares is None else tuple(shares),
        positions=positions(*pings),
        publishers=publishers or {},
    )
    return derive(facts, by or policy())[0]


def answers(
    asked: Asked[JourneyView], view: JourneyView, *, as_of_ms: int = LATER, by: Policy | None = None
) -> list[Verdict]:
    """Ask one rule under the view's own policy, as the stage does."""
    return ask(
        asked,
        view,
        by or view.structure,
        mode=view.plan.mode,
        lane_id=view.plan.lane_id,
        first_ms=view.first_ms,
        as_of_ms=as_of_ms,
    )


def results(verdicts: Iterable[Verdict]) -> list[Result]:
    """Return the bare answers."""
    return [verdict.result for verdict in verdicts]


def the_hit(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the one hit, which must say what it is in both languages, without a gap."""
    (found,) = [verdict for verdict in verdicts if verdict.result is Result.HIT]
    assert found.text is not None
    assert found.text.en.endswith(".")
    assert found.text.zh.endswith("。")
    assert "None" not in found.text.en + found.text.zh
    assert found.evidence
    return found


def by_id(rules: Iterable[Asked[JourneyView]]) -> dict[str, Asked[JourneyView]]:
    """Return rules by their id."""
    return {one.rule.id: one for one in rules}
