"""Fields of a flag that are not its rule's own: the referral that it is about, and how often the rule is right."""

from typing import Any

import pytest
from pydantic import ValidationError

from sstl.core.consignments import ConsignmentsStage
from sstl.core.flags import FlagsStage
from sstl.core.journeys.stage import JourneysStage
from sstl.models.policy import Policy
from sstl.models.records import Finding, Placed, Referral, Shared, UnitMilestones
from sstl.models.risk_flag import Confidence, RiskFlag
from tests.journey_events import DAY, HOUR, LANE, START, UNIT, Chain, event, share

MEASURED = {"as_of": "2025-12-01", "precision": 0.62, "n": 81, "low": 0.51, "high": 0.72}
LOCK: dict[str, Any] = {"deviceId": {"manufacturerId": "LOCKS", "tagSerial": "1"}}


def stated(valid_from: str | None = None, **confidence: Any) -> Policy:
    rule = {"confidence": MEASURED | confidence}
    rules = {"seal-opened-unauthorised": rule, "lock-clock-skew": rule}
    return Policy.model_validate({"valid_from": valid_from, "rules": rules})


def flags_of(chain: Chain) -> list[RiskFlag]:
    """Return what [flags] publishes of a stage's findings."""
    flags = Chain(FlagsStage(), chain.policy)
    found = [one.message for one in chain.outputs if isinstance(one.message, Finding)]
    for finding in found:
        flags.feed(finding, key=finding.flag_id)
    kinds = ("risk-flags", "shadow-findings")
    return [RiskFlag.model_validate(one.message) for one in flags.outputs if one.topic in kinds]


def opened_under(policy: Policy) -> RiskFlag:
    """Return the flag of a lock that nobody was allowed to open."""
    chain = Chain(JourneysStage(), policy)
    for kind, hours in (("armed", 1), ("opened", 9)):
        chain.feed(Placed(event=event(f"seallock.{kind}", START + hours * HOUR, **LOCK)))
    (flag,) = flags_of(chain)
    return flag


def test_a_flag_says_how_often_its_rule_was_right_where_the_policy_does() -> None:
    flag = opened_under(stated())
    assert flag.confidence == Confidence(precision=0.62, n=81, interval=(0.51, 0.72))
    assert opened_under(Policy()).confidence is None


@pytest.mark.parametrize(
    ("valid_from", "n"), [("2026-01-01T09:00:00Z", 9), ("2026-01-01T09:00:01Z", 81)]
)
def test_the_version_that_governs_the_flag_says_how_often(valid_from: str, n: int) -> None:
    flag = opened_under(stated(valid_from, n=9).after(stated()))
    assert flag.confidence is not None
    assert flag.confidence.n == n


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"low": 0.63}, id="the-interval-lies-above"),
        pytest.param({"high": 0.61}, id="the-interval-lies-below"),
        pytest.param({"n": 0}, id="of-no-flag"),
        pytest.param({"precision": 1.1}, id="more-than-always"),
        pytest.param({"as_of": None}, id="undated"),
    ],
)
def test_a_precision_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        stated(**wrong)


@pytest.mark.parametrize("number", ["DNL-77", None])
def test_a_flag_on_an_ignored_referral_names_it(number: str | None) -> None:
    body: dict[str, Any] = {"referralType": "DNL"} | (
        {} if number is None else {"referralId": number}
    )
    raised = event("manifest.referral.raised", START + DAY, **body)
    part = share(lane_id=LANE, referrals=(Referral(kind="DNL", raised=raised),))
    chain = Chain(ConsignmentsStage(), Policy())
    chain.feed(
        Shared(manifest_id="LRN1", share=part, units=(UNIT,)),
        UnitMilestones(unit=UNIT, milestones={"T4": START + 2 * DAY}),
        key="H1",
    )
    (flag,) = [
        one for one in flags_of(chain) if one.indicators[0].rule_id == "filing-do-not-load-ignored"
    ]
    assert flag.linked_referral == number
