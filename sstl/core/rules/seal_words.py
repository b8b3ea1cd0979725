# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""What the rules on seals share: names of locks and places, and the fields that the seal story is told from."""

from sstl.core.rules.base import InForce, Text, instant_text
from sstl.core.rules.route_common import point_of, point_text
from sstl.models.policy import Severity
from sstl.models.records import Event

HOUR_MS = 3_600_000
MINUTE_MS = 60_000

STORY = frozenset(
    {
        *("seallock.deviceId", "seallock.sealNumber", "seallock.bootId", "seallock.sequence"),
        *("seallock.kind", "seallock.latched", "seallock.state", "seallock.since"),
        *("seallock.oldSealNumber", "seallock.condition", "seallock.sealGrade"),
        *("inspection.sealBefore", "inspection.sealAfter"),
        *("seallock.unLocationCode", "inspection.unLocationCode"),
        *("seallock.latitude", "seallock.longitude"),
        *("inspection.latitude", "inspection.longitude"),
    }
)
"""Fields that the states of the locks rest on, and the place or position that texts name."""
AUTHORITY = frozenset(
    {
        *("seallock.commandId", "seallock.authorisationOffice", "seallock.office"),
        "seallock.equipmentReference",
        *("seallock.validFrom", "seallock.validTo"),
        "inspection.inspectionId",
        *("inspection.startedAt", "inspection.endedAt"),
    }
)
"""Fields that tell whether an opening was allowed."""
MILESTONES = frozenset(
    {
        *("transport.eventClassifier", "transport.unLocationCode", "transport.sequence"),
        *("share.lane_id", "share.mode", "share.place_of_loading", "share.place_of_unloading"),
    }
)
"""Fields that the milestones rest on."""
RELEASES = frozenset(
    {
        *("inspection.side", "inspection.unLocationCode", "inspection.inspectionId"),
        *("declaration.declarationType",),
    }
)


def lock_words(lock: str) -> Text:
    """Name a lock or a seal."""
    kind, _, name = lock.partition(":")
    if kind == "device":
        return Text(f"Lock {name}", f"电子锁 {name}")
    if kind == "seal":
        return Text(f"Seal {name}", f"封志 {name}")
    return Text("The door", "箱门")


def at_words(event: Event, at_ms: int | None = None) -> Text:
    """Say when and, where it is stated, at which place, else at which position."""
    when = instant_text(event.event_ms if at_ms is None else at_ms)
    place, point = event.data.get("unLocationCode"), point_of(event)
    if isinstance(place, str):
        return Text(f"at {when} in {place}", f" 于 {when} 在 {place} ")
    if point is not None:
        where = point_text(point)
        return Text(f"at {when} at {where}", f" 于 {when} 在 {where} ")
    return Text(f"at {when}, place not stated", f" 于 {when}（地点未报告）")


def unless_stated(asked: InForce, severity: Severity) -> Severity | None:
    """Return the severity of this case, None where the policy has stated one for the rule: that is meant for all."""
    return severity if asked.severity == asked.rule.severity else None


def numbers_of(number: str | None) -> tuple[str, ...]:
    """Return the seal numbers of a verdict."""
    return () if number is None else (number,)
