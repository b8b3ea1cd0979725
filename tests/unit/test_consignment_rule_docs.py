"""Every rule on consignments has its section in docs/rules, which says what the declaration says."""

from pathlib import Path

import pytest

from sstl.core.rules import CONSIGNMENT_RULES, Rule

pytestmark = pytest.mark.unit
PAGES = Path(__file__).parents[2] / "docs" / "rules"


def section(rule: Rule) -> str:
    text = (PAGES / f"{rule.family}.md").read_text(encoding="utf-8")
    _, _, after = text.partition(f"# {rule.id}\n")
    assert after, f"{rule.id} has no section in {rule.family}.md"
    return " ".join(after.partition("\n#")[0].split())


@pytest.mark.parametrize(
    "rule", [pytest.param(one.rule, id=one.rule.id) for one in CONSIGNMENT_RULES]
)
def test_every_rule_on_consignments_is_described_as_it_is_declared(rule: Rule) -> None:
    text = section(rule)
    assert rule.question in text
    assert f"**Severity**: {rule.severity}" in text
    assert f"**Recommended**: {rule.recommended_control} at {rule.where_to_control}" in text
    assert rule.advice is not None
    assert rule.advice.en in text
    for name, parameter in rule.parameters.items():
        assert f"| `{name}` | {parameter.value:g} {parameter.unit} | {parameter.meaning} |" in text
    for need in rule.needs:
        assert f"`{need.partition('.')[2]}`" in text
    assert "**Why**" in text
    assert "**Example**" in text
    for answer in ("| hit |", "| no hit |", "| not evaluable |"):
        assert answer in text
