"""What an estimate is: a value with an interval and the method that made it, or why there is none."""

from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

LEVEL: Final = 0.95
"""Confidence level of every published interval unless its policy says otherwise."""


class Method(msgspec.Struct, frozen=True):
    """How an interval is made; a change that can move a published figure raises the version."""

    name: str
    version: int


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate and its confidence interval, in the unit of what is estimated.

    ``estimate`` is None where only a bound can be said ("at least x"). ``low`` or ``high`` is None
    where there is no bound on that side. ``level`` is the confidence of the procedure that made the
    interval, bounds left out or not.
    """

    estimate: float | None
    low: float | None
    high: float | None
    level: float
    method: Method


class NotEstimable(msgspec.Struct, frozen=True):
    """There is no estimate; the reason is a sentence for whoever reads the figure."""

    reason: str


Estimated: TypeAlias = Estimate | NotEstimable


class Side(StrEnum):
    """The sides on which an interval is bounded."""

    BOTH = "both"
    LOWER = "lower"
    UPPER = "upper"
