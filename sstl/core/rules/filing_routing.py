# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Validation rules of the entry summary declaration on routing and dates, judged on what a filing states.

Source: rules R3013, R3014, R3018, R3035, R3053 and condition C3001 of the ICS2 messages as published for filings F10
and F11 (docs/rules/manifest.md). One episode a filing: an amendment that puts it right clears the flag.

R3018 says "EU country"; ICS2 is operated for the whole safety and security zone, so goods may first enter in Norway and
Switzerland, too (Protocol 10 to the EEA Agreement; agreement EU - Switzerland on customs security of 25 June 2009;
toll.no, Entry Summary Declaration). Territories of the Union that have a country code of their own are of the Member
State whose office they have (Regulation (EU) No 952/2013, Art. 4).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sstl.core.consignment_view import ConsignmentView
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
from sstl.core.rules.consignment_facts import (
    HOUR_MS,
    SECURITY_ZONE,
    country_of_office,
    country_of_place,
    country_of_zone,
    evidence_of,
    filed_ms,
    hours,
)
from sstl.core.rules.engine import Asked
from sstl.models.policy import Severity
from sstl.models.records import Event, Share

_ADVICE = Text(
    "Ask the filer to amend the filing; compare it with booking and stowage.",
    "要求申报人更正申报，并与订舱和配载信息核对。",
)


def _rule(
    rule_id: str,
    name: str,
    question: str,
    needs: tuple[str, ...],
    *,
    unit: str = "country",
    severity: Severity = "LOW",
    parts: tuple[Part, ...] = (Part.MANIFEST,),
    parameters: dict[str, Parameter] | None = None,
) -> Rule:
    return Rule(
        id=rule_id,
        name=name,
        question=question,
        unit=unit,
        risk_area="SAFETY_SECURITY",
        subject="consignment",
        family="manifest",
        parts=frozenset(parts),
        needs=frozenset(needs),
        parameters=parameters or {},
        severity=severity,
        recommended_control="DOCUMENT_CHECK",
        where_to_control="FIRST_ENTRY",
        advice=_ADVICE,
        source=f"ICS2 {rule_id.partition('-')[2].upper()}",
    )


R3013 = _rule(
    "filing-r3013",
    "First country of routing is not that of loading",
    "Is the first country of routing of the means that of the place of loading?",
    ("share.countries_of_routing_of_means", "share.place_of_loading"),
)
R3014 = _rule(
    "filing-r3014",
    "Last country of routing is not that of unloading",
    "Is the last country of routing of the means that of the place of unloading?",
    ("share.countries_of_routing_of_means", "share.place_of_unloading"),
)
R3018 = _rule(
    "filing-r3018",
    "First country of routing in the EU is not that of first entry",
    "Is the first country of the routing in the EU security zone that of the customs office of first entry?",
    (
        "share.countries_of_routing_of_means",
        "share.countries_of_routing",
        "share.office_of_first_entry",
    ),
)
R3035 = _rule(
    "filing-r3035",
    "Neither ETD nor ATD",
    "Does the filing state an estimated or an actual departure?",
    ("share.etd_ms", "share.atd_ms"),
    unit="instant",
)
R3053 = _rule(
    "filing-r3053",
    "ETA before departure",
    "Is the estimated arrival not before the departure, as filed or as reported by the means?",
    (
        "share.eta_ms",
        "share.etd_ms",
        "share.atd_ms",
        "transport.time",
        "transport.eventClassifier",
        "transport.unLocationCode",
    ),
    unit="h",
    parts=(Part.MANIFEST, Part.UNITS),
    parameters={"tolerance_hours": Parameter(0, "h", "how far ETA may lie before departure")},
)
C3001 = _rule(
    "filing-c3001",
    "Split consignment without previous MRN",
    "Does a split consignment name the previous MRN?",
    ("share.split_consignment", "share.previous_mrn"),
    unit="MRN",
    severity="MEDIUM",
)


def _compared(
    asked: InForce, share: Share, routing: Text, stated: str, place: Text, expected: str
) -> Verdict:
    """Return the answer on two countries that must be one."""
    at_ms = filed_ms(share) or 0
    if expected in (stated, country_of_zone(stated)):
        return no_hit(asked, share.manifest_id, at_ms, "the countries agree")
    return hit(
        asked,
        share.manifest_id,
        at_ms,
        text=Text(
            f"{routing.en} is {stated}, {place.en} lies in {expected}.",
            f"{routing.zh}为 {stated}，而{place.zh}位于 {expected}。",
        ),
        observed=stated,
        expected=expected,
        evidence=evidence_of(share),
    )


@dataclass(frozen=True, slots=True)
class _End:
    """One end of the routing of the means, and the place whose country it must be."""

    index: int
    country: Text
    place: Text
    field: str
    """What a filing calls the place."""


_FIRST = _End(
    0,
    Text("The first country of routing", "首个途经国"),
    Text("the place of loading", "装货地"),
    "placeOfLoading",
)
_LAST = _End(
    -1,
    Text("The last country of routing", "最后途经国"),
    Text("the place of unloading", "卸货地"),
    "placeOfUnloading",
)


def _end_of_routing(asked: InForce, share: Share, end: _End, place: str | None) -> Verdict:
    countries, expected = share.countries_of_routing_of_means, country_of_place(place)
    if not countries or expected is None:
        return not_evaluable(
            asked,
            share.manifest_id,
            filed_ms(share) or 0,
            *_missing((countries, "countriesOfRoutingOfMeans"), (expected, end.field)),
        )
    named = Text(f"{end.place.en} {place}", f"{end.place.zh} {place} ")
    return _compared(asked, share, end.country, countries[end.index], named, expected)


def first_country_of_routing(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge R3013 for each filing."""
    for share in view.shares:
        yield _end_of_routing(asked, share, _FIRST, share.place_of_loading)


def last_country_of_routing(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge R3014 for each filing."""
    for share in view.shares:
        yield _end_of_routing(asked, share, _LAST, share.place_of_unloading)


def first_country_of_the_union(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge R3018 for each filing that enters the security zone: by its office of first entry, or by its routing."""
    for share in view.shares:
        routing = share.countries_of_routing_of_means or share.countries_of_routing
        first, enters = _first_entry(routing)
        office = country_of_office(share.office_of_first_entry)
        if not enters and (office is None or office not in SECURITY_ZONE):
            continue
        if not routing or office is None:
            yield not_evaluable(
                asked,
                share.manifest_id,
                filed_ms(share) or 0,
                *_missing((routing, "countriesOfRouting"), (office, "officeOfFirstEntry")),
            )
            continue
        place = Text(
            f"the customs office of first entry {share.office_of_first_entry}",
            f"首个入境海关 {share.office_of_first_entry} ",
        )
        named = Text(
            "The first country of routing in the EU security zone", "途经的首个欧盟安全区国家"
        )
        if first is None:
            yield _without_entry(asked, share, place, office)
        else:
            yield _compared(asked, share, named, first, place, office)


def _without_entry(asked: InForce, share: Share, place: Text, office: str) -> Verdict:
    """Return the answer on an office of first entry in the zone where the routing names no country of it."""
    return hit(
        asked,
        share.manifest_id,
        filed_ms(share) or 0,
        text=Text(
            f"The routing names no country of the EU security zone, {place.en} lies in {office}.",
            f"途经国家中没有欧盟安全区国家，而{place.zh}位于 {office}。",
        ),
        observed="none",
        expected=office,
        evidence=evidence_of(share),
    )


def _first_entry(routing: Sequence[str]) -> tuple[str | None, bool]:
    """Return the first country of a routing in the security zone, and whether the routing enters that from outside.

    What begins in the zone, leaves it and comes back enters where it comes back.
    """
    inside = [country_of_zone(country) is not None for country in routing]
    outside = next((n for n, within in enumerate(inside) if not within), len(routing))
    entered = next((routing[n] for n in range(outside, len(routing)) if inside[n]), None)
    if entered is not None:
        return entered, True
    return (routing[0] if outside else None), False


def departure_stated(view: ConsignmentView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge R3035 for each filing."""
    for share in view.shares:
        at_ms = filed_ms(share)
        if at_ms is None:
            yield not_evaluable(asked, share.manifest_id, 0, "manifest.lodged")
        elif share.etd_ms is not None or share.atd_ms is not None:
            yield no_hit(asked, share.manifest_id, at_ms, "a departure is stated")
        else:
            yield hit(
                asked,
                share.manifest_id,
                at_ms,
                text=Text(
                    "The filing states neither an estimated nor an actual departure.",
                    "申报既无预计离港时间，也无实际离港时间。",
                ),
                observed="none",
                expected="ETD or ATD",
                evidence=evidence_of(share),
            )


def arrival_after_departure(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge R3053 for each filing, against the departure as reported, else as filed.

    Intake refuses a filing that contradicts itself; what is left is an ETA that the real departure has overtaken.
    """
    reported = view.unit_at("T5", last=True)
    for share in view.shares:
        filed = share.etd_ms if share.atd_ms is None else share.atd_ms
        start = filed if reported is None else reported[0]
        if share.eta_ms is None or start is None:
            yield not_evaluable(
                asked,
                share.manifest_id,
                filed_ms(share) or 0,
                *_missing((share.eta_ms, "eta"), (start, "departure")),
            )
            continue
        before_ms = start - share.eta_ms
        if before_ms <= asked["tolerance_hours"] * HOUR_MS:
            yield no_hit(asked, share.manifest_id, share.eta_ms, "ETA is not before departure")
            continue
        evidence: tuple[Event, ...] = evidence_of(share)
        if reported is not None and reported[1] is not None:
            evidence = (*evidence, reported[1])
        yield hit(
            asked,
            share.manifest_id,
            share.eta_ms,
            text=Text(
                f"ETA {instant_text(share.eta_ms)} lies {hours(before_ms)} h before departure "
                f"({instant_text(start)}).",
                f"预计到达 {instant_text(share.eta_ms)} 早于离港（{instant_text(start)}）"
                f"{hours(before_ms)} 小时。",
            ),
            observed=round(before_ms / HOUR_MS, 3),
            expected=asked["tolerance_hours"],
            evidence=evidence,
        )


def split_names_its_origin(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge C3001 for each filing that says whether its consignment is split."""
    for share in view.shares:
        at_ms = filed_ms(share) or 0
        if share.split_consignment is None:
            if share.previous_mrn is not None:
                yield not_evaluable(asked, share.manifest_id, at_ms, "splitConsignment")
        elif not share.split_consignment or share.previous_mrn is not None:
            yield no_hit(asked, share.manifest_id, at_ms, "not split, or the previous MRN is named")
        else:
            yield hit(
                asked,
                share.manifest_id,
                at_ms,
                text=Text(
                    "The consignment is split and names no previous MRN.",
                    "该货物为拆分货物，但未填写前一 MRN。",
                ),
                observed="none",
                expected="previous MRN",
                evidence=evidence_of(share),
            )


def _missing(*named: tuple[object, str]) -> tuple[str, ...]:
    return tuple(name for value, name in named if value is None or value == ())


RULES: tuple[Asked[ConsignmentView], ...] = (
    Asked(R3013, first_country_of_routing),
    Asked(R3014, last_country_of_routing),
    Asked(R3018, first_country_of_the_union),
    Asked(R3035, departure_stated),
    Asked(R3053, arrival_after_departure),
    Asked(C3001, split_names_its_origin),
)
"""In the order of their numbers."""
