"""Random selection: the event of a draw, and the files in which sides exchange a day's key (docs/selection.md)."""

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from sstl.models.common import LaneId, Probability, TransportDocument, WireModel, refuse

DRAWN = "inspection.drawn"
SELECTED = "inspection.selected"

_RATE = re.compile(r"0\.[0-9]{1,9}|1(?:\.0{1,9})?")


def parse_rate(text: str) -> Fraction:
    """Return the rate that a decimal text states, exactly.

    At most nine decimals: so the same number survives the way through JSON, which has binary floats.

    Raises:
        ValueError: It is no decimal above 0 and up to 1.
    """
    if not _RATE.fullmatch(text) or not Decimal(text):
        raise ValueError(f"{text}: not a rate above 0, up to 1, with at most nine decimals (0.02)")
    return Fraction(Decimal(text))


def exact_rate(value: float) -> Fraction:
    """Return the decimal that a number of JSON or YAML was written as, exactly (0.02 is 1/50)."""
    return Fraction(Decimal(repr(value)))


def rate_text(rate: Fraction) -> str:
    """Return the one text of a rate: a decimal without superfluous zeros (``0.02``, ``1``)."""
    text = f"{Decimal(rate.numerator) / Decimal(rate.denominator):.9f}".rstrip("0")
    return text.removesuffix(".")


def _rate(text: str) -> str:
    try:
        return rate_text(parse_rate(text))
    except ValueError as error:
        refuse("invalid_value", str(error))


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""256 bits, hexadecimal in lower case."""
Rate = Annotated[str, AfterValidator(_rate)]
"""A rate as decimal text, see `parse_rate`."""


class DrawBody(WireModel):
    """``inspection.drawn``: one consignment's draw, whether it was selected or not."""

    consignment_id: TransportDocument
    lane_id: LaneId
    draw_day: date
    """UTC day whose key was used."""
    probability: Probability
    selected: bool
    commitment: Digest
    """Under which the key of the lane and day was committed."""


class _Exchanged(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    lane_id: LaneId = Field(alias="laneId")
    day: date
    """UTC."""
    rate: Rate
    commitment: Digest


class Commitment(_Exchanged):
    """What is published before the day: it fixes key and rate, and tells nothing of the key."""

    format: Literal["sstl-random-commitment.1"]


class DayKey(_Exchanged):
    """A day's key with what it is for. Secret until the day has ended, then published as it is."""

    format: Literal["sstl-random-key.1"]
    key: Digest = Field(repr=False)
