"""Laws of [consignments]: what is found at last depends on the facts and on how far the watermark has come, only.

A world is a set of registers, each with its own writer that tells it in order: manifests, units, events by a reference
or direct. The order between registers, the cuts into batches and the place of heartbeats are free.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.core.consignments import ConsignmentsStage, Known, assess
from sstl.core.consignments.cells import ShareCell
from sstl.core.milestones import order
from sstl.core.referrals import ANSWERED, RAISED
from sstl.models.policy import LanePolicy, Policy
from sstl.models.records import (
    Event,
    Finding,
    Forwarded,
    Heartbeat,
    Referral,
    Shared,
    UnitMilestones,
)
from tests.consignment_rules import RULES
from tests.journey_events import HOUR, LANE, START, Chain, event, share

HOUSE = "HBL1"
CUSTOMS = "urn:sstl:NLRTM:customs"
PATH = "mrn:25NL1"
UNITS = ("U1", "U2")
_LANE = LanePolicy(origin="CNYTN", destination="NLRTM", mode="SEA", publishers={"T13": CUSTOMS})
POLICY = Policy(lanes={LANE: _LANE})

_hours = st.integers(0, 80)
_kinds = st.sampled_from(
    (
        "inspection.scan.completed",
        "inspection.released",
        "inspection.released",
        "inspection.revoked",
        "registry.operator.status",
        RAISED,
        ANSWERED,
    )
)


@st.composite
def _event(draw: st.DrawFn, identity: str) -> Event:
    """One event, as a version of it says; few kinds and instants, so that ties are common."""
    kind = draw(_kinds)
    body: dict[str, Any] = {"equipmentReference": draw(st.sampled_from(UNITS))}
    if kind == "inspection.scan.completed":
        body["niiResult"] = draw(st.sampled_from(("SUSPECT", "CLEAR")))
    elif kind == "registry.operator.status":
        body |= {"status": draw(st.sampled_from(("SUSPENDED", "GRANTED")))}
    elif kind in (RAISED, ANSWERED):
        body["referralType"] = "RFI"
    else:
        body["side"] = "IMPORT"
    one = event(
        kind, START + draw(_hours) * HOUR, id=identity, recorded_ms=START + draw(_hours), **body
    )
    if kind.startswith("registry."):
        one.data["id"] = "p1"
    return one


@st.composite
def _shared(draw: st.DrawFn, manifest_id: str) -> Shared:
    if draw(st.integers(0, 3)) == 0:
        return Shared(manifest_id=manifest_id)
    raised = event(RAISED, START + HOUR, id=f"rfi/{manifest_id}", referralType="RFI")
    told = share(
        manifest_id,
        parties=draw(st.sampled_from(((), (("CONSIGNEE", "p1"),)))),
        referrals=draw(st.sampled_from(((), (Referral(kind="RFI", raised=raised),)))),
        lodged_ms=START + draw(st.integers(0, 2)),
    )
    units = draw(st.sampled_from((("U1",), ("U1", "U2"))))
    return Shared(manifest_id=manifest_id, share=told, units=units)


@st.composite
def _told(draw: st.DrawFn, unit: str) -> UnitMilestones:
    if draw(st.integers(0, 4)) == 0:
        return UnitMilestones(unit=unit)
    codes = draw(st.sets(st.sampled_from(("T6", "T14"))))
    controls = draw(st.sampled_from(("", "control")))
    return UnitMilestones(
        unit=unit,
        milestones={code: START + draw(_hours) * HOUR for code in sorted(codes)},
        controls=(draw(_event(f"{controls}/{unit}")),) if controls else (),
    )


@st.composite
def worlds(draw: st.DrawFn) -> list[list[Any]]:
    """Draw registers, each a list of messages whose order is kept."""
    registers: list[list[Any]] = []
    for manifest_id in ("L1", "L2"):
        registers.append(draw(st.lists(_shared(manifest_id), max_size=2)))
    for unit in UNITS:
        registers.append(draw(st.lists(_told(unit), max_size=2)))
    for number in range(draw(st.integers(0, 4))):
        identity = f"e{number}"
        said: list[Any] = []
        for _ in range(draw(st.integers(1, 2))):
            one = draw(_event(identity))
            gone = draw(st.integers(0, 4)) == 0
            said.append(Forwarded(identity=one.identity, path=PATH, event=None if gone else one))
        registers.append(said)
    beats = sorted(draw(st.lists(_hours, max_size=3)))
    spoken = [draw(st.sampled_from(((), ((CUSTOMS, START + hour * HOUR),)))) for hour in beats]
    registers.append(
        [
            Heartbeat(
                source="intake-transport/0",
                reached_ms=START + hour * HOUR,
                caught_up=True,
                publishers=heard,
            )
            for hour, heard in zip(beats, spoken, strict=True)
        ]
    )
    return registers


def deliver(registers: Sequence[Sequence[Any]], seed: int | None) -> Chain:
    """Carry all messages, the registers mixed and cut into batches by the seed; None: one after the other."""
    rng = random.Random(seed)
    waiting = [list(said) for said in registers if said]
    sent = []
    while waiting:
        said = waiting[0] if seed is None else rng.choice(waiting)
        message = said.pop(0)
        copies = 1 if seed is None else rng.choice((1, 1, 2))
        sent += [message] * copies
        waiting = [left for left in waiting if left]
    chain = Chain(ConsignmentsStage(RULES), POLICY)
    while sent:
        size = 1 if seed is None else rng.choice((1, 2, len(sent)))
        batch, sent = sent[:size], sent[size:]
        chain.fold(("~heartbeat" if isinstance(one, Heartbeat) else HOUSE, one) for one in batch)
    return chain


def outcome(chain: Chain) -> tuple[Mapping[str, Finding], Mapping[Any, Any], Any, Any]:
    """Return what was found, observed, and what the rules say and wait for."""
    cells = chain.cells()
    head = cells.get((HOUSE, ""))
    waits = None if head is None else (head.deadline_ms, head.awaits, head.due_day)
    return chain.findings(), chain.observations(), cells.get((HOUSE, "rules")), waits


def facts(registers: Sequence[Sequence[Any]]) -> tuple[Known, int]:
    """Return the last word of every register, and how far the watermark has come."""
    events: list[Event] = []
    shares: list[ShareCell] = []
    units: dict[str, UnitMilestones] = {}
    publishers: dict[str, int] = {}
    reached_ms = -1
    for said in registers:
        for beat in said:
            if isinstance(beat, Heartbeat):
                reached_ms = max(reached_ms, beat.reached_ms)
                publishers |= dict(beat.publishers)
        match said[-1] if said else None:
            case Forwarded(event=Event() as one):
                events.append(one)
            case Shared(share=told, units=names) if told is not None:
                shares.append(ShareCell(told, names))
            case UnitMilestones(milestones=dict()) as told_of:
                units[told_of.unit] = told_of
    return Known(sorted(events, key=order), shares, units, publishers), reached_ms


@settings(max_examples=150, deadline=None)
@given(registers=worlds(), seed=st.integers(0, 2**32))
def test_the_order_of_arrival_does_not_change_what_is_found(
    registers: list[list[Any]], seed: int
) -> None:
    assert outcome(deliver(registers, seed)) == outcome(deliver(registers, None))


@settings(max_examples=150, deadline=None)
@given(registers=worlds(), seed=st.integers(0, 2**32))
def test_asking_only_what_has_changed_ends_like_asking_everything(
    registers: list[list[Any]], seed: int
) -> None:
    chain = deliver(registers, seed)
    known, reached_ms = facts(registers)
    empty = not (known.events or known.shares or known.units)
    whole = assess(HOUSE, known, POLICY, reached_ms, () if empty else RULES)
    assert chain.findings() == dict(whole.findings)
    assert {name for name, _ in chain.observations()} == set(whole.observations)
