from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from sstl.core.rules import parties as rules
from sstl.core.rules.base import Result, instant_text
from sstl.models.records import Event
from tests.consignment_cases import (
    ARRIVED,
    LODGED,
    answers,
    customs,
    filed,
    results,
    rule_of,
    the_hit,
    view,
    with_thresholds,
)
from tests.journey_events import DAY, HOUR, event

pytestmark = pytest.mark.unit
HIT, NO_HIT, NOT = Result.HIT, Result.NO_HIT, Result.NOT_EVALUABLE
RULES = rule_of(rules.RULES)
TRADER, OTHER = "p:1111", "p:2222"
CLAIM = filed(aeo=(("IMPORTER", True),), parties=(("CONSIGNEE", TRADER),))


def entry_of(kind: str, at_ms: int, name: str, body: dict[str, Any]) -> Event:
    return msgspec.structs.replace(event(kind, at_ms, id=name), data=body)


def status(from_ms: int, to_ms: int | None = None, **data: Any) -> Event:
    ends = {} if to_ms is None else {"to": instant_text(to_ms)}
    body = {"id": TRADER, "programme": "AEO", "from": instant_text(from_ms)} | ends | data
    return entry_of("registry.operator.status", from_ms, f"{from_ms}/{data}", body)


def risk(from_ms: int, level: str, to_ms: int | None = None, **data: Any) -> Event:
    ends = {} if to_ms is None else {"to": instant_text(to_ms)}
    body = {"id": TRADER, "risk": level, "from": instant_text(from_ms)} | ends | data
    return entry_of("registry.partner.risk", from_ms, f"risk/{from_ms}", body)


@pytest.mark.parametrize(
    ("entries", "result", "observed"),
    [
        pytest.param([status(LODGED - DAY)], NO_HIT, None, id="granted"),
        pytest.param([status(LODGED)], NO_HIT, None, id="granted-at-that-instant"),
        pytest.param([status(LODGED + 1000)], NOT, None, id="granted-later"),
        pytest.param(
            [status(LODGED - DAY, LODGED + 1000)], NO_HIT, None, id="expires-a-second-later"
        ),
        pytest.param([status(LODGED - DAY, LODGED)], HIT, "expired", id="expired-at-that-instant"),
        pytest.param(
            [status(LODGED - DAY), status(LODGED - HOUR, status="SUSPENDED")],
            HIT,
            "suspended",
            id="suspended",
        ),
        pytest.param(
            [status(LODGED - DAY), status(LODGED - HOUR, LODGED - 1000, status="SUSPENDED")],
            NO_HIT,
            None,
            id="suspension-over",
        ),
        pytest.param(
            [
                status(LODGED - 9 * DAY, LODGED),
                status(LODGED - 2 * DAY, LODGED - DAY, status="SUSPENDED"),
            ],
            HIT,
            "expired",
            id="expired-after-a-suspension-that-was-over",
        ),
        pytest.param(
            [
                status(LODGED - 9 * DAY, LODGED + 1000),
                status(LODGED - 2 * DAY, LODGED - DAY, status="SUSPENDED"),
            ],
            NO_HIT,
            None,
            id="suspension-over-and-expires-a-second-later",
        ),
        pytest.param(
            [status(LODGED - 2 * DAY, LODGED - DAY, status="SUSPENDED")],
            NO_HIT,
            None,
            id="of-a-grant-only-its-suspension-is-known",
        ),
        pytest.param(
            [status(LODGED - DAY), status(LODGED + HOUR, status="REVOKED")],
            NO_HIT,
            None,
            id="revoked-after-the-filing",
        ),
        pytest.param([status(LODGED - DAY, status="REVOKED")], HIT, "revoked", id="revoked"),
        pytest.param(
            [status(LODGED - DAY, status="REVOKED"), status(LODGED - DAY, programme="MRA-2")],
            NO_HIT,
            None,
            id="another-programme-holds",
        ),
        pytest.param([], NOT, None, id="not-in-the-registry"),
    ],
)
def test_a_claimed_status_is_looked_up_at_the_time_of_the_filing(
    entries: Sequence[Event], result: Result, observed: str | None
) -> None:
    seen = view(shares=[CLAIM], registry={TRADER: entries})
    verdicts = answers(RULES["party-aeo-not-confirmed"], seen)
    assert results(verdicts) == [result]
    if result is HIT:
        assert the_hit(verdicts).observed == observed


def test_a_trader_that_a_complete_registry_lacks_is_unknown() -> None:
    policy = with_thresholds("party-aeo-not-confirmed", registry_complete=1)
    found = the_hit(answers(RULES["party-aeo-not-confirmed"], view(shares=[CLAIM]), policy))
    assert found.observed == "unknown"


@pytest.mark.parametrize(
    ("role", "recognised", "result"),
    [
        pytest.param("EXPORTER", True, NO_HIT, id="exporter-recognised"),
        pytest.param("EXPORTER", False, HIT, id="exporter-not-recognised"),
        pytest.param("EXPORTER", None, NOT, id="exporter-recognition-unknown"),
        pytest.param("IMPORTER", False, NO_HIT, id="importer-needs-none"),
    ],
)
def test_an_authorisation_from_abroad_counts_by_mutual_recognition(
    role: str, recognised: bool | None, result: Result
) -> None:
    share = filed(aeo=((role, True),), parties=(("CONSIGNEE", TRADER), ("CONSIGNOR", TRADER)))
    entry = status(LODGED - DAY, **({} if recognised is None else {"mraRecognised": recognised}))
    seen = view(shares=[share], registry={TRADER: [entry]})
    verdicts = answers(RULES["party-aeo-not-confirmed"], seen)
    assert results(verdicts) == [result]
    if result is HIT:
        assert the_hit(verdicts).severity == "LOW"


def test_a_suspension_that_is_over_leaves_the_recognition_as_it_was() -> None:
    share = filed(aeo=(("EXPORTER", True),), parties=(("CONSIGNOR", TRADER),))
    entries = [
        status(LODGED - 9 * DAY, mraRecognised=True),
        status(LODGED - 2 * DAY, LODGED - DAY, status="SUSPENDED"),
    ]
    seen = view(shares=[share], registry={TRADER: entries})
    assert results(answers(RULES["party-aeo-not-confirmed"], seen)) == [NO_HIT]


def test_a_claim_about_nobody_named_is_not_evaluable() -> None:
    seen = view(shares=[filed(aeo=(("CARRIER", True),))])
    assert results(answers(RULES["party-aeo-not-confirmed"], seen)) == [NOT]


def test_who_claims_nothing_is_not_asked() -> None:
    seen = view(shares=[filed(aeo=(("IMPORTER", False),), parties=(("CONSIGNEE", TRADER),))])
    assert answers(RULES["party-aeo-not-confirmed"], seen) == []


RELEASED = customs("inspection.released", ARRIVED)


@pytest.mark.parametrize(
    ("entries", "events", "expected"),
    [
        pytest.param([risk(LODGED - DAY, "HIGH")], [], [HIT], id="valid-at-the-filing"),
        pytest.param([risk(LODGED + DAY, "HIGH")], [], [HIT], id="begins-before-the-release"),
        pytest.param([risk(ARRIVED, "HIGH")], [RELEASED], [NO_HIT], id="begins-at-the-release"),
        pytest.param(
            [risk(ARRIVED - 1000, "HIGH")], [RELEASED], [HIT], id="begins-a-second-earlier"
        ),
        pytest.param([risk(LODGED - DAY, "HIGH", LODGED)], [], [NO_HIT], id="ended-at-the-filing"),
        pytest.param(
            [risk(LODGED - DAY, "HIGH", LODGED + 1000)], [], [HIT], id="ended-a-second-later"
        ),
        pytest.param([risk(LODGED - DAY, "LOW")], [], [NO_HIT], id="low-is-no-match"),
        pytest.param([risk(LODGED - DAY, "MEDIUM")], [], [HIT], id="medium-is-a-match"),
        pytest.param(
            [risk(LODGED - 2 * DAY, "CRITICAL"), risk(LODGED - DAY, "LOW")],
            [],
            [NO_HIT, NO_HIT],
            id="taken-back-by-the-same-partner",
        ),
        pytest.param([], [], [], id="no-information"),
    ],
)
def test_risk_information_is_matched_while_it_holds(
    entries: Sequence[Event], events: Sequence[Event], expected: Sequence[Result]
) -> None:
    share = filed(parties=(("CONSIGNEE", TRADER), ("CONSIGNOR", OTHER)))
    registry: Mapping[str, Sequence[Event]] = {TRADER: entries} if entries else {}
    verdicts = answers(
        RULES["party-partner-risk"], view(*events, shares=[share], registry=registry)
    )
    assert results(verdicts) == expected


def test_risk_information_has_the_partners_level_and_names_roles_only() -> None:
    share = filed(parties=(("CONSIGNEE", TRADER), ("NOTIFY", TRADER)))
    entry = risk(LODGED - DAY, "CRITICAL", reasonCode="R7")
    seen = view(shares=[share], registry={TRADER: [entry]})
    found = the_hit(answers(RULES["party-partner-risk"], seen))
    assert found.severity == "CRITICAL"
    assert found.anchor == entry.identity
    assert found.text is not None
    assert found.text.en == (
        "A partner's risk information (CRITICAL) concerns the consignee, notify; reason R7."
    )
    assert TRADER not in found.text.en + found.text.zh


def test_risk_information_waits_for_the_filing_time() -> None:
    share = filed(parties=(("CONSIGNEE", TRADER),), lodged_ms=None, evidence=None)
    seen = view(shares=[share], registry={TRADER: [risk(LODGED, "HIGH")]})
    assert results(answers(RULES["party-partner-risk"], seen)) == [NOT]
