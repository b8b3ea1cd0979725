"""Which input topic an event belongs on."""

from sstl.models.catalogue import FAMILIES, PREFIX, PROGRESS, TYPES, VERSION, EventType

__all__ = ["FAMILIES", "family_of", "known_type"]

_SUFFIX = f".{VERSION}"


def known_type(ce_type: str) -> EventType | None:
    """Return what we know of a CloudEvents type, None where we do not know it."""
    if not ce_type.startswith(PREFIX) or not ce_type.endswith(_SUFFIX):
        return None
    return TYPES.get(ce_type[len(PREFIX) : -len(_SUFFIX)])


def family_of(ce_type: str) -> str | None:
    """Return the family whose topic the type goes to; None where the type does not tell.

    Of several families that take it the first of `FAMILIES` is chosen: declarations go beside the manifests. A
    progress event is for one partition of one topic, so its type does not tell either.
    """
    kind = known_type(ce_type)
    if kind is None or kind.name == PROGRESS:
        return None
    return next(family for family in FAMILIES if family in kind.topics)
