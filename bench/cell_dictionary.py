"""Make the Zstandard dictionary of cells (`sstl.agents.codec`) anew from the cells of a synthetic corridor.

Writes ``sstl/agents/cells-<number>.zdict``. Only for a new number: changelogs written with a released dictionary
need that one, byte for byte. Prints what cells of an open journey, which it has not seen, take with it.
"""

import sys
from pathlib import Path

import msgspec
import zstandard

from bench import journey, lab
from sstl.agents import codec
from sstl.publish.routing import family_of
from sstl.synthetic.corridor import Corridor
from tests.chain import Chain

SIZE = 32_768
SHIPMENTS = 150
_encode = msgspec.json.Encoder().encode


def samples() -> list[bytes]:
    """Return the JSON of all cells that all stages keep of a synthetic corridor."""
    chain = Chain()
    events = Corridor(seed=77, shipments=SHIPMENTS).events()
    chain.take((family_of(event["type"]) or "transport", event) for event in events)
    return [
        raw
        for state in chain.states.values()
        for (key, _), value in state.items()
        if not key.startswith("~") and len(raw := _encode(value)) >= codec.LEAST_BYTES
    ]


def main() -> None:
    """Train, write and print."""
    parser = lab.arguments(__doc__)
    parser.add_argument("number", type=int, help="number of the new dictionary")
    options = parser.parse_args()
    path = Path(codec.__file__).with_name(f"cells-{options.number}.zdict")
    found = samples()
    made = zstandard.train_dictionary(SIZE, found, dict_id=options.number)
    path.write_bytes(made.as_bytes())
    compress = zstandard.ZstdCompressor(level=3, dict_data=made).compress
    lab.say(f"   {len(found):,} cells, {sum(map(len, found)):,} bytes; dictionary {path.name}")
    for pings in (0, 2_000):
        cells = journey.encoded(journey.fold(pings=pings)).values()
        packed = sum(min(len(raw), len(compress(raw))) for raw in cells)
        lab.say(
            f"   open journey, {pings:,} positions: {sum(map(len, cells)):,} -> {packed:,} bytes"
        )


if __name__ == "__main__":
    sys.exit(main())
