"""Stage [flags]: the life of a risk flag, from findings and the feedback on it.

Subject stages say what they find; whether that is a new flag, an update or a withdrawal is decided here,
beside what offices have answered. What a flag says is a function of its last finding, and its status of
that and of whether anybody has acted on it, whatever came first.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from sstl.core.outbound import cloud_event_headers, instant
from sstl.core.registers import Register, merge, placed, withdrawn
from sstl.core.stage import (
    Context,
    Inbound,
    Outcome,
    Output,
    Reached,
    StateReader,
    Work,
    take_heartbeat,
)
from sstl.models.policy import Policy
from sstl.models.records import (
    Event,
    Finding,
    FlagsMessage,
    Origin,
    Placed,
    Share,
    Withdrawn,
)
from sstl.models.risk_flag import TAKEN_BACK, FlagStatus, RiskFlag

FLAG = "flag"
"""Part of a flag id that holds its `FlagCell`."""
FEEDBACK = "feedback/"
"""Parts of a flag id that begin so hold a `FeedbackCell` per event identity."""
_HOUR_MS = 3_600_000
_NOWHERE = Origin("", 0, 0)


class FlagCell(msgspec.Struct, frozen=True, kw_only=True, tag="flag.1"):
    """Cell: a flag as it was last published."""

    finding: Finding
    status: FlagStatus
    version: int
    due_ms: int
    """When feedback was due."""


class FeedbackCell(msgspec.Struct, frozen=True, tag="feedback.1"):
    """Cell: one feedback on a flag; kept even while the flag is not known."""

    register: Register


def final_feedback(events: Iterable[Event]) -> Event | None:
    """Return the feedback that decides: the greatest (recorded time, feedback id); None without any."""
    return max(
        events,
        key=lambda event: (
            event.version.recorded_ms,
            str(event.data.get("feedbackId", "")),
            event.identity,
        ),
        default=None,
    )


def feedback_on(work: Work, flag_id: str) -> list[Event]:
    """Return every feedback that counts for the flag, in order of identity."""
    events = []
    for part in work.parts(flag_id):
        cell = work.get(flag_id, part) if part.startswith(FEEDBACK) else None
        if cell is not None and cell.register.event is not None:
            events.append(cell.register.event)
    return events


class FlagsStage:
    """Publishes flags and their changes; an answer that says nothing new publishes nothing."""

    name = "flags"
    message_type: Any = FlagsMessage
    cell_type: Any = FlagCell | FeedbackCell | Reached
    ticks = False

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        """Fold findings and feedback; the key of a record is the flag id."""
        work = Work(state, policy, context)
        for record in records:
            message = record.message
            if isinstance(message, Finding):
                _take_finding(work, message)
            elif isinstance(message, Placed):
                if "feedback" in message.event.type.split("."):
                    _take_feedback(work, record.key, message.event.identity, placed(message.event))
                else:
                    work.count("flags_alarm", "unknown_event_type")
            elif isinstance(message, Withdrawn):
                seen = withdrawn(message.version)
                _take_feedback(work, record.key, message.identity, seen)
            else:
                take_heartbeat(work, message, name=self.name, downstream=[])
        return work.outcome

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Nothing waits in flags."""
        return Outcome()


def _said(share: Share | None) -> Share | None:
    """Return what a flag tells of a share: goods, route and parties."""
    if share is None:
        return None
    return Share(
        manifest_id="",
        hs6=share.hs6,
        gross_mass_kg=share.gross_mass_kg,
        country_of_origin=share.country_of_origin,
        country_of_provenance=share.country_of_provenance,
        place_of_loading=share.place_of_loading,
        countries_of_routing=share.countries_of_routing,
        place_of_unloading=share.place_of_unloading,
        office_of_first_entry=share.office_of_first_entry,
        final_destination=share.final_destination,
        parties=share.parties,
    )


def _content(finding: Finding) -> Finding:
    """Return what a flag tells of the finding, without how it was noticed."""
    return msgspec.structs.replace(
        finding,
        state="CLEARED" if finding.state == "CLEARED" else "RAISED",
        detected_ms=0,
        share=_said(finding.share),
        evidence=tuple(msgspec.structs.replace(e, origin=_NOWHERE) for e in finding.evidence),
    )


def _take_finding(work: Work, finding: Finding) -> None:
    before: FlagCell | None = work.get(finding.flag_id, FLAG)
    if before is None and finding.state == "CLEARED":
        work.count("flags_alarm", "cleared_unknown")
        return
    if before is not None and _content(before.finding) == _content(finding):
        return
    feedback = feedback_on(work, finding.flag_id)
    due_ms = _publish(work, finding, before, acted=bool(feedback)).due_ms
    late_before = 0 if before is None else _late(feedback, before.due_ms)
    _count_late(work, _late(feedback, due_ms) - late_before)


def _late(feedback: Iterable[Event], due_ms: int) -> int:
    return sum(event.version.recorded_ms > due_ms for event in feedback)


def _count_late(work: Work, more: int) -> None:
    # A counter cannot go back: what is no longer late stays counted as having been.
    if more > 0:
        work.count("feedback_late", "", more)


def _take_feedback(work: Work, flag_id: str, identity: str, seen: Register) -> None:
    part = FEEDBACK + identity
    known: FeedbackCell | None = work.get(flag_id, part)
    old = None if known is None else known.register
    new = merge(old, seen)
    if new == old:
        return
    work.put(flag_id, part, FeedbackCell(new))
    before = None if old is None else old.event
    if before is not None and new.event is not None and before.version == new.event.version:
        return
    _count_feedback(work, before, new.event)
    flag: FlagCell | None = work.get(flag_id, FLAG)
    if flag is None:
        work.count("feedback_before_flag")
        return
    answered = [[event] if event is not None else [] for event in (before, new.event)]
    _count_late(work, _late(answered[1], flag.due_ms) - _late(answered[0], flag.due_ms))
    acted = bool(feedback_on(work, flag_id))
    if flag.finding.state == "CLEARED" and flag.status != _status(flag.finding, flag, acted=acted):
        _publish(work, flag.finding, flag, acted=acted)


def _count_feedback(work: Work, before: Event | None, after: Event | None) -> None:
    if after is None:
        if before is not None:
            work.count("feedback_changed", "retracted")
    elif before is None:
        action = after.data.get("actionTaken", "UNSTATED")
        work.count("feedback", f"{action}:{after.data.get('outcome', 'NONE')}")
    else:
        work.count("feedback_changed", "corrected")


def _status(finding: Finding, before: FlagCell | None, *, acted: bool) -> FlagStatus:
    if finding.state == "CLEARED":
        return "CORRECTED" if acted else "WITHDRAWN"
    return "ISSUED" if before is None else "UPDATED"


def _publish(work: Work, finding: Finding, before: FlagCell | None, *, acted: bool) -> FlagCell:
    version = 1 if before is None else before.version + 1
    due_ms = finding.anchor_ms + round(work.policy.issuer.feedback_due_hours * _HOUR_MS)
    cell = FlagCell(
        finding=finding,
        status=_status(finding, before, acted=acted),
        version=version,
        due_ms=due_ms,
    )
    work.put(finding.flag_id, FLAG, cell)
    flag = risk_flag(cell, work.policy)
    headers = cloud_event_headers(
        identity=f"{flag.flag_id}/{version}",
        source="urn:sstl:flags",
        kind="org.sstl.risk.flag.v1",
        time=flag.issued_at,
    )
    work.outcome.outputs.append(Output("risk-flags", flag.flag_id, flag, headers=headers))
    work.count("flag", f"{flag.status}:{flag.severity}")
    return cell


def risk_flag(cell: FlagCell, policy: Policy) -> RiskFlag:
    """Return the public record of a flag.

    Raises:
        pydantic.ValidationError: A subject stage's finding breaks the schema; a fault of ours.
    """
    finding = cell.finding
    share = finding.share
    subject = finding.subject
    issuer = policy.issuer
    taken_back = cell.status in TAKEN_BACK
    return RiskFlag.model_validate(
        {
            "flag_id": finding.flag_id,
            "version": cell.version,
            "revision": cell.version,
            "status": cell.status,
            "flag_type": finding.flag_type,
            "risk_area": finding.risk_area,
            "severity": finding.severity,
            "score": finding.score,
            "issued_at": instant(finding.anchor_ms),
            "valid_from": instant(finding.anchor_ms),
            "valid_to": instant(finding.valid_to_ms),
            "issuer": {
                "country": issuer.country,
                "office": issuer.office,
                "unit": issuer.unit,
            },
            "addressees": issuer.addressees,
            "distribution": issuer.distribution,
            "handling_code": issuer.handling_code,
            "subject": {
                "ucr": subject.ucr,
                "mrn": subject.mrn,
                "lrn": subject.lrn,
                "transport_document": subject.transport_document,
                "equipment_reference": subject.equipment_reference,
                "seal_numbers": subject.seal_numbers,
                "consignments": subject.consignments,
                "lane_id": subject.lane_id,
                "leg_id": subject.leg_id,
                "mode": subject.mode,
                "voyage_or_train": subject.conveyance,
            },
            "parties": [
                {"role": role, "pseudonymised_id": pseudonym}
                for role, pseudonym in (share.parties if share else ())
            ],
            "goods": share
            and {
                "hs6": share.hs6,
                "gross_mass_kg": share.gross_mass_kg,
                "country_of_origin": share.country_of_origin,
                "country_of_provenance": share.country_of_provenance,
            },
            "route": share
            and {
                "place_of_loading": share.place_of_loading,
                "countries_of_routing": share.countries_of_routing,
                "place_of_unloading": share.place_of_unloading,
                "office_of_first_entry": share.office_of_first_entry,
                "final_destination": share.final_destination,
            },
            "indicators": [
                {
                    "rule_id": finding.rule_id,
                    "rule_version": finding.rule_version,
                    "name": finding.name,
                    "observed": finding.observed,
                    "expected": finding.expected,
                    "unit": finding.unit,
                    "weight": finding.weight,
                }
            ],
            "evidence": [
                {
                    "topic": event.origin.topic,
                    "partition": event.origin.partition,
                    "offset": event.origin.offset,
                    "event_id": event.id,
                    "event_source": event.source,
                    "event_type": event.type,
                    "event_time": instant(event.event_ms),
                }
                for event in finding.evidence
            ],
            "recommended_control": finding.recommended_control,
            "where_to_control": finding.where_to_control,
            "feedback_due_by": instant(cell.due_ms),
            "supersedes": finding.supersedes,
            "policy_hash": finding.policy_hash,
            "text": {"en": finding.text_en, "zh": finding.text_zh},
            "detected_at": instant(finding.detected_ms),
            "reason": (finding.reason or "no longer found") if taken_back else None,
        }
    )
