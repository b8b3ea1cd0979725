"""Cells as a changelog keeps them."""

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sstl.agents import codec
from sstl.agents.codec import UnknownFrameError, pack, unpack

CELL = msgspec.json.encode(
    {
        "type": "events.1",
        "slots": [[f"urn:sstl:CNYTN:terminal|{n}", n, "transport.gated_in"] for n in range(40)],
    }
)


@given(st.binary(max_size=2_000).filter(lambda raw: raw[:4] != b"\x28\xb5\x2f\xfd"))
def test_what_is_packed_comes_back(raw: bytes) -> None:
    assert unpack(pack(raw)) == raw


def test_a_large_cell_becomes_much_smaller() -> None:
    assert len(pack(CELL)) < len(CELL) / 4


def test_a_small_cell_stays_readable() -> None:
    raw = b'{"type":"due.1"}'
    assert pack(raw) == raw


def test_plain_json_of_an_earlier_release_is_read() -> None:
    assert unpack(CELL) == CELL


def test_every_released_dictionary_is_at_hand_under_its_own_number() -> None:
    assert codec.CURRENT in codec.KNOWN
    for number in codec.KNOWN:
        frame = zstandard.ZstdCompressor(dict_data=codec._dictionary(number)).compress(CELL)
        assert zstandard.get_frame_parameters(frame).dict_id == number
        assert unpack(frame) == CELL


def test_a_frame_of_an_unknown_dictionary_is_refused() -> None:
    other = zstandard.ZstdCompressionDict(
        codec._dictionary(codec.CURRENT).as_bytes()[:4]
        + (99).to_bytes(4, "little")
        + codec._dictionary(codec.CURRENT).as_bytes()[8:],
        dict_type=zstandard.DICT_TYPE_FULLDICT,
    )
    frame = zstandard.ZstdCompressor(dict_data=other).compress(CELL)
    with pytest.raises(UnknownFrameError, match="dictionary 99"):
        unpack(frame)


def test_a_damaged_frame_is_refused() -> None:
    with pytest.raises(UnknownFrameError):
        unpack(pack(CELL)[:-5])
