"""What the top of a ranking holds, as ``sstl rank`` prints and exports it."""

from typing import Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from sstl.models.public import PublicModel


class RankedFigure(PublicModel):
    """A share with its interval, a bound alone, or why there is neither."""

    estimate: FiniteFloat | None = None
    """Consignments of one score in the order of their ids."""
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    expected: FiniteFloat | None = None
    """Mean over every order of consignments of one score."""
    level: FiniteFloat | None = None
    method: str | None = None
    method_version: int | None = None
    reason: str | None = None
    """Why there is no estimate; a bound may stand beside it."""

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if (self.estimate is None) != (self.reason is not None):
            raise ValueError("a figure is an estimate, or says why there is none")
        return self


class RankingRecord(PublicModel):
    """What selecting the first share ``q`` of the consignments by score finds."""

    lane_id: str
    """Empty: all that was asked for, in one ranking."""
    mode: str
    window: str
    scored_by: Literal["flags", "table"]
    q: FiniteFloat = Field(gt=0, le=1)
    selected: int = Field(ge=0)
    """ceil(q n)."""
    n: int = Field(ge=0)
    """Consignments that are ranked, controlled or not."""
    n_controlled: int = Field(ge=0)
    """With a known result."""
    n_random: int = Field(ge=0)
    """Of these drawn at random, and not selected otherwise."""
    n_hits: int = Field(ge=0)
    n_hits_without_revenue: int = Field(ge=0)
    """Hits that state no revenue: they count in precision and recall, not in revenue."""
    n_unscored: int = Field(ge=0)
    """Left out: the table has no score of them."""
    all_controlled: bool
    """Everything was controlled: the figures judge a ranking, not trade that nobody looked at."""
    precision: RankedFigure
    """Share of hits in the top."""
    recall: RankedFigure
    """Share of all hits that the top holds."""
    revenue: RankedFigure
    """Share of all recoverable revenue that the top holds."""
