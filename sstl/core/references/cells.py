"""What [references] keeps, and under which keys.

One reference R is spread over small cells, so that a change rewrites only what changed and no cell grows with
the traffic of R:

=================  =================  ==================================================================
key                part               cell
=================  =================  ==================================================================
``events/R``       digest of event    `ReferredEvent`, one an event identity
``links/R``        manifest id        `Link`, one a manifest (or, ``=<identity>``, one a grant)
``targets/R``      ``u|`` or ``c|``   `Target`, one a linked unit or consignment: who links it
``points/R``       order of event     `Point`, one a pairing or unpairing of the device
``pings/R``        bucket start       `Pings`, one a bucket of time
``claims/R``       order of event     `Claim`, one a report that a device or seal number is on a unit
``told/R``         flag id            `Said`, one a finding; ``final``: `Final`
``event:<id>``     (empty)            `Whereabouts`: versions and places of one event
=================  =================  ==================================================================
"""

import msgspec

from sstl.core.rules.devices import Claim
from sstl.core.said import Said
from sstl.core.stage import Reached
from sstl.core.wakeups import Wake
from sstl.models.records import Event, Referred, Version

Ping = tuple[int, int, str, float, float]
"""(event_ms, sequence, id, latitude, longitude)"""


class ReferredEvent(msgspec.Struct, frozen=True, tag="referred-event.1", omit_defaults=True):
    """Greatest version of one event that was seen at this reference."""

    identity: str
    version: Version
    referred: Referred | None = None
    """None: withdrawn, retracted, or given up as unbound."""
    given_up: bool = False
    """Nothing linked it in time, and that was said."""


class Link(msgspec.Struct, frozen=True, tag="link.1", omit_defaults=True):
    """What one manifest or grant links this reference to."""

    units: tuple[str, ...] = ()
    consignments: tuple[str, ...] = ()
    from_ms: int | None = None
    to_ms: int | None = None
    forgotten: bool = False
    """Its manifest is past its horizon; it goes with the last event of this reference."""


Holder = tuple[str, int | None, int | None]
"""(manifest id, from_ms, to_ms)"""


class Target(msgspec.Struct, frozen=True, tag="target.1"):
    """Who links one unit or consignment to this reference, sorted."""

    holders: tuple[Holder, ...]


class Point(msgspec.Struct, frozen=True, tag="point.1", omit_defaults=True):
    """A device is on this unit from here on; None: on none."""

    part: str
    """The part of the event under ``events/R``."""
    unit: str | None = None


class Pings(msgspec.Struct, frozen=True, tag="pings-kept.1"):
    """First and last position of each slot of one bucket of time, by (event_ms, sequence, id)."""

    width_ms: int
    slots: tuple[tuple[int, Ping, Ping], ...]
    """(slot number, first, last), sorted."""


class Whereabouts(msgspec.Struct, frozen=True, tag="whereabouts.1", omit_defaults=True):
    """The greatest version of one event, where it lies, and where older ones lay."""

    version: Version
    current: tuple[str, ...]
    former: tuple[str, ...] = ()
    keep_ms: int = 0
    """Latest of recorded and event times seen; the horizon counts from it."""
    lasting: bool = False


class Final(msgspec.Struct, frozen=True, tag="final.1"):
    """What a device or seal number was said up to here is dropped: nothing earlier is judged any more."""

    order: str


ReferencesCell = (
    ReferredEvent
    | Link
    | Target
    | Point
    | Pings
    | Whereabouts
    | Wake
    | Reached
    | Claim
    | Said
    | Final
)


def sequence_of(event: Event) -> int:
    """Return the device's own counter, 0 where it has none."""
    sequence = event.data.get("sequence")
    return sequence if isinstance(sequence, int) else 0


def order_of(event_ms: int, sequence: int, event_id: str, source: str = "") -> str:
    """Return the order of a device's events, (event_ms, sequence, id, source), as text that sorts alike."""
    return f"{event_ms + 2**63:020d}|{sequence + 2**63:020d}|{event_id}|{source}"
