# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on seal numbers and on locks that a unit has carried before (docs/rules/seals.md)."""

from collections.abc import Iterator, Sequence

from sstl.core.journeys.view import JourneyView
from sstl.core.routing import device_of
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Part,
    Rule,
    Text,
    Verdict,
    hit,
    instant_text,
    no_hit,
    not_evaluable,
)
from sstl.core.rules.engine import Asked
from sstl.core.rules.seal_words import MINUTE_MS, STORY, at_words, lock_words
from sstl.core.seals.facts import MOST_AGAIN
from sstl.core.seals.story import Armed
from sstl.models.identifiers import canonical_seal_number
from sstl.models.records import Event

DIFFERS = Rule(
    id="seal-number-differs",
    name="Seal number differs from the last armed",
    question="Is the number that was seen one that the unit was armed with last?",
    unit="",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    needs=STORY
    | {"transport.seals", "transport.eventClassifier", "transport.unLocationCode", "share.seals"},
    family="seals",
    parts=frozenset({Part.SEALS, Part.CONTROLS, Part.TRANSPORT, Part.MANIFEST}),
    severity="HIGH",
    recommended_control="PHYSICAL",
    where_to_control="DESTINATION",
    advice=Text(
        "Look at the seal itself. If the number is really another one, open the unit and compare the cargo.",
        "现场核对封志实物；号码确实不同的，开箱核对货物。",
    ),
    source="WCO SAFE Framework, seal integrity programme (seal numbers are verified at each change of custody)",
)

USED_AGAIN = Rule(
    id="seal-number-used-again",
    name="Seal number of an earlier journey used again",
    question="Was this seal on the same unit on an earlier journey?",
    unit="",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    needs=STORY,
    family="seals",
    parts=frozenset({Part.SEALS}),
    severity="MEDIUM",
    recommended_control="SEAL_CHECK",
    where_to_control="TRANSIT",
    advice=Text(
        "A mechanical seal cannot be closed twice: see whether it is a copy, or the number comes from old papers.",
        "机械封志不能重复使用：核查是否为仿制品，或号码抄自旧单证。",
    ),
    source="ISO 17712 (a seal is single use and uniquely numbered)",
)

LOCK_KEPT = Rule(
    id="lock-not-unpaired-before-reuse",
    name="Lock used on the next journey without being unpaired",
    question="Was the lock unpaired at the end of the unit's earlier journey?",
    unit="",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    needs=STORY,
    family="seals",
    parts=frozenset({Part.SEALS}),
    severity="LOW",
    recommended_control="NONE",
    where_to_control="DESTINATION",
    advice=Text(
        "Ask the operator of the locks to end pairings at delivery: reports may be ascribed to the wrong journey.",
        "请电子锁运营方在交付时解除配对：否则报告可能归错行程。",
    ),
    source="own design",
)

TWO_DEVICES = Rule(
    id="unit-with-two-devices",
    name="More locks armed on one unit than expected",
    question="Are more devices armed at the same place of the unit than expected?",
    unit="devices",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    needs=STORY | {"seallock.placement"},
    family="seals",
    parts=frozenset({Part.SEALS}),
    parameters={
        "most_devices": Parameter(1, "devices", "so many may be armed at one place (DOOR, VENT)"),
        "overlap_min": Parameter(
            60, "min", "so long both may be armed while one replaces the other"
        ),
    },
    severity="LOW",
    recommended_control="SEAL_CHECK",
    where_to_control="TRANSIT",
    advice=Text(
        "See which lock really is on the doors: the reports of the other may belong to another unit.",
        "核实箱门上实际为哪一把锁：另一把锁的报告可能属于其他单元。",
    ),
    source="own design",
)

_SHORT = 3
_SEEN = {
    "seallock.checked": "sealNumber",
    "seallock.opened": "sealNumber",
    "seallock.resealed": "oldSealNumber",
}
"""What names a number that was on the unit; inspections name it ``sealBefore``, terminals ``seals``."""
_SEEN_BY = ("inspection.", "transport.")


def differs(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each number that somebody saw; one that differs is one episode however often it is seen."""
    if not view.seals.states:
        return
    wrong: dict[str, list[Event]] = {}
    expected: dict[str, tuple[str, ...]] = {}
    for event, numbers in _seen(view):
        known = armed_with(view.seals.armed, event)
        for number in numbers:
            if number in known:
                yield no_hit(asked, event.identity, event.event_ms, "the number agrees")
            elif number in wrong:
                wrong[number].append(event)
            elif not known or None in known:
                missing = "seal armed before" if not known else "number of the armed lock"
                yield not_evaluable(asked, event.identity, event.event_ms, missing)
            elif is_declared(view, number):
                yield no_hit(asked, event.identity, event.event_ms, "a second seal, as declared")
            else:
                wrong[number] = [event]
                expected[number] = tuple(sorted(name for name in known if name is not None))
    for number, events in wrong.items():
        first = events[0]
        at, should = at_words(first), ", ".join(expected[number])
        yield hit(
            asked,
            f"{first.identity}|{number}",
            first.event_ms,
            text=Text(
                f"Seal {number} was seen {at.en}; the unit was last armed with {should}.",
                f"{at.zh.lstrip()}所见封志为 {number}；最后施加的封志为 {should}。",
            ),
            observed=number,
            expected=should,
            evidence=tuple(events),
            follows=tuple(
                (DIFFERS.id, f"{event.identity}|{number}") for event in events[1 : 1 + MOST_AGAIN]
            ),
            seal_numbers=(number, *expected[number]),
        )


def _seen(view: JourneyView) -> Iterator[tuple[Event, list[str]]]:
    """Tell the numbers that somebody other than the one who put the seal on has seen, in order."""
    types = [kind for kind in view.by_type if kind in _SEEN or kind.startswith(_SEEN_BY)]
    for event in view.of(*types) if types else ():
        data = event.data
        name = _SEEN.get(event.type, "sealBefore")
        if (name not in data and "seals" not in data) or data.get("condition") == "MISSING":
            continue
        stated = [data.get(name), *(one.get("number") for one in data.get("seals", ()))]
        kept = [canonical_seal_number(one) for one in stated if isinstance(one, str)]
        kept = [one for one in kept if is_number(one)]
        if kept:
            yield event, kept


def is_number(text: str) -> bool:
    """Tell a number from a word in its place ("SI" in real discharge reports: sealed, number not given)."""
    return len(text) > _SHORT or any(char.isdigit() for char in text)


def armed_with(armed: Sequence[Armed], event: Event) -> set[str | None]:
    """Return the numbers the unit was armed with when an event came, else those it was armed with last.

    None in it: a lock whose number is not known. What the event itself put on is not in it.
    """
    at_ms = event.event_ms
    before = [one for one in armed if one.from_ms <= at_ms and not _same(one.armed, event)]
    active = [one for one in before if one.ended is None or one.ended.event_ms >= at_ms]
    if active:
        return {one.seal_number for one in active}
    last = max((one.ended.event_ms for one in before if one.ended is not None), default=None)
    return {
        one.seal_number for one in before if one.ended is not None and one.ended.event_ms == last
    }


def _same(one: Event, other: Event) -> bool:
    return one.id == other.id and one.source == other.source


def is_declared(view: JourneyView, number: str) -> bool:
    """Tell whether a manifest declares the number and nobody reported that this seal was put on or taken off."""
    if any(one.seal_number == number for one in view.seals.armed):
        return False
    return any(canonical_seal_number(one) == number for share in view.shares for one in share.seals)


def used_again(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge the mechanical seals of this journey against those of the unit's earlier ones."""
    earlier = [one for one in view.others if one.first_ms < view.first_ms]
    if not earlier:
        return
    asked_of: set[str] = set()
    for one in view.seals.armed:
        number = one.seal_number
        if number is None or one.lock.startswith("device:") or number in asked_of:
            continue
        asked_of.add(number)
        anchor, at_ms = one.armed.identity, one.armed.event_ms
        before = [
            other for past in earlier for other in past.seals.armed if other.seal_number == number
        ]
        if not before:
            yield no_hit(asked, anchor, at_ms)
            continue
        first = before[0].armed
        now, then = at_words(one.armed), instant_text(first.event_ms)
        yield hit(
            asked,
            anchor,
            at_ms,
            text=Text(
                f"Seal {number} was put on {now.en}; it was on this unit before, on {then}.",
                f"封志 {number}{now.zh}施加；此前 {then} 已用于本单元。",
            ),
            observed=2,
            expected=1,
            evidence=(first, one.armed),
            seal_numbers=(number,),
        )


def lock_kept(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge the locks of this journey that the unit's journey before had too."""
    earlier = [one for one in view.others if one.first_ms < view.first_ms]
    if not earlier:
        return
    before = dict(max(earlier, key=lambda one: one.first_ms).seals.states)
    for lock, _state in view.seals.states:
        if not lock.startswith("device:") or lock not in before:
            continue
        first = next(
            (
                e
                for e in view.events
                if e.type.startswith("seallock.") and device_of(e.data) == lock
            ),
            None,
        )
        if first is None:
            continue
        if before[lock] == "UNPAIRED" or first.type == "seallock.unpaired":
            yield no_hit(asked, first.identity, first.event_ms, "it was unpaired")
            continue
        name, at = lock_words(lock), at_words(first)
        yield hit(
            asked,
            first.identity,
            first.event_ms,
            text=Text(
                f"{name.en} begins this journey {at.en} without having been unpaired from the one before.",
                f"{name.zh}{at.zh}开始本次行程，此前行程未解除配对。",
            ),
            observed=before[lock],
            expected="UNPAIRED",
            evidence=(first,),
        )


def two_devices(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each arming of a device against the other devices armed at the same place of the unit for longer.

    A device that states no placement is on the door.
    """
    devices = [one for one in view.seals.armed if one.lock.startswith("device:")]
    if not devices:
        return
    most, overlap_ms = asked["most_devices"], int(asked["overlap_min"] * MINUTE_MS)
    for one in devices:
        anchor, at_ms = one.armed.identity, one.from_ms
        until = at_ms + overlap_ms
        held = [
            other
            for other in devices
            if other.lock != one.lock
            and _placement(other) == _placement(one)
            and (other.from_ms, other.lock) < (at_ms, one.lock)
            and _lasts(other, until)
        ]
        many = len({other.lock for other in held}) + 1
        if many <= most or not _lasts(one, until):
            yield no_hit(asked, anchor, at_ms, "no more than expected")
            continue
        name, at = lock_words(one.lock), at_words(one.armed, at_ms)
        others = ", ".join(sorted({lock_words(other.lock).en for other in held}))
        others_zh = "、".join(sorted({lock_words(other.lock).zh for other in held}))
        yield hit(
            asked,
            anchor,
            at_ms,
            text=Text(
                f"{name.en} was armed {at.en} while {others} stayed armed on the same unit.",
                f"{name.zh}{at.zh}上锁，同一单元上 {others_zh} 仍处于上锁状态。",
            ),
            observed=many,
            expected=most,
            evidence=(*(other.armed for other in held), one.armed),
            due_ms=until,
        )


def _placement(armed: Armed) -> str:
    return str(armed.armed.data.get("placement", "DOOR"))


def _lasts(armed: Armed, until_ms: int) -> bool:
    """Tell whether it stays armed until later than an instant, or as far as is known."""
    return armed.ended is None or armed.ended.event_ms > until_ms


RULES: tuple[Asked[JourneyView], ...] = (
    Asked(DIFFERS, differs),
    Asked(USED_AGAIN, used_again),
    Asked(LOCK_KEPT, lock_kept),
    Asked(TWO_DEVICES, two_devices),
)
