# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on the health of locks: battery, clock (docs/rules/seals.md)."""

from bisect import insort
from collections.abc import Iterator

from sstl.core.journeys.view import JourneyView
from sstl.core.milestones import order
from sstl.core.routing import device_of
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Part,
    Rule,
    Text,
    Verdict,
    hit,
    instant_text,
    no_hit,
    not_evaluable,
)
from sstl.core.rules.engine import Asked
from sstl.core.rules.seal_words import HOUR_MS, MILESTONES, lock_words
from sstl.core.seals.grants import instant_ms
from sstl.models.records import Event

BATTERY = Rule(
    id="lock-battery-short",
    name="Battery will not last to the arrival",
    question="At the use seen so far, is there less battery left at the arrival than the reserve?",
    unit="%",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    needs=MILESTONES | {"seallock.deviceId", "seallock.batteryPct", "share.eta_ms"},
    family="seals",
    parts=frozenset({Part.SEALS, Part.TRANSPORT, Part.MANIFEST}),
    parameters={
        "reserve_pct": Parameter(10, "%", "least charge expected at the arrival"),
        "least_span_h": Parameter(24, "h", "the reports must be so far apart to tell the use"),
        "charged_by_pct": Parameter(
            10, "%", "a rise by more than this is a new or charged battery"
        ),
        "least_use_pct": Parameter(5, "%", "less use is within the spread of the readings"),
    },
    severity="LOW",
    notice=True,
    advice=Text(
        "Let the lock be charged or changed at the next planned stop, with authority.",
        "请在下一计划停靠点经授权为锁具充电或更换。",
    ),
    source="own design; ISO 18185 battery indicator",
)

CLOCK = Rule(
    id="lock-clock-skew",
    name="Clock of the lock is off",
    question="Do the lock's own times differ from those of the platform by more than the limit?",
    unit="s",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    needs=frozenset(
        {
            *("seallock.deviceId", "seallock.deviceTime", "seallock.receivedTime"),
            "seallock.recordedtime",
        }
    ),
    family="seals",
    parts=frozenset({Part.SEALS}),
    parameters={
        "limit_s": Parameter(
            600,
            "s",
            "largest difference, ahead or behind: 60 days of drift, a minute stamp, a slow report",
        ),
        "least_reports": Parameter(
            3, "reports", "so many must all be late before the clock is said to be behind"
        ),
    },
    severity="LOW",
    notice=True,
    advice=Text(
        "Let the operator set the lock's clock; until then read its times with this difference in mind.",
        "请运营方校准锁具时钟；在此之前使用其时间时应考虑该偏差。",
    ),
    source="ISO 18185-2 (drift up to 5 s a day)",
)


def battery_short(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each device by the line through its first and last charge since the battery was new or charged."""
    known = _stating(view, "batteryPct")
    for lock in sorted(known):
        reports = known[lock]
        anchor, at_ms = view.anchor(f"battery|{lock}"), reports[0].event_ms
        if view.at("T6") is not None:
            yield no_hit(asked, anchor, at_ms, "it has arrived")
            continue
        reports = _since_charged(reports, asked["charged_by_pct"])
        first, last = reports[0], reports[-1]
        span_ms = last.event_ms - first.event_ms
        eta_ms = _eta_ms(view)
        if eta_ms is None or span_ms < asked["least_span_h"] * HOUR_MS or span_ms <= 0:
            lacks = [] if eta_ms is not None else ["estimated arrival"]
            if span_ms < asked["least_span_h"] * HOUR_MS or span_ms <= 0:
                lacks.append("seallock.batteryPct over a longer time")
            yield not_evaluable(asked, anchor, at_ms, *lacks)
            continue
        yield _left_at(asked, lock, anchor, at_ms, (first, last), eta_ms)


class _Stating:
    """Reports of devices by a field that they state, gone on with from view to view of a journey."""

    def __init__(self) -> None:
        self.seen = 0
        """How many of the events that have arrived have been looked at."""
        self.reports: dict[str, dict[str, list[Event]]] = {name: {} for name in _STATED}
        """Field and device to the reports, in order."""

    def take(self, event: Event) -> None:
        """Add an event."""
        self.seen += 1
        if not event.type.startswith("seallock."):
            return
        for name in _STATED:
            if name not in event.data:
                continue
            device = device_of(event.data)
            if device is not None:
                insort(self.reports[name].setdefault(device, []), event, key=order)


_STATED = ("batteryPct", "deviceTime")


def _stating(view: JourneyView, name: str) -> dict[str, list[Event]]:
    """Return the reports of each device that state a field, in order."""
    kept: _Stating | None = view.carried.get("stating")
    if kept is None:
        kept = view.carried["stating"] = _Stating()
    arrived = view.events if view.arrived is None else view.arrived
    for index in range(kept.seen, len(arrived)):
        kept.take(arrived[index])
    return kept.reports[name]


def _late_ms(event: Event) -> int | None:
    """Return how long after its own stamp the platform had a report; None where it states none."""
    own_ms = instant_ms(event.data["deviceTime"])
    if own_ms is None:
        return None
    had_ms = instant_ms(event.data.get("receivedTime"))
    return (event.version.recorded_ms if had_ms is None else had_ms) - own_ms


def _since_charged(reports: list[Event], rise_pct: float) -> list[Event]:
    start = 0
    for index in range(1, len(reports)):
        if reports[index].data["batteryPct"] - reports[index - 1].data["batteryPct"] > rise_pct:
            start = index
    return reports[start:]


def _eta_ms(view: JourneyView) -> int | None:
    """Return the arrival as estimated last, else as planned, else as the manifest has it."""
    for reports in (view.milestones.estimated, view.milestones.planned):
        event = reports.get("T6")
        if event is not None:
            return event.event_ms
    share = view.plan.share
    return None if share is None else share.eta_ms


def _left_at(
    asked: InForce, lock: str, anchor: str, at_ms: int, ends: tuple[Event, Event], eta_ms: int
) -> Verdict:
    first, last = ends
    used = first.data["batteryPct"] - last.data["batteryPct"]
    a_day = max(0.0, used / (last.event_ms - first.event_ms)) * 24 * HOUR_MS
    left = last.data["batteryPct"] - a_day * max(0, eta_ms - last.event_ms) / (24 * HOUR_MS)
    reserve = asked["reserve_pct"]
    if used <= asked["least_use_pct"] and left > 0:
        return no_hit(asked, anchor, at_ms, "use within the spread of the readings")
    if not left < reserve:
        return no_hit(asked, anchor, at_ms, "it lasts to the arrival")
    now, name, eta = last.data["batteryPct"], lock_words(lock), instant_text(eta_ms)
    left = max(0.0, left)
    return hit(
        asked,
        anchor,
        at_ms,
        text=Text(
            f"{name.en} has {now:g} % battery and uses {a_day:.1f} % a day: {left:.0f} % are left at the arrival "
            f"({eta}), less than {reserve:g} %.",
            f"{name.zh} 电量为 {now:g} %，每日消耗 {a_day:.1f} %：预计到达（{eta}）时仅剩 {left:.0f} %，"
            f"低于 {reserve:g} %。",
        ),
        observed=round(left, 1),
        expected=reserve,
        evidence=(first, last),
    )


def clock_skew(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each device by the least time between its own stamp and the platform's.

    A report can be late, never early: a stamp after the platform had the report shows a clock that is ahead, and a
    clock is behind by at most what the quickest of several reports took.
    """
    known = _stating(view, "deviceTime")
    limit = asked["limit_s"]
    for lock in sorted(known):
        reports = [(late, event) for event in known[lock] if (late := _late_ms(event)) is not None]
        if not reports:
            continue
        least_ms, event = min(reports, key=lambda one: (one[0], one[1].event_ms, one[1].identity))
        anchor, at_ms = view.anchor(f"clock|{lock}"), reports[0][1].event_ms
        seconds = least_ms / 1000
        if abs(seconds) <= limit:
            yield no_hit(asked, anchor, at_ms, "within the limit")
        elif seconds > 0 and len(reports) < asked["least_reports"]:
            yield not_evaluable(asked, anchor, at_ms, "more reports with seallock.deviceTime")
        else:
            name, off = lock_words(lock), abs(seconds)
            way, way_zh = ("ahead", "快") if seconds < 0 else ("behind", "慢")
            yield hit(
                asked,
                anchor,
                at_ms,
                text=Text(
                    f"The clock of {name.en[0].lower()}{name.en[1:]} is {off:.0f} s {way}; "
                    f"at most {limit:g} s are allowed.",
                    f"{name.zh} 的时钟{way_zh} {off:.0f} 秒；最多允许 {limit:g} 秒。",
                ),
                observed=round(off, 1),
                expected=limit,
                evidence=(event,),
            )


RULES: tuple[Asked[JourneyView], ...] = (
    Asked(BATTERY, battery_short),
    Asked(CLOCK, clock_skew),
)
