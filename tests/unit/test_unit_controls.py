"""Which customs events of a unit are told to what lies in it."""

from typing import Any

import pytest

from sstl.core.controls import MOST, of_unit
from tests.journey_events import HOUR, START, event

UNIT: dict[str, Any] = {"equipmentReference": "CSQU3054383"}
LOOSE: dict[str, Any] = {"looseCargo": True, "transportDocumentReference": "HAWB1"}


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        pytest.param("inspection.scan.completed", UNIT, True, id="scan-of-the-unit"),
        pytest.param("inspection.released", UNIT, True, id="release-of-the-unit"),
        pytest.param("declaration.lodged", UNIT, True, id="declaration-on-the-unit"),
        pytest.param("inspection.released", UNIT | {"mrn": "25NL1"}, False, id="names-its-mrn"),
        pytest.param(
            "inspection.released", UNIT | {"consignmentId": "H1"}, False, id="names-a-consignment"
        ),
        pytest.param("inspection.released", {"mrn": "25NL1"}, False, id="came-by-its-mrn"),
        pytest.param("mass.verified", UNIT, False, id="mass-is-the-units-own"),
        pytest.param("transport.loaded", UNIT, False, id="a-move-is-a-milestone"),
        pytest.param("seallock.opened", UNIT, False, id="an-opening-is-told-apart"),
        pytest.param("transport.ccd", LOOSE, True, id="air-cargo-cleared"),
        pytest.param("transport.ccd", LOOSE | {"mrn": "25NL1"}, False, id="air-cargo-by-its-mrn"),
        pytest.param("inspection.released", LOOSE, False, id="loose-cargo-names-itself"),
    ],
)
def test_a_control_of_the_whole_unit_concerns_what_lies_in_it(
    kind: str, body: dict[str, Any], told: bool
) -> None:
    one = event(kind, START, **body)
    assert of_unit([one]) == ((one,) if told else ())


def test_of_very_many_the_latest_are_told() -> None:
    many = [
        event("inspection.scan.completed", START + number * HOUR, **UNIT)
        for number in range(MOST + 5)
    ]
    assert of_unit(many) == tuple(many[5:])
