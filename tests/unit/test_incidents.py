"""What lanes count as 0 or 1: seal incidents, random draws, overridden results."""

from typing import Any

import msgspec
import pytest

from sstl.core.consignments import ConsignmentsStage
from sstl.core.incidents import RANDOM_SELECTION, RESULT_OVERRIDE, SEAL_INCIDENT
from sstl.core.journeys.stage import JourneysStage
from sstl.models.policy import Policy
from sstl.models.records import Event, Measure, Observation, Placed, Shared, Withdrawn
from tests.journey_events import DAY, HOUR, LANE, START, UNIT, Chain, event, share

STATED: dict[str, Any] = {"origin": "CNYTN", "destination": "NLRTM", "mode": "SEA"}
POLICY = Policy.model_validate({"lanes": {LANE: STATED}})
DRAWING = Policy.model_validate({"lanes": {LANE: STATED | {"random_control_rate": 0.01}}})
LOCK: dict[str, Any] = {
    "deviceId": {"manufacturerId": "LOCKS", "tagSerial": "1"},
    "sealNumber": "CN1234567",
}
ARMED = event("seallock.armed", START + HOUR, place="CNYTN", **LOCK)
OPENED = event("seallock.opened", START + DAY, **LOCK)


def alarm(kind: str) -> Event:
    raised = event("seallock.alarm", START + DAY, **LOCK)
    return msgspec.structs.replace(raised, data=raised.data | {"kind": kind})


def counted(chain: Chain, indicator: str) -> list[Measure]:
    return [
        measure
        for (name, _), measure in sorted(chain.observations().items())
        if name.startswith(indicator)
    ]


def unit(*events: Event, manifest: bool = True) -> Chain:
    chain = Chain(JourneysStage(), POLICY)
    if manifest:
        chain.feed(Shared(manifest_id="LRN1", share=share()))
    chain.feed(*(Placed(event=one) for one in events))
    return chain


@pytest.mark.parametrize(
    ("events", "incidents"),
    [
        pytest.param((ARMED,), 0, id="armed-and-left-alone"),
        pytest.param((ARMED, OPENED), 1, id="opened-by-nobody-known"),
        pytest.param(
            (
                ARMED,
                event(
                    "seallock.authorisation.granted",
                    START + DAY - HOUR,
                    commandId="K1",
                    validFrom="2026-01-01T00:00:00Z",
                    validTo="2026-01-03T00:00:00Z",
                    **LOCK,
                ),
                event("seallock.opened", START + DAY, commandId="K1", **LOCK),
            ),
            0,
            id="opened-under-a-grant",
        ),
        pytest.param(
            (ARMED, alarm("TAMPER")),
            1,
            id="tampered-with",
        ),
        pytest.param(
            (ARMED, alarm("SHOCK")),
            0,
            id="a-shock-is-no-incident",
        ),
    ],
)
def test_what_is_done_to_a_seal_without_leave_is_an_incident(
    events: tuple[Event, ...], incidents: int
) -> None:
    found = counted(unit(*events), SEAL_INCIDENT)
    assert [one.value_ms for one in found] == [1] * incidents
    for one in found:
        assert (one.lane_id, one.mode, one.start_ms) == (LANE, "SEA", START + DAY)
        assert [evidence.event_ms for evidence in one.evidence] == [START + DAY]
        assert one.evidence[0].data == {}


def test_an_incident_without_a_lane_is_counted_when_the_lane_is_known() -> None:
    chain = unit(ARMED, OPENED, manifest=False)
    assert counted(chain, SEAL_INCIDENT) == []
    chain.feed(Shared(manifest_id="LRN1", share=share()))
    assert len(counted(chain, SEAL_INCIDENT)) == 1


def test_an_incident_that_is_taken_back_is_counted_no_more() -> None:
    chain = unit(ARMED, OPENED)
    later = event("x", START, recorded_ms=START + 2 * DAY).version
    chain.feed(Withdrawn(identity=OPENED.identity, version=later))
    assert counted(chain, SEAL_INCIDENT) == []


def consignment(policy: Policy, *events: Event) -> Chain:
    chain = Chain(ConsignmentsStage(), policy)
    chain.feed(
        Shared(manifest_id="LRN1", share=share(), units=(UNIT,)),
        *(Placed(event=one) for one in events),
        key="H1",
    )
    return chain


def selected(*bases: str) -> Event:
    selections = [{"basis": basis} for basis in bases]
    return event("inspection.selected", START + DAY, selections=selections)


@pytest.mark.parametrize(
    ("events", "drawn"),
    [
        pytest.param((), 0, id="not-selected"),
        pytest.param((selected("RULE"),), 0, id="selected-by-a-rule"),
        pytest.param((selected("RULE", "RANDOM"),), 1, id="drawn-and-hit-by-a-rule"),
    ],
)
def test_every_lodged_consignment_is_counted_as_drawn_or_not(
    events: tuple[Event, ...], drawn: int
) -> None:
    (found,) = counted(consignment(DRAWING, *events), RANDOM_SELECTION)
    assert (found.value_ms, found.start_ms) == (drawn, START)


def test_draws_are_not_counted_on_a_lane_that_states_no_share() -> None:
    assert counted(consignment(POLICY, selected("RANDOM")), RANDOM_SELECTION) == []


@pytest.mark.parametrize(
    ("says", "values"),
    [
        pytest.param({"officerOverride": True, "office": "NL000510"}, [1], id="overridden"),
        pytest.param({"officerOverride": False, "office": "NL000510"}, [0], id="stood"),
        pytest.param({"office": "NL000510"}, [], id="not-said"),
        pytest.param({"officerOverride": True}, [], id="no-office-named"),
    ],
)
def test_a_result_is_counted_where_it_says_whether_it_was_overridden(
    says: dict[str, Any], values: list[int]
) -> None:
    result = event("inspection.result.recorded", START + DAY, outcome="NOT_CONFIRMED", **says)
    found = counted(consignment(POLICY, result), RESULT_OVERRIDE)
    assert [one.value_ms for one in found] == values
    for one in found:
        assert one.strata == {"office": "NL000510"}
        assert len(one.evidence) == one.value_ms


def test_counts_reach_their_lane_as_observations() -> None:
    told = [out for out in unit(ARMED, OPENED).outputs if isinstance(out.message, Observation)]
    incidents = [out for out in told if out.message.indicator == SEAL_INCIDENT]
    assert {out.route for out in incidents} == {LANE}
