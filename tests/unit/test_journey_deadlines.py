"""Absence is judged at its deadline, when the watermark has come there: told as what happens to one container."""

from functools import partial

import msgspec
import pytest

from sstl.core import publishers, subjects
from sstl.core.deadlines import take_due
from sstl.core.journeys.stage import JourneysStage
from sstl.core.stage import Context
from sstl.models.policy import LanePolicy, Policy, StageLimit
from sstl.models.records import Event, Finding, Heartbeat, Placed, Shared, Version
from tests.journey_events import HOUR, LANE, START, UNIT, Chain, event, share

RULE = "milestone-overdue"
TERMINAL = "urn:sstl:NLRTM:tos"
"""Source of all events that `tests.journey_events` makes."""
DEPARTED = event("transport.departed", START, place="CNYTN", lane=LANE)
DEADLINE = START + 48 * HOUR
PLACES = {"place_of_loading": "CNYTN", "place_of_unloading": "NLRTM"}


def arrived(at_ms: int, *, recorded_ms: int | None = None) -> Placed:
    return Placed(
        event=event(
            "transport.arrived", at_ms, id="arrived", place="NLRTM", recorded_ms=recorded_ms
        )
    )


def lane(**more: object) -> LanePolicy:
    return LanePolicy(
        origin="CNYTN",
        destination="NLRTM",
        mode="SEA",
        stages=(StageLimit(start="T5", end="T6", limit_hours=48),),
        **more,  # type: ignore[arg-type]
    )


def chain_of(lane_policy: LanePolicy, *sources: str, hot_room: int = 1_000) -> Chain:
    chain = Chain(
        JourneysStage(hot_room),
        Policy(lanes={LANE: lane_policy}),
        Context(0, frozenset(sources or ("intake-transport/0",))),
    )
    chain.feed(Shared(manifest_id="LRN1", share=share(**PLACES)), Placed(event=DEPARTED))
    return chain


@pytest.fixture(params=[0, 1_000], ids=["read-anew", "kept-in-memory"])
def chain(request: pytest.FixtureRequest) -> Chain:
    return chain_of(lane(), hot_room=request.param)


def beat(
    chain: Chain,
    reached_ms: int,
    source: str = "intake-transport/0",
    publishers: tuple[tuple[str, int], ...] = (),
) -> None:
    word = Heartbeat(source=source, reached_ms=reached_ms, caught_up=True, publishers=publishers)
    chain.feed(word, key="~heartbeat")


def overdue(chain: Chain) -> list[Finding]:
    return [one for one in chain.findings().values() if one.rule_id == RULE]


def test_before_the_deadline_nothing_is_overdue(chain: Chain) -> None:
    beat(chain, DEADLINE - 1)
    assert not overdue(chain)


def test_at_the_deadline_the_arrival_is_overdue_and_the_flag_says_that_instant(
    chain: Chain,
) -> None:
    beat(chain, DEADLINE)
    (finding,) = overdue(chain)
    assert finding.anchor_ms == DEADLINE
    assert finding.detected_ms == DEADLINE


def test_when_it_was_noticed_changes_nothing(chain: Chain) -> None:
    beat(chain, DEADLINE)
    (at_once,) = overdue(chain)
    late = chain_of(lane())
    beat(late, DEADLINE + 500 * HOUR)
    assert overdue(late) == [at_once]


def test_an_arrival_in_time_that_is_reported_late_withdraws_it_with_the_reason(
    chain: Chain,
) -> None:
    beat(chain, DEADLINE)
    chain.feed(arrived(DEADLINE - HOUR, recorded_ms=DEADLINE + 9 * HOUR))
    assert not overdue(chain)
    told = [o.message for o in chain.outputs if isinstance(o.message, Finding)]
    cleared = [one for one in told if one.rule_id == RULE and one.state == "CLEARED"]
    assert len(cleared) == 1
    assert cleared[0].reason


def test_replayed_in_order_it_is_never_raised(chain: Chain) -> None:
    chain.feed(arrived(DEADLINE - HOUR))
    beat(chain, DEADLINE + HOUR)
    assert not [
        o for o in chain.outputs if isinstance(o.message, Finding) and o.message.rule_id == RULE
    ]


def test_an_arrival_after_the_deadline_leaves_the_flag_under_its_id(chain: Chain) -> None:
    beat(chain, DEADLINE)
    (before,) = overdue(chain)
    chain.feed(arrived(DEADLINE + HOUR))
    (after,) = overdue(chain)
    assert after.flag_id == before.flag_id


def test_a_correction_of_the_departure_moves_the_deadline(chain: Chain) -> None:
    later = msgspec.structs.replace(
        DEPARTED,
        event_ms=START + 10 * HOUR,
        version=Version(START + 11 * HOUR, retracted=False, digest="b"),
    )
    chain.feed(Placed(event=later))
    beat(chain, DEADLINE)
    assert not overdue(chain)
    beat(chain, DEADLINE + 10 * HOUR)
    assert len(overdue(chain)) == 1


def test_nothing_waits_once_the_milestone_is_reported(chain: Chain) -> None:
    assert [key for key, _ in chain.cells() if key.startswith("~due")]
    chain.feed(arrived(DEADLINE - HOUR))
    index = [part for key, part in chain.cells() if key.startswith("~due/")]
    assert not [part for part in index if part.endswith(UNIT)]


def test_one_lagging_input_holds_the_deadline_back() -> None:
    chain = chain_of(lane(), "intake-transport/0", "intake-inspection/0")
    beat(chain, DEADLINE + 9 * HOUR)
    assert not overdue(chain)
    beat(chain, DEADLINE - 1, "intake-inspection/0")
    assert not overdue(chain)
    beat(chain, DEADLINE, "intake-inspection/0")
    assert len(overdue(chain)) == 1


def test_a_stalled_stage_before_this_one_holds_the_deadline_back() -> None:
    chain = chain_of(lane(), "intake-transport/0", "references/0")
    beat(chain, DEADLINE + 9 * HOUR)
    assert not overdue(chain)
    # What it forwards at last comes before its heartbeat does.
    chain.feed(arrived(DEADLINE - HOUR))
    beat(chain, DEADLINE + 9 * HOUR, "references/0")
    assert not [
        o for o in chain.outputs if isinstance(o.message, Finding) and o.message.rule_id == RULE
    ]


def test_after_an_outage_what_was_reported_meanwhile_comes_before_the_deadline(
    chain: Chain,
) -> None:
    beat(chain, START + HOUR)
    # All workers are down for days; the first batch holds the reports, and then the heartbeat.
    records: list[tuple[str, object]] = [
        (UNIT, arrived(DEADLINE - HOUR)),
        (
            "~heartbeat",
            Heartbeat(source="intake-transport/0", reached_ms=DEADLINE + 90 * HOUR, caught_up=True),
        ),
    ]
    chain.fold(records)
    assert not [
        o for o in chain.outputs if isinstance(o.message, Finding) and o.message.rule_id == RULE
    ]


def test_the_stages_heartbeat_goes_on_after_what_its_deadlines_told(chain: Chain) -> None:
    before = len(chain.outputs)
    beat(chain, DEADLINE)
    topics = [type(o.message).__name__ for o in chain.outputs[before:]]
    assert topics.index("Heartbeat") > max(i for i, name in enumerate(topics) if name == "Finding")


class TestSilentPublisher:
    """Rotterdam's terminal is the one that reports arrivals."""

    def chain(self, hot_room: int = 1_000) -> Chain:
        return chain_of(lane(publishers={"T6": TERMINAL}), hot_room=hot_room)

    def test_while_it_is_silent_absence_proves_nothing(self) -> None:
        chain = self.chain()
        beat(chain, START + HOUR, publishers=((TERMINAL, START + HOUR),))
        beat(chain, DEADLINE + 9 * HOUR)
        assert not overdue(chain)
        assert chain.counts["rule", f"{RULE}:not_evaluable"]

    @pytest.mark.parametrize("hot_room", [0, 1_000])
    def test_when_it_speaks_again_without_the_arrival_the_arrival_is_overdue(
        self, hot_room: int
    ) -> None:
        chain = self.chain(hot_room)
        beat(chain, START + HOUR, publishers=((TERMINAL, START + HOUR),))
        beat(chain, DEADLINE + 9 * HOUR)
        beat(chain, DEADLINE + 10 * HOUR, publishers=((TERMINAL, DEADLINE + 10 * HOUR),))
        (finding,) = overdue(chain)
        assert finding.anchor_ms == DEADLINE

    def test_what_it_then_reports_in_time_is_not_overdue(self) -> None:
        chain = self.chain()
        beat(chain, DEADLINE + 9 * HOUR)
        chain.feed(arrived(DEADLINE - HOUR, recorded_ms=DEADLINE + 10 * HOUR))
        beat(chain, DEADLINE + 10 * HOUR, publishers=((TERMINAL, DEADLINE + 10 * HOUR),))
        assert not [
            o for o in chain.outputs if isinstance(o.message, Finding) and o.message.rule_id == RULE
        ]

    def test_the_word_is_passed_on_to_the_next_stages(self) -> None:
        chain = self.chain()
        beat(chain, START + HOUR, publishers=((TERMINAL, START + HOUR),))
        passed = [o.message for o in chain.outputs if isinstance(o.message, Heartbeat)]
        assert {one.publishers for one in passed} == {((TERMINAL, START + HOUR),)}


OTHERS = ("OTHU0000001", "OTHU0000022")


def pause(chain: Chain) -> bool:
    """Let the stage do what waits for a pause; False where nothing did."""
    outcome = chain.stage.tick(chain.state, chain.policy, chain.context)
    chain.state.apply(outcome.changed)
    chain.outputs += outcome.outputs
    return bool(outcome.changed)


def depart(chain: Chain) -> None:
    """Let two more units depart together with the first."""
    for unit in OTHERS:
        chain.feed(
            Shared(manifest_id="LRN1", share=share(**PLACES)), Placed(event=DEPARTED), key=unit
        )


def test_what_one_step_has_no_room_for_is_judged_though_the_watermark_stands_still(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backfill says nothing any more once it has been read: its last step may be a long one."""
    depart(chain)
    monkeypatch.setattr(subjects, "take_due", partial(take_due, limit=1))
    beat(chain, DEADLINE)
    assert len(overdue(chain)) == 1
    assert [pause(chain) for _ in range(3)] == [True, True, False]
    assert len(overdue(chain)) == 3


def test_whoever_waited_for_a_publisher_is_asked_though_it_says_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain = chain_of(lane(publishers={"T6": TERMINAL}))
    depart(chain)
    beat(chain, DEADLINE + HOUR)
    assert not overdue(chain)
    monkeypatch.setattr(publishers, "take_due", partial(take_due, limit=1))
    beat(chain, DEADLINE + HOUR, publishers=((TERMINAL, DEADLINE),))
    assert len(overdue(chain)) == 1
    assert [pause(chain) for _ in range(3)] == [True, True, False]
    assert len(overdue(chain)) == 3


def test_before_the_deadline_a_pause_judges_nothing(chain: Chain) -> None:
    assert not pause(chain)
    beat(chain, DEADLINE - 1)
    assert not pause(chain)
    assert not overdue(chain)


def test_events_of_other_units_do_not_make_a_deadline_pass(chain: Chain) -> None:
    other: Event = event("transport.departed", DEADLINE + HOUR, place="CNYTN")
    chain.feed(Placed(event=other), key="OTHR0000001")
    assert not overdue(chain)
