"""Law 1 for lane findings: what was counted and taken back, in any order, gives the same findings."""

import itertools
import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.core.incidents import RANDOM_SELECTION, RESULT_OVERRIDE, SEAL_INCIDENT
from sstl.core.lanes import LanesStage
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.policy import Policy
from sstl.models.records import Finding, Heartbeat, Measure, Observation
from tests.journey_events import DAY, HOUR, LANE, START, event

POLICY = Policy.model_validate(
    {
        "lanes": {
            LANE: {
                "origin": "CNYTN",
                "destination": "NLRTM",
                "mode": "SEA",
                "random_control_rate": 0.5,
            }
        },
        "rules": {
            "lane-seal-incident-burst": {"thresholds": {"incidents": 1, "window_hours": 3}},
            "lane-random-controls-low": {"thresholds": {"least_n": 2}},
            "lane-results-overridden": {"thresholds": {"least_n": 2}},
        },
    }
)
UNITS = {SEAL_INCIDENT: "incident", RANDOM_SELECTION: "consignment", RESULT_OVERRIDE: "result"}


@st.composite
def _measures(draw: st.DrawFn, indicator: str) -> Measure:
    at_ms = START + draw(st.sampled_from((0, 1, 2, 3, 23, 24, 25, 200))) * HOUR
    value = 1 if indicator == SEAL_INCIDENT else draw(st.integers(0, 1))
    what = event("seallock.opened", at_ms, id=str(draw(st.integers(0, 9))))
    named = value == 1 and indicator != RANDOM_SELECTION
    return Measure(
        lane_id=LANE,
        mode="SEA",
        start_ms=at_ms,
        value_ms=value,
        strata={"office": "NL000510"} if indicator == RESULT_OVERRIDE else {},
        evidence=(what,) if named else (),
    )


@st.composite
def _lives(draw: st.DrawFn, number: int) -> list[Observation]:
    """Draw how one observation came, changed and perhaps went."""
    indicator = draw(st.sampled_from(sorted(UNITS)))
    values: list[Measure | None] = [
        None,
        *draw(st.lists(_measures(indicator), min_size=1, max_size=2)),
    ]
    if draw(st.booleans()):
        values.append(None)
    return [
        Observation(
            id=f"{indicator}|{number}",
            indicator=indicator,
            counting_unit=UNITS[indicator],
            previous=before,
            current=after,
        )
        for before, after in itertools.pairwise(values)
    ]


@st.composite
def worlds(draw: st.DrawFn) -> list[list[Observation]]:
    return [draw(_lives(number)) for number in range(draw(st.integers(1, 7)))]


def beat(at_ms: int) -> Heartbeat:
    return Heartbeat(source="journeys/0", reached_ms=at_ms, caught_up=True)


def found(messages: list[Observation | Heartbeat], size: int) -> dict[str, Finding]:
    state = MemoryState()
    last: dict[str, Finding] = {}
    for start in range(0, len(messages), size):
        batch = [Inbound("k", message) for message in messages[start : start + size]]
        outcome = LanesStage().fold(state, batch, POLICY, Context(0, frozenset({"journeys/0"})))
        state.apply(outcome.changed)
        for output in outcome.outputs:
            last[output.key] = output.message
    return {
        name: msgspec.structs.replace(one, state="RAISED")
        for name, one in sorted(last.items())
        if one.state != "CLEARED"
    }


@settings(max_examples=200, deadline=None)
@given(worlds(), st.integers(0, 2**32))
def test_lane_findings_do_not_depend_on_how_the_lives_of_observations_are_mixed(
    lives: list[list[Observation]], seed: int
) -> None:
    end = START + 60 * DAY
    in_order: list[Observation | Heartbeat] = [one for life in lives for one in life]
    rng = random.Random(seed)
    # one key has one writer: the messages of one observation keep their order, those of several mix
    turns = [number for number, life in enumerate(lives) for _ in life]
    rng.shuffle(turns)
    waiting = [iter(life) for life in lives]
    mixed: list[Observation | Heartbeat] = [next(waiting[number]) for number in turns]
    mixed.insert(rng.randrange(len(mixed) + 1), beat(START + 40 * DAY))
    expected = found([*in_order, beat(end)], 1)
    assert found([*mixed, beat(end)], rng.choice((1, 2, len(mixed)))) == expected
