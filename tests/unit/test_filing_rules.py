from collections.abc import Sequence
from typing import Any

import pytest

from sstl.core.rules import filing as rules
from sstl.core.rules.base import Result
from sstl.models.policy import Policy
from sstl.models.records import Event, Goods, Share, UnitMilestones
from tests.consignment_cases import (
    ARRIVED,
    DEPARTED,
    LODGED,
    answers,
    customs,
    filed,
    filing,
    goods,
    lane,
    referral,
    results,
    rule_of,
    the_hit,
    unit,
    view,
    with_thresholds,
)
from tests.journey_events import HOUR, MINUTE, UNIT, event

pytestmark = pytest.mark.unit
HIT, NO_HIT, NOT = Result.HIT, Result.NO_HIT, Result.NOT_EVALUABLE
RULES = rule_of(rules.RULES)
LODGEMENT = filing("lodged", LODGED)
LOADED = DEPARTED - 4 * HOUR


def amended(at_ms: int, *changed: str, **fields: Any) -> Share:
    return filed(filings=(LODGEMENT, filing("amended", at_ms, *changed)), **fields)


@pytest.mark.parametrize(
    ("share", "units", "result"),
    [
        pytest.param(
            amended(DEPARTED - HOUR, "goods"), [unit(T5=DEPARTED)], NO_HIT, id="before-departure"
        ),
        pytest.param(
            amended(DEPARTED + HOUR, "goods"),
            [unit(T5=DEPARTED)],
            NO_HIT,
            id="exactly-the-hour-allowed",
        ),
        pytest.param(
            amended(DEPARTED + HOUR + 1, "goods"),
            [unit(T5=DEPARTED)],
            HIT,
            id="one-millisecond-more",
        ),
        pytest.param(
            amended(DEPARTED + 9 * HOUR), [unit(T5=DEPARTED)], NO_HIT, id="nothing-changed"
        ),
        pytest.param(
            filed(filings=(LODGEMENT, filing("lodged", DEPARTED + 9 * HOUR, "goods"))),
            [unit(T5=DEPARTED)],
            HIT,
            id="lodged-anew",
        ),
        pytest.param(
            amended(DEPARTED + 9 * HOUR, "value", atd_ms=DEPARTED), [], HIT, id="atd-as-filed"
        ),
        pytest.param(amended(DEPARTED + 9 * HOUR, "value"), [], NOT, id="departure-unknown"),
        pytest.param(
            filed(filings=(filing("amended", DEPARTED + 9 * HOUR, "value"),)),
            [unit(T5=DEPARTED)],
            NOT,
            id="lodgement-unknown",
        ),
    ],
)
def test_an_amendment_is_judged_against_the_departure(
    share: Share, units: Sequence[UnitMilestones], result: Result
) -> None:
    seen = view(shares=[share], units=units)
    assert results(answers(RULES["filing-amended-after-departure"], seen)) == [result]


def test_an_amendment_after_departure_says_what_changed_and_when() -> None:
    share = amended(DEPARTED + 30 * HOUR, "consignee", "value")
    found = the_hit(
        answers(
            RULES["filing-amended-after-departure"],
            view(shares=[share], units=[unit(T5=DEPARTED)]),
        )
    )
    assert found.observed == 30
    assert found.text is not None
    assert found.text.en == (
        "The filing was amended 30 h after departure (2026-01-03T00:00:00Z): consignee, value."
    )
    assert "收货人、价值" in found.text.zh
    assert found.anchor == share.filings[1].event.identity
    assert found.severity is None


def test_a_change_of_mass_alone_after_departure_is_low() -> None:
    seen = view(shares=[amended(DEPARTED + 9 * HOUR, "mass")], units=[unit(T5=DEPARTED)])
    assert the_hit(answers(RULES["filing-amended-after-departure"], seen)).severity == "LOW"


SELECTED = customs("inspection.selected", ARRIVED)


@pytest.mark.parametrize(
    ("share", "events", "result"),
    [
        pytest.param(amended(ARRIVED + 1, "goods"), [SELECTED], HIT, id="goods"),
        pytest.param(amended(ARRIVED + 1, "consignee"), [SELECTED], HIT, id="consignee"),
        pytest.param(amended(ARRIVED + 1, "value"), [SELECTED], HIT, id="value"),
        pytest.param(amended(ARRIVED + 1, "destination"), [SELECTED], HIT, id="destination"),
        pytest.param(amended(ARRIVED + 1, "seals", "mass"), [SELECTED], NO_HIT, id="other-fields"),
        pytest.param(amended(ARRIVED, "goods"), [SELECTED], NO_HIT, id="at-the-same-instant"),
        pytest.param(amended(ARRIVED + 1, "goods"), [], NO_HIT, id="never-selected"),
        pytest.param(
            amended(ARRIVED + 1, "goods"),
            [customs("channel.assigned", ARRIVED, channel="GREEN")],
            NO_HIT,
            id="green-channel",
        ),
        pytest.param(
            amended(ARRIVED + 1, "goods"),
            [customs("channel.assigned", ARRIVED, channel="RED")],
            HIT,
            id="red-channel",
        ),
        pytest.param(
            filed(filings=(filing("amended", ARRIVED + 1, "goods"),)),
            [SELECTED],
            NOT,
            id="lodgement-unknown",
        ),
    ],
)
def test_what_matters_may_not_change_after_selection(
    share: Share, events: Sequence[Event], result: Result
) -> None:
    seen = view(*events, shares=[share])
    assert results(answers(RULES["filing-amended-after-selection"], seen)) == [result]


def test_a_correction_after_the_result_of_the_control_is_low() -> None:
    result = customs("inspection.result.recorded", ARRIVED + HOUR, controlResultCode="A4")
    seen = view(SELECTED, result, shares=[amended(ARRIVED + 2 * HOUR, "goods")])
    assert the_hit(answers(RULES["filing-amended-after-selection"], seen)).severity == "LOW"


EXPORT = customs("inspection.released", LOADED, "EXPORT")
DECLARED = customs("declaration.accepted", LODGED, "EXPORT")


@pytest.mark.parametrize(
    ("events", "result"),
    [
        pytest.param([EXPORT], NO_HIT, id="released-at-the-instant-of-loading"),
        pytest.param(
            [customs("inspection.released", LOADED + 1, "EXPORT")],
            HIT,
            id="released-a-millisecond-later",
        ),
        pytest.param([DECLARED], HIT, id="declared-and-never-released"),
        pytest.param(
            [
                customs("inspection.released", LOADED - 9 * HOUR, "EXPORT"),
                customs("inspection.revoked", LOADED - HOUR, "EXPORT"),
            ],
            HIT,
            id="revoked-before-loading",
        ),
        pytest.param(
            [
                customs("inspection.released", LOADED - 9 * HOUR, "EXPORT"),
                customs("inspection.revoked", LOADED + HOUR, "EXPORT"),
            ],
            NO_HIT,
            id="revoked-after-loading",
        ),
        pytest.param([], NOT, id="nothing-reported-by-the-export-side"),
        pytest.param(
            [customs("inspection.released", LODGED, "IMPORT")], NOT, id="import-release-only"
        ),
    ],
)
def test_a_unit_is_loaded_only_with_an_export_release(
    events: Sequence[Event], result: Result
) -> None:
    seen = view(*events, units=[unit(T4=LOADED)])
    assert results(answers(RULES["filing-loaded-without-release"], seen)) == [result]


def test_an_export_release_of_one_unit_is_none_of_another() -> None:
    release = customs("inspection.released", LODGED, "EXPORT", equipmentReference=UNIT)
    seen = view(release, units=[unit(T4=LOADED), unit("CSQU3054383", T4=LOADED)])
    found = answers(RULES["filing-loaded-without-release"], seen)
    assert {one.anchor: one.result for one in found} == {
        f"T4|{UNIT}": NO_HIT,
        "T4|CSQU3054383": HIT,
    }


def test_word_of_an_earlier_release_is_waited_for() -> None:
    rule, seen = RULES["filing-loaded-without-release"], view(DECLARED, units=[unit(T4=LOADED)])
    assert results(answers(rule, seen, as_of_ms=LOADED + 4 * HOUR - 1)) == [NO_HIT]
    found = the_hit(answers(rule, seen, as_of_ms=LOADED + 4 * HOUR))
    assert (found.due_ms, found.governed_ms) == (LOADED + 4 * HOUR, LOADED)
    assert found.anchor == f"T4|{UNIT}"


def test_a_silent_publisher_of_releases_proves_nothing() -> None:
    policy = lane(publishers={"T3": "urn:sstl:CNYTN:customs"})
    rule = RULES["filing-loaded-without-release"]
    silent = view(units=[unit(T4=LOADED)], policy=policy)
    heard = view(
        units=[unit(T4=LOADED)],
        policy=policy,
        publishers={"urn:sstl:CNYTN:customs": LOADED + 4 * HOUR},
    )
    assert results(answers(rule, silent)) == [NOT]
    assert results(answers(rule, heard)) == [HIT]


def test_nothing_is_asked_before_loading() -> None:
    assert answers(RULES["filing-loaded-without-release"], view(DECLARED)) == []


@pytest.mark.parametrize(
    ("raised", "answered", "units", "result"),
    [
        pytest.param(LOADED - HOUR, None, [unit(T4=LOADED)], HIT, id="open-at-loading"),
        pytest.param(
            LOADED - HOUR, LOADED + 1, [unit(T4=LOADED)], HIT, id="answered-after-loading"
        ),
        pytest.param(LOADED - HOUR, LOADED, [unit(T4=LOADED)], NO_HIT, id="answered-at-loading"),
        pytest.param(LOADED, None, [unit(T4=LOADED)], NO_HIT, id="raised-at-loading"),
        pytest.param(LOADED - 1, None, [unit(T4=LOADED)], HIT, id="raised-a-millisecond-before"),
        pytest.param(LOADED - HOUR, None, [], NOT, id="loading-unknown"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("DNL", "filing-do-not-load-ignored"),
        ("RFI", "filing-referral-open-at-loading"),
        ("RFS", "filing-referral-open-at-loading"),
    ],
)
def test_nothing_is_loaded_while_a_referral_is_open(
    kind: str,
    rule: str,
    raised: int,
    answered: int | None,
    units: Sequence[UnitMilestones],
    result: Result,
) -> None:
    share = filed(referrals=(referral(kind, raised, answered),))
    verdicts = answers(RULES[rule], view(shares=[share], units=units))
    assert results(verdicts) == [result]
    if result is HIT:
        assert the_hit(verdicts).severity == ("HIGH" if kind == "RFS" else None)


FLOWN = DEPARTED


@pytest.mark.parametrize(
    ("raised", "answered", "told", "result"),
    [
        pytest.param(FLOWN - 1, None, {"T5": FLOWN}, HIT, id="open-at-departure"),
        pytest.param(FLOWN, None, {"T5": FLOWN}, NO_HIT, id="raised-at-that-instant"),
        pytest.param(FLOWN - HOUR, FLOWN, {"T5": FLOWN}, NO_HIT, id="answered-at-that-instant"),
        pytest.param(FLOWN - HOUR, FLOWN + 1, {"T5": FLOWN}, HIT, id="answered-a-moment-later"),
        pytest.param(
            FLOWN - HOUR, None, {"T4": FLOWN - 2 * HOUR, "T5": FLOWN}, NO_HIT, id="loaded-before"
        ),
    ],
)
@pytest.mark.parametrize(
    ("kind", "rule"),
    [("DNL", "filing-do-not-load-ignored"), ("RFS", "filing-referral-open-at-loading")],
)
def test_departure_stands_for_loading_where_nobody_reports_that(
    kind: str, rule: str, raised: int, answered: int | None, told: dict[str, int], result: Result
) -> None:
    share = filed(referrals=(referral(kind, raised, answered),))
    verdicts = answers(RULES[rule], view(shares=[share], units=[unit(UNIT, (), **told)]))
    assert results(verdicts) == [result]
    if result is HIT:
        text = the_hit(verdicts).text
        assert text is not None
        assert text.en.startswith(f"{UNIT} departed ")
        assert "启运" in text.zh


@pytest.mark.parametrize(
    ("events", "result"),
    [
        pytest.param([customs("inspection.released", FLOWN, "EXPORT")], NO_HIT, id="released"),
        pytest.param(
            [customs("inspection.released", FLOWN + 1, "EXPORT")], HIT, id="a-moment-late"
        ),
        pytest.param([DECLARED], HIT, id="never-released"),
        pytest.param([], NOT, id="nothing-reported-by-the-export-side"),
    ],
)
def test_a_unit_departs_only_with_an_export_release(
    events: Sequence[Event], result: Result
) -> None:
    seen = view(*events, units=[unit(T5=FLOWN)])
    verdicts = answers(RULES["filing-loaded-without-release"], seen)
    assert results(verdicts) == [result]
    if result is HIT:
        text = the_hit(verdicts).text
        assert text is not None
        assert text.en.startswith(
            f"{UNIT} departed at 2026-01-03T00:00:00Z without export release:"
        )


def test_the_loading_of_a_second_unit_counts_too() -> None:
    share = filed(referrals=(referral("DNL", LOADED),))
    units = [unit("MSKU3054383", T4=LOADED - HOUR), unit("CSQU3054383", T4=LOADED + 2 * HOUR)]
    found = the_hit(answers(RULES["filing-do-not-load-ignored"], view(shares=[share], units=units)))
    assert found.observed == 2
    assert found.text is not None
    assert "it is not answered" in found.text.en


MRN_1, MRN_2, MRN_CN = "26NL000510ABCDEFG1", "26DE000510ABCDEFG2", "26CN000510ABCDEFG3"


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        pytest.param([filed("A", mrns=(MRN_1,))], [], id="one-filing"),
        pytest.param(
            [filed("A", mrns=(MRN_1,)), filed("B", mrns=(MRN_2,))], [HIT], id="two-in-the-union"
        ),
        pytest.param(
            [filed("A", mrns=(MRN_1,)), filed("B", mrns=(MRN_1,))], [NO_HIT], id="the-same-mrn"
        ),
        pytest.param(
            [filed("A", mrns=(MRN_CN,)), filed("B", mrns=(MRN_1,))],
            [NO_HIT, NO_HIT],
            id="export-and-import",
        ),
        pytest.param(
            [
                filed("A", mrns=(MRN_1,)),
                filed("B", mrns=(MRN_2,), split_consignment=True, previous_mrn=MRN_1),
            ],
            [NO_HIT],
            id="a-split-consignment",
        ),
        pytest.param([filed("A", mrns=(MRN_1,)), filed("B")], [NOT], id="one-not-registered-yet"),
    ],
)
def test_a_document_has_one_mrn_in_a_customs_territory(
    shares: Sequence[Share], expected: Sequence[Result]
) -> None:
    verdicts = answers(RULES["filing-document-under-two-mrns"], view(shares=shares))
    assert results(verdicts) == expected


@pytest.mark.parametrize(
    ("rule", "fields", "expected"),
    [
        pytest.param("filing-r3013", {}, [NO_HIT], id="R3013-starts-where-loaded"),
        pytest.param(
            "filing-r3013",
            {"countries_of_routing_of_means": ("KR", "NL")},
            [HIT],
            id="R3013-starts-elsewhere",
        ),
        pytest.param(
            "filing-r3013",
            {"countries_of_routing_of_means": ()},
            [NOT],
            id="R3013-routing-unknown",
        ),
        pytest.param(
            "filing-r3013", {"place_of_loading": "c2k:12"}, [NOT], id="R3013-place-without-country"
        ),
        pytest.param("filing-r3014", {}, [NO_HIT], id="R3014-ends-where-unloaded"),
        pytest.param(
            "filing-r3014",
            {"countries_of_routing_of_means": ("CN", "NL", "GB")},
            [HIT],
            id="R3014-goes-on",
        ),
        pytest.param(
            "filing-r3014", {"place_of_unloading": None}, [NOT], id="R3014-unloading-unknown"
        ),
        pytest.param("filing-r3018", {}, [NO_HIT], id="R3018-office-of-the-first-EU-country"),
        pytest.param(
            "filing-r3018",
            {"countries_of_routing_of_means": ("CN", "GR", "NL")},
            [HIT],
            id="R3018-entered-before",
        ),
        pytest.param(
            "filing-r3018",
            {"countries_of_routing_of_means": ("CN", "GB")},
            [HIT],
            id="R3018-office-in-the-EU-but-no-EU-country",
        ),
        pytest.param(
            "filing-r3018", {"office_of_first_entry": None}, [NOT], id="R3018-office-unknown"
        ),
        pytest.param(
            "filing-r3018",
            {"countries_of_routing_of_means": ("NO", "CN"), "office_of_first_entry": "CN0001"},
            [],
            id="R3018-does-not-enter-the-EU",
        ),
        pytest.param(
            "filing-r3018",
            {"countries_of_routing_of_means": ("DE", "CN"), "office_of_first_entry": "CNSHG01"},
            [],
            id="R3018-leaves-the-EU",
        ),
        pytest.param(
            "filing-r3018",
            {"countries_of_routing_of_means": ("NL", "GB", "DE"), "office_of_first_entry": "DE01"},
            [NO_HIT],
            id="R3018-comes-back",
        ),
        pytest.param(
            "filing-r3018",
            {"countries_of_routing_of_means": ("CN", "NL"), "office_of_first_entry": "CNSHG01"},
            [HIT],
            id="R3018-office-outside-the-EU",
        ),
        *(
            pytest.param(
                "filing-r3018",
                {"countries_of_routing_of_means": routing, "office_of_first_entry": office},
                expected,
                id=f"R3018-{'-'.join(routing)}-at-{office}",
            )
            for routing, office, expected in (
                (("CN", "CH", "DE"), "CH001051", [NO_HIT]),
                (("CN", "CH", "DE"), "DE004600", [HIT]),
                (("CN", "NO"), "NO01011A", [NO_HIT]),
                (("CN", "AE"), "NO01011A", [HIT]),
                (("CN", "LI"), "CH001051", [NO_HIT]),
                (("DE", "CH", "CN"), "CNSHG01", []),
                (("DE", "CH", "GB", "FR"), "FR002730", [NO_HIT]),
                (("CN", "RE"), "FR00740A", [NO_HIT]),
                (("CN", "GP", "FR"), "FR00740A", [NO_HIT]),
                (("CN", "RE", "NL"), "NL000510", [HIT]),
                (("CN", "MF"), "NL000510", [HIT]),
                (("CN", "BL"), "FR00740A", [HIT]),
                (("CN", "NC"), "CNSHG01", []),
            )
        ),
        pytest.param("filing-r3035", {}, [NO_HIT], id="R3035-ETD"),
        pytest.param(
            "filing-r3035", {"etd_ms": None, "atd_ms": DEPARTED}, [NO_HIT], id="R3035-ATD"
        ),
        pytest.param("filing-r3035", {"etd_ms": None}, [HIT], id="R3035-neither"),
        pytest.param(
            "filing-r3035",
            {"etd_ms": None, "lodged_ms": None, "evidence": None},
            [NOT],
            id="R3035-filing-unknown",
        ),
        pytest.param("filing-r3053", {}, [NO_HIT], id="R3053-ETA-after-ETD"),
        pytest.param("filing-r3053", {"eta_ms": DEPARTED}, [NO_HIT], id="R3053-same-instant"),
        pytest.param("filing-r3053", {"eta_ms": DEPARTED - 1}, [HIT], id="R3053-before"),
        pytest.param("filing-r3053", {"eta_ms": None}, [NOT], id="R3053-ETA-unknown"),
        pytest.param("filing-c3001", {"split_consignment": False}, [NO_HIT], id="C3001-not-split"),
        pytest.param(
            "filing-c3001",
            {"split_consignment": True, "previous_mrn": MRN_1},
            [NO_HIT],
            id="C3001-names-the-previous",
        ),
        pytest.param("filing-c3001", {"split_consignment": True}, [HIT], id="C3001-names-none"),
        pytest.param("filing-c3001", {"previous_mrn": MRN_1}, [NOT], id="C3001-split-not-said"),
        pytest.param("filing-c3001", {}, [], id="C3001-not-asked"),
    ],
)
def test_routing_rules_of_the_entry_summary_declaration(
    rule: str, fields: dict[str, Any], expected: Sequence[Result]
) -> None:
    verdicts = answers(RULES[rule], view(shares=[filed(**fields)]))
    assert results(verdicts) == expected
    if expected == [HIT]:
        assert the_hit(verdicts).anchor == "LRN1"


def test_a_routing_without_the_union_says_so_in_both_languages() -> None:
    share = filed(countries_of_routing_of_means=("CN", "AE"))
    found = the_hit(answers(RULES["filing-r3018"], view(shares=[share])))
    assert (found.observed, found.expected) == ("none", "NL")
    assert found.text is not None
    assert found.text.en.startswith(
        "The routing names no country of the EU security zone, the customs office"
    )
    assert "none" not in found.text.zh


def test_an_eta_that_the_real_departure_has_overtaken_is_found() -> None:
    share = filed(eta_ms=DEPARTED + HOUR)
    seen = view(shares=[share], units=[unit(T5=DEPARTED + 3 * HOUR)])
    found = the_hit(answers(RULES["filing-r3053"], seen))
    assert (found.observed, found.expected) == (2, 0)
    allowed = with_thresholds("filing-r3053", tolerance_hours=2)
    assert results(answers(RULES["filing-r3053"], seen, allowed)) == [NO_HIT]


WORDS = Policy(
    vague_words=("n/a", "general cargo", "parts", "said to contain", "goods", "货物", "配件")
)


@pytest.mark.parametrize(
    ("description", "policy", "result"),
    [
        pytest.param("General cargo", WORDS, HIT, id="stop-phrase"),
        pytest.param("SAID TO CONTAIN: goods and parts", WORDS, HIT, id="stop-words-alone"),
        pytest.param("Parts of gearboxes", WORDS, NO_HIT, id="stop-word-and-goods"),
        pytest.param("spare parts, 12 pcs", WORDS, NO_HIT, id="words-not-listed"),
        pytest.param("货物配件", WORDS, HIT, id="chinese-stop-words"),
        pytest.param("汽车配件", WORDS, NO_HIT, id="chinese-goods"),
        pytest.param("tea", WORDS, NO_HIT, id="exactly-three-letters"),
        pytest.param("茶", WORDS, NO_HIT, id="one-ideograph"),
        pytest.param("kg", WORDS, HIT, id="two-letters"),
        pytest.param("N/A (goods)", WORDS, HIT, id="stop-word-with-a-sign"),
        pytest.param("12345", Policy(), HIT, id="digits-only"),
        pytest.param("gearboxes", Policy(), NOT, id="no-list-in-policy"),
        pytest.param(None, WORDS, NOT, id="no-description"),
    ],
)
def test_a_description_must_name_goods(
    description: str | None, policy: Policy, result: Result
) -> None:
    verdicts = answers(
        RULES["filing-description-vague"], view(shares=[goods(description=description)]), policy
    )
    assert results(verdicts) == [result]


def test_a_vague_description_is_a_notice() -> None:
    assert RULES["filing-description-vague"].rule.notice
    assert [one.id for one in (a.rule for a in rules.RULES) if one.notice] == [
        "filing-description-vague"
    ]


def test_two_items_with_one_number_are_two_episodes() -> None:
    share = filed(goods=(Goods(item_no=1, description="goods"), Goods(item_no=1, description="kg")))
    verdicts = answers(RULES["filing-description-vague"], view(shares=[share]), WORDS)
    assert len({one.anchor for one in verdicts}) == 2


def test_corrected_loading_keeps_the_episode() -> None:
    rule = RULES["filing-loaded-without-release"]
    first = the_hit(answers(rule, view(DECLARED, units=[unit(T4=LOADED)])))
    later = the_hit(answers(rule, view(DECLARED, units=[unit(T4=LOADED + 20 * MINUTE)])))
    assert first.anchor == later.anchor


def test_events_of_other_families_change_nothing() -> None:
    noise = event("transport.arrived", ARRIVED)
    seen = view(noise, DECLARED, units=[unit(T4=LOADED)])
    assert results(answers(RULES["filing-loaded-without-release"], seen)) == [HIT]
