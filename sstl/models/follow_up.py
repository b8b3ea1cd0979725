"""What is said of an indicator's counting units that have not ended yet, or that ended in another way."""

from typing import Self

from pydantic import Field, FiniteFloat, model_validator

from sstl.models.public import PublicModel, UtcInstant


class Reached(PublicModel):
    """When a share of the counting units has ended, seconds; ``> longer_than_s`` where it has not yet."""

    reached: bool
    value_s: int | None = None
    longer_than_s: int | None = None
    """Nobody was followed for longer."""
    low_s: int | None = None
    high_s: int | None = None
    """Limits of the interval; None: no bound on that side."""

    @model_validator(mode="after")
    def _says_one_of_both(self) -> Self:
        if self.reached != (self.value_s is not None) or self.reached == (
            self.longer_than_s is not None
        ):
            message = "a share is reached at an instant, or takes longer than was followed"
            raise ValueError(message)
        return self


class Incidence(PublicModel):
    """Share of the counting units that ended so by the end of follow-up."""

    share: FiniteFloat = Field(ge=0, le=1)
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None


class FollowUp(PublicModel):
    """Counting units followed from their start on, whether they have ended or not."""

    as_of: UtcInstant | None = None
    """Until when those that have not ended were followed: the last full hour that the watermark has passed, at most the
    end of the window's follow-up. None: all have ended."""
    n: int = Field(ge=0)
    """Followed: those that ended, those that ended otherwise, and those that have not ended."""
    n_open: int = Field(ge=0)
    """Censored: not ended at ``as_of``, or not within the follow-up."""
    n_silent: int = Field(default=0, ge=0)
    """Censored at the last contact with the publisher of their end, which is silent; not in ``n_open``."""
    competing: dict[str, int] = Field(default_factory=dict)
    """Outcome other than the end as defined (``SEIZED``) to how many, within the follow-up."""
    exposure_s: int = Field(ge=0)
    """Time at risk of all together."""
    followed_to_s: int | None = None
    """The longest time that anybody was followed for; None: nobody was."""
    median: Reached | None = None
    p90: Reached | None = None
    """Until half, or nine in ten, wait no longer, whatever the outcome (Kaplan-Meier)."""
    ended_median: Reached | None = None
    ended_p90: Reached | None = None
    """Until half, or nine in ten, of all have ended as defined (Aalen-Johansen); where others ended otherwise."""
    incidence: dict[str, Incidence] = Field(default_factory=dict)
    """Outcome, ``ENDED`` for the end as defined, to its share at ``followed_to_s`` (Aalen-Johansen); where some ended
    otherwise."""
    level: FiniteFloat = Field(gt=0, lt=1)
    method: str
    method_version: int
    """Of ``median`` and ``p90``."""
    competing_method: str | None = None
    competing_method_version: int | None = None
    """Of ``ended_median``, ``ended_p90`` and ``incidence``."""

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        if self.n_open + self.n_silent + sum(self.competing.values()) > self.n:
            message = "those that have not ended, and those that ended otherwise, are followed"
            raise ValueError(message)
        return self
