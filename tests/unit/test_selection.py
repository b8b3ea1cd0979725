"""The random draw: commitment, threshold, events through intake to the lanes, and what a check finds."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from pydantic import ValidationError

from sstl.core.consignments import ConsignmentsStage
from sstl.core.draws import draw_events
from sstl.core.incidents import RANDOM_SELECTION
from sstl.core.selection import (
    Claim,
    ClaimedSelection,
    Lot,
    commitment,
    derived_key,
    draw_event_id,
    draw_number,
    is_below,
    is_selected,
    selection_event_id,
    verify,
)
from sstl.core.stage import Context
from sstl.key_files import draw_of
from sstl.models.policy import Policy
from sstl.models.records import Event, Placed, Referred, Shared
from sstl.models.selection import DayKey, exact_rate, parse_rate, rate_text
from tests.intake_messages import fold, rejection, structured
from tests.journey_events import LANE, UNIT, Chain, share

pytestmark = pytest.mark.unit

DOCS = (Path(__file__).parents[2] / "docs" / "selection.md").read_text(encoding="utf-8")
DAY = date(2027, 3, 2)
LOT = Lot(LANE, DAY, Fraction(1, 50))
KEY = derived_key(b"an example, and so no secret at all", LANE, DAY)
COMMITTED = commitment(KEY, LOT)
IDS = [f"HBL{number:07d}" for number in range(1, 1001)]
NOON = LOT.start_ms + 12 * 3_600_000
ALL = 1 << 256
DRAWN = "HBL0000017"
NOT_DRAWN = "HBL0000001"


@pytest.mark.parametrize(
    ("number", "rate", "selected"),
    [
        pytest.param(0, Fraction(1, 10**9), True, id="the-least-number-at-the-least-rate"),
        pytest.param(ALL - 1, Fraction(1), True, id="everything-at-rate-one"),
        pytest.param(ALL - 1, Fraction(999_999_999, 10**9), False, id="the-greatest-number"),
        pytest.param(ALL // 2 - 1, Fraction(1, 2), True, id="last-below-a-half"),
        pytest.param(ALL // 2, Fraction(1, 2), False, id="exactly-a-half"),
        pytest.param(ALL // 50, Fraction(1, 50), True, id="last-below-two-percent"),
        pytest.param(ALL // 50 + 1, Fraction(1, 50), False, id="first-above-two-percent"),
    ],
)
def test_a_number_selects_below_the_threshold_only(
    number: int, rate: Fraction, selected: bool
) -> None:
    assert is_below(number, rate) is selected


@pytest.mark.parametrize(
    "rate",
    [Fraction(1, 50), Fraction(1, 10**9), Fraction(123_456_789, 10**9), Fraction(1, 2)],
    ids=str,
)
def test_the_chance_is_the_rate_and_less_than_one_in_two_to_the_256th_more(rate: Fraction) -> None:
    selecting = -(-rate.numerator * ALL // rate.denominator)
    assert is_below(selecting - 1, rate)
    assert not is_below(selecting, rate)
    assert 0 <= Fraction(selecting, ALL) - rate < Fraction(1, ALL)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        pytest.param("0.02", "0.02", id="as-it-is"),
        pytest.param("0.0200", "0.02", id="superfluous-zeros"),
        pytest.param("0.000000001", "0.000000001", id="the-least"),
        pytest.param("1", "1", id="one"),
        pytest.param("1.0", "1", id="one-with-a-decimal"),
    ],
)
def test_a_rate_is_the_decimal_that_was_written(text: str, canonical: str) -> None:
    rate = parse_rate(text)
    assert rate_text(rate) == canonical
    assert exact_rate(orjson.loads(orjson.dumps(float(rate)))) == rate


@pytest.mark.parametrize("text", ["0", "0.0", "1.1", "2", "-0.1", "1e-3", "0.0000000001", ".5", ""])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        parse_rate(text)


def test_the_commitment_changes_with_everything_it_commits() -> None:
    others = [
        commitment(bytes(32), LOT),
        commitment(KEY, replace(LOT, lane_id="CNSHG-NLRTM-SEA")),
        commitment(KEY, replace(LOT, day=date(2027, 3, 3))),
        commitment(KEY, replace(LOT, rate=Fraction(1, 20))),
    ]
    assert len({COMMITTED, *others}) == 5


def test_a_secret_gives_each_lane_and_day_its_own_key_again() -> None:
    secret = b"a secret of thirty-two characters"
    keys = {
        derived_key(secret, lane, day)
        for lane in (LANE, "CNSHG-NLRTM-SEA")
        for day in (DAY, date(2027, 3, 3))
        for _ in range(2)
    }
    assert len(keys) == 4


def test_every_way_to_write_a_number_is_the_same_draw() -> None:
    written = ("123-12345675", "12312345675", "123 12345675")
    assert len({draw_number(KEY, text) for text in written}) == 1
    assert len({draw_event_id(LOT, text) for text in written}) == 1


def test_the_worked_example_is_what_the_code_computes() -> None:
    assert f"{KEY.hex()}\n```" in DOCS
    assert f"{COMMITTED}  -" in DOCS
    for name, outcome in ((NOT_DRAWN, "not selected"), (DRAWN, "selected")):
        assert f"| `{name}` | `{draw_number(KEY, name):064x}` | {outcome} |" in DOCS
        assert is_selected(KEY, name, LOT.rate) is (outcome == "selected")
    assert f"this key selects {sum(is_selected(KEY, one, LOT.rate) for one in IDS)};" in DOCS
    assert draw_event_id(LOT, NOT_DRAWN) in DOCS


def day_key() -> DayKey:
    return DayKey.model_validate(
        {
            "format": "sstl-random-key.1",
            "laneId": LANE,
            "day": DAY,
            "rate": "0.02",
            "commitment": COMMITTED,
            "key": KEY.hex(),
        }
    )


def test_a_key_does_not_show_itself() -> None:
    assert KEY.hex() not in repr(day_key())
    context = Context(0, frozenset(), draws={(LANE, DAY): draw_of(day_key())})
    assert KEY.hex() not in repr(context)
    assert repr(KEY) not in repr(context)


def written(*ids: str) -> list[dict[str, Any]]:
    at, source = "2027-03-02T12:00:00Z", "urn:sstl:NLRTM:selection"
    return [one for name in ids for one in draw_events(draw_of(day_key()), name, at, source)]


def placed(*ids: str) -> list[Event]:
    """Return what intake makes of the events of draws, as it is placed at the consignment."""
    records = [
        structured(one, family="inspection", at_ms=NOON + 1000, offset=offset)
        for offset, one in enumerate(written(*ids))
    ]
    outcome = fold(*records)
    assert outcome.counts == {("accepted", "inspection"): len(records)}
    return [one.message.event for one in outcome.outputs if isinstance(one.message, Referred)]


def test_intake_accepts_draws_and_selections_and_knows_all_their_fields() -> None:
    events = placed(NOT_DRAWN, DRAWN)
    assert [one.type for one in events] == [
        "inspection.drawn",
        "inspection.drawn",
        "inspection.selected",
    ]
    assert [one.data.get("selected") for one in events] == [False, True, None]
    assert all(one.lane_id == LANE for one in events)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        pytest.param({"probability": 0}, "/data/probability", id="no-chance"),
        pytest.param({"probability": None}, "/data/probability", id="no-probability"),
        pytest.param({"commitment": "c0ffee"}, "/data/commitment", id="short-commitment"),
        pytest.param({"drawDay": "2027-02-30"}, "/data/drawDay", id="no-day"),
        pytest.param({"selected": "yes"}, "/data/selected", id="no-outcome"),
        pytest.param({"laneId": None}, "/data/laneId", id="no-lane"),
    ],
)
def test_intake_rejects_a_draw_that_cannot_be_checked(change: dict[str, Any], pointer: str) -> None:
    (event,) = written(NOT_DRAWN)
    data = {name: value for name, value in (event["data"] | change).items() if value is not None}
    raw = structured(event | {"data": data}, family="inspection", at_ms=NOON + 1000)
    assert rejection(raw).problems[0].pointer == pointer


@pytest.mark.parametrize(
    ("consignment", "counted"),
    [pytest.param(DRAWN, 1, id="selected"), pytest.param(NOT_DRAWN, 0, id="not-selected")],
)
def test_lanes_count_a_draw_as_a_random_selection(consignment: str, counted: int) -> None:
    stated = {"origin": "CNYTN", "destination": "NLRTM", "mode": "SEA", "random_control_rate": 0.01}
    chain = Chain(ConsignmentsStage(), Policy.model_validate({"lanes": {LANE: stated}}))
    lodged = msgspec.structs.replace(share(), lodged_ms=NOON - 3_600_000)
    chain.feed(
        Shared(manifest_id="LRN1", share=lodged, units=(UNIT,)),
        *(Placed(event=one) for one in placed(consignment)),
        key=consignment,
    )
    (found,) = (
        one for (name, _), one in chain.observations().items() if name.startswith(RANDOM_SELECTION)
    )
    assert found.value_ms == counted


def claims(ids: list[str] = IDS) -> list[Claim]:
    return [
        Claim(
            event_id=draw_event_id(LOT, name),
            consignment_id=name,
            probability=LOT.rate,
            selected=is_selected(KEY, name, LOT.rate),
            commitment=COMMITTED,
            event_ms=NOON,
        )
        for name in ids
    ]


def chosen(ids: list[str] = IDS) -> list[ClaimedSelection]:
    return [
        ClaimedSelection(selection_event_id(LOT, name), name, LOT.rate, NOON)
        for name in ids
        if is_selected(KEY, name, LOT.rate)
    ]


def test_honest_draws_have_no_differences() -> None:
    draws = claims()
    assert verify(KEY, LOT, COMMITTED, draws, chosen(), eligible=IDS, minimum=LOT.rate) == []
    assert verify(KEY, LOT, COMMITTED, draws + draws, chosen() + chosen(), eligible=IDS) == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param({"selected": True}, "wrong_outcome", id="selected-on-purpose"),
        pytest.param({"probability": Fraction(1, 10)}, "wrong_probability", id="another-rate"),
        pytest.param({"commitment": "0" * 64}, "wrong_commitment", id="another-commitment"),
        pytest.param({"event_id": "draw-1"}, "wrong_id", id="another-id"),
        pytest.param({"event_ms": LOT.start_ms - 1}, "outside_day", id="just-before-the-day"),
        pytest.param({"event_ms": LOT.end_ms}, "outside_day", id="as-the-day-ends"),
    ],
)
def test_a_tampered_draw_is_found(change: dict[str, Any], kind: str) -> None:
    draws = [replace(one, **change) if one.consignment_id == NOT_DRAWN else one for one in claims()]
    found = verify(KEY, LOT, COMMITTED, draws, chosen())
    assert [(one.kind, one.subject) for one in found] == [(kind, NOT_DRAWN)]


@pytest.mark.parametrize("event_ms", [LOT.start_ms, LOT.end_ms - 1])
def test_a_draw_may_lie_on_either_edge_of_its_day(event_ms: int) -> None:
    (draw,) = claims([NOT_DRAWN])
    assert verify(KEY, LOT, COMMITTED, [replace(draw, event_ms=event_ms)], []) == []


def test_a_selected_consignment_that_was_published_as_not_selected_is_found() -> None:
    (draw,) = claims([DRAWN])
    found = verify(KEY, LOT, COMMITTED, [replace(draw, selected=False)], [])
    assert [one.kind for one in found] == ["missing_selection", "wrong_outcome"]


def test_a_wrong_key_says_only_that() -> None:
    (found,) = verify(bytes(32), LOT, COMMITTED, claims(), [], eligible=[])
    assert (found.kind, found.subject) == ("wrong_key", LANE)


def test_what_was_left_out_and_what_was_added_is_found() -> None:
    found = verify(KEY, LOT, COMMITTED, claims(IDS[1:16]), [], eligible=IDS[:15])
    assert [(one.kind, one.subject) for one in found] == [
        ("extra_draw", IDS[15]),
        ("missing_draw", IDS[0]),
    ]


@pytest.mark.parametrize(
    ("name", "draws", "found"),
    [
        pytest.param(NOT_DRAWN, claims([NOT_DRAWN]), ["extra_selection"], id="not-drawn"),
        pytest.param(DRAWN, [], ["extra_selection"], id="no-draw-published"),
        pytest.param(DRAWN, claims([DRAWN]), [], id="drawn"),
    ],
)
def test_a_random_selection_needs_its_draw(name: str, draws: list[Claim], found: list[str]) -> None:
    selection = ClaimedSelection("selection-1", name, LOT.rate, NOON)
    assert [one.kind for one in verify(KEY, LOT, COMMITTED, draws, [selection])] == found


def test_a_selection_with_another_probability_is_found() -> None:
    selection = replace(chosen([DRAWN])[0], probability=None)
    (found,) = verify(KEY, LOT, COMMITTED, claims([DRAWN]), [selection])
    assert (found.kind, found.subject) == ("wrong_probability", DRAWN)


def test_two_draws_of_one_consignment_that_differ_are_found() -> None:
    (draw,) = claims([NOT_DRAWN])
    (found,) = verify(KEY, LOT, COMMITTED, [draw, replace(draw, event_ms=NOON + 1)], [])
    assert (found.kind, found.subject) == ("drawn_twice", NOT_DRAWN)


@pytest.mark.parametrize(
    ("minimum", "kinds"),
    [
        pytest.param(Fraction(1, 50), [], id="exactly-as-agreed"),
        pytest.param(Fraction(20_000_001, 10**9), ["rate_too_low"], id="just-below"),
    ],
)
def test_a_rate_below_the_agreed_one_is_found(minimum: Fraction, kinds: list[str]) -> None:
    found = verify(KEY, LOT, COMMITTED, claims(), chosen(), minimum=minimum)
    assert [one.kind for one in found] == kinds


@pytest.mark.parametrize("rate", ["0", "2", "1/50"])
def test_a_key_file_with_a_wrong_rate_is_refused(rate: str) -> None:
    document = day_key().model_dump(mode="json", by_alias=True) | {"rate": rate}
    with pytest.raises(ValidationError):
        DayKey.model_validate_json(orjson.dumps(document))
