"""Cells as bytes: JSON, and from a certain size on a Zstandard frame with a dictionary of what cells look like.

What a changelog and a store hold is mostly field names; with them in a dictionary a cell takes a fifth of its JSON and
costs about a microsecond more. A frame names its dictionary by number, and a dictionary that was ever released stays in
the package, so that every changelog can be read: ``cells-<number>.zdict``, made by ``python -m bench.cell_dictionary``.
A value that does not begin as a frame is the JSON itself.
"""

from importlib.resources import files

import zstandard

CURRENT = 1
"""Number of the dictionary that is written with."""
KNOWN = (1,)
"""Numbers of all dictionaries ever released."""
LEAST_BYTES = 160
"""Below this a frame saves little."""
_MAGIC = b"\x28\xb5\x2f\xfd"
_LEVEL = 3


class UnknownFrameError(ValueError):
    """A frame that this version cannot read."""


def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    data = files("sstl.agents").joinpath(f"cells-{number}.zdict").read_bytes()
    dictionary = zstandard.ZstdCompressionDict(data, dict_type=zstandard.DICT_TYPE_FULLDICT)
    dictionary.precompute_compress(level=_LEVEL)  # else each cell pays for taking it in
    return dictionary


_dictionaries = {number: _dictionary(number) for number in KNOWN}
_compress = zstandard.ZstdCompressor(
    level=_LEVEL, dict_data=_dictionaries[CURRENT], write_checksum=False
).compress
_decompressors = {
    dictionary.dict_id(): zstandard.ZstdDecompressor(dict_data=dictionary)
    for dictionary in _dictionaries.values()
}
_decompress = _decompressors[_dictionaries[CURRENT].dict_id()].decompress
_current_id = _dictionaries[CURRENT].dict_id()


def pack(raw: bytes) -> bytes:
    """Return the bytes that a changelog keeps for a cell's JSON."""
    if len(raw) < LEAST_BYTES:
        return raw
    packed = _compress(raw)
    return packed if len(packed) < len(raw) else raw


def unpack(value: bytes) -> bytes:
    """Return the JSON of a cell.

    Raises:
        UnknownFrameError: The frame is damaged, or its dictionary is not in this release.
    """
    if value[:4] != _MAGIC:
        return value
    try:
        number = zstandard.get_frame_parameters(value).dict_id
        if number == _current_id:
            return _decompress(value)
        decompressor = _decompressors.get(number)
        if decompressor is None:
            raise UnknownFrameError(f"dictionary {number} is not in this release")
        return decompressor.decompress(value)
    except zstandard.ZstdError as error:
        raise UnknownFrameError(str(error)) from error
