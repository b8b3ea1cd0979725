"""Memory of an open journey: 40 events, alone and with 2,000 positions over thirty days.

One journey is folded by the real stage; its cells are then put into a `PartitionStore` under the numbers of 20,000
units. Printed are the bytes of its cells (what the changelog holds too), what a store's own account says, and what
the process has grown by for each journey.
"""

import gc
import os
import subprocess
import sys

import psutil

from bench import journey, lab
from sstl.agents.codec import pack
from sstl.agents.store import PartitionStore, changelog_key
from sstl.core.journeys.stage import JourneysStage

KIB = 1024
GOAL_BYTES = 8 * KIB


def grow(pings: int, count: int) -> None:
    """Fill a store and print what it takes; runs in a process of its own."""
    cells = journey.encoded(journey.fold(pings=pings))
    packed = {cell: pack(raw) for cell, raw in cells.items()}
    size = sum(len(part) + len(journey.TEMPLATE) + len(raw) for (_, part), raw in packed.items())
    by_kind: dict[str, int] = {}
    for (_, part), raw in packed.items():
        kind = part.partition("/")[0] or "head"
        by_kind[kind] = by_kind.get(kind, 0) + len(raw)
    store = PartitionStore(JourneysStage.cell_type)
    own = psutil.Process(os.getpid())
    gc.collect()
    before = own.memory_info().rss
    for unit, part, value in journey.copies(cells, count):
        store.load(changelog_key(unit, part), pack(value))
    gc.collect()
    each = (own.memory_info().rss - before) / count
    split = ", ".join(f"{kind} {many:,}" for kind, many in sorted(by_kind.items()))
    lab.say(f"   40 events, {pings:,} positions: {len(cells)} cells, {size:,} bytes ({split})")
    lab.say(
        f"      store's account {store.size_bytes / count:,.0f} bytes a journey;"
        f" resident {each:,.0f} bytes a journey over {count:,} journeys"
    )
    lab.goal(f"8 KB a journey with 40 events and {pings:,} positions", met=size <= GOAL_BYTES)


def main() -> None:
    """Measure both kinds of journey."""
    parser = lab.arguments(__doc__)
    parser.add_argument("--journeys", type=int, help="[default: 20,000; quick 2,000]")
    parser.add_argument("--pings", type=int, help="measure this many positions, in this process")
    options = parser.parse_args()
    count = options.journeys or (2_000 if options.quick else 20_000)
    if options.pings is not None:
        grow(options.pings, count)
        return
    lab.title("memory: an open journey")
    for pings in (0, 2_000):
        command = [sys.executable, "-m", "bench.memory", "--pings", str(pings)]
        command += ["--journeys", str(count)]
        subprocess.run(command, cwd=lab.ROOT, check=True, timeout=300)


if __name__ == "__main__":
    main()
