"""Random numbers that anybody can make again: SHA-256 of a seed and a counter.

The core has no randomness of its own. Whoever wants an interval by resampling gives a seed that is
derived from what the figure is (`seed_of`), so that a replay, or the other side of the lane, draws
the same. Draw ``j`` of replicate ``b`` is a 64-bit word: the four words of
SHA-256(seed, b, j div 4), numbers as 8 bytes with the highest first.
"""

from hashlib import sha256
from struct import Struct
from typing import Final

_COUNTERS: Final = Struct(">QQ")
_WORDS: Final = Struct(">4Q")


def seed_of(*parts: str) -> bytes:
    """Return the seed that belongs to these names, in this order."""
    encoded = (part.encode() for part in parts)
    return sha256(b"".join(len(part).to_bytes(8, "big") + part for part in encoded)).digest()


class Draws:
    """Independent draws per replicate; any of them can be made without the ones before."""

    def __init__(self, seed: bytes) -> None:
        self._seeded = sha256(seed)

    def words(self, replicate: int, count: int) -> list[int]:
        """Return so many 64-bit words."""
        found: list[int] = []
        for block in range((count + 3) // 4):
            state = self._seeded.copy()
            state.update(_COUNTERS.pack(replicate, block))
            found += _WORDS.unpack(state.digest())
        return found[:count]

    def multiplicities(self, replicate: int, count: int) -> list[int]:
        """Return how often each of ``count`` is met in as many draws with replacement.

        A word chooses floor(word count / 2^64); no choice is favoured by more than count / 2^64.
        """
        times = [0] * count
        for word in self.words(replicate, count):
            times[(word * count) >> 64] += 1
        return times
