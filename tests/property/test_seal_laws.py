"""Laws of the seal story: it is a function of the set of events, and no report breaks it."""

from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sstl.core.journeys.assess import assess
from sstl.core.milestones import order
from sstl.core.rules.base import Result, Verdict
from sstl.core.rules.seals import RULES
from sstl.core.seals.debounce import episodes
from sstl.core.seals.machine import SYMBOLS, TRANSITIONS, State
from sstl.core.seals.story import tell
from sstl.models.policy import Policy
from sstl.models.records import Event
from tests.journey_events import LANE, UNIT, share
from tests.seal_stories import DEVICE, FAR, SECOND, customs, grant, lock, move, policy, text

PLAIN = ("paired", "unpaired", "armed", "opened", "closed", "device.status")
ALARMS = ("TAMPER", "CUT", "SHOCK", "LIGHT", "LOST")
HOURS = st.sampled_from([0, 1, 1.01, 2, 5, 5.005, 10, 30, 100])
NUMBERS = st.sampled_from(["A1", "a-1", "B22", "SI"])
NAMED: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.just({"deviceId": SECOND}),
    st.builds(lambda number: {"sealNumber": number}, NUMBERS),
    st.builds(lambda number: {"sealNumber": number, "deviceId": None}, NUMBERS),
    st.just({"deviceId": None}),
)
COUNTED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "bootId": st.sampled_from(["1", "2", "x"]),
        "sequence": st.integers(0, 3),
        "batteryPct": st.sampled_from([90.0, 50.0, 0.0]),
        "unLocationCode": st.sampled_from(["CNYTN", "NLRTM", "DEDUI"]),
        "sealGrade": st.sampled_from(["I", "S", "H"]),
        "commandId": st.sampled_from(["C1", "C2"]),
        "deviceTime": st.builds(text, HOURS),
    },
)


def _reports() -> st.SearchStrategy[Event]:
    plain = st.builds(
        lambda kind, at, a, b: lock(kind, at, **a | b),
        st.sampled_from(PLAIN),
        HOURS,
        NAMED,
        COUNTED,
    )
    alarm = st.builds(
        lambda at, kind, latched, a: lock("alarm", at, kind=kind, latched=latched, **a),
        HOURS,
        st.sampled_from(ALARMS),
        st.booleans(),
        NAMED,
    )
    snapshot = st.builds(
        lambda at, state, since, a: lock("state.reported", at, state=state, since=since, **a),
        HOURS,
        st.sampled_from([state.value for state in State]),
        st.one_of(st.none(), st.builds(text, HOURS)),
        NAMED,
    )
    resealed = st.builds(
        lambda at, old, new, a: lock(
            "resealed", at, **a | {"sealNumber": new, "oldSealNumber": old}
        ),
        HOURS,
        NUMBERS,
        NUMBERS,
        NAMED,
    )
    checked = st.builds(
        lambda at, condition, a: lock("checked", at, condition=condition, **a),
        HOURS,
        st.sampled_from(["RIGHT", "DAMAGED", "MISSING", "BROKEN", "FAULTY"]),
        NAMED,
    )
    granted = st.builds(lambda at, a: grant(at, at, at + 5, **a), HOURS, COUNTED)
    revoked = st.builds(lambda at: lock("authorisation.revoked", at, commandId="C1"), HOURS)
    control = st.builds(
        lambda at, kind, before, after: customs(
            kind, at, **{k: v for k, v in (("sealBefore", before), ("sealAfter", after)) if v}
        ),
        HOURS,
        st.sampled_from(["physical.started", "physical.completed", "result.recorded", "released"]),
        st.one_of(st.none(), NUMBERS),
        st.one_of(st.none(), NUMBERS),
    )
    moved = st.builds(
        lambda kind, at: move(kind, at, "CNYTN" if kind in {"gated_in", "departed"} else "NLRTM"),
        st.sampled_from(["gated_in", "departed", "arrived", "discharged", "gated_out"]),
        HOURS,
    )
    return st.one_of(
        plain, plain, alarm, snapshot, resealed, checked, granted, revoked, control, moved
    )


def _unique(events: list[Event]) -> list[Event]:
    """Give each report its own identity."""
    return [
        Event(
            source=event.source,
            id=f"{number}/{event.id}",
            type=event.type,
            event_ms=event.event_ms,
            version=event.version,
            arrival_ms=event.arrival_ms,
            origin=event.origin,
            data=event.data,
        )
        for number, event in enumerate(events)
    ]


LOGS = st.lists(_reports(), max_size=14).map(_unique)
DEBOUNCED = Policy.model_validate(
    {
        "vendors": {
            "LOCKS": {
                "opened": {"hold_for_s": 30, "quiet_s": 60},
                "alarm.TAMPER": {"min_repeat": 2, "quiet_s": 120},
            }
        }
    }
)


@given(LOGS.flatmap(lambda log: st.tuples(st.just(log), st.permutations(log))))
def test_the_order_of_arrival_does_not_change_the_story(
    logs: tuple[list[Event], list[Event]],
) -> None:
    log, other = logs
    for structure in (Policy(), DEBOUNCED):
        assert tell(log, structure, None, ()) == tell(other, structure, None, ())


@given(LOGS)
def test_a_story_never_breaks_and_has_one_state_for_each_lock(log: list[Event]) -> None:
    story = tell(log, DEBOUNCED, None, ())
    names = [name for name, _ in story.states]
    assert names == sorted(set(names))
    for one in story.armed:
        assert list(one.reports) == sorted(set(one.reports))
        assert one.ended is None or one.ended.event_ms >= one.from_ms
    for opening in story.openings:
        assert opening.authorised_by is None or opening.shortcoming is None


RENUMBERED = [
    lock("paired", 0, id="paired"),
    lock("paired", 0, id="paired again"),
    lock("armed", 0, sealNumber="A1"),
    lock("state.reported", 1, state="ARMED", since=text(0), sealNumber="B22"),
]
"""A snapshot tells another number, and that it is armed since before the one it ends."""


@example(RENUMBERED)
@given(LOGS)
def test_a_lock_is_armed_once_at_a_time(log: list[Event]) -> None:
    by_lock: dict[str, list[tuple[int, int]]] = {}
    for one in tell(log, Policy(), None, ()).armed:
        end = 1 << 62 if one.ended is None else one.ended.event_ms
        by_lock.setdefault(one.lock, []).append((one.from_ms, end))
    for times in by_lock.values():
        times.sort()
        assert all(end <= start for (_, end), (start, _) in pairwise(times))


@given(st.lists(st.sampled_from(SYMBOLS), max_size=30))
def test_no_sequence_of_reports_leaves_the_table(symbols: list[str]) -> None:
    state = State.UNPAIRED
    for symbol in symbols:
        state = TRANSITIONS[state, symbol].state
    assert state in State


@given(LOGS)
def test_every_rule_answers_whatever_locks_report(log: list[Event]) -> None:
    by = policy(
        sealed=True, seal_grade="S", silences=[{"start": "T5", "end": "T7", "limit_hours": 5}]
    )
    ordered = sorted(log, key=order)
    found = assess(UNIT, ordered, [share()], by, as_of_ms=FAR, rules=RULES)
    again = assess(UNIT, ordered, [share()], by, as_of_ms=FAR, rules=RULES)
    assert found.verdicts == again.verdicts
    anchors = [
        (verdict.rule_id, verdict.anchor)
        for verdict in found.verdicts
        if verdict.result is Result.HIT
    ]
    assert len(anchors) == len(set(anchors))
    assert LANE in by.lanes


@settings(max_examples=40, deadline=None)
@given(LOGS)
def test_no_rule_reads_a_field_that_it_does_not_declare(log: list[Event]) -> None:
    by = policy(
        sealed=True, seal_grade="S", silences=[{"start": "T5", "end": "T7", "limit_hours": 5}]
    )
    ordered = sorted(log, key=order)
    for asked in RULES:
        shown = [_only(event, asked.rule.needs) for event in ordered]
        whole = assess(UNIT, ordered, [share()], by, as_of_ms=FAR, rules=[asked])
        narrow = assess(UNIT, shown, [share()], by, as_of_ms=FAR, rules=[asked])
        assert [_told(one) for one in whole.verdicts] == [_told(one) for one in narrow.verdicts]


def _only(event: Event, needs: frozenset[str]) -> Event:
    family = event.type.partition(".")[0]
    kept = {name: value for name, value in event.data.items() if f"{family}.{name}" in needs}
    return msgspec.structs.replace(event, data=kept)


def _told(verdict: Verdict) -> Verdict:
    """Return a verdict with its evidence as names: the bodies differ."""
    bare = tuple(msgspec.structs.replace(event, data={}) for event in verdict.evidence)
    return msgspec.structs.replace(verdict, evidence=bare)


@given(LOGS, HOURS)
def test_a_grant_that_comes_late_can_only_take_unauthorised_openings_away(
    log: list[Event], hours: float
) -> None:
    late = _unique([*log, grant(hours, hours - 1, hours + 1, deviceId=DEVICE)])
    before = {
        one.opened.id
        for one in tell(_unique(log), Policy(), None, ()).openings
        if not one.authorised_by
    }
    after = {
        one.opened.id for one in tell(late, Policy(), None, ()).openings if not one.authorised_by
    }
    assert after <= before


@given(st.lists(st.integers(0, 1000), max_size=20), st.sampled_from([1, 10, 60]))
def test_episodes_are_parted_by_the_quiet_period_alone(seconds: list[int], quiet_s: int) -> None:
    events = [lock("opened", one / 3600, id=str(n)) for n, one in enumerate(sorted(seconds))]
    parted = episodes(events, quiet_s)
    assert [event for episode in parted for event in episode] == events
    for one, other in pairwise(parted):
        assert other[0].event_ms - one[-1].event_ms >= quiet_s * 1000
