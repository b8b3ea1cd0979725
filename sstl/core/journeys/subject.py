"""How a journey is named on its findings."""

from sstl.core.journeys.view import JourneyView
from sstl.core.rules import RULES, About, Verdict
from sstl.core.rules.base import InForce
from sstl.core.rules.engine import governing
from sstl.core.rules.findings import shown_share
from sstl.models.policy import Policy
from sstl.models.records import Subject

_REFERENCES = {"mrn": "mrn", "ucr": "ucr", "transport-document": "transport_document"}


def about_journey(view: JourneyView, group: str) -> About:
    """Return what all findings of a journey share; references are named where there is just one of a kind."""
    named: dict[str, set[str]] = {"mrn": set(), "ucr": set(), "transport_document": set()}
    for manifest in view.shares:
        for reference in manifest.references:
            kind, _, value = reference.partition(":")
            if kind in _REFERENCES:
                named[_REFERENCES[kind]].add(value)
    if view.loose:
        named["transport_document"] = {view.unit}
    single = {name: min(found) if len(found) == 1 else None for name, found in named.items()}
    subject = Subject(
        equipment_reference=None if view.loose else view.unit,
        consignments=view.plan.consignments,
        lrn=view.shares[0].manifest_id if len(view.shares) == 1 else None,
        lane_id=view.plan.lane_id,
        mode=view.plan.mode,
        mrn=single["mrn"],
        ucr=single["ucr"],
        transport_document=single["transport_document"],
    )
    flag_type = "CONSIGNMENT" if view.loose else "EQUIPMENT"
    return About(view.unit, subject, flag_type, shown_share(view.plan.share), group)


def finding_policy(hit: Verdict, view: JourneyView, policy: Policy) -> InForce:
    """Return the rule of a hit as in force where it was given."""
    return governing(
        RULES[hit.rule_id],
        hit,
        policy,
        mode=view.plan.mode,
        lane_id=view.plan.lane_id,
        first_ms=view.first_ms,
    )
