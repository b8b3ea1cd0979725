"""Claims: which unit a device or a seal number is said to be on, and what the rules on them answer.

The claims of a reference are kept apart from its events, so that judging costs a handful of small cells and not all
that a device has ever said. They are a function of the registers of its events, and what is told is a function of the
claims, whatever the order (law 1).

A claim is dropped with its event (`parking`), and with it everything earlier but the pairing that says where the device
is now; findings that rest on it are then final: nothing is emitted for them any more.
"""

import msgspec

from sstl.core import routing
from sstl.core.milestones import mode_of_lane
from sstl.core.references.bindings import DEVICE, PAIRED, UNPAIRED, point_order
from sstl.core.references.cells import Final
from sstl.core.rules.base import Verdict
from sstl.core.rules.devices import DEVICE_RULES, SEAL, SEAL_RULES, Claim, ReferenceView
from sstl.core.rules.findings import About
from sstl.core.said import Said, answers, tell, told_key
from sstl.core.stage import Work
from sstl.models.records import Referred, Subject

_ON_A_UNIT = frozenset({PAIRED, "seallock.armed", "seallock.resealed"})
_FINAL = "final"


def claims_key(reference: str) -> str:
    """Return the key of the claims of a device or seal number; part: the order of the event."""
    return f"claims/{reference}"


def claim_of(reference: str, referred: Referred | None) -> Claim | None:
    """Return what an event claims about the reference, None where it claims nothing."""
    if referred is None:
        return None
    event = referred.event
    if event.type != UNPAIRED and event.type not in _ON_A_UNIT:
        return None
    unit = referred.binds_unit or routing.unit_of(event.data)
    if unit is None and event.type != UNPAIRED and not reference.startswith(SEAL):
        return None
    return Claim(
        msgspec.structs.replace(event, data={}),
        unit,
        loose=bool(event.data.get("looseCargo")),
        device=routing.device_of(event.data),
    )


def take_claim(work: Work, reference: str, before: Referred | None, after: Referred | None) -> None:
    """Let a changed event change what is claimed, and tell what the rules say now. Costs the claims kept."""
    if not reference.startswith((DEVICE, SEAL)):
        return
    old, new = claim_of(reference, before), claim_of(reference, after)
    if old == new:
        return
    key = claims_key(reference)
    final: Final | None = work.get(told_key(reference), _FINAL)
    if old is not None:
        work.put(key, point_order(old.event), None)
    if new is not None:
        order = point_order(new.event)
        if final is not None and order <= final.order:
            work.count("claim_too_late")
        else:
            work.put(key, order, new)
    _judge(work, reference)


def _judge(work: Work, reference: str) -> None:
    key = claims_key(reference)
    claims = [claim for order in work.parts(key) if (claim := work.get(key, order)) is not None]
    by_anchor = {claim.event.identity: claim for claim in claims}

    def about_of(verdict: Verdict) -> About:
        claim = by_anchor[verdict.anchor]
        subject = Subject(
            equipment_reference=None if claim.loose else claim.unit,
            transport_document=claim.unit if claim.loose else None,
            lane_id=claim.event.lane_id,
            mode=mode_of_lane(claim.event.lane_id, work.policy),
        )
        return About(reference, subject, "EQUIPMENT", group=claim.unit or "")

    lane_id = next((one.event.lane_id for one in reversed(claims) if one.event.lane_id), None)
    now = answers(
        SEAL_RULES if reference.startswith(SEAL) else DEVICE_RULES,
        ReferenceView(reference, claims),
        work.policy,
        about_of,
        mode=mode_of_lane(lane_id, work.policy),
        lane_id=lane_id,
        first_ms=claims[0].event.event_ms if claims else 0,
    )
    told = [name for name in work.parts(told_key(reference)) if name != _FINAL]
    tell(work, reference, now, about_of, of=told)


def drop_claim(work: Work, reference: str, referred: Referred | None) -> None:
    """Let go of the claim of an event that is dropped, and of what came before it."""
    claim = claim_of(reference, referred) if reference.startswith((DEVICE, SEAL)) else None
    if claim is None:
        return
    key = claims_key(reference)
    dropped = point_order(claim.event)
    past = [order for order in work.parts(key) if order <= dropped]
    gone: set[tuple[str, str]] = set()
    kept = _last_pairing(work, key, past, dropped)
    for order in past:
        if order != kept:
            one: Claim | None = work.get(key, order)
            if one is not None:
                gone.add((one.event.source, one.event.id))
            work.put(key, order, None)
    told = told_key(reference)
    for name in work.parts(told):
        cell = work.get(told, name)
        if isinstance(cell, Said) and any(
            (event.source, event.id) in gone for event in cell.finding.evidence
        ):
            work.put(told, name, None)
    if not work.parts(key):
        work.put(told, _FINAL, None)
    else:
        final: Final | None = work.get(told, _FINAL)
        work.put(told, _FINAL, Final(dropped if final is None else max(final.order, dropped)))


def _last_pairing(work: Work, key: str, past: list[str], dropped: str) -> str | None:
    """Return the latest pairing or unpairing of these, unless it is what is dropped: it says where the device is."""
    for order in reversed(past):
        claim: Claim | None = work.get(key, order)
        if claim is not None and claim.event.type in (PAIRED, UNPAIRED):
            return None if order == dropped else order
    return None
