"""Laws of the journey and consignment folds.

Few instants, places, identities and recorded times are drawn, so that ties, corrections, retractions and moves are
common. Messages of one writer's register (a manifest's share, a path's forwarding) keep their order, as on a topic;
everything else is permuted and repeated.
"""

from collections.abc import Callable, Iterable
from typing import Any
from unittest.mock import patch

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sstl.core.consignments import ConsignmentsStage
from sstl.core.journeys import record
from sstl.core.journeys.assess import assess
from sstl.core.journeys.stage import JourneysStage
from sstl.models.policy import Policy, RulePolicy
from sstl.models.records import (
    Event,
    Forwarded,
    Placed,
    Shared,
    UnitMilestones,
    Version,
    Withdrawn,
)
from tests.journey_events import HOUR, LANE, START, UNIT, Chain, event, leg, share
from tests.journey_worlds import set_of

POLICY = Policy(rules={"milestone-later-than-planned": RulePolicy(thresholds={"threshold": 30})})
ARCHETYPES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("transport.departed", "ACTUAL", {"place": "CNYTN", "lane": LANE}),
    ("transport.arrived", "ACTUAL", {"place": "NLRTM", "lane": LANE}),
    ("transport.departed", "PLANNED", {"place": "CNYTN"}),
    ("transport.arrived", "PLANNED", {"place": "NLRTM"}),
    ("transport.arrived", "ESTIMATED", {"place": "NLRTM"}),
    ("transport.departed", "ACTUAL", {"place": "CNYTN", "leg": "i1"}),
    ("transport.discharged", "ACTUAL", {"place": "NLRTM", "leg": "i1"}),
    ("transport.discharged", "PLANNED", {"place": "NLRTM", "leg": "i1"}),
    ("transport.dlv", "ACTUAL", {"leg": "o"}),
    ("inspection.released", "ACTUAL", {"side": "IMPORT"}),
    ("inspection.revoked", "ACTUAL", {"side": "IMPORT"}),
    ("seallock.opened", "ACTUAL", {}),
)
"""What the events with this number usually are; some versions vary it."""
PATHS = ("mrn:1", "ucr:1")

instants = st.integers(0, 4).map(lambda hours: START + hours * HOUR)
variations = st.fixed_dictionaries(
    {},
    optional={
        "place": st.sampled_from(("CNYTN", "NLRTM", None)),
        "leg": st.sampled_from(("i1", "o", None)),
        "side": st.sampled_from(("IMPORT", "EXPORT")),
        "sequence": st.integers(0, 1),
        "emptyIndicator": st.sampled_from(("EMPTY", "LADEN")),
        "lane": st.sampled_from((LANE, "CNNSA-NLRTM-SEA")),
    },
)


@st.composite
def versions(draw: st.DrawFn) -> Event:
    """A version of one of a few events, ordinary or with a few fields varied."""
    number = draw(st.integers(0, len(ARCHETYPES) - 1))
    kind, classifier, body = ARCHETYPES[number]
    if draw(st.integers(0, 4)) == 0:
        body = body | draw(variations)
    return event(
        kind,
        draw(instants),
        id=f"e{number}",
        classifier=classifier,
        recorded_ms=START + draw(st.integers(0, 2)) * HOUR,
        retracted=draw(st.integers(0, 9)) == 0,
        **body,
    )


def with_digests(events: Iterable[Event]) -> list[Event]:
    """Give different bodies different digests."""
    return [
        msgspec.structs.replace(
            one,
            version=Version(
                one.version.recorded_ms,
                one.version.retracted,
                str((one.type, one.event_ms, one.lane_id, sorted(one.data.items()))),
            ),
        )
        for one in events
    ]


shares = st.builds(
    share,
    st.sampled_from(("LRN1", "LRN2")),
    lane_id=st.sampled_from((LANE, "CNNSA-NLRTM-SEA", None)),
    lodged_ms=st.sampled_from((START, START + HOUR)),
    mode=st.sampled_from(("SEA", "AIR")),
    consignments=st.sampled_from(((), ("A",), ("A", "B"))),
    place_of_loading=st.sampled_from((None, "CNYTN")),
    place_of_unloading=st.sampled_from((None, "NLRTM")),
    empty=st.integers(0, 9).map(lambda n: n == 0),
    legs=st.sampled_from(
        (
            (),
            (leg("i1", planned_start_ms=START, planned_end_ms=START + HOUR),),
            (
                leg("i1", "INBOUND", planned_start_ms=START, planned_end_ms=START + HOUR),
                leg("o", "OUTBOUND", "AIR", planned_end_ms=START + 2 * HOUR),
            ),
        )
    ),
)

Record = tuple[str, Any]


@st.composite
def journeys(draw: st.DrawFn) -> list[list[Record]]:
    """Messages to one unit, as a list of writers' streams; a stream keeps its order, streams do not."""
    events = with_digests(draw(st.lists(versions(), min_size=6, max_size=16)))
    streams: list[list[Record]] = [[(UNIT, Placed(event=one))] for one in events]
    for one in draw(st.lists(st.sampled_from(events), max_size=2)) if events else ():
        word = Withdrawn(
            identity=one.identity,
            version=Version(one.version.recorded_ms, retracted=False, digest="z"),
        )
        streams.append([(UNIT, word)])
    for path in PATHS:
        forwarded = (
            draw(st.lists(st.tuples(st.sampled_from(events), st.booleans()), max_size=4))
            if events
            else []
        )
        streams.append(
            [
                (
                    UNIT,
                    Forwarded(
                        identity=one.identity,
                        path=path,
                        event=None if gone or one.version.retracted else one,
                    ),
                )
                for one, gone in forwarded
            ]
        )
    told = draw(st.lists(st.tuples(shares, st.integers(0, 4)), max_size=4))
    for manifest in ("LRN1", "LRN2"):
        streams.append(
            [
                (UNIT, Shared(manifest_id=manifest, share=one if still else None))
                for one, still in told
                if one.manifest_id == manifest
            ]
        )
    return streams


@st.composite
def deliveries(
    draw: st.DrawFn, of: st.SearchStrategy[list[list[Record]]]
) -> tuple[list[Record], list[Record]]:
    """The same streams in two ways: one after the other, and interleaved with direct events repeated."""
    streams = draw(of)
    plain = [one for stream in streams for one in stream]
    repeats = [[one] for one in plain if isinstance(one[1], Placed | Withdrawn)]
    again = draw(st.lists(st.sampled_from(repeats), max_size=5)) if repeats else []
    queues = [list(stream) for stream in (*streams, *again) if stream]
    mixed: list[Record] = []
    picks = draw(st.randoms(use_true_random=False))
    while queues:
        queue = picks.choice(queues)
        mixed.append(queue.pop(0))
        if not queue:
            queues.remove(queue)
    return plain, mixed


def split(records: list[Record], sizes: list[int]) -> list[list[Record]]:
    batches, start = [], 0
    for size in sizes:
        batches.append(records[start : start + size])
        start += size
    return [*batches, records[start:]]


def run(stage: Callable[[], Any], batches: Iterable[list[Record]]) -> Chain:
    chain = Chain(stage(), POLICY)
    # Chunks of two, so that they fill up and become empty.
    with patch.object(record, "CHUNK", 2):
        for batch in batches:
            chain.fold(batch)
    return chain


def net(chain: Chain) -> tuple[Any, Any, Any]:
    return chain.findings(), chain.observations(), chain.units()


@given(deliveries(journeys()), st.lists(st.integers(1, 6), max_size=6))
def test_order_and_repetition_do_not_change_what_is_told_of_a_journey(
    delivered: tuple[list[Record], list[Record]], sizes: list[int]
) -> None:
    plain, mixed = delivered
    assert net(run(JourneysStage, [plain])) == net(run(JourneysStage, split(mixed, sizes)))


@given(deliveries(journeys()))
def test_a_batch_folded_whole_ends_in_the_state_of_its_messages_one_by_one(
    delivered: tuple[list[Record], list[Record]],
) -> None:
    _, mixed = delivered
    whole = run(JourneysStage, [mixed])
    single = run(JourneysStage, [[one] for one in mixed])
    assert whole.cells() == single.cells()
    assert net(whole) == net(single)


@given(deliveries(journeys()))
def test_what_is_told_is_the_assessment_of_the_set_and_nothing_else(
    delivered: tuple[list[Record], list[Record]],
) -> None:
    plain, mixed = delivered
    now = assess(UNIT, *set_of(plain), POLICY)
    chain = run(JourneysStage, [[one] for one in mixed])
    assert chain.findings() == dict(now.findings)
    assert chain.observations() == {
        (one.id, one.measure.lane_id): one.measure for one in now.observations.values()
    }
    assert {name: told.milestones for name, told in chain.units().items()} == dict.fromkeys(
        now.plan.consignments, now.milestones.instants()
    )


@given(deliveries(journeys()), st.integers(0, 30))
def test_taking_everything_back_leaves_nothing_in_force(
    delivered: tuple[list[Record], list[Record]], keep: int
) -> None:
    _, mixed = delivered
    chain = run(JourneysStage, [mixed[keep:]])
    for _, message in mixed:
        match message:
            case Placed(event=one):
                gone = Version(one.version.recorded_ms + HOUR * 10, retracted=True, digest="")
                chain.feed(Placed(event=msgspec.structs.replace(one, version=gone)))
            case Forwarded(identity=identity, path=path):
                chain.feed(Forwarded(identity=identity, path=path))
            case Shared(manifest_id=manifest):
                chain.feed(Shared(manifest_id=manifest))
    assert net(chain) == ({}, {}, {})


@st.composite
def consignments(draw: st.DrawFn) -> list[list[Record]]:
    events = with_digests(draw(st.lists(versions(), max_size=8)))
    streams: list[list[Record]] = [[("HBL1", Placed(event=one))] for one in events]
    for unit in ("U1", "U2"):
        told = draw(
            st.lists(
                st.none() | st.dictionaries(st.sampled_from(("T5", "T6")), instants), max_size=3
            )
        )
        streams.append([("HBL1", UnitMilestones(unit=unit, milestones=one)) for one in told])
    parts = draw(
        st.lists(st.tuples(shares, st.sampled_from(((), ("U1",), ("U1", "U2")))), max_size=3)
    )
    for manifest in ("LRN1", "LRN2"):
        streams.append(
            [
                ("HBL1", Shared(manifest_id=manifest, share=one, units=units))
                for one, units in parts
                if one.manifest_id == manifest
            ]
        )
    return streams


@given(deliveries(consignments()), st.lists(st.integers(1, 6), max_size=6))
def test_order_and_repetition_do_not_change_what_is_told_of_a_consignment(
    delivered: tuple[list[Record], list[Record]], sizes: list[int]
) -> None:
    plain, mixed = delivered
    whole = run(ConsignmentsStage, [mixed])
    assert net(run(ConsignmentsStage, [plain])) == net(whole)
    assert run(ConsignmentsStage, split(mixed, sizes)).cells() == whole.cells()
