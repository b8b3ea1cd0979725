"""Policy: what lanes promise and how rules judge, as reviewed data rather than code.

Everything here is YAML in ``policy/`` (see docs/policy.md), validated, hashed and published as one version. A
version is valid from an instant; `Policy.at` gives the version that governs an instant.
"""

import hashlib
from datetime import date
from typing import Annotated, Literal, Self

import orjson
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from sstl.models.codes import RecommendedControl, RiskArea, WhereToControl
from sstl.models.zones import UTC_ZONE, ZoneName

Mode = Literal["SEA", "RAIL", "ROAD", "AIR", "POST"]
Severity = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
RuleMode = Literal["live", "shadow", "off"]
Milestone = Literal[
    "T0", "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10a", "T10b", "T10c", "T11", "T12",
    "T13", "T14", "T15",
]  # fmt: skip
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
HsPrefix = Annotated[str, StringConstraints(pattern=r"^\d{2,6}$")]
Point = tuple[
    Annotated[float, Field(ge=-90, le=90)],
    Annotated[float, Field(ge=-180, le=180)],
]
"""(latitude, longitude), decimal degrees, WGS 84."""
_LEAST_CORNERS = 3


class _Strict(BaseModel):
    # a limit that is not a number would never be reached, and nobody would notice
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Dated(_Strict):
    """Something that holds for a time; None: unbounded."""

    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if (
            self.valid_from is not None
            and self.valid_to is not None
            and self.valid_to <= self.valid_from
        ):
            raise ValueError("valid_to must be after valid_from")
        return self

    def holds_at(self, instant_ms: int) -> bool:
        """Tell whether it holds at an instant (ms since the epoch); the end is exclusive."""
        if self.valid_from is not None and instant_ms < self.valid_from.timestamp() * 1000:
            return False
        return self.valid_to is None or instant_ms < self.valid_to.timestamp() * 1000


class Words(_Strict):
    """A text in the two languages of a flag."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


class RulePrecision(_Strict):
    """How often a rule was right, as measured by a day."""

    as_of: date
    precision: float = Field(ge=0, le=1)
    n: int = Field(ge=1)
    """Flags with a clear outcome."""
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)
    """Limits of the interval."""

    @model_validator(mode="after")
    def _the_interval_holds_it(self) -> Self:
        if not self.low <= self.precision <= self.high:
            raise ValueError("precision must lie between low and high")
        return self


class RulePolicy(_Dated):
    """How one rule judges; what is not stated is the rule's own default (docs/rules)."""

    mode: RuleMode = "live"
    """``shadow``: its findings go to their own topic; ``off``: it is not asked."""
    version: int = Field(default=1, ge=1)
    severity: Severity | None = None
    thresholds: dict[str, float] = {}
    """Parameter of the rule to its value, in the parameter's own unit."""
    thresholds_by_mode: dict[Mode, dict[str, float]] = {}
    thresholds_by_lane: dict[str, dict[str, float]] = {}
    weight: float | None = Field(default=None, ge=0)
    recommended_control: RecommendedControl | None = None
    where_to_control: WhereToControl | None = None
    valid_for_hours: float = Field(default=24 * 30, gt=0)
    advice: Words | None = None
    """What to do; None: the rule's own words."""
    confidence: RulePrecision | None = None
    """Goes into its flags; None: not measured."""


_DEFAULT_RULE = RulePolicy()


class Geofence(_Strict):
    """A circle, or a polygon of three points or more. Never made from UN/LOCODE coordinates unchecked."""

    centre: Point | None = None
    radius_km: float | None = Field(default=None, gt=0)
    polygon: tuple[Point, ...] = ()
    un_location_code: str | None = None
    """The place it stands for, where it stands for one."""

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        circle = self.centre is not None and self.radius_km is not None
        if circle == bool(self.polygon) or (self.polygon and len(self.polygon) < _LEAST_CORNERS):
            raise ValueError("a geofence is a centre with radius_km, or a polygon of 3 points")
        return self


class Corridor(_Strict):
    """Where a lane's units travel: a line and how far from it is still on the way."""

    line: tuple[Point, ...] = Field(min_length=2)
    width_km: float = Field(gt=0)
    from_milestone: Milestone = "T2"
    to_milestone: Milestone = "T14"


class StageLimit(_Strict):
    """How long a stage of the lane should and may take, and the range it was learnt to take."""

    start: Milestone
    end: Milestone
    target_hours: float | None = Field(default=None, gt=0)
    limit_hours: float | None = Field(default=None, gt=0)
    """The end milestone is overdue after this long."""
    learnt_low_hours: float | None = Field(default=None, ge=0)
    learnt_high_hours: float | None = Field(default=None, gt=0)
    """Range proposed offline and reviewed; outside it is unusual."""


class Silence(_Strict):
    """How long an armed device may say nothing in a phase of the lane."""

    start: Milestone
    end: Milestone
    limit_hours: float | None = Field(default=None, gt=0)
    """None: silence is expected here, however long."""


class PlannedLeg(_Strict):
    """One leg of the lane's plan."""

    leg_id: str
    mode: Mode
    origin: str
    destination: str
    target_hours: float | None = Field(default=None, gt=0)
    limit_hours: float | None = Field(default=None, gt=0)


class LaneZones(_Strict):
    """Time zones (IANA) in which days begin and end at the ends of a lane."""

    origin: ZoneName = UTC_ZONE
    destination: ZoneName = UTC_ZONE


class LanePolicy(_Strict):
    """What a lane is: its ends, its mode, its plan and what it promises."""

    origin: str
    destination: str
    mode: Mode
    zones: LaneZones = LaneZones()
    target_hours: dict[str, float] = {}
    """Indicator name (``LT_transit``) to the target in hours."""
    legs: tuple[PlannedLeg, ...] = ()
    stages: tuple[StageLimit, ...] = ()
    pilot_start: AwareDatetime | None = None
    seal_grade: Literal["I", "S", "H"] | None = None
    """Least ISO 17712 grade (I < S < H) that the lane expects; None: any."""
    sealed: bool = False
    """Units must be armed (or carry a seal) before they depart."""
    unlock_at: Literal["DISCHARGE", "GATE_OUT", "DESTINATION"] = "DESTINATION"
    """From where on a lock should be open."""
    transhipment_places: tuple[str, ...] = ()
    """UN/LOCODE of planned calls; others are unplanned."""
    corridor: Corridor | None = None
    stops: tuple[str, ...] = ()
    """Geofences (by name) where a stop is planned."""
    silences: tuple[Silence, ...] = ()
    publishers: dict[Milestone, str] = {}
    """Milestone to the CloudEvents source that reports it: while that is silent, absence proves nothing."""
    random_control_rate: float | None = Field(default=None, ge=0, le=1)
    """Least share of random controls."""


class Debounce(_Strict):
    """When a signal of a device counts."""

    hold_for_s: float = Field(default=0, ge=0)
    """It must last so long (until the opposite signal, or still on) to count."""
    min_repeat: int = Field(default=1, ge=1)
    """It must be reported so often within ``quiet_s``."""
    quiet_s: float = Field(default=60, ge=0)
    """Reports closer than this belong to one episode."""


class WatchList(_Dated):
    """Goods to look at, by HS prefix."""

    risk_area: RiskArea
    hs_prefixes: tuple[HsPrefix, ...] = Field(min_length=1)
    countries_of_origin: tuple[CountryCode, ...] = ()
    """Empty: of any origin."""
    severity: Severity | None = None
    source: str = Field(min_length=1)
    """The act or list it comes from."""


class ReferenceValue(_Strict):
    """Below this value for each kilogram goods of this kind and origin are unusually cheap."""

    hs_prefix: HsPrefix
    country_of_origin: CountryCode | None = None
    low_per_kg: float = Field(gt=0)
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"


class ChapterWords(_Strict):
    """Words (lower case) that belong to these HS chapters and to no other."""

    words: tuple[str, ...] = Field(min_length=1)
    chapters: tuple[Annotated[str, StringConstraints(pattern=r"^\d{2}$")], ...] = Field(
        min_length=1
    )


class RouteProfile(_Strict):
    """Provenance and routing that fit goods of an origin."""

    hs_prefix: HsPrefix | None = None
    """None: all goods."""
    country_of_origin: CountryCode
    provenance: tuple[CountryCode, ...] = ()
    """Countries of provenance that fit; the origin itself always does."""
    via: tuple[CountryCode, ...] = ()
    """Countries of routing that fit, besides origin and provenance; empty: any."""


class IssuerPolicy(_Strict):
    """Who issues risk flags and to whom."""

    country: str = Field(default="ZZ", pattern=r"^[A-Z]{2}$")
    """ISO 3166 alpha-2; the default is one of its codes for own use."""
    office: str = "SSTL"
    unit: str = "LANE-MONITOR"
    addressees: tuple[str, ...] = ()
    """Offices or roles."""
    distribution: Literal["LANE", "PORT", "ALL"] = "LANE"
    handling_code: str = "CUSTOMS"
    feedback_due_hours: float = Field(default=24 * 14, gt=0)
    """Feedback is due so long after a flag's governing instant."""


AttributedTo = Literal["CUSTOMS", "OGA", "TRADE", "UNATTRIBUTED"]
"""Who time between arrival and release is put down to; OGA: other government agencies."""
_Attributable = Literal["CUSTOMS", "OGA", "TRADE"]
AttributionPoint = Literal[
    "T6", "T7", "T8", "T9", "T10a", "T10b", "T10c", "T11", "T12", "T13", "T14",
    "bond.entered", "bond.left", "channel.assigned", "declaration.lodged",
    "inspection.detained", "inspection.detention.lifted",
    "inspection.oga.completed", "inspection.oga.started",
    "manifest.referral.answered", "manifest.referral.raised",
]  # fmt: skip
"""What begins or ends a span of attributed time: a milestone of the consignment, or a type of event."""


class AttributedSpan(_Strict):
    """Time from one point to another that is put down to somebody, wherever no span before it covers it."""

    to: _Attributable
    start: AttributionPoint
    end: AttributionPoint


def _spans() -> tuple[AttributedSpan, ...]:
    stated: tuple[tuple[_Attributable, AttributionPoint, AttributionPoint], ...] = (
        ("TRADE", "manifest.referral.raised", "manifest.referral.answered"),
        ("CUSTOMS", "T10b", "T10c"),
        ("CUSTOMS", "T8", "T9"),
        ("OGA", "inspection.oga.started", "inspection.oga.completed"),
        ("CUSTOMS", "inspection.detained", "inspection.detention.lifted"),
        ("CUSTOMS", "T10a", "T10b"),
        ("TRADE", "T6", "T8"),
        ("TRADE", "T9", "T12"),
        ("TRADE", "T10c", "T12"),
        ("CUSTOMS", "T12", "T13"),
    )
    return tuple(AttributedSpan(to=to, start=start, end=end) for to, start, end in stated)


class Attribution(_Strict):
    """Who the time between arrival and release of a consignment is put down to (docs/policy.md)."""

    spans: tuple[AttributedSpan, ...] = _spans()
    """In the order of their precedence: an instant goes to the first span that covers it."""
    default: AttributedTo = "UNATTRIBUTED"
    """Who has what no span covers."""


class IndicatorPolicy(_Strict):
    """What is promised of an indicator and how it is published; what is not stated is its definition's own."""

    target_hours_by_mode: dict[Mode, Annotated[float, Field(gt=0)]] = {}
    """Within this it is on target; a lane's own ``target_hours`` comes before."""
    follow_up_hours: float | None = Field(default=None, ge=0)
    """A window is provisional until so long after its end."""
    minimum_n: int | None = Field(default=None, ge=1)
    """Below it only n is published."""
    plausible_s: tuple[int, int] | None = None
    """The shortest and the longest duration that counts, in seconds; others are counted as excluded."""

    @field_validator("plausible_s")
    @classmethod
    def _in_order(cls, bounds: tuple[int, int] | None) -> tuple[int, int] | None:
        if bounds is not None and bounds[0] > bounds[1]:
            message = "the shortest plausible duration comes before the longest"
            raise ValueError(message)
        return bounds


_DEFAULT_INDICATOR = IndicatorPolicy()


class Policy(_Strict):
    """Everything that is judged by and may change without a release."""

    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._+-]{1,64}$")] = "1"
    """Name of the version."""
    valid_from: AwareDatetime | None = None
    """From when it governs; None: always (the policy a worker starts with)."""
    max_lateness_s: int = Field(default=45 * 86_400, ge=0)
    """Arrival less event time above this is rejected as too late."""
    max_future_s: int = Field(default=300, ge=0)
    """An ACTUAL event, or any recorded time, further ahead of arrival than this is rejected."""
    parking_horizon_s: int = Field(default=45 * 86_400, ge=0)
    """How long an event waits for its reference to be linked."""
    open_journey_horizon_s: int = Field(default=400 * 86_400, ge=0)
    """A unit or consignment that never closes is forgotten this long after the last report on it."""
    conveyance_slack_s: int = Field(default=10 * 86_400, ge=0)
    """A conveyance links from ETD less this to ETA plus this."""
    ping_bucket_s: int = Field(default=6 * 3600, gt=0)
    journey_gap_s: int = Field(default=12 * 3600, ge=0)
    """Where physical boundaries are missing, an export-side move this long after an import-side discharge begins
    another journey."""
    clock_tolerance_s: int = Field(default=120, ge=0)
    """How far a device clock may be off when an opening is matched with a grant (ISO 18185-2 allows a drift of 5 s
    a day and stamps by the minute)."""
    publisher_silence_s: int = Field(default=1800, gt=0)
    """A publisher that said nothing for so long is silent: absence of its reports proves nothing."""
    max_message_bytes: int = Field(default=262_144, gt=0)
    max_crashes: int = Field(default=3, ge=0)
    """More quarantined messages than this in one process stop it."""
    lanes: dict[str, LanePolicy] = {}
    rules: dict[str, RulePolicy] = {}
    geofences: dict[str, Geofence] = {}
    vendors: dict[str, dict[str, Debounce]] = {}
    """Manufacturer id (``*``: all others) to signal (``opened``, ``alarm.TAMPER``) to when it counts."""
    watch_lists: dict[str, WatchList] = {}
    reference_values: tuple[ReferenceValue, ...] = ()
    chapter_words: tuple[ChapterWords, ...] = ()
    vague_words: tuple[str, ...] = ()
    """Words (lower case) that alone describe no goods."""
    route_profiles: tuple[RouteProfile, ...] = ()
    issuer: IssuerPolicy = IssuerPolicy()
    attribution: Attribution = Attribution()
    indicators: dict[str, IndicatorPolicy] = {}
    """Indicator name (``LT_release``) to what is promised of it."""

    def rule(self, rule_id: str) -> RulePolicy:
        """Return how a rule judges; rules that the policy does not name judge by their defaults."""
        return self.rules.get(rule_id) or _DEFAULT_RULE

    def indicator(self, name: str) -> IndicatorPolicy:
        """Return what is promised of an indicator; one that is not named has its definition's own terms."""
        return self.indicators.get(name) or _DEFAULT_INDICATOR

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical JSON form, hexadecimal; goes into every flag."""
        cached = self.__dict__.get("_hash")
        if cached is None:
            text = orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
            cached = hashlib.sha256(text).hexdigest()
            self.__dict__["_hash"] = cached
        return str(cached)

    @property
    def earlier(self) -> "Policy | None":
        """The version in force before this one, None for the first."""
        found: Policy | None = self.__dict__.get("_earlier")
        return found

    def after(self, earlier: "Policy") -> "Policy":
        """Return this version with the one before it at hand; its content and hash stay the same."""
        copy = self.model_copy()
        for name in [name for name in copy.__dict__ if name.startswith("_") and name != "_hash"]:
            # what was derived from the version while it stood alone, or after another one
            del copy.__dict__[name]
        copy.__dict__["_earlier"] = earlier
        return copy

    def versions(self) -> "tuple[tuple[int, Policy], ...]":
        """Return (valid from, version), ascending; the first holds since ever (0)."""
        cached: tuple[tuple[int, Policy], ...] | None = self.__dict__.get("_versions")
        if cached is None:
            earlier = self.earlier
            start = 0 if self.valid_from is None else int(self.valid_from.timestamp() * 1000)
            before = () if earlier is None else earlier.versions()
            cached = (*before, (start if before else 0, self))
            self.__dict__["_versions"] = cached
        return cached

    def at(self, instant_ms: int) -> "Policy":
        """Return the version that governs an instant (ms since the epoch)."""
        if self.earlier is None:
            return self
        governing = self
        for start, version in self.versions():
            if start <= instant_ms:
                governing = version
        return governing
