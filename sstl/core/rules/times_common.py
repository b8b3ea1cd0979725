"""What the rules of the family "time" share: the milestones of the way, their names, what is read for them."""

from sstl.core.journeys.view import JourneyView
from sstl.core.rules.base import Part, Text
from sstl.core.rules.seal_words import AUTHORITY, STORY

HOUR_MS = 3_600_000
MINUTE_MS = 60_000

PHYSICAL = ("T2", "T4", "T5", "T6", "T7", "T14", "T15")
"""Milestones of the unit itself, in the order of the way."""
CUSTOMS = frozenset({"T3", "T8", "T9", "T10a", "T10b", "T10c", "T11", "T12", "T13"})
"""Milestones of consignments, which a unit's own events carry only now and then."""
TERMINALS = (("T2", "T4"), ("T7", "T14"))
"""Stays that `dwell-exceeded` judges."""

NAMES = {
    "T0": Text("manifest lodged", "舱单申报"),
    "T1": Text("lock armed", "上锁施封"),
    "T2": Text("export gate-in", "出口进场"),
    "T3": Text("export release", "出口放行"),
    "T4": Text("loading", "装载"),
    "T5": Text("departure", "启运"),
    "T6": Text("arrival", "到达"),
    "T7": Text("discharge", "卸载"),
    "T8": Text("declaration", "申报受理"),
    "T9": Text("document check", "单证审核"),
    "T10a": Text("selection for control", "布控选中"),
    "T10b": Text("start of inspection", "查验开始"),
    "T10c": Text("end of inspection", "查验结束"),
    "T11": Text("other agencies' control", "其他部门查验"),
    "T12": Text("payment of duty", "缴税"),
    "T13": Text("release", "放行"),
    "T14": Text("gate-out", "出场"),
    "T15": Text("delivery", "交付"),
}
"""What milestones are called."""

# The opening for good may stand for delivery (T15), so what seals rest on is read with it.
PHYSICAL_FIELDS = (
    frozenset(
        {
            "transport.time",
            "transport.eventClassifier",
            "transport.unLocationCode",
            "transport.sequence",
            "seallock.time",
            "share.lodged_ms",
            "share.lane_id",
            "share.mode",
            "share.place_of_loading",
            "share.place_of_unloading",
        }
    )
    | STORY
    | AUTHORITY
)
CUSTOMS_FIELDS = frozenset(
    {
        *(f"inspection.{name}" for name in ("time", "side", "unLocationCode", "inspectionId")),
        *(f"declaration.{name}" for name in ("time", "side", "declarationType", "unLocationCode")),
        *(f"duty.{name}" for name in ("time", "side", "unLocationCode")),
    }
)
PARTS = frozenset({Part.TRANSPORT, Part.SEALS, Part.CONTROLS, Part.MANIFEST, Part.PUBLISHERS})


_LATER = {
    **{code: PHYSICAL[at + 1 :] for at, code in enumerate(PHYSICAL)},
    "T1": PHYSICAL[2:],
}
"""Milestone to those of the way by which it has been passed; for all others these are the end of the way."""


def passed(view: JourneyView, milestone: str) -> int | None:
    """Return the first instant of a later milestone of the way, None where none is reported."""
    actual = view.milestones.actual
    first: int | None = None
    for code in _LATER.get(milestone, PHYSICAL[-2:]):
        event = actual.get(code)
        if event is not None and (first is None or event.event_ms < first):
            first = event.event_ms
    return first
