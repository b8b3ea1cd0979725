"""Comparison of two groups on one lane, as ``sstl compare`` prints and exports it. Durations are in seconds."""

from typing import Self

from pydantic import Field, FiniteFloat, model_validator

from sstl.models.public import PublicModel


class Figure(PublicModel):
    """An estimate with its interval, or why there is none."""

    estimate: FiniteFloat | None = None
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    level: FiniteFloat | None = None
    method: str | None = None
    method_version: int | None = None
    reason: str | None = None
    """Why there is no estimate."""

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if (self.estimate is None) != (self.reason is not None):
            raise ValueError("a figure is an estimate, or says why there is none")
        return self


class Mix(PublicModel):
    """How many units of each group are of one kind."""

    of: str | None
    """The channel, or lane, mode, week and channel; None: the channel is not known."""
    members: int = Field(ge=0)
    comparison: int = Field(ge=0)


class ComparisonRecord(PublicModel):
    """How the durations of two groups differ within strata of lane, mode, ISO week and channel."""

    indicator: str
    counting_unit: str
    lane_id: str
    """Empty: all lanes that were asked for."""
    mode: str
    by: str
    """Stratum that tells the groups apart: ``operator``, ``sstl`` or ``inspected``."""
    members: str
    """Its value of the group that is asked about."""
    comparison: str
    window: str
    difference: Figure
    """Members less comparison, Hodges-Lehmann."""
    ratio: Figure
    """Of geometric means, members over comparison; positive durations only."""
    n_members: int = Field(ge=0)
    """In the strata that are compared, as all up to ``n_not_positive``."""
    n_comparison: int = Field(ge=0)
    clusters_members: int = Field(ge=0)
    """Journeys, or days where the journey is not known."""
    clusters_comparison: int = Field(ge=0)
    strata: int = Field(ge=0)
    n_not_positive: int = Field(ge=0)
    """Left out of the ratio only."""
    n_unmatched: int = Field(ge=0)
    """Left out: of strata with too few clusters of one group."""
    n_neither: int = Field(ge=0)
    """Left out: nobody says to which group they belong."""
    n_open_members: int = Field(ge=0)
    """Censored: begun and not ended."""
    n_open_comparison: int = Field(ge=0)
    n_open_neither: int = Field(ge=0)
    n_otherwise_members: int = Field(ge=0)
    """Ended by a competing event."""
    n_otherwise_comparison: int = Field(ge=0)
    n_excluded: int = Field(ge=0)
    """Left out: not plausible (definition or policy), of either group or of neither."""
    channels: tuple[Mix, ...]
    """The mix of channels, of all that ended."""
    mix: tuple[Mix, ...]
    """The same for each stratum, the ones left out too."""
