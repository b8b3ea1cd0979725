"""Findings, feedback and operator actions for tests of flags."""

from typing import Any

from sstl.models.records import Event, Evidence, Finding, Origin, Placed, Subject, Version

FLAG_ID = "9a0b8f5e-2a43-5c55-8d5f-3f3f2c1b0a99"
OTHER_ID = "1f0b8f5e-2a43-5c55-8d5f-3f3f2c1b0a99"
HOUR = 3_600_000
ANCHOR = 1_714_521_600_000
"""2024-05-01T00:00:00Z"""


def finding(state: str = "RAISED", **changed: Any) -> Finding:
    """Return a finding of a late leg, changed as told."""
    facts: dict[str, Any] = {
        "flag_id": FLAG_ID,
        "state": state,
        "rule_id": "leg-late",
        "rule_version": 1,
        "severity": "MEDIUM",
        "score": 40,
        "weight": 1.0,
        "subject": Subject(equipment_reference="CSQU3054383", lane_id="CNSHG-NLRTM-SEA"),
        "name": "leg duration over plan",
        "observed": 7200.0,
        "expected": 3600.0,
        "unit": "s",
        "anchor_ms": ANCHOR,
        "valid_to_ms": ANCHOR + 720 * HOUR,
        "risk_area": "SUPPLY_CHAIN_INTEGRITY",
        "recommended_control": "SEAL_CHECK",
        "where_to_control": "DESTINATION",
        "evidence": (evidence(),),
        "text_en": "The leg took longer than planned.",
        "text_zh": "该航段用时超过计划。",
        "policy_hash": "abc",
        "detected_ms": ANCHOR + HOUR,
        "reason": "the arrival was corrected" if state == "CLEARED" else None,
    }
    return Finding(**{**facts, **changed})


def evidence(offset: int = 7) -> Evidence:
    """Return what a finding rests on."""
    return Evidence(
        source="urn:sstl:NLRTM:tos",
        id="e1",
        type="transport.arrived",
        event_ms=ANCHOR,
        origin=Origin("sstl.transport.v1", 0, offset),
    )


def answer(
    kind: str,
    number: str,
    event_ms: int,
    body: dict[str, Any],
    *,
    recorded_ms: int | None = None,
    retracted: bool = False,
) -> Placed:
    """Return an event that answers a flag."""
    recorded = event_ms if recorded_ms is None else recorded_ms
    return Placed(
        event=Event(
            source="urn:sstl:NLRTM:customs",
            id=number,
            type=kind,
            event_ms=event_ms,
            version=Version(recorded, retracted, "d"),
            arrival_ms=recorded,
            origin=Origin("sstl.feedback.v1", 0, 1),
            data=body,
        )
    )


def feedback(
    number: str = "f1", recorded_ms: int = ANCHOR + HOUR, *, retracted: bool = False, **data: Any
) -> Placed:
    """Return a feedback; its control leads nowhere unless told otherwise, so it does not close the flag."""
    body = {
        "feedbackId": number,
        "actionTaken": "CONTROL_DONE",
        "outcome": "INCONCLUSIVE",
        **data,
    }
    return answer("risk.feedback", number, recorded_ms, body, retracted=retracted)


def action(
    kind: str,
    number: str = "a1",
    event_ms: int = ANCHOR + HOUR,
    *,
    recorded_ms: int | None = None,
    retracted: bool = False,
    **data: Any,
) -> Placed:
    """Return an operator's action: acknowledged, closed, reopened, snoozed or unsnoozed."""
    body: dict[str, Any] = {"author": "p:0123456789abcdef01234567", "reason": "seen"}
    if kind == "snoozed":
        body["until"] = "2024-05-08T00:00:00Z"
    body |= data
    return answer(
        f"action.{kind}", number, event_ms, body, recorded_ms=recorded_ms, retracted=retracted
    )
