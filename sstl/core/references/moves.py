"""Events that move: where each version lies, and who is told that it lies there no longer.

A correction may name another unit, manifest or reference than the version before it (a mistyped container
number). Each place merges what it is sent into a register, so it is enough that every place which the greatest
version does not name hears of that version; whether it hears before or after the event itself does not matter.
"""

from sstl.core.references.cells import Whereabouts
from sstl.core.references.parking import WHEREABOUTS, is_lasting, whereabouts_until_ms
from sstl.core.stage import Work
from sstl.core.wakeups import wake_at
from sstl.models.records import Registered, Version, Withdrawn

_TOPICS = {
    "unit": "journeys",
    "ref": "references",
    "manifest": "manifests",
    "consignment": "consignments",
    "flag": "findings",
    "flags": "findings",
}


def take_registered(work: Work, key: str, message: Registered) -> None:
    """Merge where one version went, and take the event away from where the greatest version is not.

    Costs the places that the event ever had. The same version at two places is at both; a place that a later
    version names again is told nothing, the version itself outweighs what it was told before.
    """
    known: Whereabouts | None = work.get(key, "")
    places = set(message.places)
    keep_ms = max(message.version.recorded_ms, message.event_ms or 0)
    lasting = is_lasting(message.type)
    if known is None:
        merged = Whereabouts(message.version, tuple(sorted(places)), (), keep_ms, lasting)
        work.put(key, "", merged)
        if not lasting:
            wake_at(work, whereabouts_until_ms(merged, work.policy), WHEREABOUTS, "", key)
        return
    current, former = set(known.current), set(known.former)
    version = known.version
    told: set[str] = set()
    if version < message.version:
        version = message.version
        former = (former | current) - places
        current = places
        told = former
    elif message.version == version:
        current |= places
        former -= places
    else:
        told = places - current - former
        former |= told
    for place in sorted(told):
        _take_away(work, place, message.identity, version)
    merged = Whereabouts(
        version,
        tuple(sorted(current)),
        tuple(sorted(former)),
        max(known.keep_ms, keep_ms),
        known.lasting or lasting,
    )
    work.put(key, "", merged)


def _take_away(work: Work, place: str, identity: str, version: Version) -> None:
    kind, _, key = place.partition(":")
    message = Withdrawn(identity=identity, version=version)
    # a snooze by rule, lane or unit lies in every partition of the findings
    work.emit(_TOPICS[kind], key, message, broadcast=kind == "flags")
