from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from sstl.core.rules import goods as rules
from sstl.core.rules.base import Result
from sstl.models.policy import ChapterWords, Policy, ReferenceValue, RouteProfile, WatchList
from sstl.models.records import Goods
from tests.consignment_cases import (
    answers,
    filed,
    goods,
    results,
    rule_of,
    the_hit,
    view,
    with_thresholds,
)

pytestmark = pytest.mark.unit
HIT, NO_HIT, NOT = Result.HIT, Result.NO_HIT, Result.NOT_EVALUABLE
RULES = rule_of(rules.RULES)
WASTE = WatchList(
    risk_area="WASTE_CITES",
    hs_prefixes=("3915", "4707"),
    severity="HIGH",
    source="Basel Convention, Annex IX",
)
SHOES = WatchList(
    risk_area="IPR",
    hs_prefixes=("64",),
    countries_of_origin=("CN",),
    source="action plan on intellectual property",
)


def lists(**named: WatchList) -> Policy:
    return Policy(watch_lists=named)


@pytest.mark.parametrize(
    ("item", "policy", "expected"),
    [
        pytest.param({"hs6": "391510"}, lists(waste=WASTE), [HIT], id="prefix-on-the-list"),
        pytest.param({"hs6": "391610"}, lists(waste=WASTE), [NO_HIT], id="another-heading"),
        pytest.param({}, lists(waste=WASTE), [NOT], id="hs-code-unknown"),
        pytest.param({"hs6": "391510"}, Policy(), [], id="no-lists"),
        pytest.param(
            {"hs6": "640399", "country_of_origin": "CN"},
            lists(shoes=SHOES),
            [HIT],
            id="origin-on-the-list",
        ),
        pytest.param(
            {"hs6": "640399", "country_of_origin": "VN"},
            lists(shoes=SHOES),
            [NO_HIT],
            id="another-origin",
        ),
        pytest.param({"hs6": "640399"}, lists(shoes=SHOES), [NOT], id="origin-unknown"),
        pytest.param(
            {"hs6": "640399", "country_of_origin": "CN"},
            lists(shoes=SHOES, more=SHOES),
            [HIT, HIT],
            id="one-answer-for-each-list",
        ),
    ],
)
def test_goods_are_compared_with_the_watch_lists(
    item: dict[str, Any], policy: Policy, expected: Sequence[Result]
) -> None:
    verdicts = answers(RULES["goods-on-watch-list"], view(shares=[goods(**item)]), policy)
    assert results(verdicts) == expected
    assert len({one.anchor for one in verdicts}) == len(expected)


def test_a_watch_list_gives_its_risk_area_severity_and_source() -> None:
    seen = view(shares=[goods(hs6="470790")])
    found = the_hit(answers(RULES["goods-on-watch-list"], seen, lists(waste=WASTE)))
    assert (found.risk_area, found.severity) == ("WASTE_CITES", "HIGH")
    assert found.text is not None
    assert found.text.en == (
        "Item 1 (HS 470790) is on watch list waste (waste cites): Basel Convention, Annex IX."
    )
    assert "固体废物" in found.text.zh


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "result"),
    [
        pytest.param(datetime(2026, 1, 1, tzinfo=UTC), None, HIT, id="from-the-very-instant"),
        pytest.param(datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), None, NO_HIT, id="a-second-later"),
        pytest.param(None, datetime(2026, 1, 1, tzinfo=UTC), NO_HIT, id="ended-at-that-instant"),
        pytest.param(None, datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), HIT, id="ends-after"),
    ],
)
def test_a_watch_list_holds_at_the_lodgement(
    valid_from: datetime | None, valid_to: datetime | None, result: Result
) -> None:
    dated = WASTE.model_copy(update={"valid_from": valid_from, "valid_to": valid_to})
    verdicts = answers(
        RULES["goods-on-watch-list"], view(shares=[goods(hs6="391510")]), lists(waste=dated)
    )
    assert results(verdicts) == [result]


def test_a_watch_list_is_not_judged_without_the_time_of_the_filing() -> None:
    share = filed(lodged_ms=None, evidence=None, goods=(Goods(item_no=1, hs6="391510"),))
    verdicts = answers(RULES["goods-on-watch-list"], view(shares=[share]), lists(waste=WASTE))
    assert results(verdicts) == [NOT]


VALUES = Policy(
    reference_values=(
        ReferenceValue(hs_prefix="64", low_per_kg=4.0),
        ReferenceValue(hs_prefix="6403", country_of_origin="CN", low_per_kg=8.0),
        ReferenceValue(hs_prefix="85", country_of_origin="CN", low_per_kg=20.0),
    )
)
SHOE = {"hs6": "640399", "country_of_origin": "CN", "currency": "EUR", "net_mass_kg": 100.0}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param(SHOE | {"value": 800.0}, [NO_HIT], id="exactly-8-EUR-per-kg"),
        pytest.param(SHOE | {"value": 799.99}, [HIT], id="a-cent-less"),
        pytest.param(
            SHOE | {"value": 500.0, "country_of_origin": "VN"},
            [NO_HIT],
            id="other-origin-has-the-general-range",
        ),
        pytest.param(
            SHOE | {"value": 500.0, "net_mass_kg": None, "gross_mass_kg": 120.0},
            [HIT],
            id="gross-mass-where-net-is-not-stated",
        ),
        pytest.param(SHOE | {"value": None}, [NOT], id="no-value"),
        pytest.param(SHOE | {"value": 1.0, "net_mass_kg": 0.0}, [NOT], id="no-mass"),
        pytest.param(SHOE | {"value": 1.0, "currency": "CNY"}, [NOT], id="another-currency"),
        pytest.param(SHOE | {"value": 1.0, "currency": None}, [NOT], id="no-currency"),
        pytest.param({"value": 1.0}, [NOT], id="no-hs-code"),
        pytest.param(
            {"hs6": "851712", "value": 1.0, "net_mass_kg": 1.0, "currency": "EUR"},
            [NOT],
            id="no-origin-where-it-matters",
        ),
        pytest.param({"hs6": "940360", "value": 1.0}, [], id="no-range-for-these-goods"),
    ],
)
def test_a_value_per_kilogram_is_compared_with_the_reference(
    item: dict[str, Any], expected: Sequence[Result]
) -> None:
    verdicts = answers(RULES["goods-value-below-reference"], view(shares=[goods(**item)]), VALUES)
    assert results(verdicts) == expected


def test_a_low_value_says_how_low() -> None:
    seen = view(shares=[goods(**SHOE, value=200.0)])
    found = the_hit(answers(RULES["goods-value-below-reference"], seen, VALUES))
    assert (found.observed, found.expected, found.excess) == (2.0, 8.0, 0.75)
    assert found.text is not None
    assert found.text.en == (
        "Item 1 (HS 640399) is valued at 2.00 EUR/kg (net mass), below 8.00 EUR/kg."
    )
    half = with_thresholds("goods-value-below-reference", VALUES, share_of_low=0.25)
    assert results(answers(RULES["goods-value-below-reference"], seen, half)) == [NO_HIT]


CHAPTERS = Policy(
    chapter_words=(
        ChapterWords(words=("shoes", "footwear", "鞋"), chapters=("64",)),
        ChapterWords(words=("t shirt", "trousers"), chapters=("61", "62")),
        ChapterWords(words=("tyre",), chapters=("40",)),
        ChapterWords(words=("Poly-bag",), chapters=("39",)),
    )
)


@pytest.mark.parametrize(
    ("hs6", "description", "policy", "expected"),
    [
        pytest.param("640399", "Leather shoes", CHAPTERS, [NO_HIT], id="own-word"),
        pytest.param("392690", "Leather SHOES, 200 pairs", CHAPTERS, [HIT], id="foreign-word"),
        pytest.param("392690", "塑料鞋", CHAPTERS, [HIT], id="foreign-chinese-word"),
        pytest.param("610910", "Cotton T-shirt", CHAPTERS, [NO_HIT], id="words-in-a-row"),
        pytest.param("640399", "shoes for trousers", CHAPTERS, [NO_HIT], id="own-and-foreign"),
        pytest.param("640399", "poly-bags", CHAPTERS, [NO_HIT], id="another-word-with-a-hyphen"),
        pytest.param("392310", "Poly bag", CHAPTERS, [NO_HIT], id="own-word-without-its-hyphen"),
        pytest.param("392690", "plastic hooks", CHAPTERS, [NO_HIT], id="no-listed-word"),
        pytest.param("392690", "shoestring", CHAPTERS, [NO_HIT], id="part-of-a-word"),
        pytest.param("392690", None, CHAPTERS, [NOT], id="no-description"),
        pytest.param(None, "shoes", CHAPTERS, [NOT], id="no-hs-code"),
        pytest.param("392690", "shoes", Policy(), [], id="no-words-in-policy"),
    ],
)
def test_a_description_must_fit_its_chapter(
    hs6: str | None, description: str | None, policy: Policy, expected: Sequence[Result]
) -> None:
    seen = view(shares=[goods(hs6=hs6, description=description)])
    verdicts = answers(RULES["goods-description-contradicts-chapter"], seen, policy)
    assert results(verdicts) == expected
    if expected == [HIT]:
        assert (verdicts[0].observed, verdicts[0].expected) == ("39", "64")


@pytest.mark.parametrize("written", ["POLY-BAG", "poly bag", "Poly-Bag, printed"])
def test_a_word_of_a_list_is_read_as_a_description_is(written: str) -> None:
    seen = view(shares=[goods(hs6="640399", description=written)])
    found = the_hit(answers(RULES["goods-description-contradicts-chapter"], seen, CHAPTERS))
    assert (found.observed, found.expected) == ("64", "39")


ROUTES = Policy(
    route_profiles=(
        RouteProfile(country_of_origin="CN", provenance=("HK",)),
        RouteProfile(country_of_origin="CN", hs_prefix="64", via=("SG",)),
    )
)


@pytest.mark.parametrize(
    ("fields", "item", "expected"),
    [
        pytest.param({"country_of_provenance": "CN"}, {}, [NO_HIT], id="from-the-origin"),
        pytest.param({"country_of_provenance": "HK"}, {}, [NO_HIT], id="provenance-that-fits"),
        pytest.param({"country_of_provenance": "AE"}, {}, [HIT], id="provenance-that-does-not"),
        pytest.param({}, {}, [NOT], id="provenance-unknown"),
        pytest.param(
            {"country_of_provenance": "DE", "reentry": True},
            {},
            [NO_HIT],
            id="goods-that-come-back",
        ),
        pytest.param(
            {"country_of_provenance": "AE", "reentry": False},
            {},
            [HIT],
            id="no-goods-that-come-back",
        ),
        pytest.param(
            {"country_of_provenance": "DE", "countries_of_routing": ("DE", "AE"), "reentry": True},
            {"hs6": "640399"},
            [NO_HIT],
            id="they-come-back-by-another-way",
        ),
        pytest.param(
            {"country_of_provenance": "CN", "countries_of_routing": ("CN", "SG", "NL")},
            {"hs6": "640399"},
            [NO_HIT],
            id="routing-that-fits",
        ),
        pytest.param(
            {"country_of_provenance": "CN", "countries_of_routing": ("CN", "AE", "NL")},
            {"hs6": "640399"},
            [HIT],
            id="routing-that-does-not",
        ),
        pytest.param(
            {"country_of_provenance": "CN"}, {"hs6": "640399"}, [NOT], id="routing-unknown"
        ),
        pytest.param(
            {"country_of_provenance": "AE"},
            {"country_of_origin": "TR"},
            [],
            id="no-profile-for-the-origin",
        ),
        pytest.param({}, {"country_of_origin": None}, [NOT], id="origin-unknown"),
    ],
)
def test_provenance_and_routing_must_fit_the_origin(
    fields: dict[str, Any], item: dict[str, Any], expected: Sequence[Result]
) -> None:
    stated: dict[str, Any] = {"item_no": 1, "country_of_origin": "CN"} | item
    share = filed(goods=(Goods(**stated),), **fields)
    verdicts = answers(RULES["goods-route-does-not-fit-origin"], view(shares=[share]), ROUTES)
    assert results(verdicts) == expected
    if expected == [HIT]:
        assert verdicts[0].observed == "AE"


def test_many_items_of_one_origin_are_one_episode() -> None:
    item = Goods(country_of_origin="CN")
    share = filed(goods=(item, item, item), country_of_provenance="AE")
    verdicts = answers(RULES["goods-route-does-not-fit-origin"], view(shares=[share]), ROUTES)
    assert results(verdicts) == [HIT]


@pytest.mark.parametrize(
    ("value", "currency", "parcels", "expected"),
    [
        pytest.param(60.0, "EUR", (3, 180.0), [HIT], id="three-parcels-together-above"),
        pytest.param(60.0, "EUR", (2, 180.0), [NO_HIT], id="two-parcels-are-not-several"),
        pytest.param(50.0, "EUR", (3, 150.0), [NO_HIT], id="together-exactly-the-threshold"),
        pytest.param(50.0, "EUR", (3, 150.01), [HIT], id="together-a-cent-more"),
        pytest.param(150.0, "EUR", (3, 400.0), [HIT], id="this-one-exactly-the-threshold"),
        pytest.param(150.01, "EUR", (3, 400.0), [NO_HIT], id="this-one-above-it"),
        pytest.param(60.0, "EUR", None, [NOT], id="values-of-the-others-unknown"),
        pytest.param(60.0, "USD", (3, 180.0), [NOT], id="another-currency"),
        pytest.param(None, "EUR", (3, 180.0), [NOT], id="own-value-unknown"),
    ],
)
def test_parcels_of_one_consignee_are_added_up(
    value: float | None,
    currency: str,
    parcels: tuple[int, float] | None,
    expected: Sequence[Result],
) -> None:
    share = filed(
        goods=(Goods(item_no=1, value=value, currency=currency),), consignee_parcels=parcels
    )
    verdicts = answers(RULES["goods-parcels-split"], view(shares=[share]))
    assert results(verdicts) == expected
    if expected == [HIT]:
        assert the_hit(verdicts).expected == 150


def test_parcels_are_not_asked_of_a_filing_without_goods() -> None:
    assert answers(RULES["goods-parcels-split"], view()) == []
