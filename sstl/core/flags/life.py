"""The life of one flag: what is published of it, as its finding, the answers on it and the watermark have it."""

import msgspec

from sstl.core.flags import snoozes
from sstl.core.flags.answers import answers_on
from sstl.core.flags.cells import ANSWER, FLAG, UNANSWERED, FlagCell, Standing
from sstl.core.flags.records import FLAGS, NOTICES, SHADOW, headers_of, record_of, topic_of
from sstl.core.flags.standing import Settled, acted, standing_of, status_of
from sstl.core.stage import PASSED, Output, Work
from sstl.core.wakeups import MINUTE_MS, wake_at
from sstl.models.records import Finding, Origin, Share, Succeeds
from sstl.models.risk_flag import TAKEN_BACK, FlagStatus

EXPIRE = "expire"
"""Kind of wake-up: a flag's validity has ended."""
FORGET = "forget"
"""Kind of wake-up: nothing can be said of a flag any more."""
_HOUR_MS = 3_600_000
_NOWHERE = Origin("", 0, 0)
_SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


def settle(work: Work, finding: Finding, before: FlagCell | None) -> FlagCell:
    """Publish what has changed of a flag; what says nothing new publishes nothing.

    Args:
        work: The fold in progress.
        finding: What is found now, with what a flag tells of its share (`told`).
        before: The flag as last published, None for a new one.

    Returns:
        The flag as it is published now.
    """
    flag_id = finding.flag_id
    issuer = work.policy.at(finding.anchor_ms).issuer
    due_ms = finding.anchor_ms + round(issuer.feedback_due_hours * _HOUR_MS)
    answers = answers_on(work, flag_id)
    standing = standing_of(finding, answers, snoozes.scoped(work), due_ms)
    acted_on = acted(answers)
    expired = has_expired(work, finding)
    status = status_of(finding, standing, acted_on=acted_on, expired=expired)
    if before is not None and _says_the_same(before, finding, status, standing):
        if before.finding.follows == finding.follows:
            return before
        # whose answers it inherits is told to those flags and not published
        heir = msgspec.structs.replace(before.finding, follows=finding.follows)
        last = msgspec.structs.replace(before, finding=heir)
        work.put(flag_id, FLAG, last)
        return last
    topic = topic_of(finding) if before is None or status not in TAKEN_BACK else before.topic
    if before is not None and before.topic != topic and before.status not in TAKEN_BACK:
        away = msgspec.structs.replace(before.finding, reason=f"now on the topic {topic}")
        gone: FlagStatus = "CORRECTED" if acted_on else "WITHDRAWN"
        before = _publish(work, away, before, gone, before.topic, standing, due_ms)
    if before is None or before.topic != topic:
        last = _publish(work, finding, before, "ISSUED", topic, standing, due_ms)
        if status != "OPEN":
            last = _publish(work, finding, last, status, topic, standing, due_ms)
    else:
        now: FlagStatus = "UPDATED" if status == "OPEN" else status
        last = _publish(work, finding, before, now, topic, standing, due_ms)
    work.put(flag_id, FLAG, last)
    return last


def note(work: Work, now: FlagCell, before: FlagCell | None) -> None:
    """Keep the indices of a flag: when it expires, on which day it lies, and which flags it supersedes."""
    finding = now.finding
    old = None if before is None else before.finding
    if old is None or old.valid_to_ms != finding.valid_to_ms:
        wake_at(work, finding.valid_to_ms, EXPIRE, "", finding.flag_id)
    snoozes.move(work, finding.flag_id, None if old is None else old.anchor_ms, finding.anchor_ms)
    left, followed = _superseded(old), _superseded(finding)
    keep_ms = finding.valid_to_ms + kept_ms(work)
    for flag_id in sorted(left ^ followed):
        message = Succeeds(heir=finding.flag_id, holds=flag_id in followed, keep_ms=keep_ms)
        work.emit("findings", flag_id, message)


def _superseded(finding: Finding | None) -> set[str]:
    """Return the flags whose answers a flag inherits."""
    if finding is None:
        return set()
    return {one for one in (finding.supersedes, *finding.follows) if one} - {finding.flag_id}


def has_expired(work: Work, finding: Finding) -> bool:
    """Tell whether the watermark has passed the minute in which a finding's validity ends."""
    passed = work.get(PASSED, "")
    if passed is None:
        return False
    return bool((finding.valid_to_ms // MINUTE_MS + 1) * MINUTE_MS <= passed.reached_ms)


def kept_ms(work: Work) -> int:
    """Return how long what concerns a flag is kept after its validity."""
    return work.policy.open_journey_horizon_s * 1000


def forget(work: Work, key: str, identity: str) -> None:
    """Drop a flag that nothing can be said of any more, or answers on one that never came.

    Args:
        work: The fold in progress.
        key: The flag, or the key of the snoozes.
        identity: Which answer, at the key of the snoozes; empty for all that is kept under the key.
    """
    if identity:
        work.put(key, ANSWER + identity, None)
        return
    cell: FlagCell | None = work.get(key, FLAG)
    if cell is not None:
        passed = work.get(PASSED, "")
        end_ms = max(cell.finding.valid_to_ms, cell.due_ms) + kept_ms(work)
        if passed is None or end_ms > passed.reached_ms:
            return
        snoozes.move(work, key, cell.finding.anchor_ms, None)
    for part in work.parts(key):
        work.put(key, part, None)
    work.count("flag_forgotten")


def told(finding: Finding) -> Finding:
    """Return a finding with what a flag tells of its share: goods, route and parties."""
    share = finding.share
    if share is None:
        return finding
    return msgspec.structs.replace(
        finding,
        share=Share(
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
        ),
    )


def _says_the_same(before: FlagCell, finding: Finding, status: Settled, standing: Standing) -> bool:
    known = "OPEN" if before.status in ("ISSUED", "UPDATED") else before.status
    if known != status or before.standing != standing:
        return False
    return before.finding is finding or _content(before.finding) == _content(finding)


def _content(finding: Finding) -> Finding:
    """Return what a flag tells of the finding, without how it was noticed."""
    return msgspec.structs.replace(
        finding,
        state="CLEARED" if finding.state == "CLEARED" else "RAISED",
        detected_ms=0,
        follows=(),
        evidence=tuple(msgspec.structs.replace(e, origin=_NOWHERE) for e in finding.evidence),
    )


def _publish(
    work: Work,
    finding: Finding,
    before: FlagCell | None,
    status: FlagStatus,
    topic: str,
    standing: Standing,
    due_ms: int,
) -> FlagCell:
    severity_before, escalations = None, 0
    if before is not None:
        severity_before, escalations = before.severity_before, before.escalations
        was, is_now = before.finding.severity, finding.severity
        if was != is_now:
            severity_before = was
            escalations += _SEVERITIES.index(was) < _SEVERITIES.index(is_now)
    cell = FlagCell(
        finding=finding,
        status=status,
        version=1 if before is None else before.version + 1,
        due_ms=due_ms,
        topic=topic,
        standing=standing,
        severity_before=severity_before,
        escalations=escalations,
    )
    record = record_of(cell, work.policy.at(finding.anchor_ms).issuer)
    work.outcome.outputs.append(Output(topic, finding.flag_id, record, headers=headers_of(cell)))
    _count(work, cell, UNANSWERED if before is None else before.standing)
    return cell


def _count(work: Work, cell: FlagCell, before: Standing) -> None:
    rule = cell.finding.rule_id
    if cell.topic == SHADOW:
        work.count("shadow_finding", rule)
    elif cell.topic == NOTICES:
        work.count("notice", rule)
    else:
        what = "flag" if cell.topic == FLAGS else "supervisor_flag"
        work.count(what, f"{cell.status}:{cell.finding.severity}:{rule}")
    if cell.standing.snoozed is not None and before.snoozed is None:
        work.count("flag_snoozed", rule)
