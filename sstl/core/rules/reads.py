"""What of a journey each rule on units reads, so that an event asks only the rules whose answer it can change.

A journey tells what an event has changed in it by *traces*; a rule is asked again when one of the traces that it reads
is among them, besides a deadline or a publisher that it waits for:

* the type of an event that has come, ``seallock.checked`` (of transport events: reported as ACTUAL), its family,
  ``seallock.``, and with a tilde what is only planned or estimated, ``~transport.departed``;
* a milestone that is another event than before, ``T4``, or its plan or estimate, ``~T4``;
* `STORY`: anything in the story of the seals is another, and what of it: `OPENINGS`, `ALARMS`, `ARMED` (times of being
  armed, and reports meanwhile), `RESEALS`, `STATES` (of locks at the end);
* `LEGS`, `POSITIONS`: the times of the legs, the positions are others;
* `SEALS_NAMED`: an event names seals that somebody has seen, put on or found; `BATTERY`, `DEVICE_TIME`: one states the
  charge of a lock, or its own time; `MODE`: one tells the mode of a journey for which no manifest tells it.

Manifests, the plan and the first event are in no trace: where they change, all rules are asked.
"""

from collections.abc import Callable

from sstl.core.milestones import KINDS
from sstl.core.rules.wording import SERVICES
from sstl.models.policy import LanePolicy

STORY = "story"
OPENINGS, ALARMS, ARMED, RESEALS, STATES = "openings", "alarms", "armed", "reseals", "states"
OF_STORY = (OPENINGS, ALARMS, ARMED, RESEALS, STATES)
"""Traces of parts of the story of the seals, each the name of its field."""
LEGS = "legs"
POSITIONS = "positions"
SEALS_NAMED = "seals named"
BATTERY, DEVICE_TIME = "battery", "device time"
MODE = "mode"

_ALL = frozenset(kind.code for kind in KINDS)
_WAY = frozenset({"T2", "T4", "T5", "T6", "T7", "T14", "T15"})
_SERVICES = frozenset(
    {
        *(f"transport.{kind}" for kind in SERVICES),
        *(f"~transport.{kind}" for kind in SERVICES),
        *_WAY,
        *(f"~{code}" for code in _WAY),
    }
)
_PRESENCE = frozenset(
    f"transport.{kind}"
    for kind in (
        *("gated_in", "gated_out", "loaded", "discharged", "stuffed", "stripped", "picked_up"),
        *("dropped_off", "departed", "arrived", "crossed"),
        *("rcs", "man", "dep", "arr", "rcf", "dlv"),
    )
)

READS: dict[str, frozenset[str]] = {
    "seal-opened-unauthorised": frozenset({OPENINGS, "T5", "T6", "T13", "T14"}),
    "seal-opened-against-grant": frozenset({OPENINGS}),
    "seal-tampered": frozenset({ALARMS, OPENINGS}),
    "seal-broken": frozenset({ALARMS, OPENINGS}),
    "seal-resealed-unauthorised": frozenset({RESEALS, "T2"}),
    "seal-silent": _ALL | {ARMED, POSITIONS},
    "lock-battery-short": frozenset({BATTERY, "T6", "~T6"}),
    "lock-clock-skew": frozenset({DEVICE_TIME}),
    "seal-not-armed-at-departure": frozenset({ARMED, "T5", "seallock.checked", SEALS_NAMED}),
    "seal-still-locked": frozenset({ARMED, "T7", "T14", "T15"}),
    "seal-grade-below-lane": frozenset({ARMED, "T5"}),
    "seal-number-differs": frozenset(
        {ARMED, STATES, "seallock.checked", "seallock.opened", "seallock.resealed", SEALS_NAMED}
    ),
    # these two compare with the unit's other journeys; of a unit that has one they say nothing
    "seal-number-used-again": frozenset({ARMED}),
    "lock-not-unpaired-before-reuse": frozenset({STATES, "seallock."}),
    "unit-with-two-devices": frozenset({ARMED}),
    "milestone-overdue": _ALL,
    "unit-release-overdue": _ALL | {"transport.crc", "transport.ccd"},
    "dwell-exceeded": _WAY | {"bond.entered", "bond.left"},
    "sequence-impossible": _WAY,
    "stage-outside-range": _ALL,
    "milestone-later-than-planned": _SERVICES,
    "milestone-expected-late": _SERVICES,
    "leg-longer-than-planned": frozenset({LEGS}),
    "corridor-left": _ALL | {POSITIONS},
    "position-implausible": frozenset({POSITIONS}),
    "stop-unplanned": frozenset(
        {"T5", "T6", POSITIONS, "seallock.motion.stopped", "seallock.motion.started"}
    ),
    "unit-in-two-places": _PRESENCE | {POSITIONS},
    "transhipment-unplanned": frozenset(
        {"transport.loaded", "transport.discharged", "transport.man", "transport.rcf"}
    ),
    "routing-indirect": frozenset(
        {"transport.arrived", "transport.departed", "transport.arr", "transport.dep"}
    ),
    "discharge-wrong-place": frozenset(
        {
            *("transport.discharged", "transport.rcf"),
            *("transport.gated_out", "transport.stripped", "transport.dlv"),
        }
    ),
    "manifest-late": frozenset(
        {
            *("T4", "T5", "T6", "~T4", "~T6", MODE),
            *("transport.arrived", "transport.arr", "transport.crossed"),
            *("transport.discharged", "transport.rcf"),
        }
    ),
    "unit-not-in-manifest": frozenset({"T4", "T5"}),
    "empty-sealed-or-heavy": frozenset({ARMED, "mass.verified"}),
    "seals-declared-differ": frozenset(
        {
            *("seallock.armed", "seallock.resealed", "seallock.checked"),
            *("seallock.state.reported", "T5", SEALS_NAMED),
        }
    ),
    "mass-differs": frozenset({"mass.verified"}),
}
"""Rule id to the traces that it reads; a rule that is not named here is asked with every change."""


def reads_of(rule_id: str, lane: LanePolicy | None) -> frozenset[str] | None:
    """Return the traces that a rule reads on a lane; None: every one.

    Some rules read only the milestones of the stages that the lane names.

    Args:
        rule_id: The rule.
        lane: The lane's policy, None where it is not known.
    """
    named = READS.get(rule_id)
    if named is None or lane is None or rule_id not in _BY_LANE:
        return named
    return (named - _ALL) | _BY_LANE[rule_id](lane)


def _judged(lane: LanePolicy) -> frozenset[str]:
    """Milestones of the limited stages, and those that tell that one was passed."""
    return _WAY | {
        code for one in lane.stages if one.limit_hours is not None for code in (one.start, one.end)
    }


def _learnt(lane: LanePolicy) -> frozenset[str]:
    return frozenset(
        code
        for one in lane.stages
        if one.learnt_low_hours is not None or one.learnt_high_hours is not None
        for code in (one.start, one.end)
    )


def _silences(lane: LanePolicy) -> frozenset[str]:
    found = {code for one in lane.silences for code in (one.start, one.end)} | {"T15"}
    if not any(one.start in ("T4", "T5") for one in lane.silences):
        found |= {"T4", "T7"}  # at sea
    if lane.unlock_at != "DESTINATION":
        found.add("T14")  # until when it matters
    return frozenset(found)


def _corridor(lane: LanePolicy) -> frozenset[str]:
    corridor = lane.corridor
    return frozenset(() if corridor is None else (corridor.from_milestone, corridor.to_milestone))


_BY_LANE: dict[str, Callable[[LanePolicy], frozenset[str]]] = {
    "milestone-overdue": _judged,
    "unit-release-overdue": lambda lane: _judged(lane) | {"T6", "T13"},
    "stage-outside-range": _learnt,
    "seal-silent": _silences,
    "corridor-left": _corridor,
}
