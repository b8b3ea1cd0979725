"""From a flag's cell to what is published of it, under the wire names of `RiskFlag` and `Notice`.

Built as plain dictionaries: a pydantic model for each flag would cost more than the rest of the stage. A test holds
every shape that can be produced against the models.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sstl.core.flags.cells import FlagCell, Snoozed
from sstl.models.policy import IssuerPolicy
from sstl.models.records import Finding, Share
from sstl.models.risk_flag import TAKEN_BACK

FLAGS, SUPERVISORS, SHADOW, NOTICES = (
    "risk-flags",
    "supervisor-flags",
    "shadow-findings",
    "notices",
)
"""Topics, by logical name."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 86_400_000
_NO_REASON = "no longer found"

Record = dict[str, Any]


def topic_of(finding: Finding) -> str:
    """Return where a finding is published: in one place only."""
    if finding.mode == "shadow":
        return SHADOW
    if finding.notice:
        return NOTICES
    return SUPERVISORS if finding.supervisors else FLAGS


def record_of(cell: FlagCell, issuer: IssuerPolicy) -> Record:
    """Return the public record of a cell, as its topic wants it."""
    return notice(cell) if cell.topic == NOTICES else risk_flag(cell, issuer)


def headers_of(cell: FlagCell) -> tuple[tuple[str, bytes], ...]:
    """Return the CloudEvents attributes of a record."""
    finding = cell.finding
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", f"{finding.flag_id}/{cell.version}".encode()),
        ("ce_source", b"urn:sstl:flags"),
        ("ce_type", b"org.sstl.notice.v1" if cell.topic == NOTICES else b"org.sstl.risk.flag.v1"),
        ("ce_time", utc(finding.anchor_ms).encode()),
        ("content-type", b"application/json"),
    )


def utc(epoch_ms: int) -> str:
    """Return milliseconds since the epoch as RFC 3339 in UTC, without a fraction where there is none."""
    day, rest = divmod(epoch_ms, _DAY_MS)
    seconds, milliseconds = divmod(rest, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{milliseconds:03d}" if milliseconds else ""
    return f"{_date(day)}T{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}Z"


@lru_cache(maxsize=1024)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def risk_flag(cell: FlagCell, issuer: IssuerPolicy) -> Record:
    """Return the record of a flag (`sstl.models.risk_flag.RiskFlag`)."""
    finding = cell.finding
    standing = cell.standing
    record: Record = {
        "flagId": finding.flag_id,
        "version": cell.version,
        "revision": cell.version,
        "status": cell.status,
        "flagType": finding.flag_type,
        "riskArea": finding.risk_area,
        "severity": finding.severity,
        "score": finding.score,
        "escalations": cell.escalations,
        "issuedAt": (issued := utc(finding.anchor_ms)),
        "validFrom": issued,
        "validTo": utc(finding.valid_to_ms),
        "issuer": {"country": issuer.country, "office": issuer.office, "unit": issuer.unit},
        "addressees": issuer.addressees,
        "distribution": issuer.distribution,
        "handlingCode": issuer.handling_code,
        "subject": _subject(finding),
        "indicators": [_indicator(finding)],
        "evidence": _evidence(finding),
        "recommendedControl": finding.recommended_control,
        "whereToControl": finding.where_to_control,
        "feedbackDueBy": utc(cell.due_ms),
        "policyHash": finding.policy_hash,
        "text": {"en": finding.text_en, "zh": finding.text_zh},
        "detectedAt": utc(finding.detected_ms),
    }
    if finding.share is not None:
        _add_share(record, finding.share)
    _add_common(record, cell)
    if cell.severity_before is not None:
        record["severityBefore"] = cell.severity_before
    if finding.confidence is not None:
        measured = finding.confidence
        record["confidence"] = {
            "precision": measured.precision,
            "n": measured.n,
            "interval": (measured.low, measured.high),
        }
    if finding.linked_referral is not None:
        record["linkedReferral"] = finding.linked_referral
    if finding.supersedes is not None and finding.supersedes != finding.flag_id:
        record["supersedes"] = finding.supersedes
    if standing.acknowledged is not None:
        said = standing.acknowledged
        record["acknowledged"] = _present(
            at=utc(said.at_ms), by=said.by, office=said.office, actionId=said.action_id
        )
    if standing.closed is not None:
        closed = standing.closed
        record["closed"] = _present(
            at=utc(closed.at_ms),
            by=closed.by,
            office=closed.office,
            actionId=closed.action_id,
            feedbackId=closed.feedback_id,
            reason=closed.reason,
        )
    if standing.feedback is not None:
        final = standing.feedback
        record["feedback"] = _present(
            feedbackId=final.feedback_id,
            actionTaken=final.action_taken,
            outcome=final.outcome,
            office=final.office,
            recordedAt=utc(final.recorded_ms),
            late=final.late,
            count=final.count,
        )
    return record


def notice(cell: FlagCell) -> Record:
    """Return the record of a notice (`sstl.models.notice.Notice`)."""
    finding = cell.finding
    record: Record = {
        "noticeId": finding.flag_id,
        "version": cell.version,
        "status": cell.status,
        "ruleId": finding.rule_id,
        "ruleVersion": finding.rule_version,
        "name": finding.name,
        "observed": finding.observed,
        "expected": finding.expected,
        "unit": finding.unit,
        "issuedAt": utc(finding.anchor_ms),
        "validTo": utc(finding.valid_to_ms),
        "subject": _subject(finding),
        "evidence": _evidence(finding),
        "policyHash": finding.policy_hash,
        "text": {"en": finding.text_en, "zh": finding.text_zh},
        "detectedAt": utc(finding.detected_ms),
    }
    _add_common(record, cell)
    return record


def _add_common(record: Record, cell: FlagCell) -> None:
    finding, snoozed = cell.finding, cell.standing.snoozed
    if finding.group:
        record["group"] = finding.group
    if finding.advice_en:
        record["advice"] = {"en": finding.advice_en, "zh": finding.advice_zh}
    if snoozed is not None:
        record["snoozed"] = _snoozed(snoozed)
    if cell.status in TAKEN_BACK:
        record["reason"] = finding.reason or _NO_REASON


def _add_share(record: Record, share: Share) -> None:
    if share.parties:
        record["parties"] = [
            {"role": role, "pseudonymisedId": pseudonym} for role, pseudonym in share.parties
        ]
    goods = _present(
        hs6=share.hs6,
        grossMassKg=share.gross_mass_kg,
        countryOfOrigin=share.country_of_origin,
        countryOfProvenance=share.country_of_provenance,
    )
    route = _present(
        placeOfLoading=share.place_of_loading,
        countriesOfRouting=share.countries_of_routing,
        placeOfUnloading=share.place_of_unloading,
        officeOfFirstEntry=share.office_of_first_entry,
        finalDestination=share.final_destination,
    )
    record["goods"], record["route"] = goods, route


def _subject(finding: Finding) -> Record:
    subject = finding.subject
    found = _present(
        ucr=subject.ucr,
        mrn=subject.mrn,
        lrn=subject.lrn,
        transportDocument=subject.transport_document,
        equipmentReference=subject.equipment_reference,
        laneId=subject.lane_id,
        legId=subject.leg_id,
        mode=subject.mode,
        voyageOrTrain=subject.conveyance,
    )
    if subject.seal_numbers:
        found["sealNumbers"] = subject.seal_numbers
    if subject.consignments:
        found["consignments"] = subject.consignments
    return found


def _indicator(finding: Finding) -> Record:
    return {
        "ruleId": finding.rule_id,
        "ruleVersion": finding.rule_version,
        "name": finding.name,
        "observed": finding.observed,
        "expected": finding.expected,
        "unit": finding.unit,
        "weight": finding.weight,
    }


def _evidence(finding: Finding) -> list[Record]:
    return [
        {
            "topic": event.origin.topic,
            "partition": event.origin.partition,
            "offset": event.origin.offset,
            "eventId": event.id,
            "eventSource": event.source,
            "eventType": event.type,
            "eventTime": utc(event.event_ms),
        }
        for event in finding.evidence
    ]


def _snoozed(snoozed: Snoozed) -> Record:
    return _present(
        until=utc(snoozed.until_ms),
        by=snoozed.by,
        reason=snoozed.reason,
        actionId=snoozed.action_id,
        ruleId=snoozed.rule_id,
        laneId=snoozed.lane_id,
        unit=snoozed.unit,
    )


def _present(**fields: Any) -> Record:
    return {name: value for name, value in fields.items() if value is not None}
