"""Short ways to say consignments, filings and controls in tests of the rules on consignments."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sstl.core.consignment_view import ConsignmentView
from sstl.core.milestones import governing_order, order, plan_of
from sstl.core.releases import consignment_milestones
from sstl.core.rules.base import Result, Verdict
from sstl.core.rules.engine import Asked, ask
from sstl.models.policy import LanePolicy, Policy, RulePolicy
from sstl.models.records import Event, Filing, Goods, Referral, Share, UnitMilestones
from tests.journey_events import HOUR, LANE, START, UNIT, event, share

EVER = 1 << 60
"""A watermark that has passed every deadline."""
LODGED = START
DEPARTED = START + 48 * HOUR
ARRIVED = START + 700 * HOUR
HOUSE = "HBL001"
ROUTED = {
    "place_of_loading": "CNYTN",
    "place_of_unloading": "NLRTM",
    "countries_of_routing_of_means": ("CN", "NL"),
    "office_of_first_entry": "NL000510",
    "etd_ms": DEPARTED,
    "eta_ms": ARRIVED,
}


def filing(kind: str, at_ms: int, *changed: str) -> Filing:
    """Make a lodgement or amendment of the filing."""
    return Filing(event=event(f"manifest.{kind}", at_ms), changed=changed)


def filed(manifest_id: str = "LRN1", **fields: Any) -> Share:
    """Make what a filing says of the consignment: routed from Yantian to Rotterdam unless said otherwise."""
    return share(manifest_id, **({"consignments": (HOUSE,)} | ROUTED | fields))


def goods(**fields: Any) -> Share:
    """Make a filing with one item."""
    return filed(goods=(Goods(**({"item_no": 1} | fields)),))


def referral(kind: str, raised_ms: int, answered_ms: int | None = None) -> Referral:
    """Make a referral, answered or open."""
    return Referral(
        kind=kind,
        raised=event("manifest.referral.raised", raised_ms),
        answered=None if answered_ms is None else event("manifest.referral.answered", answered_ms),
    )


def unit(name: str = UNIT, opened: Sequence[Event] = (), **reached: int) -> UnitMilestones:
    """Make what a unit told: ``T4=instant``."""
    kinds = {"T4": "loaded", "T5": "departed", "T6": "arrived", "T14": "gated_out"}
    return UnitMilestones(
        unit=name,
        milestones=dict(reached),
        events=tuple(
            (code, event(f"transport.{kinds[code]}", at_ms, id=f"{code}/{name}"))
            for code, at_ms in reached.items()
            if code in kinds
        ),
        opened=tuple(opened),
    )


def customs(kind: str, at_ms: int, side: str | None = "IMPORT", **data: Any) -> Event:
    """Make a customs event on the import side unless said otherwise."""
    body = data if side is None else {"side": side, **data}
    return event(kind, at_ms, **body)


def view(
    *events: Event,
    shares: Sequence[Share] | None = None,
    units: Sequence[UnitMilestones] = (),
    policy: Policy | None = None,
    **more: Any,
) -> ConsignmentView:
    """Make a consignment; it lies in the units given, else in one that told nothing."""
    known = sorted((filed(),) if shares is None else shares, key=governing_order)
    structure = policy or Policy()
    plan = plan_of(known, structure)
    ordered = sorted(events, key=order)
    names = more.pop("unit_names", tuple(sorted(one.unit for one in units)) or (UNIT,))
    return ConsignmentView(
        consignment=HOUSE,
        events=ordered,
        shares=known,
        units={one.unit: one for one in units},
        unit_names=names,
        plan=plan,
        milestones=consignment_milestones(ordered, plan, names),
        structure=structure,
        **more,
    )


def lane(**fields: Any) -> Policy:
    """Make a policy that knows the sea lane of the tests."""
    return Policy(
        lanes={LANE: LanePolicy(origin="CNYTN", destination="NLRTM", mode="SEA", **fields)}
    )


def with_thresholds(rule_id: str, policy: Policy | None = None, **values: float) -> Policy:
    """Return a policy that states parameters of a rule."""
    stated = {"rules": {rule_id: RulePolicy(thresholds=values)}}
    # not model_copy: it takes along what the policy has in its cache
    return Policy.model_validate(dict(policy or Policy()) | stated)


def answers(
    asked: Asked[ConsignmentView],
    seen: ConsignmentView,
    policy: Policy | None = None,
    as_of_ms: int = EVER,
) -> list[Verdict]:
    """Ask one rule, as of a watermark that has passed everything unless said otherwise.

    It must answer the same where events and shares carry nothing but what it declares to read.
    """

    def told(view: ConsignmentView) -> list[Verdict]:
        return ask(
            asked,
            view,
            policy or seen.structure,
            mode=seen.plan.mode,
            lane_id=seen.plan.lane_id,
            first_ms=seen.first_ms,
            as_of_ms=as_of_ms,
        )

    found = told(seen)
    anchors = [one.anchor for one in found]
    assert len(set(anchors)) == len(anchors), "two answers about one episode"
    assert [_said(one) for one in told(_stripped(seen, asked.rule.needs))] == [
        _said(one) for one in found
    ]
    return found


def _said(verdict: Verdict) -> Verdict:
    return msgspec.structs.replace(verdict, evidence=())


_IDENTITY = frozenset({"manifest_id", "evidence", "lane_id", "mode", "lodged_ms"})
"""Of a share: what it is, not what it says."""


def _stripped(seen: ConsignmentView, needs: frozenset[str]) -> ConsignmentView:
    def bare(one: Event) -> Event:
        family = one.type.partition(".")[0]
        kept = {name: value for name, value in one.data.items() if f"{family}.{name}" in needs}
        return msgspec.structs.replace(one, data=kept)

    def said(one: Share) -> Share:
        names = {need.removeprefix("share.") for need in needs} | _IDENTITY
        return Share(
            **{name: getattr(one, name) for name in one.__struct_fields__ if name in names}
        )

    events = [bare(event) for event in seen.events]
    shares = [said(one) for one in seen.shares]
    plan = plan_of(shares, seen.structure)
    return dataclasses.replace(
        seen,
        events=events,
        shares=shares,
        plan=plan,
        milestones=consignment_milestones(events, plan, seen.unit_names),
        registry={name: [bare(one) for one in known] for name, known in seen.registry.items()},
        memo={},
        awaited={},
    )


def results(verdicts: Sequence[Verdict]) -> list[Result]:
    """Return the answers in short."""
    return [one.result for one in verdicts]


def the_hit(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the only hit, which must explain itself in both languages and rest on something."""
    hits = [one for one in verdicts if one.result is Result.HIT]
    assert len(hits) == 1, verdicts
    found = hits[0]
    assert found.text is not None
    assert found.text.en
    assert found.text.zh
    assert found.text.en != found.text.zh
    assert found.observed is not None
    assert found.expected is not None
    assert found.evidence
    assert found.anchor_ms
    return found


def rule_of(rules: Sequence[Asked[ConsignmentView]]) -> Mapping[str, Asked[ConsignmentView]]:
    """Return rules by id."""
    return {one.rule.id: one for one in rules}
