"""Policy: what lanes promise and how rules judge, as reviewed data rather than code."""

import hashlib
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

Mode = Literal["SEA", "RAIL", "ROAD", "AIR", "POST"]
Severity = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RulePolicy(_Strict):
    """How one rule judges. Thresholds are in the rule's own unit (docs of the rule)."""

    enabled: bool = True
    version: int = Field(default=1, ge=1)
    severity: Severity = "MEDIUM"
    threshold: float = Field(default=0, ge=0)
    threshold_by_mode: dict[Mode, float] = {}
    threshold_by_lane: dict[str, float] = {}
    weight: float = Field(default=1.0, ge=0)
    recommended_control: str = "NONE"
    where_to_control: str = "DESTINATION"
    valid_for_hours: float = Field(default=24 * 30, gt=0)

    def threshold_for(self, *, mode: str | None, lane_id: str | None) -> float:
        """Return the threshold of the lane, else of the mode, else the general one."""
        if lane_id is not None and lane_id in self.threshold_by_lane:
            return self.threshold_by_lane[lane_id]
        for known, value in self.threshold_by_mode.items():
            if known == mode:
                return value
        return self.threshold


_DEFAULT_RULE = RulePolicy()


class LanePolicy(_Strict):
    """What a lane is: its ends, its mode and the targets it promises."""

    origin: str
    destination: str
    mode: Mode
    target_hours: dict[str, float] = {}
    """Indicator name (``LT_transit``) to the target in hours."""


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


class Policy(_Strict):
    """Everything that is judged by and may change without a release."""

    version: str = "1"
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
    max_message_bytes: int = Field(default=262_144, gt=0)
    max_crashes: int = Field(default=3, ge=0)
    """More quarantined messages than this in one process stop it."""
    lanes: dict[str, LanePolicy] = {}
    rules: dict[str, RulePolicy] = {}
    issuer: IssuerPolicy = IssuerPolicy()

    def rule(self, rule_id: str) -> RulePolicy:
        """Return how a rule judges; rules that the policy does not name judge by their defaults."""
        return self.rules.get(rule_id) or _DEFAULT_RULE

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical JSON form, hexadecimal; goes into every flag."""
        cached = self.__dict__.get("_hash")
        if cached is None:
            text = orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
            cached = hashlib.sha256(text).hexdigest()
            self.__dict__["_hash"] = cached
        return str(cached)
