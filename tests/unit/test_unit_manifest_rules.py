from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sstl.core.journeys.assess import assess, extend
from sstl.core.milestones import Plan
from sstl.core.rules import unit_manifest
from sstl.core.rules.base import Result
from sstl.models.policy import Policy
from sstl.models.records import Event, Share
from tests.journey_events import DAY, HOUR, LANE, START, UNIT, event, share
from tests.journey_views import answers, by_id, journey, policy, results, the_hit

pytestmark = pytest.mark.unit
HIT, NO_HIT, NOT = Result.HIT, Result.NO_HIT, Result.NOT_EVALUABLE
RULES = by_id(unit_manifest.RULES)
FILER = "urn:sstl:CNYTN:filer"
LOADED_MS = START + 10 * DAY
LOADED = event("transport.loaded", LOADED_MS, place="CNYTN", mode="1")


def lodged(hours_before: float, of_ms: int = LOADED_MS, **fields: Any) -> Share:
    return share(lodged_ms=of_ms - int(hours_before * HOUR), **fields)


@pytest.mark.parametrize(
    ("hours", "result"),
    [
        pytest.param(66, NO_HIT, id="early"),
        pytest.param(24, NO_HIT, id="exactly-24-hours"),
        pytest.param(23.999, HIT, id="a-little-less"),
        pytest.param(-2, HIT, id="after-loading"),
    ],
)
def test_by_sea_a_manifest_is_lodged_24_hours_before_loading(hours: float, result: Result) -> None:
    verdicts = answers(RULES["manifest-late"], journey(LOADED, shares=(lodged(hours),)))
    assert results(verdicts) == [result]
    if result is HIT:
        found = the_hit(verdicts)
        assert found.anchor == "manifest"
        assert found.expected == 24


def test_a_late_manifest_says_by_how_much() -> None:
    found = the_hit(answers(RULES["manifest-late"], journey(LOADED, shares=(lodged(20),))))
    assert found.text is not None
    assert found.text.en == (
        "The manifest was lodged at 2026-01-10T04:00:00Z, 20.0 h before loading at 2026-01-11T00:00:00Z; "
        "24 h before are due."
    )
    assert found.evidence[-1] == LOADED


def test_a_finding_on_the_manifest_rests_on_it_once() -> None:
    told = assess(UNIT, [LOADED], [lodged(20)], policy()).findings.values()
    (found,) = [one for one in told if one.rule_id == "manifest-late"]
    assert [one.type for one in found.evidence] == ["manifest.lodged", "transport.loaded"]


def two(first: float, second: float | None, **more: Any) -> list[Share]:
    """Two manifests of a unit by the hours before loading; None: nobody knows when the second was lodged."""
    known = {"consignments": ("HBL2",)} | more
    other = share("LRN2", lodged_ms=None, **known)
    return [
        lodged(first, consignments=("HBL1",)),
        other if second is None else lodged(second, manifest_id="LRN2", **known),
    ]


@pytest.mark.parametrize(
    ("shares", "result", "late"),
    [
        pytest.param(two(50, 24), NO_HIT, None, id="both-in-time"),
        pytest.param(two(50, -140), HIT, ("HBL2",), id="the-second-long-after-loading"),
        pytest.param(two(-140, 50), HIT, ("HBL1",), id="the-first-long-after-loading"),
        pytest.param(two(20, 10), HIT, None, id="all-late"),
        pytest.param(two(50, -140, consignments=("HBL1",)), NO_HIT, None, id="filed-once-more"),
        pytest.param(two(50, -140, empty=True), NO_HIT, None, id="the-other-declares-it-empty"),
        pytest.param(two(50, None), NOT, None, id="of-one-nobody-knows"),
        pytest.param(two(20, None), HIT, ("HBL1",), id="of-one-nobody-knows-the-other-is-late"),
        pytest.param(
            two(50, None, consignments=("HBL1",)), NO_HIT, None, id="of-one-twice-it-is-known"
        ),
        pytest.param(
            [*two(50, 24), lodged(1, manifest_id="LRN3", consignments=("HBL2", "HBL3"))],
            HIT,
            ("HBL3",),
            id="one-of-those-of-a-manifest",
        ),
    ],
)
def test_every_document_in_the_unit_is_lodged_in_time(
    shares: Sequence[Share], result: Result, late: tuple[str, ...] | None
) -> None:
    verdicts = answers(RULES["manifest-late"], journey(LOADED, shares=shares))
    assert results(verdicts) == [result]
    assert verdicts[0].anchor == "manifest"
    assert verdicts[0].consignments == late


def test_a_late_manifest_among_several_says_whose_it_is() -> None:
    shares = [
        *two(50, -140),
        lodged(10, manifest_id="LRN3", consignments=("HBL3",)),
    ]
    found = the_hit(answers(RULES["manifest-late"], journey(LOADED, shares=shares)))
    assert (found.observed, found.consignments) == (-140, ("HBL2", "HBL3"))
    assert [one.id for one in found.evidence[:-1]] == ["lodged/LRN2", "lodged/LRN3"]
    assert found.text is not None
    assert found.text.en == (
        "The manifest of HBL2 was lodged at 2026-01-16T20:00:00Z, 140.0 h after loading at 2026-01-11T00:00:00Z; "
        "24 h before are due; late too: HBL3."
    )
    assert "HBL2 的舱单" in found.text.zh
    assert found.text.zh.endswith("HBL3。")
    assert "另有迟报" in found.text.zh


def test_a_unit_in_a_late_manifest_of_many_documents_names_some() -> None:
    many = tuple(f"H{number}" for number in range(7))
    shares = [lodged(50), lodged(20, manifest_id="LRN2", consignments=many)]
    found = the_hit(answers(RULES["manifest-late"], journey(LOADED, shares=shares)))
    assert found.consignments == many
    assert found.text is not None
    assert found.text.en.startswith("The manifest of H0, H1, H2, H3, H4 and 2 more was lodged")


@pytest.mark.parametrize(
    ("mode", "kind", "hours"),
    [
        pytest.param("RAIL", "transport.arrived", 2, id="rail-2-h-before-arrival"),
        pytest.param("ROAD", "transport.arrived", 1, id="road-1-h-before-arrival"),
        pytest.param("AIR", "transport.arr", 4, id="air-4-h-before-arrival"),
        pytest.param("POST", "transport.arr", 4, id="post-as-air"),
    ],
)
def test_by_other_modes_a_manifest_is_lodged_before_arrival(
    mode: str, kind: str, hours: float
) -> None:
    arrived = event(kind, LOADED_MS, place="NLRTM")
    for before, result in ((hours, NO_HIT), (hours - 0.001, HIT)):
        seen = journey(arrived, shares=(lodged(before, mode=mode),))
        assert results(answers(RULES["manifest-late"], seen)) == [result]


ARRIVED = event("transport.arrived", LOADED_MS + 60 * HOUR, place="NLRTM")


def seen_at(place: str | None, kind: str = "arrived", hours: float = 0, **more: Any) -> Event:
    return event(f"transport.{kind}", LOADED_MS + int(hours * HOUR), place=place, **more)


@pytest.mark.parametrize(
    ("events", "before", "result"),
    [
        pytest.param([seen_at("PLMAA"), ARRIVED], 2, NO_HIT, id="exactly-before-the-first-entry"),
        pytest.param([seen_at("PLMAA"), ARRIVED], 1.999, HIT, id="a-little-less"),
        pytest.param([seen_at("PLMAA", "discharged"), ARRIVED], -10, HIT, id="discharged-there"),
        pytest.param([seen_at("PLMAA", "crossed"), ARRIVED], -10, HIT, id="border-crossed-there"),
        pytest.param([seen_at("PLMAA", "arr"), ARRIVED], -10, HIT, id="by-its-other-name"),
        pytest.param([seen_at("PLMAA", "rcf"), ARRIVED], -10, HIT, id="received-there"),
        pytest.param([seen_at("PLMAA")], -10, HIT, id="still-under-way"),
        pytest.param([seen_at("PLMAA")], 2, NO_HIT, id="under-way-and-in-time"),
        pytest.param(
            [seen_at("PLMAA"), seen_at("DEDUI", hours=30), ARRIVED], -10, HIT, id="the-first-of-two"
        ),
        pytest.param([seen_at("KZDOS"), ARRIVED], -10, NO_HIT, id="not-yet-in-the-union"),
        pytest.param([seen_at("BYBTS", "crossed"), ARRIVED], -10, NO_HIT, id="at-its-border"),
        pytest.param([seen_at(None, "crossed"), ARRIVED], -10, NO_HIT, id="nobody-knows-where"),
        pytest.param([seen_at("PLMAA", "loaded"), ARRIVED], -10, NO_HIT, id="no-arrival"),
        pytest.param(
            [seen_at("PLMAA", classifier="ESTIMATED"), ARRIVED], -10, NO_HIT, id="only-expected"
        ),
        pytest.param(
            [seen_at("PLMAA"), seen_at("CNYTN", "departed", 1), ARRIVED],
            -10,
            NO_HIT,
            id="before-it-departed",
        ),
        pytest.param(
            [seen_at("PLMAA"), seen_at("CNYTN", "departed"), ARRIVED], -10, HIT, id="with-departure"
        ),
        pytest.param([seen_at("NLRTM"), seen_at("PLMAA", hours=5)], 1, HIT, id="at-the-end-first"),
    ],
)
def test_by_rail_a_manifest_is_lodged_before_the_first_arrival_on_the_importing_side(
    events: Sequence[Event], before: float, result: Result
) -> None:
    seen = journey(*events, shares=(lodged(before, mode="RAIL"),))
    verdicts = answers(RULES["manifest-late"], seen)
    assert results(verdicts) == [result]
    assert verdicts[0].anchor == "manifest"


@pytest.mark.parametrize(
    ("loading", "unloading", "first", "result"),
    [
        pytest.param("DEDUI", "CNXIA", "CNMZL", HIT, id="to-china-by-its-border"),
        pytest.param("DEDUI", "CNXIA", "KZDOS", NO_HIT, id="to-china-not-yet-there"),
        pytest.param("PLMAA", "DEDUI", "DEFFO", NO_HIT, id="within-the-union"),
        pytest.param("CNPVG", "DEFRA", "CHZRH", HIT, id="to-the-union-by-switzerland"),
        pytest.param("CNPVG", "CHZRH", "DEFRA", HIT, id="to-switzerland-by-the-union"),
        pytest.param("NOOSL", "DEFRA", "DKCPH", NO_HIT, id="within-the-security-zone"),
        pytest.param("CNPVG", "GBLHR", "DEFRA", NO_HIT, id="to-a-country-beyond-the-union"),
        pytest.param("CNXIA", "c2k:7", "PLMAA", NO_HIT, id="to-no-known-country"),
        pytest.param("c2k:6", "DEDUI", "PLMAA", NO_HIT, id="from-no-known-country"),
    ],
)
def test_the_importing_side_is_the_security_zone_or_the_country_of_unloading(
    loading: str, unloading: str, first: str, result: Result
) -> None:
    events = seen_at(first), seen_at(unloading, hours=60)
    filed = lodged(-10, mode="RAIL", place_of_loading=loading, place_of_unloading=unloading)
    seen = journey(*events, shares=(filed,))
    assert results(answers(RULES["manifest-late"], seen)) == [result]


def test_by_sea_a_call_on_the_importing_side_changes_nothing() -> None:
    seen = journey(LOADED, seen_at("GRPIR", hours=-9), ARRIVED, shares=(lodged(24),))
    assert results(answers(RULES["manifest-late"], seen)) == [NO_HIT]


def test_a_manifest_later_than_the_first_entry_says_where_that_was() -> None:
    entered = seen_at("PLMAA", "discharged")
    seen = journey(entered, ARRIVED, shares=(lodged(-10, mode="RAIL"),))
    found = the_hit(answers(RULES["manifest-late"], seen))
    assert (found.observed, found.expected, found.evidence[-1]) == (-10, 2, entered)
    assert found.text is not None
    assert found.text.en == (
        "The manifest was lodged at 2026-01-11T10:00:00Z, 10.0 h after arrival at PLMAA at 2026-01-11T00:00:00Z; "
        "2 h before are due."
    )
    assert "到达 PLMAA" in found.text.zh


def test_of_a_unit_that_has_entered_it_is_not_told_that_a_manifest_is_still_due() -> None:
    events = seen_at("PLMAA"), seen_at("NLRTM", hours=60, classifier="PLANNED")
    seen = journey(*events, shares=(share(mode="RAIL", lodged_ms=None),))
    assert results(answers(RULES["manifest-late"], seen)) == [NOT]


@pytest.mark.parametrize(
    ("events", "shares", "expected"),
    [
        pytest.param([], [lodged(66)], [NOT], id="not-loaded-yet"),
        pytest.param(
            [LOADED], [share(lodged_ms=None)], [NOT], id="nobody-knows-when-it-was-lodged"
        ),
        pytest.param([LOADED], [lodged(1, empty=True)], [], id="an-empty-unit-needs-none"),
        pytest.param([LOADED], [], [], id="loaded-without-any-is-asked-elsewhere"),
        pytest.param([event("transport.gated_in", START)], [], [], id="no-loading-in-sight"),
    ],
)
def test_when_a_manifest_is_late_cannot_always_be_asked(
    events: Sequence[Event], shares: Sequence[Share], expected: list[Result]
) -> None:
    seen = journey(*events, event("seallock.armed", START), shares=shares)
    assert results(answers(RULES["manifest-late"], seen)) == expected


@pytest.mark.parametrize(
    ("as_of_ms", "result"),
    [
        pytest.param(LOADED_MS - 24 * HOUR - 1, NO_HIT, id="before-the-deadline"),
        pytest.param(LOADED_MS - 24 * HOUR, HIT, id="at-the-deadline"),
    ],
)
def test_a_manifest_that_is_missing_is_late_from_the_deadline_on(
    as_of_ms: int, result: Result
) -> None:
    planned = event("transport.loaded", LOADED_MS, place="CNYTN", classifier="PLANNED", mode="1")
    seen = journey(planned, shares=())
    (verdict,) = answers(RULES["manifest-late"], seen, as_of_ms=as_of_ms)
    assert (verdict.result, verdict.due_ms) == (result, LOADED_MS - 24 * HOUR)


def test_a_manifest_that_is_missing_is_judged_by_who_governed_when_loading_was_announced() -> None:
    told_ms, between_ms = LOADED_MS - 90 * HOUR, LOADED_MS - 60 * HOUR
    planned = event(
        "transport.loaded", LOADED_MS, classifier="PLANNED", recorded_ms=told_ms, mode="1"
    )
    off = Policy.model_validate({"rules": {"manifest-late": {"mode": "off"}}})
    at = datetime.fromtimestamp(between_ms / 1000, UTC)
    live = Policy.model_validate({"version": "2", "valid_from": at}).after(off)
    ceased = Policy.model_validate(off.model_dump() | {"version": "2", "valid_from": at})
    assert not assess(UNIT, [planned], [], live, as_of_ms=LOADED_MS).findings
    (found,) = assess(
        UNIT, [planned], [], ceased.after(Policy()), as_of_ms=LOADED_MS
    ).findings.values()
    assert (found.rule_id, found.policy_hash) == ("manifest-late", Policy().hash)


def test_of_a_plan_that_comes_later_its_own_announcement_says_who_governed() -> None:
    told_ms, between_ms = LOADED_MS - 90 * HOUR, LOADED_MS - 60 * HOUR
    planned = event(
        "transport.loaded", LOADED_MS, classifier="PLANNED", recorded_ms=told_ms, mode="1"
    )
    first = event("transport.gated_in", LOADED_MS - 50 * HOUR, place="CNYTN")
    at = datetime.fromtimestamp(between_ms / 1000, UTC)
    off = {"rules": {"manifest-late": {"mode": "off"}}, "version": "2", "valid_from": at}
    ceased = Policy.model_validate(off).after(Policy())
    whole = assess(UNIT, [first, planned], [], ceased, as_of_ms=LOADED_MS)
    begun = assess(UNIT, [first], [], ceased, as_of_ms=LOADED_MS)
    grown = extend(begun, [planned], ceased, publishers={}, as_of_ms=LOADED_MS)
    assert grown is not None
    assert grown.findings == whole.findings
    assert [one.policy_hash for one in whole.findings.values()] == [Policy().hash]


@pytest.mark.parametrize(
    ("events", "shares", "as_of_hours", "expected"),
    [
        pytest.param([LOADED], [], 23.999, [NO_HIT], id="it-may-still-come"),
        pytest.param([LOADED], [], 24, [HIT], id="a-day-after-loading"),
        pytest.param([LOADED], [lodged(-900)], 900, [NO_HIT], id="in-one-however-late"),
        pytest.param(
            [event("transport.loaded", LOADED_MS, emptyIndicator="EMPTY")], [], 900, [], id="empty"
        ),
        pytest.param([event("transport.gated_in", LOADED_MS)], [], 900, [], id="not-loaded"),
    ],
)
def test_a_loaded_unit_is_in_a_manifest(
    events: Sequence[Event], shares: Sequence[Share], as_of_hours: float, expected: list[Result]
) -> None:
    seen = journey(*events, shares=shares)
    as_of_ms = LOADED_MS + int(as_of_hours * HOUR)
    verdicts = answers(RULES["unit-not-in-manifest"], seen, as_of_ms=as_of_ms)
    assert results(verdicts) == expected
    if expected == [HIT]:
        found = the_hit(verdicts)
        assert found.governed_ms == LOADED_MS
        assert found.text is not None
        assert found.text.en == (
            "Loaded at CNYTN at 2026-01-11T00:00:00Z and in no manifest 24 h later."
        )


FLOWN = event("transport.dep", LOADED_MS, place="CNCAN", mode="4")


@pytest.mark.parametrize(
    ("events", "as_of_hours", "expected"),
    [
        pytest.param([FLOWN], 23.999, [NO_HIT], id="it-may-still-come"),
        pytest.param([FLOWN], 24, [HIT], id="a-day-after-departure"),
        pytest.param(
            [event("transport.departed", LOADED_MS, emptyIndicator="EMPTY")], 900, [], id="empty"
        ),
        pytest.param(
            [event("transport.dep", LOADED_MS, classifier="PLANNED")], 900, [], id="only-planned"
        ),
    ],
)
def test_what_has_departed_was_loaded(
    events: Sequence[Event], as_of_hours: float, expected: list[Result]
) -> None:
    seen = journey(*events, shares=())
    as_of_ms = LOADED_MS + int(as_of_hours * HOUR)
    verdicts = answers(RULES["unit-not-in-manifest"], seen, as_of_ms=as_of_ms)
    assert results(verdicts) == expected
    if expected == [HIT]:
        found = the_hit(verdicts)
        assert (found.anchor, found.governed_ms) == ("manifest", LOADED_MS)
        assert found.text is not None
        assert found.text.en == (
            "Departed at CNCAN at 2026-01-11T00:00:00Z and in no manifest 24 h later."
        )


def weighed(kg: float, at_ms: int = START + HOUR) -> Event:
    return event("mass.verified", at_ms, grossMassKg=kg)


ARMED = event(
    "seallock.armed",
    START,
    deviceId={"manufacturerId": "SYN", "tagSerial": "1"},
    sealNumber="AB123456",
)


@pytest.mark.parametrize(
    ("events", "shares", "expected"),
    [
        pytest.param([weighed(3900)], [share(empty=True)], [NO_HIT], id="as-heavy-as-an-empty-one"),
        pytest.param([weighed(5000)], [share(empty=True)], [NO_HIT], id="exactly-the-most"),
        pytest.param([weighed(5001)], [share(empty=True)], [HIT], id="a-kilogram-more"),
        pytest.param([ARMED], [share(empty=True)], [HIT], id="sealed"),
        pytest.param([], [share(empty=True, seals=("AB1",))], [HIT], id="declared-with-a-seal"),
        pytest.param([], [share(empty=True)], [NOT], id="neither-weighed-nor-seen"),
        pytest.param([ARMED, weighed(20000)], [share()], [], id="not-declared-empty"),
        pytest.param(
            [ARMED], [share(empty=True), share("LRN2")], [], id="another-manifest-says-laden"
        ),
    ],
)
def test_a_unit_that_is_declared_empty_is_neither_sealed_nor_heavy(
    events: Sequence[Event], shares: Sequence[Share], expected: list[Result]
) -> None:
    verdicts = answers(
        RULES["empty-sealed-or-heavy"],
        journey(*events, event("transport.foh", START), shares=shares),
    )
    assert results(verdicts) == expected
    if expected == [HIT]:
        the_hit(verdicts)


def test_a_heavy_empty_is_graver_than_a_sealed_one() -> None:
    for events, severity in (((ARMED,), None), ((ARMED, weighed(9000)), "HIGH")):
        seen = journey(*events, shares=(share(empty=True),))
        assert the_hit(answers(RULES["empty-sealed-or-heavy"], seen)).severity == severity


def seal(kind: str, hours: float, number: str, **more: Any) -> Event:
    return event(f"seallock.{kind}", START + int(hours * HOUR), sealNumber=number, **more)


DEPARTED = event("transport.departed", START + 20 * HOUR, place="CNYTN")


@pytest.mark.parametrize(
    ("events", "declared", "expected"),
    [
        pytest.param([seal("armed", 1, "AB123456")], ("AB123456",), [NO_HIT], id="as-declared"),
        pytest.param(
            [seal("armed", 1, "ab-123 456")], ("AB123456",), [NO_HIT], id="written-otherwise"
        ),
        pytest.param([seal("armed", 1, "AB123457")], ("AB123456",), [HIT], id="another-number"),
        pytest.param(
            [seal("armed", 1, "AB123456")], ("AB123456", "CD9"), [NO_HIT], id="one-of-two-declared"
        ),
        pytest.param(
            [seal("armed", 1, "AB123456"), seal("checked", 2, "ZZ9", condition="RIGHT")],
            ("AB123456",),
            [HIT],
            id="one-more-than-declared",
        ),
        pytest.param(
            [seal("armed", 1, "AB123456"), seal("resealed", 2, "CD9", oldSealNumber="AB123456")],
            ("AB123456",),
            [NO_HIT],
            id="replaced-before-departure",
        ),
        pytest.param(
            [
                event("inspection.physical.completed", START + HOUR, sealAfter="CD9"),
                seal("armed", 2, "CD9"),
            ],
            ("AB123456",),
            [NO_HIT],
            id="put-on-by-a-control",
        ),
        pytest.param(
            [seal("armed", 21, "CD9")], ("AB123456",), [NOT], id="after-departure-not-asked"
        ),
        pytest.param([], ("AB123456",), [NOT], id="none-reported"),
        pytest.param([seal("armed", 1, "AB123456")], (), [NOT], id="none-declared"),
        pytest.param(
            [seal("armed", 1, "AB123456")], ("SI",), [NOT], id="declared-without-its-number"
        ),
        pytest.param([], (), [], id="no-seal-at-all"),
    ],
)
def test_a_unit_departs_with_the_seals_that_are_declared(
    events: Sequence[Event], declared: tuple[str, ...], expected: list[Result]
) -> None:
    seen = journey(*events, DEPARTED, shares=(share(seals=declared),))
    verdicts = answers(RULES["seals-declared-differ"], seen)
    assert results(verdicts) == expected
    if expected == [HIT]:
        found = the_hit(verdicts)
        assert (found.expected, found.anchor) == ("AB123456", "seals")


def gated_in(hours: float, *numbers: str, classifier: str = "ACTUAL") -> Event:
    seals = [{"number": number} for number in numbers]
    at_ms = START + int(hours * HOUR)
    return event(
        "transport.gated_in", at_ms, place="CNYTN", classifier=classifier, id="in", seals=seals
    )


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([gated_in(1, "ab-123 456")], [NO_HIT], id="as-declared"),
        pytest.param([gated_in(1, "AB123457")], [HIT], id="another-number"),
        pytest.param([gated_in(1, "AB123456", "ZZ9")], [HIT], id="one-more-than-declared"),
        pytest.param([gated_in(20, "AB123457")], [HIT], id="at-the-instant-of-departure"),
        pytest.param([gated_in(20.001, "AB123457")], [NOT], id="after-departure-not-asked"),
        pytest.param([gated_in(1, "SI")], [NOT], id="sealed-number-not-given"),
        pytest.param([gated_in(1, "AB123457", classifier="PLANNED")], [NOT], id="only-planned"),
        pytest.param(
            [gated_in(2, "AB123457"), seal("armed", 1, "AB123456")],
            [NO_HIT],
            id="against-what-was-put-on-where-that-is-reported",
        ),
    ],
)
def test_seals_that_a_terminal_reads_are_compared_where_nobody_reports_them_put_on(
    events: Sequence[Event], expected: list[Result]
) -> None:
    seen = journey(*events, DEPARTED, shares=(share(seals=("AB123456",)),))
    verdicts = answers(RULES["seals-declared-differ"], seen)
    assert results(verdicts) == expected
    if expected == [HIT]:
        found = the_hit(verdicts)
        assert found.evidence[0].type == "transport.gated_in"
        assert found.observed in {"AB123457", "ZZ9"}


def test_without_manifest_seals_are_not_compared() -> None:
    seen = journey(seal("armed", 1, "AB123456"), shares=())
    assert answers(RULES["seals-declared-differ"], seen) == []


# Declared 10,000 kg: 500 kg or 5 %, both 500 kg, and up to 5,000 kg that the container itself weighs.
@pytest.mark.parametrize(
    ("events", "shares", "expected"),
    [
        pytest.param(
            [weighed(13800)], [share(gross_mass_kg=10000)], [NO_HIT], id="with-its-container"
        ),
        pytest.param(
            [weighed(15500)], [share(gross_mass_kg=10000)], [NO_HIT], id="exactly-the-most"
        ),
        pytest.param([weighed(15501)], [share(gross_mass_kg=10000)], [HIT], id="a-kilogram-more"),
        pytest.param(
            [weighed(9500)], [share(gross_mass_kg=10000)], [NO_HIT], id="exactly-the-least"
        ),
        pytest.param([weighed(9499)], [share(gross_mass_kg=10000)], [HIT], id="a-kilogram-less"),
        pytest.param(
            [weighed(19000)], [share(gross_mass_kg=20000)], [NO_HIT], id="5-percent-of-20-t"
        ),
        pytest.param(
            [weighed(18999)], [share(gross_mass_kg=20000)], [HIT], id="more-than-5-percent"
        ),
        pytest.param(
            [weighed(99999, START), weighed(12000, START + DAY)],
            [share(gross_mass_kg=10000)],
            [NO_HIT],
            id="the-last-weighing-counts",
        ),
        pytest.param(
            [weighed(20000)],
            [
                share(gross_mass_kg=10000, consignments=("A",)),
                share("LRN2", gross_mass_kg=9000, consignments=("B",)),
            ],
            [NO_HIT],
            id="groupage-adds-up",
        ),
        pytest.param(
            [weighed(12000)],
            [
                share(gross_mass_kg=10000, consignments=("A",)),
                share("LRN2", gross_mass_kg=10000, consignments=("A",)),
            ],
            [NO_HIT],
            id="a-second-filing-of-the-same-does-not",
        ),
        pytest.param([weighed(12000)], [share()], [NOT], id="nothing-declared"),
        pytest.param([], [share(gross_mass_kg=10000)], [], id="not-weighed"),
        pytest.param([weighed(12000)], [], [], id="no-manifest"),
    ],
)
def test_the_weighed_mass_is_the_declared_one(
    events: Sequence[Event], shares: Sequence[Share], expected: list[Result]
) -> None:
    seen = journey(*events, event("transport.foh", START), shares=shares)
    verdicts = answers(RULES["mass-differs"], seen)
    assert results(verdicts) == expected
    if expected == [HIT]:
        the_hit(verdicts)


def test_loose_cargo_has_no_container_to_weigh() -> None:
    for kg, result in ((10500, NO_HIT), (10501, HIT)):
        seen = journey(weighed(kg), shares=(share(gross_mass_kg=10000),), loose=True)
        assert results(answers(RULES["mass-differs"], seen)) == [result]


ULD, WAGON, SHORT_WAGON, UNKNOWN = "AKE12345LH", "318000000003", "52345678", "BARGE-LOAD-7"


@pytest.mark.parametrize(
    ("unit", "kg", "result"),
    [
        pytest.param(ULD, 400, NO_HIT, id="uld-exactly-the-most"),
        pytest.param(ULD, 401, HIT, id="uld-a-kilogram-more"),
        pytest.param(WAGON, 30000, NO_HIT, id="wagon-exactly-the-most"),
        pytest.param(WAGON, 30001, HIT, id="wagon-a-kilogram-more"),
        pytest.param(SHORT_WAGON, 24000, NO_HIT, id="wagon-of-eight-digits"),
        pytest.param(UNKNOWN, 100, NOT, id="kind-unknown"),
    ],
)
def test_an_empty_unit_weighs_what_its_kind_weighs(unit: str, kg: float, result: Result) -> None:
    seen = replace(journey(weighed(kg), shares=(share(empty=True),)), unit=unit)
    verdicts = answers(RULES["empty-sealed-or-heavy"], seen)
    assert results(verdicts) == [result]
    if result is NOT:
        assert verdicts[0].missing == ("kind of unit",)


def test_a_sealed_empty_is_a_hit_whatever_kind_it_is() -> None:
    seen = replace(journey(ARMED, weighed(9000), shares=(share(empty=True),)), unit=UNKNOWN)
    found = the_hit(answers(RULES["empty-sealed-or-heavy"], seen))
    assert (found.observed, found.expected, found.severity) == ("sealed", "no seal", None)


@pytest.mark.parametrize(
    ("unit", "declared_kg", "kg", "result"),
    [
        pytest.param(ULD, 1500, 2400, NO_HIT, id="uld-exactly-the-most"),
        pytest.param(ULD, 1500, 2401, HIT, id="uld-a-kilogram-more"),
        pytest.param(ULD, 1500, 999, HIT, id="uld-less"),
        pytest.param(WAGON, 50000, 82500, NO_HIT, id="wagon-exactly-the-most"),
        pytest.param(WAGON, 50000, 82501, HIT, id="wagon-a-kilogram-more"),
        pytest.param(SHORT_WAGON, 50000, 74000, NO_HIT, id="wagon-of-eight-digits"),
        pytest.param(UNKNOWN, 10000, 10500, NO_HIT, id="kind-unknown-within-the-tolerance"),
        pytest.param(UNKNOWN, 10000, 10501, NOT, id="kind-unknown-above"),
        pytest.param(UNKNOWN, 10000, 9499, HIT, id="kind-unknown-below"),
    ],
)
def test_a_weighed_mass_may_include_what_the_kind_of_unit_weighs(
    unit: str, declared_kg: float, kg: float, result: Result
) -> None:
    seen = replace(journey(weighed(kg), shares=(share(gross_mass_kg=declared_kg),)), unit=unit)
    verdicts = answers(RULES["mass-differs"], seen)
    assert results(verdicts) == [result]
    if result is NOT:
        assert verdicts[0].missing == ("kind of unit",)


def test_a_difference_of_mass_says_both() -> None:
    seen = journey(weighed(17000), shares=(share(gross_mass_kg=10000),))
    found = the_hit(answers(RULES["mass-differs"], seen))
    assert (found.observed, found.expected) == (17000, 10000)
    assert found.excess == pytest.approx(0.75)
    assert found.text is not None
    assert found.text.en == (
        "Weighed 17000 kg at 2026-01-01T01:00:00Z, 7000 kg more than the 10000 kg declared; tolerance 500 kg, "
        "unit itself up to 5000 kg."
    )


@pytest.mark.parametrize("rule", ["manifest-late", "unit-not-in-manifest"])
def test_while_the_filer_is_silent_a_missing_manifest_is_not_evaluable(rule: str) -> None:
    planned = event("transport.loaded", LOADED_MS, place="CNYTN", classifier="PLANNED", mode="1")
    given = LOADED if rule == "unit-not-in-manifest" else planned
    view = journey(given, shares=())
    watched = policy(lane={"publishers": {"T0": FILER}})
    for heard_ms, expected in ((0, NOT), (LOADED_MS + 9 * DAY, HIT)):
        seen = replace(
            view,
            structure=watched,
            plan=Plan(lane_id=LANE, mode="SEA"),
            publishers={FILER: heard_ms},
        )
        assert results(answers(RULES[rule], seen)) == [expected]
