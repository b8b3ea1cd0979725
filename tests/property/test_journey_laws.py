"""Laws 1, 2, 3 and 6 over units that are reused, with corrections, retractions, late binding, deadlines and versions.

Messages of one writer's register (a manifest's share, a path's forwarding) keep their order, as on a topic;
everything else is permuted and repeated, and heartbeats fall anywhere between. In the end both have heard the same
last heartbeat: what holds then must be the same.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sstl.core.journeys.assess import assess
from sstl.core.journeys.stage import JourneysStage
from sstl.core.rules import Result
from sstl.models.policy import Policy, RulePolicy
from sstl.models.records import Forwarded, Heartbeat, Placed, Shared, Withdrawn
from tests.journey_events import DAY, START, UNIT, Chain, event
from tests.journey_worlds import POLICY, TERMINAL, messages, set_of

END = START + 60 * DAY
LAST = Heartbeat(
    source="intake-transport/0",
    reached_ms=END,
    caught_up=True,
    publishers=((TERMINAL, END),),
)
Record = tuple[str, Any]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Record], list[Record]]:
    """The same facts delivered twice: once as drawn, once permuted with repeats and other heartbeats."""
    drawn = draw(st.lists(messages(), min_size=3, max_size=25))
    plain = [one for one in drawn if not _is_ping_or_beat(one)]
    pings = [one for one in drawn if _is_ping(one)]
    beats = [one for one in drawn if isinstance(one[1], Heartbeat)]
    queues: dict[str, list[Record]] = {}
    for number, one in enumerate(plain):
        queues.setdefault(_writer(one[1], number), []).append(one)
    waiting = [list(queue) for queue in queues.values()]
    waiting += [[one] for one in (*pings, *beats)]
    free = [one for one in plain if isinstance(one[1], Placed | Withdrawn)]
    if free:
        waiting += [[one] for one in draw(st.lists(st.sampled_from(free), max_size=4))]
    picks = draw(st.randoms(use_true_random=False))
    mixed: list[Record] = []
    while waiting:
        queue = picks.choice(waiting)
        mixed.append(queue.pop(0))
        waiting = [one for one in waiting if one]
    return [*plain, *pings], mixed


def _is_ping(one: Record) -> bool:
    return isinstance(one[1], Placed) and one[1].event.type == "seallock.position"


def _is_ping_or_beat(one: Record) -> bool:
    return isinstance(one[1], Heartbeat) or _is_ping(one)


def _writer(message: Any, number: int) -> str:
    if isinstance(message, Shared):
        return message.manifest_id
    if isinstance(message, Forwarded):
        return message.path
    return str(number)


def run(records: Iterable[Record], policy: Policy, *, at_once: bool = False) -> Chain:
    chain = Chain(JourneysStage(), policy)
    if at_once:
        chain.fold(list(records))
    else:
        for one in records:
            chain.fold([one])
    chain.feed(LAST, key="~heartbeat")
    return chain


def net(chain: Chain) -> tuple[Any, Any, Any]:
    findings = {
        name: msgspec.structs.replace(one, detected_ms=0, state="RAISED")
        for name, one in chain.findings().items()
    }
    return findings, chain.observations(), chain.units()


@given(deliveries())
def test_order_and_repetition_do_not_change_what_holds_of_a_reused_unit(
    delivered: tuple[list[Record], list[Record]],
) -> None:
    plain, mixed = delivered
    assert net(run(plain, POLICY, at_once=True)) == net(run(mixed, POLICY))


STRICT = POLICY.model_copy(
    update={
        "version": "2",
        "valid_from": datetime(2026, 1, 3, tzinfo=UTC) + timedelta(hours=6),
        "rules": {
            "milestone-later-than-planned": RulePolicy(thresholds={"threshold": 600}),
            "seal-opened-unauthorised": RulePolicy(mode="shadow"),
            "milestone-overdue": RulePolicy(mode="off"),
        },
    }
)
TWO_VERSIONS = STRICT.after(POLICY)


@given(deliveries())
def test_a_new_version_governs_by_instant_and_not_by_when_it_came(
    delivered: tuple[list[Record], list[Record]],
) -> None:
    plain, mixed = delivered
    late = Chain(JourneysStage(), POLICY)
    for one in mixed[: len(mixed) // 2]:
        late.fold([one])
    late.policy = TWO_VERSIONS
    for one in mixed[len(mixed) // 2 :]:
        late.fold([one])
    # What was judged by the old version alone is judged again at the unit's next event.
    late.feed(Placed(event=event("transport.departed", START + 9 * DAY, place="NLRTM")))
    late.feed(LAST, key="~heartbeat")
    plain.append((UNIT, Placed(event=event("transport.departed", START + 9 * DAY, place="NLRTM"))))
    assert net(run(plain, TWO_VERSIONS, at_once=True)) == net(late)


@given(deliveries())
def test_what_is_told_is_the_assessment_of_the_set_as_of_the_watermark(
    delivered: tuple[list[Record], list[Record]],
) -> None:
    plain, mixed = delivered
    plain = [one for one in plain if not _is_ping(one)]
    mixed = [one for one in mixed if not _is_ping(one)]
    events, shares = set_of(plain)
    now = assess(UNIT, events, shares, POLICY, as_of_ms=END, publishers={TERMINAL: END})
    findings, observations, _ = net(run(mixed, POLICY))
    assert findings == {
        name: msgspec.structs.replace(one, detected_ms=0) for name, one in now.findings.items()
    }
    assert observations == {
        (one.id, one.measure.lane_id): one.measure for one in now.observations.values()
    }


@given(deliveries())
def test_what_is_not_evaluable_says_what_is_missing_and_is_never_a_hit(
    delivered: tuple[list[Record], list[Record]],
) -> None:
    events, shares = set_of(delivered[0])
    for verdict in assess(UNIT, events, shares, POLICY, as_of_ms=END).verdicts:
        assert bool(verdict.missing) == (verdict.result is Result.NOT_EVALUABLE)
        if verdict.result is Result.HIT:
            assert verdict.text is not None


@given(deliveries())
def test_every_event_lies_in_one_journey_and_flag_ids_are_of_one_journey_each(
    delivered: tuple[list[Record], list[Record]],
) -> None:
    events, shares = set_of(delivered[0])
    now = assess(UNIT, events, shares, POLICY, as_of_ms=END)
    moved = [one for one in events if one.data.get("emptyIndicator") != "EMPTY"]
    assert sorted(e.identity for j in now.journeys for e in j.view.events) == sorted(
        e.identity for e in moved
    )
    assert sum(len(journey.findings) for journey in now.journeys) == len(now.findings)
    assert len({journey.group for journey in now.journeys}) == len(now.journeys)
