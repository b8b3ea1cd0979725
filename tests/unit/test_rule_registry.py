"""What every rule declares, checked over the whole registry."""

import typing

import pytest
from pydantic import BaseModel

from sstl.core.journeys.record import KEPT
from sstl.core.rules import CONSIGNMENT_RULES, FAMILIES, RULES, UNIT_RULES, Rule
from sstl.models.catalogue import TYPES
from sstl.models.codes import RecommendedControl, RiskArea, WhereToControl
from sstl.models.policy import Severity
from sstl.models.records import Share

_ENVELOPE = frozenset({"time", "recordedtime", "laneid", "id", "source", "type", "arrival"})
"""What every event has beside its body."""
_DERIVED = frozenset({"sequence"})


def _fields() -> dict[str, set[str]]:
    """Return, per family, the names on the wire that some model of it carries."""
    found: dict[str, set[str]] = {}
    for name, kind in TYPES.items():
        fields = found.setdefault(name.partition(".")[0], set(_ENVELOPE | _DERIVED))
        model: type[BaseModel] = kind.body
        fields.update(field.alias or name for name, field in model.model_fields.items())
    found["share"] = set(Share.__struct_fields__)
    return found


FIELDS = _fields()
SUBJECT_RULES: list[Rule] = [
    *(one.rule for one in UNIT_RULES),
    *(one.rule for one in CONSIGNMENT_RULES),
]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_field_that_a_rule_reads_is_one_that_an_event_or_a_share_carries(
    rule: Rule,
) -> None:
    unknown = {
        need
        for need in rule.needs
        if need.partition(".")[2] not in FIELDS.get(need.partition(".")[0], ())
    }
    assert not unknown


@pytest.mark.parametrize(
    "rule",
    SUBJECT_RULES,
    ids=lambda rule: str(rule.id),
)
def test_every_field_that_a_rule_reads_is_kept_in_the_record(rule: Rule) -> None:
    lost = {
        need
        for need in rule.needs
        if need.partition(".")[0] not in ("share", "manifest", "position")
        and need.partition(".")[2] not in KEPT | _ENVELOPE | _DERIVED
    }
    assert not lost


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_declares_what_it_is_about(rule: Rule) -> None:
    assert rule.family
    assert rule.source
    assert rule.question.endswith("?")
    assert rule.severity in typing.get_args(Severity)
    assert rule.risk_area in typing.get_args(RiskArea)
    assert rule.recommended_control in typing.get_args(RecommendedControl)
    assert rule.where_to_control in typing.get_args(WhereToControl)
    assert all(parameter.unit and parameter.meaning for parameter in rule.parameters.values())


@pytest.mark.parametrize(
    "rule",
    SUBJECT_RULES,
    ids=lambda rule: str(rule.id),
)
def test_every_rule_on_a_unit_or_consignment_says_what_makes_it_be_asked_again(
    rule: Rule,
) -> None:
    assert rule.parts
    assert rule.needs


def test_every_rule_is_of_one_family() -> None:
    assert sorted(rule.id for rules in FAMILIES.values() for rule in rules) == sorted(RULES)
