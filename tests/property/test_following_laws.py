"""Lanes: what has not ended leaves no trace of the order, the repetition and the heartbeats by which it was told."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sstl.core.lanes import LanesStage
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.indicator import net_content
from sstl.models.policy import IndicatorPolicy, LanePolicy, Policy
from sstl.models.records import OPEN, Heartbeat, LanesMessage, Measure, Observation

HOUR_MS = 3_600_000
LANE, OTHER = "CNSHG-NLRTM-SEA", "CNYTN-GBFXT-SEA"
SOURCE, CUSTOMS = "consignments/0", "urn:sstl:NLRTM:customs"
CONTEXT = Context(0, frozenset({SOURCE}))
POLICY = Policy(
    publisher_silence_s=3 * 3600,
    indicators={"LT_release": IndicatorPolicy(follow_up_hours=20)},
    lanes={
        LANE: LanePolicy(
            origin="CNSHG", destination="NLRTM", mode="SEA", publishers={"T13": CUSTOMS}
        )
    },
)

MEASURES = st.builds(
    lambda lane, start, end, strata: Measure(
        lane_id=lane,
        mode="SEA",
        start_ms=round(start * HOUR_MS),
        value_ms=0 if end[0] == OPEN else round(end[1] * HOUR_MS),
        strata=strata,
        outcome=end[0],
    ),
    st.sampled_from([LANE, LANE, OTHER]),
    st.sampled_from([0, 1.5, 20, 30, 47.99, 60]),
    st.sampled_from([(OPEN, 0), (OPEN, 0), (None, 2), (None, 30), ("SEIZED", 5)]),
    st.sampled_from([{}, {"channel": "RED"}]),
)
LIVES = st.lists(st.lists(st.none() | MEASURES, min_size=1, max_size=3), max_size=6)
BEATS = st.lists(st.tuples(st.sampled_from([0.25, 0.5, 4, 26]), st.booleans()), max_size=6)
"""Hours from one heartbeat to the next, and whether customs have been heard of until then."""


def observations(name: str, life: Sequence[Measure | None]) -> list[Observation]:
    before: Measure | None = None
    found = []
    for measure in life:
        found.append(
            Observation(
                id=name,
                indicator="LT_release",
                counting_unit="consignment",
                current=measure,
                previous=before,
            )
        )
        before = measure
    return found


def heartbeats(beats: Sequence[tuple[float, bool]]) -> list[Heartbeat]:
    reached = heard = 10.0
    found = []
    for hours, speaks in [(0.0, True), *beats]:
        reached += hours
        heard = reached if speaks else heard
        found.append(
            Heartbeat(
                source=SOURCE,
                reached_ms=round(reached * HOUR_MS),
                caught_up=True,
                publishers=((CUSTOMS, round(heard * HOUR_MS)),),
            )
        )
    return found


def net(batches: Sequence[Sequence[LanesMessage]]) -> dict[str, Any]:
    """Return the net content of what is published last, with a tick after each batch."""
    stage, state = LanesStage(most_per_tick=5), MemoryState()
    published: dict[str, Any] = {}
    for batch in batches:
        inbound = [Inbound("o", message) for message in batch]
        state.apply(stage.fold(state, inbound, POLICY, CONTEXT).changed)
        while True:
            outcome = stage.tick(state, POLICY, CONTEXT)
            state.apply(outcome.changed)
            if not outcome.changed:
                break
            published |= {
                one.key: one.message for one in outcome.outputs if one.message is not None
            }
    contents = {key: net_content(record) for key, record in published.items()}
    return {key: content for key, content in contents.items() if content is not None}


@given(LIVES, BEATS, st.data())
def test_at_one_watermark_the_records_are_the_same_whatever_was_told_before(
    lives: list[list[Measure | None]], beats: list[tuple[float, bool]], data: st.DataObject
) -> None:
    hearts = heartbeats(beats)
    sources: list[list[LanesMessage]] = [
        list(observations(str(number), life)) for number, life in enumerate(lives)
    ]
    sources.append(list(hearts))
    queues = [iter(one) for one in sources]
    turns = [number for number, one in enumerate(sources) for _ in one]
    arrived = [next(queues[number]) for number in data.draw(st.permutations(turns))]
    batches: list[list[LanesMessage]] = [[]]
    for message in arrived:
        batches[-1].append(message)
        if data.draw(st.booleans()):
            batches.append([])
    last = [observations(str(number), life[-1:])[0] for number, life in enumerate(lives)]
    assert net(batches) == net([[*last, hearts[-1]]])


@given(LIVES, BEATS)
def test_everything_that_is_followed_is_open_ended_or_ended_otherwise(
    lives: list[list[Measure | None]], beats: list[tuple[float, bool]]
) -> None:
    last = [observations(str(number), life[-1:])[0] for number, life in enumerate(lives)]
    told = net([[*last, heartbeats(beats)[-1]]]).values()
    # what ended in a window, and the composition of its change, are published beside it and not followed
    for content in told:
        if content["indicator"] != "LT_release" or content["window"]["by"] != "START":
            continue
        follow_up = content["followUp"]
        otherwise = sum(follow_up["competing"].values())
        within = follow_up["n"] - follow_up["nOpen"] - follow_up["nSilent"] - otherwise
        assert 0 <= within <= content["n"]
        shares = follow_up.get("incidence", {})
        assert sum(one["share"] for one in shares.values()) <= 1 + 1e-9
        median = follow_up.get("median")
        if median is not None and not median["reached"]:
            assert median["longerThanS"] == follow_up["followedToS"]
