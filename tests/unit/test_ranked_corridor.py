"""What flags said of the corridor's consignments before they were decided upon, joined as `sstl rank` joins it."""

from datetime import timedelta

import pytest

from sstl.core.comparing import Cohort
from sstl.core.decided import FlagScores, decided
from sstl.models.risk_flag import RiskFlag
from sstl.synthetic.controls import Controls
from sstl.synthetic.corridor import Corridor
from sstl.synthetic.plan import IncidentKind
from tests.chain import Chain
from tests.logs import corridor_log

pytestmark = pytest.mark.unit

CORRIDOR = Corridor(
    seed=5,
    shipments=30,
    spacing=timedelta(hours=3),
    incident_share=0.7,
    disorder=0,
    lanes=("CNXIA-DEDUI-RAIL",),
    pings_per_day=0,
    controls=Controls(illicit_share=0.4),
)
BEFORE = frozenset(
    {IncidentKind.LATE_DEPARTURE, IncidentKind.LATE_ARRIVAL, IncidentKind.OPENED_ON_THE_WAY}
)
"""Incidents that show before the arrival."""


def test_flags_raised_on_the_way_score_a_consignment_and_results_of_its_control_do_not() -> None:
    chain = Chain(batch=2000)
    chain.take(corridor_log(CORRIDOR))
    flags = [RiskFlag.model_validate_json(raw) for _, raw in chain.published["risk-flags"]]
    assert any(flag.indicators[0].rule_id == "control-unsatisfactory" for flag in flags)
    scores = FlagScores(flags)
    at = {
        one.consignment: one.at_ms for one in decided(chain.observed(), Cohort("TOTAL", 0, 1 << 62))
    }
    kinds = set()
    for number in range(CORRIDOR.shipments or 0):
        shipment = CORRIDOR.shipment(number)
        for house in shipment.houses:
            score = scores.before(house.consignment_id, at[house.consignment_id])
            first = shipment.units[0].reference in house.units
            if shipment.incident in BEFORE and (
                first or shipment.incident is not IncidentKind.OPENED_ON_THE_WAY
            ):
                assert score > 0, shipment.incident
                kinds.add(shipment.incident)
            elif shipment.incident is None:
                assert score == 0
    assert kinds == BEFORE
    assert any(one.hit for n in range(30) for one in CORRIDOR.handled(n))
