"""Laws of [consignments]: what is found at last depends on the facts and on how far the watermark has come, only.

A world is a set of registers, each with its own writer that tells it in order: manifests, units, events by a reference
or direct. The order between registers, the cuts into batches and the place of heartbeats are free.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.core.consignments import ConsignmentsStage, Known, assess
from sstl.core.consignments.assess import AskedOfConsignments
from sstl.core.consignments.cells import ShareCell
from sstl.core.milestones import order
from sstl.core.referrals import ANSWERED, RAISED
from sstl.core.rules import CONSIGNMENT_RULES
from sstl.models.policy import LanePolicy, Policy, RulePolicy, StageLimit, WatchList
from sstl.models.records import (
    Event,
    Filing,
    Finding,
    Forwarded,
    Goods,
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
_LANE = LanePolicy(
    origin="CNYTN",
    destination="NLRTM",
    mode="SEA",
    publishers={"T13": CUSTOMS},
    stages=(StageLimit(start="T6", end="T13", limit_hours=48),),
)
_TOBACCO = WatchList(risk_area="FINANCIAL", hs_prefixes=("24",), source="a list of a test")
POLICY = Policy(lanes={LANE: _LANE}, watch_lists={"tobacco": _TOBACCO}, vague_words=("goods",))
_NEXT = Policy(
    version="2",
    valid_from=datetime(2026, 1, 2, 16, tzinfo=UTC),
    lanes={LANE: _LANE.model_copy(update={"publishers": {}})},
    rules={
        "test-suspect": RulePolicy(mode="off"),
        "test-overdue": RulePolicy(thresholds={"limit": 8}, severity="HIGH"),
        "control-unsatisfactory": RulePolicy(mode="off"),
        "filing-description-vague": RulePolicy(severity="HIGH"),
    },
).after(POLICY)
"""Governs from forty hours after the start."""
_RULES = {"of-the-test": RULES, "catalogue": CONSIGNMENT_RULES}

_hours = st.integers(0, 80)
_KINDS = (
    *(f"inspection.{kind}" for kind in ("released", "released", "revoked", "selected")),
    *(f"inspection.{kind}" for kind in ("scan.started", "scan.completed", "scan.completed")),
    *(f"inspection.{kind}" for kind in ("physical.started", "physical.completed")),
    *(f"inspection.{kind}" for kind in ("result.recorded", "partner.result.received")),
    *(f"inspection.{kind}" for kind in ("detained", "detention.lifted", "control.waived")),
    *("channel.assigned", "declaration.lodged", "bond.entered", "transport.ccd"),
    *("registry.operator.status", "registry.partner.risk", RAISED, ANSWERED),
    *("declaration.accepted", "duty.paid", "bond.left", "inspection.document.checked"),
    *("inspection.oga.started", "inspection.oga.completed", "inspection.seized"),
)
_BODIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "inspection": st.fixed_dictionaries(
        {"side": st.sampled_from(("IMPORT", "EXPORT"))},
        optional={
            "inspectionId": st.sampled_from(("I1", "I2")),
            "niiResult": st.sampled_from(("SUSPECT", "CLEAR")),
            "controlResultCode": st.sampled_from(("A1", "B1")),
            "controlPurpose": st.just("SECURITY"),
            "citedInspectionId": st.just("I1"),
            "selections": st.sampled_from(
                ([{"basis": "RANDOM", "probability": 0.1}], [{"basis": "OFFICER"}])
            ),
            "controlType": st.sampled_from(("NII", "PHYSICAL")),
            "startedAt": st.just("2026-01-01T00:00:00Z"),
        },
    ),
    "registry": st.fixed_dictionaries(
        {"programme": st.just("AEOF")},
        optional={
            "status": st.sampled_from(("SUSPENDED", "GRANTED")),
            "risk": st.sampled_from(("LOW", "HIGH")),
            "mraRecognised": st.booleans(),
        },
    ),
    "channel": st.fixed_dictionaries(
        {"channel": st.sampled_from(("RED", "GREEN"))}, optional={"side": st.just("IMPORT")}
    ),
    "declaration": st.just({"side": "IMPORT"}),
    "duty": st.just({"side": "IMPORT"}),
    "manifest": st.just({"referralType": "RFI"}),
}


@st.composite
def _event(draw: st.DrawFn, identity: str, kinds: Sequence[str] = _KINDS) -> Event:
    """One event, as a version of it says; few kinds and instants, so that ties are common."""
    kind = draw(st.sampled_from(kinds))
    body = draw(_BODIES.get(kind.partition(".")[0], st.just({})))
    at_ms, recorded_ms = START + draw(_hours) * HOUR, START + draw(_hours)
    unit = draw(st.sampled_from((None, *UNITS)))
    one = event(kind, at_ms, id=identity, recorded_ms=recorded_ms, **body)
    if unit is not None:
        one.data["equipmentReference"] = unit
    if kind.startswith("registry."):
        one.data["id"] = "p1"
    return one


@st.composite
def _shared(draw: st.DrawFn, manifest_id: str) -> Shared:
    if draw(st.integers(0, 3)) == 0:
        return Shared(manifest_id=manifest_id)
    raised = event(RAISED, START + HOUR, id=f"rfi/{manifest_id}", referralType="RFI")
    amended = event("manifest.amended", START + draw(_hours) * HOUR, id=f"amended/{manifest_id}")
    told = share(
        manifest_id,
        parties=draw(st.sampled_from(((), (("CONSIGNEE", "p1"),)))),
        aeo=draw(st.sampled_from(((), (("CONSIGNEE", True),)))),
        referrals=draw(st.sampled_from(((), (Referral(kind="RFI", raised=raised),)))),
        filings=draw(st.sampled_from(((), (Filing(event=amended, changed=("goods",)),)))),
        goods=(
            Goods(item_no=1, hs6="240220", description=draw(st.sampled_from(("goods", "tea")))),
        ),
        mrns=draw(st.sampled_from((("25NL1",), ("25NL1", "25NL2")))),
        etd_ms=START + draw(_hours) * HOUR,
        lodged_ms=START + draw(st.integers(0, 2)),
    )
    units = draw(st.sampled_from((("U1",), ("U1", "U2"))))
    return Shared(manifest_id=manifest_id, share=told, units=units)


@st.composite
def _told(draw: st.DrawFn, unit: str) -> UnitMilestones:
    if draw(st.integers(0, 4)) == 0:
        return UnitMilestones(unit=unit)
    codes = sorted(draw(st.sets(st.sampled_from(("T4", "T5", "T6", "T14")))))
    controls = draw(st.sampled_from(("", "control")))
    reports = {code: event("transport.arrived", START + draw(_hours) * HOUR) for code in codes}
    return UnitMilestones(
        unit=unit,
        milestones={code: one.event_ms for code, one in reports.items()},
        events=tuple(reports.items()),
        opened=tuple(
            event(kind, START + draw(_hours) * HOUR, equipmentReference=unit)
            for kind in draw(st.sampled_from(((), ("seallock.opened",), ("seallock.resealed",))))
        ),
        controls=(draw(_event(f"{controls}/{unit}", _KINDS[:16])),) if controls else (),
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


def deliver(
    registers: Sequence[Sequence[Any]], seed: int | None, rules: AskedOfConsignments
) -> Chain:
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
    chain = Chain(ConsignmentsStage(rules), POLICY)
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


@pytest.mark.parametrize("named", _RULES)
@settings(max_examples=100, deadline=None)
@given(registers=worlds(), seed=st.integers(0, 2**32))
def test_the_order_of_arrival_does_not_change_what_is_found(
    registers: list[list[Any]], seed: int, named: str
) -> None:
    rules = _RULES[named]
    assert outcome(deliver(registers, seed, rules)) == outcome(deliver(registers, None, rules))


@pytest.mark.parametrize("named", _RULES)
@settings(max_examples=100, deadline=None)
@given(registers=worlds(), seed=st.integers(0, 2**32))
def test_asking_only_what_has_changed_ends_like_asking_everything(
    registers: list[list[Any]], seed: int, named: str
) -> None:
    rules = _RULES[named]
    chain = deliver(registers, seed, rules)
    known, reached_ms = facts(registers)
    empty = not (known.events or known.shares or known.units)
    whole = assess(HOUSE, known, POLICY, reached_ms, () if empty else rules)
    assert chain.findings() == dict(whole.findings)
    assert {name for name, _ in chain.observations()} == set(whole.observations)


@pytest.mark.parametrize("named", _RULES)
@settings(max_examples=60, deadline=None)
@given(registers=worlds(), seed=st.integers(0, 2**32))
def test_after_another_policy_the_next_word_asks_everything_by_it(
    registers: list[list[Any]], seed: int, named: str
) -> None:
    rules = _RULES[named]
    chain = deliver(registers, seed, rules)
    chain.policy = _NEXT
    last = [said[-1] for said in registers if said and not isinstance(said[-1], Heartbeat)]
    chain.feed(*last, key=HOUSE)
    known, reached_ms = facts(registers)
    empty = not (known.events or known.shares or known.units)
    whole = assess(HOUSE, known, _NEXT, reached_ms, () if empty else rules)
    assert chain.findings() == dict(whole.findings)
