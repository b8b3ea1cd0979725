"""What the reports on a control say of it: that it was completed, what it consisted of, what it found, why it was made.

Pure helpers over reports, whether a consignment's record or a unit's holds them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sstl.core.rules.consignment_facts import (
    RESULT,
    SATISFACTORY_CODES,
    UNSATISFACTORY_CODES,
    Control,
    is_done,
)
from sstl.core.strata import CONTROL_DEPTH
from sstl.models.records import Event

SCANNED = "inspection.scan.completed"
EXAMINED = "inspection.physical.completed"
CHECKED = "inspection.document.checked"
RANDOM = "RANDOM"
_TYPE_OF = {CHECKED: "DOCUMENT", SCANNED: "NII", EXAMINED: "PHYSICAL"}
"""Reports that complete a control, with its type; a recorded result says its own, a sample is still to be analysed."""
COMPLETING = frozenset({*_TYPE_OF, RESULT})
_IMAGES = frozenset({SCANNED, RESULT})


@dataclass(frozen=True, slots=True)
class Done:
    """A control that was completed, on a side that is known."""

    control: Control
    side: str
    reports: Sequence[Event]
    """Those of it that say that it was done, in order."""
    completing: Sequence[Event]
    types: frozenset[str]
    """Of what it consisted; empty: nothing says it."""

    @property
    def completed_ms(self) -> int:
        """When the first part of it was complete."""
        return self.completing[0].event_ms

    @property
    def purpose(self) -> str | None:
        """What for; None: not recorded."""
        return self.control.value("controlPurpose")

    @property
    def deepest(self) -> str | None:
        """The type that looks deepest; None: no type is recorded."""
        return max(self.types, key=depth, default=None)


def completed(control: Control) -> Done | None:
    """Return a control as done; None where it is not, or its side is not known."""
    if control.side is None:
        return None
    found = completing(control)
    if not found:
        return None
    reports = [event for event in control.events if is_done(event)]
    types = frozenset(kind for kind in map(kind_of, found) if kind is not None)
    return Done(control, control.side, reports, found, types)


def completing(control: Control) -> list[Event]:
    """Return the reports that complete a control."""
    return [event for event in control.events if event.type in COMPLETING and is_done(event)]


def kind_of(event: Event) -> str | None:
    """Return the type of control that a report completes."""
    kind = _TYPE_OF.get(event.type) or event.data.get("controlType")
    return "NII" if kind is None and event.data.get("niiResult") is not None else kind


def is_image(event: Event) -> bool:
    """Tell whether a report is of an image."""
    return event.type in _IMAGES and is_done(event)


def depth(kind: str) -> tuple[int, str]:
    """Order control types by how deep they look."""
    return (CONTROL_DEPTH.index(kind) if kind in CONTROL_DEPTH else -1, kind)


def selections(events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    """Yield the selections that reports list, each with its basis."""
    for event in events:
        for one in event.data.get("selections") or ():
            if one.get("basis") is not None:
                yield one


def bases(events: Iterable[Event]) -> set[str]:
    """Return why something was selected."""
    return {str(one["basis"]) for one in selections(events)}


def outcome(events: Iterable[Event]) -> bool | None:
    """Tell whether a control was positive; None while no result is recorded whose meaning is known."""
    known = None
    for event in events:
        code, said = event.data.get("controlResultCode"), event.data.get("outcome")
        if code in UNSATISFACTORY_CODES or said == "CONFIRMED":
            return True
        if code == "A4" and event.data.get("irregularities"):
            return True
        if code in SATISFACTORY_CODES or said in ("NOT_CONFIRMED", "INCONCLUSIVE"):
            known = False
    return known


def conclusion(events: Iterable[Event]) -> bool | None:
    """Tell whether a control was positive; None where it was inconclusive or no result is recorded."""
    return outcome(event for event in events if event.data.get("outcome") != "INCONCLUSIVE")
