"""No rule on a unit's route, times or manifest reads a field that it does not declare."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sstl.core.rules import route, times, unit_manifest
from sstl.core.rules.base import Rule, Verdict
from sstl.models.records import Event, Share
from tests.journey_events import DAY, HOUR, START, event, leg, ordered, share
from tests.journey_views import SINGAPORE, answers, journey, ping, policy

pytestmark = pytest.mark.property

RULES = (*route.RULES, *times.RULES, *unit_manifest.RULES)
DEVICE = {"manufacturerId": "SYN", "tagSerial": "1"}
BY = policy(
    lane={
        "stages": [
            {"start": "T5", "end": "T6", "limit_hours": 50, "learnt_high_hours": 20},
            {"start": "T6", "end": "T13", "limit_hours": 10},
            {"start": "T14", "end": "T15", "limit_hours": 10},
        ],
        "stops": ["singapore"],
        "corridor": {
            "line": [(22.57, 114.27), (1.2, 103.9)],
            "width_km": 50,
            "from_milestone": "T5",
            "to_milestone": "T6",
        },
    }
)
PLACES = st.sampled_from(["CNYTN", "NLRTM", "SGSIN", "LKCMB", None])
HOURS = st.integers(0, 100)
MORE: dict[str, dict[str, Any]] = {
    "transport.loaded": {"mode": "1", "emptyIndicator": "LADEN", "remark": "x"},
    "transport.discharged": {"transportPhase": "IMPORT", "isTransshipmentMove": True},
    "transport.gated_in": {"latitude": 1.25, "longitude": 103.85},
    "transport.rcf": {"numberOfPieces": 1, "totalPieces": 2},
    "seallock.armed": {"deviceId": DEVICE, "sealNumber": "AB1", "sealGrade": "H"},
    "seallock.opened": {"deviceId": DEVICE, "commandId": "c1", "authorisationOffice": "NLRTM01"},
    "seallock.resealed": {"sealNumber": "CD2", "oldSealNumber": "AB1"},
    "seallock.motion.stopped": {"latitude": 6.0, "longitude": 80.0},
    "seallock.motion.started": {},
    "seallock.authorisation.granted": {
        "deviceId": DEVICE,
        "commandId": "c1",
        "office": "NLRTM01",
        "validFrom": "2026-01-01T00:00:00Z",
        "validTo": "2026-02-01T00:00:00Z",
    },
    "inspection.released": {"side": "IMPORT", "inspectionId": "i1"},
    "inspection.revoked": {"side": "IMPORT", "inspectionId": "i1"},
    "inspection.physical.completed": {"sealAfter": "CD2", "startedAt": "2026-01-01T00:00:00Z"},
    "declaration.accepted": {"declarationType": "IMPORT"},
    "duty.paid": {"side": "IMPORT"},
    "bond.entered": {"warehouseId": "W1"},
    "bond.left": {"warehouseId": "W1"},
    "mass.verified": {"grossMassKg": 9000.0},
    **{
        f"transport.{kind}": {"sequence": 1, "legId": "m1"}
        for kind in ["departed", "arrived", "gated_out", "stripped", "crc", "ccd", "dlv", "crossed"]
    },
}
EVENTS = st.builds(
    lambda kind, hours, place, classifier: event(
        kind, START + hours * HOUR, place=place, classifier=classifier, **MORE[kind]
    ),
    st.sampled_from(sorted(MORE)),
    HOURS,
    PLACES,
    st.sampled_from(["ACTUAL", "ACTUAL", "ACTUAL", "PLANNED", "ESTIMATED"]),
)
SHARES = st.builds(
    share,
    consignments=st.sampled_from([(), ("H1",)]),
    empty=st.booleans(),
    seals=st.sampled_from([(), ("AB1",), ("ZZ9",)]),
    lodged_ms=st.sampled_from([START - 2 * DAY, START + DAY]),
    gross_mass_kg=st.sampled_from([None, 1000.0, 9000.0]),
    place_of_unloading=st.sampled_from([None, "NLRTM", "SGSIN"]),
    final_destination=st.sampled_from([None, "LKCMB"]),
    place_of_acceptance=st.sampled_from([None, "LKCMB"]),
    countries_of_routing=st.sampled_from([(), ("CN", "NL")]),
    legs=st.sampled_from([(), (leg("m1", place_of_arrival="LKCMB"),)]),
)


def stripped(rule: Rule, found: Event) -> Event:
    family = found.type.partition(".")[0]
    # the unit that a report names, and whether it is loose, say where it belongs and not what it says
    kept = {name: value for name, value in found.data.items() if f"{family}.{name}" in rule.needs}
    return msgspec.structs.replace(found, data=kept)


def bare(rule: Rule, found: Share) -> Share:
    kept: dict[str, Any] = {
        name: getattr(found, name)
        for name in found.__struct_fields__
        if f"share.{name}" in rule.needs or name in ("manifest_id", "evidence", "lane_id")
    }
    return Share(**kept)


def said(verdicts: list[Verdict]) -> list[tuple[object, ...]]:
    return [
        (
            one.anchor,
            one.result,
            one.observed,
            one.expected,
            one.due_ms,
            one.anchor_ms,
            one.missing,
            one.text,
        )
        for one in verdicts
    ]


@given(st.lists(EVENTS, max_size=12), st.lists(SHARES, max_size=1), st.booleans())
def test_what_a_rule_does_not_declare_does_not_change_its_answer(
    events: list[Event], shares: list[Share], positions: bool
) -> None:
    known = ordered({found.identity: found for found in events}.values())  # type: ignore[arg-type]
    pings = [ping(START + hours * HOUR, SINGAPORE) for hours in (1, 40, 90)] if positions else []
    whole = journey(*known, shares=shares, pings=pings, by=BY)
    for asked in RULES:
        rule = asked.rule
        seen = journey(
            *(stripped(rule, found) for found in known),
            shares=[bare(rule, found) for found in shares],
            pings=pings,
            by=BY,
        )
        assert (rule.id, said(answers(asked, seen, by=BY))) == (
            rule.id,
            said(answers(asked, whole, by=BY)),
        )
