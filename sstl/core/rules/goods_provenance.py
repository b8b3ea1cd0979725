# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rule on the way that goods come (family goods): provenance and routing against origin."""

from collections.abc import Iterator, Sequence

from sstl.core.consignment_view import ConsignmentView
from sstl.core.rules.base import (
    InForce,
    Part,
    Rule,
    Text,
    Verdict,
    hit,
    no_hit,
    not_evaluable,
)
from sstl.core.rules.consignment_facts import country_of_place, evidence_of, filed_ms, items_key
from sstl.core.rules.engine import Asked
from sstl.models.policy import RouteProfile
from sstl.models.records import Goods, Share

ROUTE = Rule(
    id="goods-route-does-not-fit-origin",
    name="Provenance or routing does not fit the origin",
    question="Do provenance and countries of routing fit goods of this origin?",
    unit="country",
    risk_area="IPR",
    subject="consignment",
    family="goods",
    parts=frozenset({Part.MANIFEST}),
    needs=frozenset(
        {
            "share.goods",
            "share.lodged_ms",
            "share.country_of_provenance",
            "share.countries_of_routing",
            "share.place_of_unloading",
            "share.final_destination",
            "share.reentry",
        }
    ),
    severity="MEDIUM",
    recommended_control="PHYSICAL",
    advice=Text(
        "Look for signs of counterfeits (marks, packing, documents); inform the right holder where there are any.",
        "检查商标、包装和单证是否有侵权迹象；如有，通知权利人。",
    ),
    source="EU-China IPR working group: country of provenance beside country of origin (class A and B); own design",
)


def profile_of(profiles: Sequence[RouteProfile], item: Goods) -> RouteProfile | None:
    """Return the profile for an item's origin with the longest HS prefix; one without prefix is for all goods."""
    fits = [
        one
        for one in profiles
        if one.country_of_origin == item.country_of_origin
        and (one.hs_prefix is None or (item.hs6 or "").startswith(one.hs_prefix))
    ]
    return max(fits, key=lambda one: len(one.hs_prefix or ""), default=None)


def route_does_not_fit_origin(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge each filing once for each profile that concerns an item of it.

    Goods that come back (re-entry) come from where they were sent to, whatever their origin.
    """
    profiles = asked.policy.route_profiles
    if not profiles:
        return
    known = {one.country_of_origin for one in profiles}
    for share in view.shares:
        at_ms = filed_ms(share) or 0
        seen: set[str] = set()
        for position, item in enumerate(share.goods):
            if item.country_of_origin is None:
                own = items_key(share, position)
                yield not_evaluable(asked, own, at_ms, "countryOfOrigin")
                continue
            if item.country_of_origin not in known:
                continue
            profile = profile_of(profiles, item)
            if profile is None:
                continue
            anchor = f"{share.manifest_id}|{profile.country_of_origin}|{profile.hs_prefix or '*'}"
            if anchor not in seen:
                seen.add(anchor)
                yield _fits(asked, share, profile, anchor, at_ms)


def _fits(asked: InForce, share: Share, profile: RouteProfile, anchor: str, at_ms: int) -> Verdict:
    origin, provenance = profile.country_of_origin, share.country_of_provenance
    fitting = (origin, *profile.provenance)
    if share.reentry:
        return no_hit(asked, anchor, at_ms, "goods that come back: the filing states a re-entry")
    if provenance is not None and provenance not in fitting:
        return hit(
            asked,
            anchor,
            at_ms,
            text=Text(
                f"Goods of origin {origin} come from {provenance}; {', '.join(fitting)} would fit.",
                f"原产地为 {origin} 的货物启运自 {provenance}；通常应为 {'、'.join(fitting)}。",
            ),
            observed=provenance,
            expected=", ".join(fitting),
            evidence=evidence_of(share),
        )
    if profile.via:
        ends = (
            country_of_place(share.place_of_unloading),
            country_of_place(share.final_destination),
        )
        allowed = {*fitting, *profile.via, *ends}
        odd = [one for one in share.countries_of_routing if one not in allowed]
        if odd:
            fit = ", ".join(profile.via)
            return hit(
                asked,
                anchor,
                at_ms,
                text=Text(
                    f"Goods of origin {origin} are routed through {', '.join(odd)}; {fit} would fit.",
                    f"原产地为 {origin} 的货物途经 {'、'.join(odd)}；通常应经 {fit}。",
                ),
                observed=", ".join(odd),
                expected=fit,
                evidence=evidence_of(share),
            )
        if not share.countries_of_routing:
            return not_evaluable(asked, anchor, at_ms, "countriesOfRouting")
    if provenance is None:
        return not_evaluable(asked, anchor, at_ms, "countryOfProvenance")
    return no_hit(asked, anchor, at_ms, "provenance and routing fit the origin")


RULES: tuple[Asked[ConsignmentView], ...] = (Asked(ROUTE, route_does_not_fit_origin),)
"""One rule."""
