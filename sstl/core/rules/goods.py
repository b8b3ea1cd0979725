# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on the goods of a consignment (family goods): what they are and what they cost.

Which way they come is in `sstl.core.rules.goods_provenance`, split parcels in `sstl.core.rules.goods_parcels`.

Lists, reference values, words and profiles are policy; where it has none that concern an item nothing is asked.
"""

from collections.abc import Iterator, Sequence

from sstl.core.consignment_view import ConsignmentView
from sstl.core.rules import goods_parcels, goods_provenance
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Part,
    Rule,
    Text,
    Verdict,
    hit,
    no_hit,
    not_evaluable,
)
from sstl.core.rules.consignment_facts import evidence_of, filed_ms, items_key
from sstl.core.rules.engine import Asked
from sstl.core.rules.goods_words import contains
from sstl.models.codes import RiskArea
from sstl.models.policy import ChapterWords, Policy, ReferenceValue
from sstl.models.records import Goods, Share

_AREAS: dict[RiskArea, str] = {
    "SAFETY_SECURITY": "安全与安保",
    "FINANCIAL": "税收",
    "IPR": "知识产权",
    "PROHIBITION_RESTRICTION": "禁限",
    "DRUG_PRECURSOR": "易制毒化学品",
    "WASTE_CITES": "固体废物与濒危物种",
    "PRODUCT_SAFETY": "产品安全",
    "SUPPLY_CHAIN_INTEGRITY": "供应链完整性",
}

WATCH_LIST = Rule(
    id="goods-on-watch-list",
    name="Goods on a watch list",
    question="Are the goods on a watch list that held when the filing was lodged?",
    unit="HS code",
    risk_area="PROHIBITION_RESTRICTION",
    subject="consignment",
    family="goods",
    parts=frozenset({Part.MANIFEST}),
    needs=frozenset({"share.goods", "share.lodged_ms"}),
    severity="MEDIUM",
    recommended_control="DOCUMENT_CHECK",
    advice=Text(
        "Ask for the licence, permit or certificate of the list; without it have the goods examined.",
        "核验清单要求的许可证件；无证件的实施查验。",
    ),
    source="the act or list that each watch list of the policy names",
)
LOW_VALUE = Rule(
    id="goods-value-below-reference",
    name="Unit value below the reference range",
    question="Is the value per kilogram below the reference range for HS code and origin?",
    unit="currency/kg",
    risk_area="FINANCIAL",
    subject="consignment",
    family="goods",
    parts=frozenset({Part.MANIFEST}),
    needs=frozenset({"share.goods", "share.lodged_ms"}),
    parameters={
        "share_of_low": Parameter(
            1, "ratio", "of the lower end of the reference range, below which a value is low"
        )
    },
    severity="MEDIUM",
    recommended_control="DOCUMENT_CHECK",
    advice=Text(
        "Ask for invoice, contract and proof of payment; compare quantity and mass.",
        "要求提供发票、合同和付款凭证，并核对数量和重量。",
    ),
    source="own design; reference values are the policy's",
)
CHAPTER = Rule(
    id="goods-description-contradicts-chapter",
    name="Description contradicts the HS chapter",
    question="Does the description use words that belong to other HS chapters and none of its own?",
    unit="HS chapter",
    risk_area="FINANCIAL",
    subject="consignment",
    family="goods",
    parts=frozenset({Part.MANIFEST}),
    needs=frozenset({"share.goods", "share.lodged_ms"}),
    severity="LOW",
    recommended_control="DOCUMENT_CHECK",
    advice=Text(
        "Check the classification; sample the goods where duty or prohibitions depend on it.",
        "复核归类；涉及税率或禁限管理的取样检验。",
    ),
    source="own design; Harmonized System chapters",
)


def _items(view: ConsignmentView) -> Iterator[tuple[Share, Goods, str, int, int]]:
    """Yield the items of all filings: share, item, anchor, number, instant of filing (0 where not known)."""
    for share in view.shares:
        at_ms = filed_ms(share) or 0
        for position, item in enumerate(share.goods):
            number = position + 1 if item.item_no is None else item.item_no
            yield share, item, items_key(share, position), number, at_ms


def on_watch_list(view: ConsignmentView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each item against each list: one answer for each list that has its HS code, else one for the item."""
    lists = asked.policy.watch_lists
    if not lists:
        return
    for share, item, anchor, number, at_ms in _items(view):
        if item.hs6 is None:
            yield not_evaluable(asked, anchor, at_ms, "hs6")
            continue
        if not at_ms:
            yield not_evaluable(asked, anchor, at_ms, "manifest.lodged")
            continue
        on = listed_under(asked.policy, item.hs6)
        for name in sorted(on):
            own = f"{name}|{anchor}"
            yield _listed(asked, (share, item, number), name, on[name], own, at_ms)
        if not on:
            yield no_hit(asked, anchor, at_ms, "on no watch list")


def listed_under(policy: Policy, hs6: str) -> dict[str, str]:
    """Return the watch lists that have an HS code, whenever they hold, each with its longest prefix of it."""
    index: dict[str, tuple[str, ...]] | None = policy.__dict__.get("_watched")
    if index is None:
        collected: dict[str, list[str]] = {}
        for name, listed in policy.watch_lists.items():
            for prefix in listed.hs_prefixes:
                collected.setdefault(prefix, []).append(name)
        index = policy.__dict__["_watched"] = {one: tuple(of) for one, of in collected.items()}
    found: dict[str, str] = {}
    for length in range(2, len(hs6) + 1):
        prefix = hs6[:length]
        for name in index.get(prefix, ()):
            found[name] = prefix
    return found


def _listed(
    asked: InForce,
    about: tuple[Share, Goods, int],
    name: str,
    prefix: str,
    anchor: str,
    at_ms: int,
) -> Verdict:
    """Return the answer for an item whose HS code a list has."""
    share, item, number = about
    listed = asked.policy.watch_lists[name]
    origins = listed.countries_of_origin
    if not listed.holds_at(at_ms):
        return no_hit(asked, anchor, at_ms, "the list did not hold when the filing was lodged")
    if origins and item.country_of_origin is None:
        return not_evaluable(asked, anchor, at_ms, "countryOfOrigin")
    if origins and item.country_of_origin not in origins:
        return no_hit(asked, anchor, at_ms, "not of an origin that is listed")
    area = listed.risk_area.lower().replace("_", " ")
    return hit(
        asked,
        anchor,
        at_ms,
        text=Text(
            f"Item {number} (HS {item.hs6}) is on watch list {name} ({area}): {listed.source}.",
            f"第 {number} 项（HS {item.hs6}）列入监控清单 {name}"
            f"（{_AREAS[listed.risk_area]}）：{listed.source}。",
        ),
        observed=item.hs6,
        expected=f"not {prefix}",
        evidence=evidence_of(share),
        severity=listed.severity,
        risk_area=listed.risk_area,
    )


def reference_of(values: Sequence[ReferenceValue], item: Goods) -> ReferenceValue | str | None:
    """Return the reference for an item: the longest HS prefix, and of these the one for its origin first.

    ``countryOfOrigin`` where only the origin that is not stated could tell; None where there is none.
    """
    hs6 = item.hs6
    if hs6 is None:
        return None
    fits = [one for one in values if hs6.startswith(one.hs_prefix)]
    own = [one for one in fits if one.country_of_origin in (None, item.country_of_origin)]
    if own:
        return max(own, key=lambda one: (len(one.hs_prefix), one.country_of_origin is not None))
    return "countryOfOrigin" if fits and item.country_of_origin is None else None


def value_below_reference(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge the value of each item by its net mass, its gross mass where that is not stated."""
    values = asked.policy.reference_values
    if not values:
        return
    for share, item, anchor, number, at_ms in _items(view):
        reference = reference_of(values, item)
        if reference is None:
            if item.hs6 is None:
                yield not_evaluable(asked, anchor, at_ms, "hs6")
            continue
        if isinstance(reference, str):
            yield not_evaluable(asked, anchor, at_ms, reference)
            continue
        mass = item.net_mass_kg if item.net_mass_kg is not None else item.gross_mass_kg
        if item.value is None or not mass or item.currency is None:
            stated = ((item.value, "value"), (mass or None, "mass"), (item.currency, "currency"))
            missing = (name for value, name in stated if value is None)
            yield not_evaluable(asked, anchor, at_ms, *missing)
        elif item.currency != reference.currency:
            yield not_evaluable(asked, anchor, at_ms, f"value in {reference.currency}")
        else:
            low = reference.low_per_kg * asked["share_of_low"]
            per_kg = item.value / mass
            if per_kg >= low:
                yield no_hit(asked, anchor, at_ms, "the value is not below the reference range")
                continue
            net = item.net_mass_kg is not None
            unit = f"{reference.currency}/kg"
            yield hit(
                asked,
                anchor,
                at_ms,
                text=Text(
                    f"Item {number} (HS {item.hs6}) is valued at {per_kg:.2f} {unit} "
                    f"({'net' if net else 'gross'} mass), below {low:.2f} {unit}.",
                    f"第 {number} 项（HS {item.hs6}）申报单价 {per_kg:.2f} {unit}"
                    f"（按{'净' if net else '毛'}重），低于 {low:.2f} {unit}。",
                ),
                observed=round(per_kg, 4),
                expected=round(low, 4),
                evidence=evidence_of(share),
                excess=1 - max(per_kg, 0) / low,
            )


def _foreign(entries: Sequence[ChapterWords], description: str, chapter: str) -> list[str] | None:
    """Return the words of other chapters; None where a word of its own is there too, or no word of any."""
    found: list[str] = []
    for entry in entries:
        own = chapter in entry.chapters
        for word in entry.words:
            if contains(description, word):
                if own:
                    return None
                found.append(word)
    return found or None


def description_contradicts_chapter(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge the description of each item against its HS chapter."""
    entries = asked.policy.chapter_words
    if not entries:
        return
    for share, item, anchor, number, at_ms in _items(view):
        if item.description is None or item.hs6 is None:
            stated = ((item.description, "description"), (item.hs6, "hs6"))
            yield not_evaluable(asked, anchor, at_ms, *(n for value, n in stated if value is None))
            continue
        chapter = item.hs6[:2]
        words = _foreign(entries, item.description, chapter)
        if words is None:
            yield no_hit(asked, anchor, at_ms, "the description does not contradict the chapter")
            continue
        fits = {one for e in entries if words[0] in e.words for one in e.chapters}
        chapters = ", ".join(sorted(fits))
        yield hit(
            asked,
            anchor,
            at_ms,
            text=Text(
                f'Item {number} is declared in HS chapter {chapter}; "{words[0]}" belongs to {chapters}.',
                f"第 {number} 项申报为 HS 第 {chapter} 章，而“{words[0]}”属于第 {chapters} 章。",
            ),
            observed=chapter,
            expected=chapters,
            evidence=evidence_of(share),
        )


RULES: tuple[Asked[ConsignmentView], ...] = (
    Asked(WATCH_LIST, on_watch_list),
    Asked(LOW_VALUE, value_below_reference),
    Asked(CHAPTER, description_contradicts_chapter),
    *goods_provenance.RULES,
    *goods_parcels.RULES,
)
"""The rules on goods."""
