"""What the record of one consignment decides by itself of the effectiveness of controls, as observations of 0 or 1.

What is counted over what is in `sstl.core.statistics.control_ratios`. A consignment or a control that belongs to the
denominator is observed, with 1 if it belongs to the numerator; where the record leaves either open it is not observed.
A 0 may become 1 with a later report: as long as that can be, its cohort is provisional.
"""

from collections.abc import Iterator, Sequence

from sstl.core.consignments.controlled import EXPORT, Controlled
from sstl.core.control_reports import (
    Done,
    bases,
    is_image,
    kind_of,
    outcome,
    selections,
)
from sstl.core.indicators.control_shares import CHANNEL_SHARES, INSPECTED_TYPES
from sstl.core.leadtime import Observed, latest
from sstl.core.milestones import order
from sstl.core.releases import EVER
from sstl.core.rules.consignment_facts import (
    CHANNEL,
    DETAINED,
    PARTNER_RESULT,
    SELECTED,
    WAIVED,
    Control,
    concerns,
    is_done,
)
from sstl.core.strata import BASIS, CONTROL, OFFICE, RULE
from sstl.models.records import Event

INSPECTION_RATE = "inspection_rate"
SEIZED = "seized_consignment_share"
RELEASED_BY_ARRIVAL = "released_by_arrival_rate"
HIT_RATE = "hit_rate"
HIT_RATE_BY_RULE = "hit_rate_by_rule"
OFFICER_DISCRETION = "officer_discretion_share"
FOLLOWED_UP = "nii_follow_up_rate"
IMAGE_CONFIRMED = "nii_confirmation_rate"
CLEAR_BUT_POSITIVE = "nii_clear_but_positive_rate"
DOUBLE_INSPECTION = "double_inspection_rate"
FOR_CAUSE = "repeated_for_cause_share"
RECOGNITION = "recognition_rate"
AT_DECISION = "partner_result_at_decision_rate"
BEFORE_ARRIVAL = "partner_result_before_arrival_rate"

_CONSIGNMENT, _CONTROL, _CONTROL_RULE = "consignment", "control", "control+rule"
_SEIZURE = "inspection.seized"
_CAUSES = frozenset({"SEAL_ALARM", "REFERRAL", "PARTNER_RIF"})
"""Bases of a selection that say what somebody has learnt since."""


def observe_effectiveness(of: Controlled) -> Iterator[Observed]:
    """Yield what counts for or against the controls of a consignment."""
    yield from _cleared(of)
    for control in of.controls:
        yield from _selected(of, control)
        yield from _image(of, control)
    for done in of.done:
        yield from _result(of, done)
    exported = [one for one in of.done if one.side == EXPORT]
    if exported and of.on.first_arrival_ms is not None:
        yield from _shared(of, exported, of.on.first_arrival_ms)


def _cleared(of: Controlled) -> Iterator[Observed]:
    """Yield what counts of all consignments, controlled or not."""
    chosen_ms = of.chosen_ms
    if chosen_ms is None and of.release is None and of.first_ms(DETAINED) is None:
        return
    strata = of.cleared_strata
    if chosen_ms is not None:
        yield from _inspected(of, chosen_ms, strata)
        seized = of.on_import(_SEIZURE)
        if seized is not None:
            yield of.made(SEIZED, _CONSIGNMENT, chosen_ms, seized, strata)
        first, whose = of.first(CHANNEL, "channel"), of.on.by_operator()
        for channel, indicator in CHANNEL_SHARES.items():
            yield of.made(indicator, _CONSIGNMENT, chosen_ms, channel == first, whose)
    arrived_ms = latest(one.get("T6") for one in of.on.reached)
    if arrived_ms is not None:
        by_then = of.release is not None and of.release.event_ms <= arrived_ms
        yield of.made(RELEASED_BY_ARRIVAL, _CONSIGNMENT, arrived_ms, by_then, strata)


def _inspected(of: Controlled, chosen_ms: int, strata: dict[str, str]) -> Iterator[Observed]:
    done = of.imported
    if done or not of.elsewhere:
        yield of.made(INSPECTION_RATE, _CONSIGNMENT, chosen_ms, bool(done), strata)
    types = frozenset().union(*(one.types for one in done))
    unknown = of.elsewhere or any(not one.types for one in done)
    for control, indicator in INSPECTED_TYPES.items():
        has = control in types
        if has or not unknown:
            yield of.made(indicator, _CONSIGNMENT, chosen_ms, has, strata)


def _selected(of: Controlled, control: Control) -> Iterator[Observed]:
    """Yield whether an officer alone chose a control."""
    if control.side is None:
        return
    selected = control.of(SELECTED)
    found = bases(selected)
    if found:
        at_ms = selected[0].event_ms
        alone, strata = found == {"OFFICER"}, of.strata(control.side)
        yield of.made(OFFICER_DISCRETION, _CONTROL, at_ms, alone, strata, control.key)


def _image(of: Controlled, control: Control) -> Iterator[Observed]:
    """Yield whether the suspect image of a control was followed up, and whether it was right."""
    if control.side is None:
        return
    image = next(
        (
            event
            for event in control.events
            if event.data.get("niiResult") == "SUSPECT" and is_image(event)
        ),
        None,
    )
    if image is None:
        return
    at_ms, strata = image.event_ms, of.strata(control.side)
    follows = _follow_up(of, image)
    followed = follows is not None
    yield of.made(FOLLOWED_UP, _CONTROL, at_ms, followed, strata, control.key)
    if follows is not None:
        confirmed = outcome(
            event
            for event in follows.completing
            if event.event_ms >= at_ms and kind_of(event) != "NII"
        )
        if confirmed is not None:
            yield of.made(IMAGE_CONFIRMED, _CONTROL, at_ms, confirmed, strata, control.key)


def _follow_up(of: Controlled, image: Event) -> Done | None:
    """Return the control whose goods were examined first after an image."""
    found: tuple[Event, Done] | None = None
    for done in of.done:
        for event in done.completing:
            if (
                kind_of(event) == "PHYSICAL"
                and event.event_ms >= image.event_ms
                and event.identity != image.identity
                and concerns(event, image, ("side", "equipmentReference"))
                and (found is None or order(event) < order(found[0]))
            ):
                found = event, done
    return None if found is None else found[1]


def _result(of: Controlled, done: Done) -> Iterator[Observed]:
    """Yield whether a control found something, once its result is recorded."""
    positive = outcome(done.completing)
    if positive is None:
        return
    at_ms, key = done.reports[0].event_ms, done.control.key
    strata = of.strata(done.side)
    basis = of.basis(done)
    hits = dict(strata)
    if basis is not None:
        hits[BASIS] = basis
    deepest = done.deepest
    if deepest is not None:
        hits[CONTROL] = deepest
    office = done.control.value("office")
    if office is not None:
        hits[OFFICE] = office
    yield of.made(HIT_RATE, _CONTROL, at_ms, positive, hits, key)
    for rule in _rules(of, done):
        said = {RULE: rule}
        yield of.made(HIT_RATE_BY_RULE, _CONTROL_RULE, at_ms, positive, said, key, rule)
    if "PHYSICAL" in done.types and basis == "RANDOM" and _image_was_clear(of, done):
        yield of.made(CLEAR_BUT_POSITIVE, _CONTROL, at_ms, positive, strata, key)


def _rules(of: Controlled, done: Done) -> list[str]:
    """Return the rules that selected a control."""
    named = (one.get("ruleId") for one in selections(of.selecting(done)))
    return sorted({one for one in named if isinstance(one, str)})


def _image_was_clear(of: Controlled, done: Done) -> bool:
    """Tell whether the last image of the goods before they were examined was clear."""
    examined = next(event for event in done.completing if kind_of(event) == "PHYSICAL")
    said = [
        event.data["niiResult"]
        for event in of.view.events
        if event.event_ms <= examined.event_ms
        and event.data.get("niiResult") is not None
        and is_image(event)
        and concerns(event, examined, ("side", "equipmentReference"))
    ]
    return bool(said) and said[-1] == "CLEAR"


def _shared(of: Controlled, exported: Sequence[Done], arrived_ms: int) -> Iterator[Observed]:
    """Yield what the import side made of the control that the export side had completed."""
    start_ms = min(one.completed_ms for one in exported)
    strata = of.on.by_operator()

    def made(indicator: str, *, has: bool) -> Observed:
        return of.made(indicator, _CONSIGNMENT, start_ms, has, strata)

    received = [
        event.event_ms for event in of.view.by_type.get(PARTNER_RESULT, ()) if is_done(event)
    ]
    received_ms = min(received, default=EVER)
    yield made(BEFORE_ARRIVAL, has=received_ms < arrived_ms)
    decided = [at for at in (of.first_ms(DETAINED),) if at is not None]
    if of.release is not None:
        decided.append(of.release.event_ms)
    if not decided:
        return
    yield made(AT_DECISION, has=received_ms < min(decided))
    recognised = of.on_import(WAIVED, "citedInspectionId")
    if recognised is not None:
        yield made(RECOGNITION, has=recognised)
    repeating, open_ = _repeating(exported, of.imported)
    if repeating:
        yield made(DOUBLE_INSPECTION, has=True)
        yield made(FOR_CAUSE, has=any(_has_cause(of, *pair) for pair in repeating))
    elif not (open_ or of.elsewhere):
        yield made(DOUBLE_INSPECTION, has=False)


def _repeating(
    exported: Sequence[Done], imported: Sequence[Done]
) -> tuple[list[tuple[Done, Done]], bool]:
    """Return the later import controls with the purpose of an export control, and whether a purpose is not recorded."""
    found, open_ = [], False
    for ours in imported:
        for theirs in exported:
            if ours.completed_ms <= theirs.completed_ms:
                continue
            if ours.purpose is None or theirs.purpose is None:
                open_ = True
            elif ours.purpose == theirs.purpose:
                found.append((theirs, ours))
    return found, open_


def _has_cause(of: Controlled, theirs: Done, ours: Done) -> bool:
    """Tell whether something new between two controls is recorded that may be why the second was made.

    Its selection says so, or a referral was raised or the filing amended in between.
    """
    if not bases(of.selecting(ours)).isdisjoint(_CAUSES):
        return True
    since_ms, until_ms = theirs.completed_ms, ours.completed_ms
    return any(
        since_ms < event.event_ms <= until_ms
        for share in of.view.shares
        for event in (
            *(referral.raised for referral in share.referrals),
            *(filing.event for filing in share.filings if filing.changed),
        )
    )
