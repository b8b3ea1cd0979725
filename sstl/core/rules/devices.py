# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on a device and on a seal number: where they are said to be, and whether that can be (docs/rules/devices.md).

Asked in [references], the only stage that sees one lock or one number on several units.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

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
from sstl.models.records import Event

PAIRED = "seallock.paired"
UNPAIRED = "seallock.unpaired"
SEAL = "seal:"
_MINUTE_MS = 60_000


class Claim(msgspec.Struct, frozen=True, tag="claim.1", omit_defaults=True):
    """Cell: a report that says on which unit a device or a seal number is, or that it is on none any more."""

    event: Event
    """Without its body."""
    unit: str | None = None
    """None: it names none."""
    loose: bool = False
    """The unit is a transport document."""
    device: str | None = None
    """``device:MANUFACTURER/SERIAL``, where the report names one."""


@dataclass(slots=True)
class Stay:
    """A time that a device spends on one unit, as far as it is told."""

    unit: str
    first: Claim
    last: Claim
    """The last report that names the device on this unit."""
    paired: bool
    """A pairing began it; without one nobody is expected to unpair."""
    ended: Claim | None = None

    def open_at(self, claim: Claim) -> bool:
        """Tell whether it had not ended when another report came."""
        return self.ended is None or self.ended.event.event_ms > claim.event.event_ms


@dataclass(frozen=True)
class ReferenceView:
    """What a rule on a device or a seal number is shown."""

    reference: str
    """``device:MANUFACTURER/SERIAL`` or ``seal:NUMBER`` (normalised)."""
    claims: Sequence[Claim]
    """In the device's order (event time, sequence, id)."""

    @cached_property
    def stays(self) -> list[Stay]:
        """The device's stays, by their beginning.

        A pairing begins one, unless the device is there already and was nowhere else since; a report that arms it on
        a unit that it is not on begins one too. Unpairing ends that of the unit it names, or all where it names none.
        """
        found: list[Stay] = []
        current: dict[str, Stay] = {}
        for claim in self.claims:
            if claim.event.type == UNPAIRED:
                _end(current, claim)
                continue
            if claim.unit is None:
                continue
            pairs = claim.event.type == PAIRED
            stay = current.get(claim.unit)
            if stay is None or (pairs and found[-1] is not stay):
                stay = Stay(claim.unit, claim, claim, pairs)
                found.append(stay)
                current[claim.unit] = stay
            else:
                stay.last = claim
                stay.paired = stay.paired or pairs
        return found


def _end(current: dict[str, Stay], claim: Claim) -> None:
    leaving = list(current) if claim.unit is None else [claim.unit]
    alone = len(current) == 1
    for unit in leaving:
        stay = current.pop(unit, None)
        if stay is None:
            continue
        stay.ended = claim
        if claim.unit is not None or alone:
            stay.last = claim


ON_TWO_UNITS = Rule(
    id="device-on-two-units",
    name="Device on two units at once",
    question="Is the device reported on one unit while it is already on another?",
    unit="min",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="reference",
    needs=frozenset({"seallock.deviceId", "seallock.equipmentReference"}),
    family="devices",
    parts=frozenset({Part.SEALS}),
    parameters={
        "overlap_minutes": Parameter(
            15, "min", "longest overlap that clocks and handling on the spot explain"
        )
    },
    severity="MEDIUM",
    recommended_control="SEAL_CHECK",
    where_to_control="TRANSIT",
    advice=Text(
        "Check on both units which one really carries the lock; the reports of the other cannot be trusted.",
        "在两个运输单元上核实电子锁实际所在；另一单元的报告不可信。",
    ),
    source="own design; ISO 18185-2 (a tag's identity is permanent and unique)",
)

NOT_UNPAIRED = Rule(
    id="device-not-unpaired",
    name="Lock reused without being unpaired",
    question="Was the lock unpaired from the last unit before it was paired with the next?",
    unit="",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="reference",
    needs=frozenset({"seallock.deviceId", "seallock.equipmentReference"}),
    family="devices",
    parts=frozenset({Part.SEALS}),
    parameters={
        "overlap_minutes": Parameter(
            15,
            "min",
            "a report from the unit before, later than this, is device-on-two-units instead",
        )
    },
    severity="LOW",
    recommended_control="NONE",
    where_to_control="DESTINATION",
    advice=Text(
        "Ask the operator of the locks when it was taken off the unit before; until then its reports may be ascribed "
        "to the wrong unit.",
        "请向电子锁运营方核实何时从前一单元取下；在此之前其报告可能归错单元。",
    ),
    source="own design",
)

NUMBER_REUSED = Rule(
    id="seal-number-reused",
    name="Seal number used on another unit",
    question="Is the same seal number reported on more than one unit?",
    unit="",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="reference",
    needs=frozenset({"seallock.sealNumber", "seallock.equipmentReference", "seallock.deviceId"}),
    family="devices",
    parts=frozenset({Part.SEALS}),
    parameters={
        "least_length": Parameter(
            6, "characters", "shorter numbers are not unique among manufacturers and are not judged"
        )
    },
    severity="MEDIUM",
    recommended_control="SEAL_CHECK",
    where_to_control="TRANSIT",
    advice=Text(
        "Compare the seals of both units with the manufacturer's list: one of them may be a copy.",
        "将两个单元的封志与制造商清单核对：其中之一可能是仿制品。",
    ),
    source="ISO 17712:2013, 6 (each seal has a unique identifier)",
)


def on_two_units(view: ReferenceView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each stay against those that had not ended when it began."""
    limit = asked["overlap_minutes"]
    for number, stay in enumerate(view.stays):
        earlier = [other for other in view.stays[:number] if other.unit != stay.unit]
        if not earlier:
            continue
        begun = stay.first.event
        still = [other for other in earlier if other.open_at(stay.first)]
        other = max(still, key=_last_ms, default=None)
        if other is None:
            yield no_hit(asked, begun.identity, begun.event_ms)
            continue
        overlap = (_last_ms(other) - begun.event_ms) / _MINUTE_MS
        if overlap > limit:
            yield hit(
                asked,
                begun.identity,
                begun.event_ms,
                text=_both(view, other, stay, overlap),
                observed=round(overlap, 1),
                expected=limit,
                evidence=(other.first.event, begun, other.last.event),
            )
        elif other.ended is None and overlap <= 0:
            yield not_evaluable(
                asked, begun.identity, begun.event_ms, "unpairing from the unit before"
            )
        else:
            yield no_hit(asked, begun.identity, begun.event_ms)


def _last_ms(stay: Stay) -> int:
    return stay.last.event.event_ms


def _both(view: ReferenceView, other: Stay, stay: Stay, overlap: float) -> Text:
    name = _name(view)
    begun, last = stay.first.event.event_ms, _last_ms(other)
    since, until = instant_text(begun), instant_text(last)
    return Text(
        f"Lock {name} is on {stay.unit} since {since}, but was still reported on {other.unit} at {until}, "
        f"{overlap:.0f} min later.",
        f"电子锁 {name} 自 {since} 起在 {stay.unit} 上，但 {until}（{overlap:.0f} 分钟后）仍报告在 {other.unit} 上。",
    )


def _name(view: ReferenceView) -> str:
    return view.reference.partition(":")[2]


def not_unpaired(view: ReferenceView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each pairing against the stay before it."""
    limit_ms = asked["overlap_minutes"] * _MINUTE_MS
    for before, stay in zip(view.stays, view.stays[1:], strict=False):
        begun = stay.first.event
        if before.unit == stay.unit or begun.type != PAIRED:
            continue
        if not before.paired:
            yield not_evaluable(
                asked, begun.identity, begun.event_ms, "pairing with the unit before"
            )
        elif before.ended is not None or _last_ms(before) - begun.event_ms > limit_ms:
            # left too late is `device-on-two-units`, with the overlap that this one cannot show
            yield no_hit(asked, begun.identity, begun.event_ms, "it was unpaired, or is on both")
        else:
            yield hit(
                asked,
                begun.identity,
                begun.event_ms,
                text=_moved(view, before, stay),
                observed="paired without being unpaired",
                expected="unpaired first",
                evidence=(before.first.event, begun),
            )


def _moved(view: ReferenceView, before: Stay, stay: Stay) -> Text:
    name, at = _name(view), instant_text(stay.first.event.event_ms)
    since = instant_text(before.first.event.event_ms)
    return Text(
        f"Lock {name} was paired with {stay.unit} at {at} without having been unpaired from {before.unit}, where it "
        f"was since {since}.",
        f"电子锁 {name} 于 {at} 与 {stay.unit} 配对，此前未与 {before.unit}（自 {since} 起）解除配对。",
    )


def number_reused(view: ReferenceView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge the first report of a seal number on each unit but the first.

    A lock that carries its number from unit to unit is no reuse: the rules on the device judge that.
    """
    number = _name(view)
    seen: dict[str, Claim] = {}
    for claim in view.claims:
        event = claim.event
        if claim.unit is None:
            if seen:
                yield not_evaluable(asked, event.identity, event.event_ms, "unit of the seal")
            continue
        if claim.unit in seen:
            continue
        before = list(seen.values())
        seen[claim.unit] = claim
        if not before:
            continue
        others = [one for one in before if one.device is None or one.device != claim.device]
        if len(number) < asked["least_length"]:
            yield not_evaluable(asked, event.identity, event.event_ms, "a number long enough")
        elif not others:
            yield no_hit(asked, event.identity, event.event_ms, "the same lock on its next unit")
        else:
            first = others[0]
            yield hit(
                asked,
                event.identity,
                event.event_ms,
                text=_again(number, first, claim),
                observed=len({one.unit for one in others}) + 1,
                expected=1,
                evidence=(first.event, event),
                seal_numbers=(number,),
            )


def _again(number: str, first: Claim, claim: Claim) -> Text:
    was, now = instant_text(first.event.event_ms), instant_text(claim.event.event_ms)
    return Text(
        f"Seal {number} was put on {claim.unit} at {now}; the same number was on {first.unit} at {was}.",
        f"封志 {number} 于 {now} 施加于 {claim.unit}；同一号码曾于 {was} 在 {first.unit} 上。",
    )


DEVICE_RULES: tuple[Asked[ReferenceView], ...] = (
    Asked(ON_TWO_UNITS, on_two_units),
    Asked(NOT_UNPAIRED, not_unpaired),
)
SEAL_RULES: tuple[Asked[ReferenceView], ...] = (Asked(NUMBER_REUSED, number_reused),)
RULES = (*DEVICE_RULES, *SEAL_RULES)
