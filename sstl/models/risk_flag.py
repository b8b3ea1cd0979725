"""Risk flag in the style of the Risk Information Form (``org.sstl.risk.flag.v1``).

The form's public descriptions name what it does, not its fields: the schema is this project's own
(docs/risk-flags.md says where each field comes from). Written on the topics ``risk-flags``,
``supervisor-flags`` and ``shadow-findings``, key ``flagId``. No name of a person or company is ever in it.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, StringConstraints, model_validator

from sstl.models.codes import RecommendedControl, RiskArea, WhereToControl
from sstl.models.policy import Mode, Severity
from sstl.models.public import PublicModel, UtcInstant

FlagStatus = Literal["DRAFT", "ISSUED", "UPDATED", "WITHDRAWN", "CORRECTED", "EXPIRED", "CLOSED"]
FlagType = Literal["CONSIGNMENT", "OPERATOR", "ROUTE", "COMMODITY", "EQUIPMENT", "LANE_TREND"]
TAKEN_BACK: frozenset[FlagStatus] = frozenset({"WITHDRAWN", "CORRECTED"})
"""What these say no longer holds; they are history and no part of the net set."""

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""
FlagId = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
    ),
]
"""UUID version 5 of (rule id, subject, episode anchor)."""
RifNumber = Annotated[
    str, StringConstraints(pattern=r"^SSTL-RIF/[A-Z]{2}/[A-Z]{2}[A-Z2-9]{3}/\d{4}/\d{6}$")
]
Filled = Annotated[str, StringConstraints(min_length=1)]


class Confidence(PublicModel):
    """The rule's precision so far, from a dated policy table."""

    precision: FiniteFloat = Field(ge=0, le=1)
    n: int = Field(ge=1)
    interval: tuple[FiniteFloat, FiniteFloat]
    """Lower and upper limit."""

    @model_validator(mode="after")
    def _the_interval_holds_the_value(self) -> Self:
        low, high = self.interval
        if not 0 <= low <= self.precision <= high <= 1:
            raise ValueError("the interval must lie in 0 to 1 and hold the precision")
        return self


class Issuer(PublicModel):
    """Who says it."""

    country: Country
    office: Filled
    unit: Filled


class FlagSubject(PublicModel):
    """What the flag is about."""

    ucr: str | None = None
    mrn: str | None = None
    lrn: str | None = None
    transport_document: str | None = None
    equipment_reference: str | None = None
    seal_numbers: tuple[str, ...] = ()
    consignments: tuple[str, ...] = ()
    """House transport documents concerned, where the subject is a unit."""
    lane_id: str | None = None
    leg_id: str | None = None
    mode: Mode | None = None
    voyage_or_train: str | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        named = self.model_dump(exclude={"mode", "leg_id"}, exclude_none=True)
        if not any(named.values()):
            raise ValueError("a flag names at least one subject (a mode or a leg alone is none)")
        return self


class FlagParty(PublicModel):
    """A party concerned, under its pseudonym."""

    role: Filled
    pseudonymised_id: Filled
    eori: str | None = None
    aeo: str | None = None


class FlagGoods(PublicModel):
    """What the manifest says of the goods."""

    hs6: tuple[Annotated[str, StringConstraints(pattern=r"^\d{6}$")], ...] = ()
    description: str | None = None
    gross_mass_kg: FiniteFloat | None = Field(default=None, ge=0)
    country_of_origin: tuple[Country, ...] = ()
    country_of_provenance: Country | None = None


class FlagRoute(PublicModel):
    """What the manifest says of the route."""

    place_of_loading: str | None = None
    countries_of_routing: tuple[Country, ...] = ()
    place_of_unloading: str | None = None
    office_of_first_entry: str | None = None
    final_destination: str | None = None


class FlagIndicator(PublicModel):
    """What a rule saw: the explanation of the score."""

    rule_id: Filled
    rule_version: int = Field(ge=1)
    name: Filled
    observed: FiniteFloat | str | None
    """None: nothing was observed where something should have been."""
    expected: FiniteFloat | str | None
    unit: str
    """Of observed and expected: ``s``, ``h``; empty for what has none."""
    weight: FiniteFloat = Field(ge=0)


class FlagEvidence(PublicModel):
    """An event that the flag rests on, and where its original lies."""

    topic: Filled
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    event_id: Filled
    event_source: Filled
    """An event's identity is its source and id together."""
    event_type: Filled
    event_time: UtcInstant


class FlagText(PublicModel):
    """What an officer reads."""

    en: Filled
    zh: Filled


class FlagAcknowledged(PublicModel):
    """Who first said that they work on it."""

    at: UtcInstant
    by: Filled
    """Pseudonym."""
    office: Filled | None = None
    action_id: Filled


class FlagClosed(PublicModel):
    """What it was closed by: an operator's action, or the final feedback."""

    at: UtcInstant
    by: Filled | None = None
    """Pseudonym; None where it was closed by feedback."""
    office: Filled | None = None
    action_id: Filled | None = None
    feedback_id: Filled | None = None
    reason: Filled | None = None
    """As stated with the action."""

    @model_validator(mode="after")
    def _one_cause(self) -> Self:
        if (self.action_id is None) == (self.feedback_id is None):
            raise ValueError("a flag is closed by an action or by feedback")
        return self


class FlagSnoozed(PublicModel):
    """The snooze that covers it, the longest where there are several: readers may hide it until then."""

    until: UtcInstant
    by: Filled
    """Pseudonym."""
    reason: Filled
    action_id: Filled
    rule_id: Filled | None = None
    """Rule, lane and unit as the snooze names them; none of them: this very flag."""
    lane_id: Filled | None = None
    unit: Filled | None = None


class FlagFeedback(PublicModel):
    """The final feedback: the greatest (recorded time, feedback id)."""

    feedback_id: Filled
    action_taken: Literal["CONTROL_DONE", "CONTROL_NOT_DONE", "NOT_ARRIVED", "ALREADY_RELEASED"]
    outcome: Literal["CONFIRMED", "NOT_CONFIRMED", "INCONCLUSIVE"] | None = None
    office: Filled | None = None
    recorded_at: UtcInstant
    late: bool
    """It was recorded after ``feedbackDueBy``."""
    count: int = Field(ge=1)
    """How many feedbacks count in all."""


class RiskFlag(PublicModel):
    """A published finding, in one version of its life."""

    flag_id: FlagId
    rif_number: RifNumber | None = None
    """Assigned once by a register outside this project; envelope."""
    version: int = Field(ge=1)
    """1 when issued, one more for each change of content or status; envelope."""
    status: FlagStatus
    """EXPIRED depends on how far the watermark has come; everything else on the accepted facts alone."""
    flag_type: FlagType
    risk_area: RiskArea
    severity: Severity
    score: int = Field(ge=0, le=100)
    severity_before: Severity | None = None
    """Of the flag before its severity last changed, None if it never did; envelope."""
    escalations: int = Field(default=0, ge=0)
    """How often its severity has risen; envelope."""
    group: Filled | None = None
    """The journey or consignment whose flags are scored together (topic ``scores``)."""
    confidence: Confidence | None = None
    """None: the policy has no precision for the rule."""
    issued_at: UtcInstant
    """The instant that governs the finding (the episode's anchor, or the deadline of an absence), so
    that it is the same on replay; when the flag was written is the record's Kafka timestamp."""
    valid_from: UtcInstant
    valid_to: UtcInstant
    issuer: Issuer
    addressees: tuple[Filled, ...] = ()
    distribution: Literal["LANE", "PORT", "ALL"]
    handling_code: Filled
    subject: FlagSubject
    parties: tuple[FlagParty, ...] = ()
    goods: FlagGoods | None = None
    route: FlagRoute | None = None
    indicators: tuple[FlagIndicator, ...] = Field(min_length=1)
    evidence: tuple[FlagEvidence, ...] = ()
    recommended_control: RecommendedControl
    where_to_control: WhereToControl
    feedback_due_by: UtcInstant | None = None
    acknowledged: FlagAcknowledged | None = None
    snoozed: FlagSnoozed | None = None
    closed: FlagClosed | None = None
    feedback: FlagFeedback | None = None
    supersedes: FlagId | None = None
    """The flag of the same episode before an earlier event moved its anchor."""
    linked_referral: str | None = None
    policy_hash: Filled
    text: FlagText
    advice: FlagText | None = None
    """What to do."""
    detected_at: UtcInstant
    """When it was noticed; envelope."""
    revision: int = Field(ge=1)
    """How often this flag id has been published; envelope."""
    reason: Filled | None = None
    """Why it was taken back."""

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.valid_to <= self.valid_from:
            raise ValueError("validTo must be after validFrom")
        if (self.status in TAKEN_BACK) != (self.reason is not None):
            raise ValueError("a flag has a reason when, and only when, it is taken back")
        if self.status == "CLOSED" and self.closed is None:
            raise ValueError("a closed flag says what closed it")
        if self.severity_before == self.severity:
            raise ValueError("the severity before is another one")
        if self.supersedes == self.flag_id:
            raise ValueError("a flag cannot supersede itself")
        return self


def in_net_set(flag: RiskFlag) -> bool:
    """Whether the flag still says something: it is neither a draft nor taken back."""
    return flag.status not in TAKEN_BACK and flag.status != "DRAFT"


_ENVELOPE: dict[str, Any] = {
    "rif_number": True,
    "version": True,
    "revision": True,
    "detected_at": True,
    "severity_before": True,
    "escalations": True,
    "evidence": {"__all__": {"topic", "partition", "offset"}},
}

_BY_THE_WAY = frozenset({"ISSUED", "UPDATED", "EXPIRED"})


def net_content(flag: RiskFlag) -> dict[str, Any]:
    """Return what the flag says under its wire names, without its envelope.

    Left out: ``rifNumber``, ``version``, ``revision``, ``detectedAt``, ``severityBefore``, ``escalations``, where
    the evidence lies, and whether it is ISSUED, UPDATED or EXPIRED: how often a flag changed on the way depends on
    the order of arrival, and EXPIRED says no more than ``validTo`` and how far the watermark has come. A live
    run and a replay of the same events agree on the rest for every flag `in_net_set`.
    """
    content = flag.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=_ENVELOPE)
    if flag.status in _BY_THE_WAY:
        del content["status"]
    return content


def net_set(flags: Iterable[RiskFlag]) -> dict[str, dict[str, Any]]:
    """Return the net content per flag id of a series of flags: of each id the last, if it still holds."""
    last = {flag.flag_id: flag for flag in flags}
    return {key: net_content(last[key]) for key in sorted(last) if in_net_set(last[key])}
