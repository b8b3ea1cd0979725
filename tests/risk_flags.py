"""Risk flags as they lie on their topic, for tests of what reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sstl.models.risk_flag import FlagSubject, RiskFlag

ISSUED = datetime(2026, 5, 1, tzinfo=UTC)


def flag(*, number: int = 0, consignments: tuple[str, ...] = (), **changed: Any) -> RiskFlag:
    """Return the flag of a number, changed as told."""
    issued = changed.get("issued_at", ISSUED)
    facts: dict[str, Any] = {
        "flag_id": f"9a0b8f5e-2a43-5c55-8d5f-{number:012x}",
        "version": 1,
        "status": "ISSUED",
        "flag_type": "CONSIGNMENT",
        "risk_area": "SAFETY_SECURITY",
        "severity": "MEDIUM",
        "score": 40,
        "issued_at": issued,
        "valid_from": issued,
        "valid_to": issued + timedelta(days=30),
        "issuer": {"country": "NL", "office": "NLRTM01", "unit": "risk"},
        "distribution": "LANE",
        "handling_code": "RESTRICTED",
        "subject": FlagSubject(lane_id="CNSHG-NLRTM-SEA", consignments=consignments),
        "indicators": (
            {
                "rule_id": "leg-late",
                "rule_version": 1,
                "name": "leg duration over plan",
                "observed": 7200.0,
                "expected": 3600.0,
                "unit": "s",
                "weight": 1.0,
            },
        ),
        "recommended_control": "NII_SCAN",
        "where_to_control": "DESTINATION",
        "policy_hash": "abc",
        "text": {"en": "Late.", "zh": "晚。"},
        "detected_at": issued,
        "revision": 1,
    }
    return RiskFlag.model_validate(facts | changed)
