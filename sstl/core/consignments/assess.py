"""What is known of a consignment and what follows from it: a pure function of the known facts and the policy.

`view_of` shows the facts to rules, `answers_of` asks some of them, `assess` asks all: it is the whole truth about a
consignment, and the stage, which asks only rules whose parts have changed, ends with the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from sstl.core import routing
from sstl.core.consignment_view import ConsignmentView
from sstl.core.consignments.benefits import observe_benefits
from sstl.core.consignments.cells import ShareCell
from sstl.core.consignments.clearance import observe_clearance
from sstl.core.consignments.controls import observe_controls
from sstl.core.consignments.on_lane import on_lane
from sstl.core.incidents import consignment_counts
from sstl.core.leadtime import Observed
from sstl.core.milestones import governing_order, order, plan_of
from sstl.core.referrals import ANSWERED, RAISED, bare, pair
from sstl.core.releases import consignment_milestones
from sstl.core.reporting import consignment_reports
from sstl.core.rules import CONSIGNMENT_RULES, About, Result, Verdict, finding_of
from sstl.core.rules.consignment_facts import filed_ms
from sstl.core.rules.engine import Asked, ask, governing
from sstl.core.rules.findings import shown_share
from sstl.models.policy import Policy
from sstl.models.records import Event, Finding, Share, Subject, UnitMilestones

ASSESSED = "manifest.assessed"
_AIR = frozenset(
    f"transport.{kind}" for kind in ("rcs", "rcf", "nfd", "awd", "crc", "ccd", "tgc", "dis", "dlv")
)
_OTHER = frozenset({RAISED, ANSWERED, ASSESSED})
REGISTRY = "registry."

AskedOfConsignments = Sequence[Asked[ConsignmentView]]


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that is known of a consignment."""

    events: Sequence[Event]
    """That reached it, in their total order; registry entries on its parties among them."""
    shares: Sequence[ShareCell]
    units: Mapping[str, UnitMilestones]
    publishers: Mapping[str, int]
    """CloudEvents source to its latest arrival time, ms."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that follows from what is known."""

    view: ConsignmentView
    observations: Mapping[str, Observed]
    """By observation id."""
    verdicts: tuple[Verdict, ...]
    findings: Mapping[str, Finding]
    """By flag id, all in state RAISED."""


def read(event: Event) -> bool:
    """Tell whether rules on consignments may read an event (`ConsignmentView.events`)."""
    family = event.type.partition(".")[0]
    return family in routing.CUSTOMS_FAMILIES or event.type in _AIR or event.type in _OTHER


def view_of(consignment: str, known: Known, policy: Policy) -> ConsignmentView:
    """Return what rules are shown."""
    events = _events(known)
    shares = _shares(known, events)
    structure = policy.at(_first_ms(events, shares))
    plan = plan_of(shares, structure)
    names = sorted({unit for cell in known.shares for unit in cell.units})
    return ConsignmentView(
        consignment=consignment,
        events=events,
        shares=shares,
        units={unit: known.units[unit] for unit in names if unit in known.units},
        unit_names=names,
        plan=plan,
        milestones=consignment_milestones(events, plan, names),
        structure=structure,
        registry=_registry(known.events),
        publishers=known.publishers,
    )


def _events(known: Known) -> list[Event]:
    """Join the consignment's own events with those that name only one of its units; its own copy counts."""
    found = {event.identity: event for event in known.events if read(event)}
    own = len(found)
    for unit in sorted({unit for cell in known.shares for unit in cell.units}):
        told = known.units.get(unit)
        for event in () if told is None else told.controls:
            found.setdefault(event.identity, event)
    return list(found.values()) if len(found) == own else sorted(found.values(), key=order)


def _shares(known: Known, events: Sequence[Event]) -> list[Share]:
    """Return the shares, the governing one first, with the answers of customs systems that came by MRN alone.

    Referrals raised by MRN, and an assessment known only by it, belong to the governing share; an answer by MRN ends
    a referral of any of them.
    """
    shares = sorted((cell.share for cell in known.shares), key=governing_order)
    by_mrn = [event for event in events if event.type in _OTHER]
    if not shares or not (by_mrn or any(share.answers for share in shares)):
        return shares
    asked = {
        referral.raised.identity: number
        for number, share in enumerate(shares)
        for referral in share.referrals
        if referral.answered is None
    }
    still_open = [
        referral.raised
        for share in shares
        for referral in share.referrals
        if referral.answered is None
    ]
    paired, _ = pair(
        [*still_open, *(bare(event) for event in by_mrn if event.type == RAISED)],
        [
            *(event for share in shares for event in share.answers),
            *(bare(event) for event in by_mrn if event.type == ANSWERED),
        ],
    )
    assessed = [event for event in by_mrn if event.type == ASSESSED]
    found = []
    for number, share in enumerate(shares):
        closed = [one for one in share.referrals if one.answered is not None]
        own = [one for one in paired if asked.get(one.raised.identity, 0) == number]
        changed = msgspec.structs.replace(
            share, referrals=tuple(sorted((*closed, *own), key=lambda one: order(one.raised)))
        )
        if number == 0 and assessed and share.assessed is None:
            changed = msgspec.structs.replace(changed, assessed=bare(assessed[-1]))
        found.append(changed)
    return found


def _first_ms(events: Sequence[Event], shares: Iterable[Share]) -> int:
    instants = [event.event_ms for event in events[:1]]
    instants += [share.lodged_ms for share in shares if share.lodged_ms is not None]
    return min(instants, default=0)


def _registry(events: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        name = event.data.get("id")
        if event.type.startswith(REGISTRY) and isinstance(name, str):
            found.setdefault(name, []).append(event)
    return found


def observe(view: ConsignmentView, policy: Policy) -> dict[str, Observed]:
    """Return the consignment's observations by id."""
    on = on_lane(view, policy)
    found = (
        *consignment_counts(view),
        *(
            ()
            if on is None
            else (*observe_clearance(on), *observe_controls(on), *observe_benefits(on))
        ),
        *consignment_reports(view),
    )
    return {one.id: one for one in found}


def answers_of(
    view: ConsignmentView, asked: Asked[ConsignmentView], policy: Policy, as_of_ms: int
) -> list[Verdict]:
    """Ask one rule."""
    return ask(
        asked,
        view,
        policy,
        mode=view.plan.mode,
        lane_id=view.plan.lane_id,
        first_ms=view.first_ms,
        as_of_ms=as_of_ms,
        earliest_ms=_earliest_ms(view),
    )


def _earliest_ms(view: ConsignmentView) -> int:
    """Return the first instant that an answer can be about: its units may have gone before word of it came."""
    known: int | None = view.memo.get("assess.earliest")
    if known is None:
        instants = [view.first_ms]
        instants += [at_ms for share in view.shares if (at_ms := filed_ms(share)) is not None]
        for told in view.units.values():
            instants += (told.milestones or {}).values()
            instants += [one.event_ms for one in told.opened]
        known = view.memo["assess.earliest"] = min(instants)
    return known


def findings_of(
    view: ConsignmentView,
    asked: Asked[ConsignmentView],
    verdicts: Iterable[Verdict],
    policy: Policy,
) -> dict[str, Finding]:
    """Return the findings of one rule's hits, by flag id."""
    hits = [verdict for verdict in verdicts if verdict.result is Result.HIT]
    if not hits:
        return {}
    about = _about(view)
    found = {}
    for hit in hits:
        in_force = governing(
            asked.rule,
            hit,
            policy,
            mode=view.plan.mode,
            lane_id=view.plan.lane_id,
            first_ms=view.first_ms,
        )
        finding = finding_of(hit, in_force, about)
        found[finding.flag_id] = finding
    return found


def assess(
    consignment: str,
    known: Known,
    policy: Policy,
    as_of_ms: int,
    rules: AskedOfConsignments = CONSIGNMENT_RULES,
) -> Assessment:
    """Assess a consignment.

    Args:
        consignment: Number of its house transport document.
        known: What is known of it.
        policy: By which it is judged, the latest version; earlier ones hang on it.
        as_of_ms: How far the watermark has come; -1 before it is known.
        rules: Those to ask.
    """
    view = view_of(consignment, known, policy)
    verdicts: list[Verdict] = []
    findings: dict[str, Finding] = {}
    for asked in rules:
        answers = answers_of(view, asked, policy, as_of_ms)
        verdicts += answers
        findings |= findings_of(view, asked, answers, policy)
    return Assessment(view, observe(view, policy), tuple(verdicts), findings)


def _about(view: ConsignmentView) -> About:
    shares = view.shares
    mrns = {mrn for share in shares for mrn in share.mrns}
    ucrs = {share.ucr for share in shares if share.ucr is not None}
    subject = Subject(
        equipment_reference=view.unit_names[0]
        if len(view.unit_names) == 1 and view.unit_names[0] != view.consignment
        else None,
        consignments=(view.consignment,),
        transport_document=view.consignment,
        lrn=shares[0].manifest_id if len(shares) == 1 else None,
        mrn=min(mrns) if len(mrns) == 1 else None,
        ucr=min(ucrs) if len(ucrs) == 1 else None,
        lane_id=view.plan.lane_id,
        mode=view.plan.mode,
    )
    return About(
        key=view.consignment,
        subject=subject,
        flag_type="CONSIGNMENT",
        share=shown_share(view.plan.share),
    )
