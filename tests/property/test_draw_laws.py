"""Laws of drawing as consignments become known: each once, as the key says, whatever order and batches they come in."""

import io
from fractions import Fraction

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.cli.select_files import read_published
from sstl.core.selection import Lot, commitment, verify
from tests.journey_events import LANE, START
from tests.unit.test_draws import DAY, KEY, Drawing, draw_of, filed, keys

pytestmark = pytest.mark.property

RATE = Fraction(3, 10)
HOUSES = tuple(f"HBL{number}" for number in range(6))
TOLD = [
    (house, filed(manifest=manifest, at_ms=START + late))
    for house in HOUSES
    for manifest, late in (("LRN1", 0), ("LRN1", 60_000), ("LRN2", 120_000))
]


@settings(max_examples=25)
@given(st.permutations(range(2 * len(TOLD))), st.integers(1, 40))
def test_each_consignment_is_drawn_once_and_the_check_finds_no_difference(
    order: list[int], size: int
) -> None:
    told = [TOLD[number % len(TOLD)] for number in order]
    stage = Drawing(keys(draw_of(LANE, RATE)))
    for first in range(0, len(told), size):
        stage.fold(told[first : first + size])
    lot = Lot(LANE, DAY, RATE)
    lines = b"\n".join(orjson.dumps(one) for one in stage.drawn)
    found = read_published([("inspection", io.BytesIO(lines))], lot)
    assert len(found.draws) == len(HOUSES)
    committed = commitment(KEY, lot)
    assert verify(KEY, lot, committed, found.draws, found.selections, eligible=HOUSES) == []
