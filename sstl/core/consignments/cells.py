"""What [consignments] keeps of a consignment.

Cells: ``""`` the head, ``events/<n>`` chunks of events, ``share/<manifest>``, ``unit/<unit>``, ``rules``, and what was
last told: ``flag/<id>`` and ``observation/<subject>``. Each cell is bounded: a share by the filing, which is no larger
than one message, lists of filings, referrals and controls by a number.
"""

import msgspec

from sstl.models.records import Event, Share, UnitMilestones


class Head(msgspec.Struct, frozen=True, kw_only=True, tag="consignment.1", omit_defaults=True):
    """Cell: what is found where, when rules must be asked again, and when the consignment may be forgotten."""

    chunks: int = 0
    manifests: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    """Units whose milestones are known; not all of them need to be in a manifest any more."""
    observations: tuple[str, ...] = ()
    due_day: int | None = None
    deadline_ms: int | None = None
    """The least deadline of an absence that is still to come."""
    awaits: dict[str, int] = {}
    """Publisher that was silent when a rule asked for it, to the instant after which it must be heard of."""


class ShareCell(msgspec.Struct, frozen=True, tag="consignment-share.1"):
    """Cell: what one manifest says of the consignment and the units it lies in."""

    share: Share
    units: tuple[str, ...]


class UnitCell(msgspec.Struct, frozen=True, tag="unit-milestones.1", omit_defaults=True):
    """Cell: what one unit told last (`UnitMilestones`)."""

    milestones: dict[str, int]
    lane_id: str | None = None
    mode: str | None = None
    events: tuple[tuple[str, Event], ...] = ()
    opened: tuple[Event, ...] = ()
    controls: tuple[Event, ...] = ()
    journey: str = ""

    def told(self, unit: str) -> UnitMilestones:
        """Return what the unit told."""
        return UnitMilestones(
            unit=unit,
            milestones=self.milestones,
            lane_id=self.lane_id,
            mode=self.mode,
            events=self.events,
            opened=self.opened,
            controls=self.controls,
            journey=self.journey,
        )


def unit_cell(message: UnitMilestones) -> UnitCell | None:
    """Return what is kept of a unit's word, None where it is that the consignment no longer lies in it."""
    if message.milestones is None:
        return None
    return UnitCell(
        message.milestones,
        message.lane_id,
        message.mode,
        message.events,
        message.opened,
        message.controls,
        message.journey,
    )


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """What one rule said when it was last asked."""

    judged: dict[str, int] = {}
    """Answer (``hit``, ``no_hit``, ``not_evaluable``) to how many episodes have it."""
    flags: tuple[str, ...] = ()
    """Ids of its findings that hold."""
    due_ms: int | None = None
    """The least of its deadlines that is still to come."""
    awaits: tuple[tuple[str, int], ...] = ()
    """Publishers that it found silent, each with the instant after which it must be heard of."""


class RulesCell(msgspec.Struct, frozen=True, tag="standing.1"):
    """Cell: by which policy rules were asked, and what each said; rules with nothing to ask about are left out."""

    policy: str
    rules: dict[str, Standing] = {}
