"""Rules: narrow pure questions, each answered with hit, no hit or not evaluable, and the registry of them."""

from collections.abc import Iterable
from typing import Any

from sstl.core.consignment_view import ConsignmentView
from sstl.core.journeys.view import JourneyView
from sstl.core.rules import (
    controls,
    delay,
    devices,
    filing,
    goods,
    lanes,
    parties,
    route,
    seals,
    times,
    unit_manifest,
)
from sstl.core.rules.base import Result, Rule, Verdict, flag_id
from sstl.core.rules.engine import Asked
from sstl.core.rules.findings import About, finding_of

UNIT_RULES: tuple[Asked[JourneyView], ...] = (
    *delay.RULES,
    *seals.RULES,
    *route.RULES,
    *times.RULES,
    *unit_manifest.RULES,
)
"""Asked of each journey of a unit, in [journeys]."""
CONSIGNMENT_RULES: tuple[Asked[ConsignmentView], ...] = (
    *filing.RULES,
    *goods.RULES,
    *controls.RULES,
    *parties.RULES,
)
"""Asked of each consignment, in [consignments]."""
OTHER_RULES: tuple[Rule, ...] = tuple(one.rule for one in (*devices.RULES, *lanes.RULES))
"""Judged by the stages of references and lanes themselves."""


def _registry(asked: Iterable[Asked[Any]], others: Iterable[Rule]) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    for rule in (*(one.rule for one in asked), *others):
        if rule.id in rules:
            raise ValueError(f"two rules have the id {rule.id}")
        rules[rule.id] = rule
    return rules


RULES: dict[str, Rule] = _registry((*UNIT_RULES, *CONSIGNMENT_RULES), OTHER_RULES)
"""Every rule by its id."""


def _families() -> dict[str, tuple[Rule, ...]]:
    found: dict[str, list[Rule]] = {}
    for rule in RULES.values():
        found.setdefault(rule.family, []).append(rule)
    return {family: tuple(rules) for family, rules in found.items()}


FAMILIES: dict[str, tuple[Rule, ...]] = _families()
"""Family to its rules."""

__all__ = [
    "CONSIGNMENT_RULES",
    "FAMILIES",
    "OTHER_RULES",
    "RULES",
    "UNIT_RULES",
    "About",
    "Result",
    "Rule",
    "Verdict",
    "finding_of",
    "flag_id",
]
