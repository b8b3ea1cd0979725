"""Which consignments a worker draws at random as they become known, and with which keys."""

import json
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sstl import metrics
from sstl.agents.day_keys import REREAD_S, DayKeys
from sstl.core.consignments import ConsignmentsStage
from sstl.core.draws import Draw, Draws
from sstl.core.selection import Lot, commitment, is_selected
from sstl.core.stage import Context
from sstl.errors import UserError
from sstl.key_files import read_draws
from sstl.models.policy import Policy
from sstl.models.records import Event, Filing, Placed, Shared
from sstl.models.selection import rate_text
from tests.journey_events import LANE, START, Chain, event, share

pytestmark = pytest.mark.unit

OTHER_LANE = "CNSHG-NLRTM-SEA"
FREE_LANE = "CNNGB-NLRTM-SEA"
HOUSE = "HBL0000001"
DAY = datetime.fromtimestamp(START / 1000, UTC).date()
KEY = bytes(range(32))
STATED = {"origin": "CNYTN", "destination": "NLRTM", "mode": "SEA", "random_control_rate": 0.01}
POLICY = Policy.model_validate(
    {
        "lanes": {
            LANE: STATED,
            OTHER_LANE: STATED | {"origin": "CNSHG"},
            FREE_LANE: {"origin": "CNNGB", "destination": "NLRTM", "mode": "SEA"},
        }
    }
)


def draw_of(lane_id: str, rate: Fraction = Fraction(1), key: bytes = KEY, day: date = DAY) -> Draw:
    lot = Lot(lane_id, day, rate)
    return Draw(lot, commitment(key, lot), key)


def keys(*draws: Draw) -> Draws:
    return {(one.lot.lane_id, one.lot.day): one for one in draws}


ALL = keys(draw_of(LANE), draw_of(OTHER_LANE))


class Drawing(Chain):
    """[consignments] with keys of days."""

    def __init__(self, draws: Draws | None = ALL, policy: Policy = POLICY) -> None:
        super().__init__(ConsignmentsStage(), policy, Context(0, frozenset(), draws))

    def take(self, *messages: Any) -> None:
        self.feed(*messages, key=HOUSE)

    @property
    def drawn(self) -> list[dict[str, Any]]:
        return [one.message for one in self.outputs if one.topic == "inspection"]

    @property
    def outcomes(self) -> dict[str, int]:
        return {label: many for (what, label), many in self.counts.items() if what == "draw"}


def filed(
    lane_id: str | None = LANE, manifest: str = "LRN1", *, at_ms: int = START, **fields: Any
) -> Shared:
    lodged = event("manifest.lodged", at_ms, id=f"lodged/{manifest}")
    known = share(
        manifest, lane_id=lane_id, evidence=lodged, filings=(Filing(event=lodged),), **fields
    )
    return Shared(manifest_id=manifest, share=known)


def report(kind: str, **data: Any) -> Placed:
    return Placed(event=event(kind, START, consignmentId=HOUSE, laneId=LANE, **data))


def test_a_consignment_that_becomes_known_on_a_lane_with_a_least_rate_is_drawn() -> None:
    stage = Drawing()
    stage.take(filed())
    assert stage.outcomes == {"selected": 1}
    assert [one["type"] for one in stage.drawn] == [
        "org.sstl.inspection.drawn.v1",
        "org.sstl.inspection.selected.v1",
    ]
    body = stage.drawn[0]["data"]
    assert (body["consignmentId"], body["laneId"], body["drawDay"]) == (HOUSE, LANE, str(DAY))
    assert body["commitment"] == ALL[LANE, DAY].commitment
    assert KEY.hex() not in json.dumps(stage.drawn)


def test_one_that_is_not_selected_has_its_draw_and_no_selection() -> None:
    key = next(
        one
        for one in (number.to_bytes(32) for number in range(1000))
        if not is_selected(one, HOUSE, Fraction(1, 100))
    )
    stage = Drawing(keys(draw_of(LANE, Fraction(1, 100), key)))
    stage.take(filed())
    assert stage.outcomes == {"not_selected": 1}
    assert [one["data"]["selected"] for one in stage.drawn] == [False]


def test_a_worker_without_keys_draws_nothing_and_counts_nothing() -> None:
    stage = Drawing(None)
    stage.take(filed())
    assert not stage.drawn
    assert not stage.outcomes


def test_without_the_key_of_the_day_nothing_is_drawn_and_it_is_counted() -> None:
    stage = Drawing(keys(draw_of(LANE, day=DAY + timedelta(days=1)), draw_of(OTHER_LANE)))
    stage.take(filed())
    assert not stage.drawn
    assert stage.outcomes == {"no_key": 1}


@pytest.mark.parametrize(
    ("rate", "outcome"),
    [
        pytest.param(Fraction(1, 100), "selected", id="exactly-the-least-rate"),
        pytest.param(Fraction(9_999_999, 10**9), "rate_too_low", id="just-below"),
    ],
)
def test_a_key_with_a_rate_below_the_lanes_least_one_draws_nothing(
    rate: Fraction, outcome: str
) -> None:
    candidates = (number.to_bytes(32) for number in range(10_000))
    key = next(one for one in candidates if is_selected(one, HOUSE, Fraction(9, 1000)))
    stage = Drawing(keys(draw_of(LANE, rate, key)))
    stage.take(filed())
    assert stage.outcomes == {outcome: 1}


@pytest.mark.parametrize(
    ("side", "outcome"),
    [
        pytest.param("IMPORT", "channel_assigned", id="import"),
        pytest.param(None, "channel_assigned", id="side-not-said"),
        pytest.param("EXPORT", "selected", id="only-at-export"),
    ],
)
def test_what_has_a_channel_on_the_import_side_is_not_drawn(side: str | None, outcome: str) -> None:
    stage = Drawing()
    stage.take(report("channel.assigned", channel="GREEN", **({"side": side} if side else {})))
    stage.take(filed())
    assert stage.outcomes == {outcome: 1}


def test_what_was_drawn_from_a_list_is_not_drawn_again() -> None:
    stage = Drawing()
    stage.take(report("inspection.drawn", selected=False))
    stage.take(filed())
    assert not stage.drawn
    assert stage.outcomes == {"drawn_before": 1}


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(filed(gross_mass_kg=7.0), id="amended"),
        pytest.param(filed(manifest="LRN2"), id="filed-again"),
        pytest.param(filed(OTHER_LANE), id="moved-to-another-lane-that-draws"),
        pytest.param(filed(at_ms=START + 86_400_000), id="amended-on-the-next-day"),
    ],
)
def test_what_is_known_is_not_drawn_again(later: Shared) -> None:
    stage = Drawing()
    stage.take(filed())
    stage.take(later)
    assert len(stage.drawn) == 2
    assert stage.outcomes == {"selected": 1}


def test_a_lane_without_a_least_rate_draws_nothing_until_the_consignment_is_moved() -> None:
    stage = Drawing()
    stage.take(filed(FREE_LANE))
    assert not stage.outcomes
    stage.take(filed(LANE))
    assert stage.outcomes == {"selected": 1}


def test_a_draw_is_dated_by_what_made_the_consignment_known() -> None:
    late = Filing(
        event=msgspec.structs.replace(event("manifest.amended", START), arrival_ms=START + 9)
    )
    stage = Drawing()
    first = filed()
    assert first.share is not None
    both = msgspec.structs.replace(first.share, filings=(*first.share.filings, late))
    stage.take(Shared(manifest_id="LRN1", share=both))
    known: Event = first.share.filings[0].event
    stated = datetime.fromisoformat(stage.drawn[0]["time"])
    assert stated == datetime.fromtimestamp(known.arrival_ms / 1000, UTC)


def write_key(folder: Path, draw: Draw, name: str | None = None) -> Path:
    path = folder / (name or f"{draw.lot.lane_id}-{draw.lot.day}.key")
    document = {
        "format": "sstl-random-key.1",
        "laneId": draw.lot.lane_id,
        "day": str(draw.lot.day),
        "rate": rate_text(draw.lot.rate),
        "commitment": draw.commitment,
        "key": draw.key.hex(),
    }
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return path


def test_the_keys_of_a_directory_are_read_and_other_files_left_alone(tmp_path: Path) -> None:
    for draw in ALL.values():
        write_key(tmp_path, draw)
    (tmp_path / "commitment.json").write_text("{}")
    assert read_draws(tmp_path) == ALL
    assert read_draws(write_key(tmp_path, draw_of(LANE))) == keys(draw_of(LANE))


def test_keys_that_others_may_read_or_that_contradict_each_other_are_refused(
    tmp_path: Path,
) -> None:
    path = write_key(tmp_path, draw_of(LANE))
    write_key(tmp_path, draw_of(LANE, key=bytes(32)), "second.key")
    with pytest.raises(UserError, match="another key"):
        read_draws(tmp_path)
    path.chmod(0o640)
    with pytest.raises(UserError, match="others may read it") as refused:
        read_draws(path)
    assert KEY.hex() not in str(refused.value)


class Clock:
    def __init__(self) -> None:
        self.now = START / 1000

    def __call__(self) -> float:
        return self.now


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record)["fields"] for record in caplog.records if record.name.startswith("sstl.")]


def test_a_key_that_comes_while_the_worker_runs_is_used_and_its_absence_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    write_key(tmp_path, draw_of(LANE))
    source = DayKeys(tmp_path, lambda: POLICY, now=clock)
    assert set(source()) == {(LANE, DAY)}
    assert metrics.DRAW_KEYS_MISSING._value.get() == 1
    write_key(tmp_path, draw_of(OTHER_LANE))
    clock.now += REREAD_S - 1
    assert (OTHER_LANE, DAY) not in source()
    clock.now += 1
    assert (OTHER_LANE, DAY) in source()
    assert metrics.DRAW_KEYS_MISSING._value.get() == 0
    clock.now += 86_400
    source()
    assert metrics.DRAW_KEYS_MISSING._value.get() == 2
    assert [one["records"] for one in logged(caplog) if one["reason"] == "no_key"] == [1, 2]
    assert KEY.hex() not in caplog.text


def test_keys_that_can_no_longer_be_read_stay_in_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    path = write_key(tmp_path, draw_of(LANE))
    source = DayKeys(tmp_path, lambda: POLICY, now=clock)
    path.write_text("spoilt")
    clock.now += REREAD_S
    assert source() == keys(draw_of(LANE))
    assert [one["reason"] for one in logged(caplog)] == ["unreadable", "no_key"]
