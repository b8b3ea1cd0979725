"""Rules: narrow pure questions, each answered with hit, no hit or not evaluable, and the registry of them."""

from sstl.core.rules import delay
from sstl.core.rules.base import Result, Rule, Verdict, flag_id
from sstl.core.rules.findings import About, finding_of

FAMILIES: dict[str, tuple[Rule, ...]] = {
    "delay": (delay.LATER, delay.EXPECTED, delay.LONGER),
}
"""Family to its rules."""
RULES: dict[str, Rule] = {rule.id: rule for family in FAMILIES.values() for rule in family}
"""Every rule by its id."""

__all__ = ["FAMILIES", "RULES", "About", "Result", "Rule", "Verdict", "finding_of", "flag_id"]
