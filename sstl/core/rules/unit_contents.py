# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules of the family "manifest" on a unit: does it carry what the manifest says, by seals and by mass."""

from collections.abc import Iterator, Sequence

from sstl.core.identifiers import kind_of_equipment
from sstl.core.journeys.view import JourneyView
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
from sstl.core.rules.seal_words import STORY
from sstl.models.identifiers import canonical_seal_number
from sstl.models.records import Event, Share

WEIGHED = "mass.verified"

_MILESTONES = frozenset(
    {
        "transport.time",
        "transport.eventClassifier",
        "transport.unLocationCode",
        "transport.sequence",
    }
)
_REPORTING = ("seallock.armed", "seallock.resealed", "seallock.checked", "seallock.state.reported")
"""Reports of the seals that a unit carries."""
_PUT_ON = frozenset({"seallock.armed", "seallock.resealed"})

TARES: dict[str, Parameter] = {
    "tare_kg": Parameter(5000, "kg", "most that a container itself weighs (45-foot and reefers)"),
    "tare_uld_kg": Parameter(400, "kg", "most that an air ULD itself weighs"),
    "tare_wagon_kg": Parameter(30000, "kg", "most that a rail wagon itself weighs"),
}
"""By the kind of unit, as its number tells it (`kind_of_equipment`): most of what is common, from published tares.

Containers (ISO 668; plates of dry, 45-foot and refrigerated ones) 2 to 5 t; ULDs of the lower deck and pallets (IATA)
0.05 to 0.4 t, those with their own cooling or of 20 feet more; covered and flat wagons 10 to 30 t.
"""
_TARE_OF = {"container": "tare_kg", "uld": "tare_uld_kg", "wagon": "tare_wagon_kg"}
_KIND = "kind of unit"
"""What is missing where the tare is not known."""

EMPTY = Rule(
    id="empty-sealed-or-heavy",
    name="Declared empty but sealed or heavy",
    question="Is a unit that the manifest calls empty sealed, or heavier than an empty one can be?",
    unit="kg",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    family="manifest",
    needs=STORY
    | {"share.empty", "share.lodged_ms", "share.seals", "mass.time", "mass.grossMassKg"},
    parts=frozenset({Part.TRANSPORT, Part.SEALS, Part.CONTROLS, Part.MANIFEST}),
    parameters=TARES,
    recommended_control="PHYSICAL",
    where_to_control="FIRST_ENTRY",
    advice=Text("Open the unit: an empty one needs no seal.", "请开箱查验：空箱无需施封。"),
    source="own design; empty containers as a concealment method; tares: containers ISO 668, ULDs IATA, wagons UIC",
)
SEALS = Rule(
    id="seals-declared-differ",
    name="Seals declared and reported differ",
    question="Does the unit depart with a seal that the manifest does not declare?",
    unit="seal number",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    family="manifest",
    needs=_MILESTONES
    | {
        "share.seals",
        "share.place_of_loading",
        "seallock.time",
        "seallock.sealNumber",
        "seallock.oldSealNumber",
        "transport.seals",
        "inspection.time",
        "inspection.sealAfter",
    },
    parts=frozenset({Part.TRANSPORT, Part.SEALS, Part.CONTROLS, Part.MANIFEST}),
    recommended_control="SEAL_CHECK",
    where_to_control="FIRST_ENTRY",
    advice=Text(
        "Read the seal on the unit and compare it with both numbers; a misprint is the likely reason.",
        "请核对箱上封志与两个号码；填写错误的可能性较大。",
    ),
    source="EUCDM data element 19 10 (seal identifiers); own design",
)
MASS = Rule(
    id="mass-differs",
    name="Declared and weighed mass differ",
    question="Does the weighed mass differ from the declared one by more than the tolerance?",
    unit="kg",
    risk_area="FINANCIAL",
    subject="unit",
    family="manifest",
    needs=frozenset(
        {
            "share.gross_mass_kg",
            "share.consignments",
            "share.lodged_ms",
            "mass.time",
            "mass.grossMassKg",
        }
    ),
    parts=frozenset({Part.TRANSPORT, Part.MANIFEST}),
    parameters={
        "absolute_kg": Parameter(500, "kg", "tolerance, the greater of this and the relative one"),
        "relative_pct": Parameter(5, "%", "tolerance, of the declared mass"),
        **TARES,
    },
    recommended_control="NII_SCAN",
    where_to_control="FIRST_ENTRY",
    advice=Text(
        "Weigh again; look for goods that are not declared, or for goods that are missing.",
        "请复称；查找未申报或短少货物。",
    ),
    source="verified gross mass: SOLAS chapter VI, regulation 2; tolerance: own design; "
    "tares: containers ISO 668, ULDs IATA, wagons UIC",
)


def empty_sealed_or_heavy(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge a unit that all its manifests call empty."""
    del as_of_ms
    if not (view.shares and view.plan.empty):
        return
    anchor = view.anchor("empty")
    weighed = view.by_type.get(WEIGHED, ())
    sealed = view.seals.armed
    declared = sorted({number for share in view.shares for number in share.seals})
    if not (weighed or sealed or declared):
        yield not_evaluable(asked, anchor, view.first_ms, "seallock.armed", "mass.grossMassKg")
        return
    tare_kg = _tare_kg(view, asked)
    mass_kg = float(weighed[-1].data["grossMassKg"]) if weighed else None
    heavy = mass_kg is not None and tare_kg is not None and mass_kg > tare_kg
    if tare_kg is None and not (sealed or declared):
        yield not_evaluable(asked, anchor, weighed[-1].event_ms, _KIND)
        return
    if not (heavy or sealed or declared):
        yield no_hit(asked, anchor, weighed[-1].event_ms, "neither sealed nor heavy")
        return
    evidence = [*manifest_of(view.shares)]
    en, zh, instants = [], [], []
    if sealed:
        evidence.append(sealed[0].armed)
        instants.append(sealed[0].armed.event_ms)
        en.append(f"sealed at {instant_text(sealed[0].armed.event_ms)}")
        zh.append(f"于 {instant_text(sealed[0].armed.event_ms)} 施封")
    elif declared:
        en.append(f"declared with {len(declared)} seal{'' if len(declared) == 1 else 's'}")
        zh.append(f"申报了 {len(declared)} 个封志")
    if heavy and mass_kg is not None and tare_kg is not None:
        evidence.append(weighed[-1])
        instants.append(weighed[-1].event_ms)
        en.append(f"weighs {mass_kg:.0f} kg ({tare_kg:.0f} kg at most when empty)")
        zh.append(f"重 {mass_kg:.0f} 公斤（空载至多 {tare_kg:.0f} 公斤）")
    yield hit(
        asked,
        anchor,
        min(instants, default=view.plan.lodged_ms or view.first_ms),
        text=Text(f"Declared empty, but {' and '.join(en)}.", f"申报为空箱，但{'，'.join(zh)}。"),
        observed=mass_kg if heavy else "sealed",
        expected=tare_kg if heavy and tare_kg is not None else "no seal",
        evidence=tuple(evidence),
        severity="HIGH" if heavy else None,
        seal_numbers=tuple(declared),
    )


def seals_declared_differ(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Compare the seals reported until departure with those that the manifests declare.

    A seal that replaced a declared one, or that a control put on, counts as declared: whether that was allowed is asked
    elsewhere. Numbers without a digit ("SI") say that there is a seal, not which. Fewer reported than declared is
    no difference, since a device reports only itself. What terminals read is compared where nobody reports a seal put
    on; where somebody does, it is compared with that (`seal-number-differs`).
    """
    del as_of_ms
    if not view.shares:
        return
    departed_ms = view.at("T5")
    declared = {_number(number) for share in view.shares for number in share.seals}
    declared.discard(None)
    reports = [
        event
        for event in view.of(*_REPORTING, *_terminals(view))
        if _numbers(event) and (departed_ms is None or event.event_ms <= departed_ms)
    ]
    if not declared and not reports:
        return
    anchor = view.anchor("seals")
    if not declared or not reports:
        missing = ("seallock.sealNumber", "transport.seals") if declared else ("share.seals",)
        yield not_evaluable(asked, anchor, view.first_ms, *missing)
        return
    accepted = declared | {
        _number(event.data.get("sealAfter"))
        for event in view.events
        if event.type.startswith("inspection.")
    }
    strange: dict[str, Event] = {}
    for event in reports:
        numbers, old = _numbers(event), _number(event.data.get("oldSealNumber"))
        if old is not None and old in accepted:
            accepted.update(numbers)
        for number in numbers:
            if number not in accepted:
                strange.setdefault(number, event)
    if not strange:
        yield no_hit(asked, anchor, reports[0].event_ms, "the seals reported are declared")
        return
    first = next(iter(strange.values()))
    reported = ", ".join(strange)
    stated = ", ".join(sorted(number for number in declared if number))
    at = instant_text(first.event_ms)
    yield hit(
        asked,
        anchor,
        first.event_ms,
        text=Text(
            f"Seal {reported} reported at {at}; the manifest declares {stated}.",
            f"{at} 报告封志 {reported}；舱单申报 {stated}。",
        ),
        observed=reported,
        expected=stated,
        evidence=(*strange.values(), *manifest_of(view.shares)),
        seal_numbers=tuple(strange),
    )


def _terminals(view: JourneyView) -> list[str]:
    """Return the types of transport event that may name seals, none where somebody reported a seal put on."""
    if not _PUT_ON.isdisjoint(view.by_type):
        return []
    return [kind for kind in view.by_type if kind.startswith("transport.")]


def _numbers(event: Event) -> list[str]:
    """Return the seal numbers of a report, as they are compared."""
    stated = [event.data.get("sealNumber")]
    stated += [seal.get("number") for seal in event.data.get("seals") or ()]
    return [number for number in map(_number, stated) if number is not None]


def _number(text: object) -> str | None:
    """Return a seal number as it is compared, None for what is no number."""
    if not isinstance(text, str) or not any(character.isdigit() for character in text):
        return None
    return canonical_seal_number(text)


def mass_differs(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Compare the last weighed mass with the declared one, which leaves out what the unit itself weighs."""
    del as_of_ms
    weighed = view.by_type.get(WEIGHED, ())
    if not weighed or not view.shares:
        return
    last, anchor = weighed[-1], view.anchor("mass")
    declared_kg = _declared_kg(view.shares)
    if declared_kg is None:
        yield not_evaluable(asked, anchor, last.event_ms, "share.gross_mass_kg")
        return
    mass_kg = float(last.data["grossMassKg"])
    tare_kg = _tare_kg(view, asked)
    tolerance_kg = max(asked["absolute_kg"], declared_kg * asked["relative_pct"] / 100)
    if tare_kg is None and mass_kg > declared_kg + tolerance_kg:
        yield not_evaluable(asked, anchor, last.event_ms, _KIND)
        return
    tare_kg = tare_kg or 0.0
    over_kg, under_kg = mass_kg - declared_kg - tare_kg, declared_kg - mass_kg
    if max(over_kg, under_kg) <= tolerance_kg:
        yield no_hit(asked, anchor, last.event_ms, "the masses agree within the tolerance")
        return
    difference_kg = mass_kg - declared_kg
    at, tare = instant_text(last.event_ms), f"{tare_kg:.0f}"
    yield hit(
        asked,
        anchor,
        last.event_ms,
        text=Text(
            f"Weighed {mass_kg:.0f} kg at {at}, {abs(difference_kg):.0f} kg {'more' if difference_kg > 0 else 'less'} "
            f"than the {declared_kg:.0f} kg declared; tolerance {tolerance_kg:.0f} kg, unit itself up to {tare} kg.",
            f"{at} 称重 {mass_kg:.0f} 公斤，比申报的 {declared_kg:.0f} 公斤{'多' if difference_kg > 0 else '少'} "
            f"{abs(difference_kg):.0f} 公斤；容差 {tolerance_kg:.0f} 公斤，单元自重至多 {tare} 公斤。",
        ),
        observed=mass_kg,
        expected=declared_kg,
        evidence=(last, *manifest_of(view.shares)),
        excess=1 - tolerance_kg / max(over_kg, under_kg),
    )


def _tare_kg(view: JourneyView, asked: InForce) -> float | None:
    """Return what the unit itself weighs at most: nothing where it is loose cargo, None where its kind is not known."""
    if view.loose:
        return 0.0
    kind = kind_of_equipment(view.unit)
    return None if kind is None else asked[_TARE_OF[kind]]


def _declared_kg(shares: Sequence[Share]) -> float | None:
    """Return the declared mass: manifests of other consignments add to it, further ones of the same do not.

    None where one that counts does not state its part.
    """
    seen: set[str] = set()
    total = 0.0
    for share in shares:
        names = set(share.consignments) or {share.manifest_id}
        if names & seen:
            continue
        seen |= names
        if share.gross_mass_kg is None:
            return None
        total += share.gross_mass_kg
    return total


def manifest_of(shares: Sequence[Share]) -> tuple[Event, ...]:
    """Return the event of the governing manifest, for evidence."""
    evidence = shares[0].evidence if shares else None
    return () if evidence is None else (evidence,)


RULES: tuple[Asked[JourneyView], ...] = (
    Asked(EMPTY, empty_sealed_or_heavy),
    Asked(SEALS, seals_declared_differ),
    Asked(MASS, mass_differs),
)
