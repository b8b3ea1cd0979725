# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on the health of locks: silence, battery, clock (docs/rules/seals.md)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sstl.core.journeys.view import JourneyView, Positions
from sstl.core.milestones import Milestones
from sstl.core.routing import device_of
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Part,
    Result,
    Rule,
    Text,
    Verdict,
    hit,
    instant_text,
    no_hit,
    not_evaluable,
)
from sstl.core.rules.engine import NOT_DUE, Asked
from sstl.core.rules.seal_words import (
    AUTHORITY,
    HOUR_MS,
    MILESTONES,
    STORY,
    lock_words,
    numbers_of,
)
from sstl.core.seals.grants import instant_ms
from sstl.core.seals.story import Armed, SealStory
from sstl.models.policy import LanePolicy
from sstl.models.records import Event

SILENT = Rule(
    id="seal-silent",
    name="Lock silent while armed",
    question="Did the armed lock say nothing for longer than this phase of the lane allows?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    # delivery (T15) may be told by an authorised opening
    needs=STORY
    | AUTHORITY
    | MILESTONES
    | {"seallock.deviceTechnology", "seallock.latitude", "seallock.longitude"},
    family="seals",
    parts=frozenset(
        {
            *(Part.SEALS, Part.POSITIONS, Part.CONTROLS, Part.TRANSPORT),
            *(Part.MANIFEST, Part.PUBLISHERS),
        }
    ),
    parameters={
        "limit_h": Parameter(
            48, "h", "longest silence in phases that the lane states no limit for"
        ),
        "backlog_h": Parameter(
            12,
            "h",
            "so long after the limit, or after the silence ended, its backlog may still come",
        ),
    },
    severity="MEDIUM",
    recommended_control="SEAL_CHECK",
    where_to_control="TRANSIT",
    advice=Text(
        "Ask the operator of the lock for its last contact; check the lock at the next place.",
        "向电子锁运营方查询最后联络时间；在下一地点检查锁具。",
    ),
    source="own design; lane policy `silences`",
)

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

_UNHEARD = frozenset({"PASSIVE_TAG", "NONE"})
_FOREVER = 1 << 62
IN_TIME = "heard of within the limits"


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the lane with its own limit; None: silence is expected."""

    from_ms: int
    to_ms: int
    limit_ms: int | None


def silent(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge the gaps between what was heard of each armed device, and the time since the last report.

    Not evaluable where the lane states nothing about silence: whether its devices report by the hour or by the week is
    not known then.
    """
    armed = _heard_of(view)
    if not armed:
        return
    lane = asked.lane
    if lane is None or not lane.silences:
        first = armed[0]
        yield not_evaluable(asked, first.armed.identity, first.from_ms, "policy.lanes.silences")
        return
    watch = _watch(view, asked, lane)
    for one in armed:
        hits = 0
        for before, after in watch.gaps(one, view.positions):
            due = watch.due(before)
            if due is not None and after > due[0]:
                hits += 1
                yield _silence(asked, one, before, after, due, open_end=False)
        last = watch.last(one, view.positions)
        due = watch.due(last) if one.ended is None else None
        if due is not None and due[0] < watch.ends_ms:
            if view.publisher_silent("T1", due[0]):
                yield not_evaluable(
                    asked, f"{one.armed.identity}|{last}", due[0], "publisher of T1 silent"
                )
            else:
                yield _silence(asked, one, last, due[0], due, open_end=True)
        elif not hits:
            yield no_hit(asked, one.armed.identity, one.from_ms, IN_TIME)


def _heard_of(view: JourneyView) -> list[Armed]:
    """Return the times for which devices that report were armed."""
    return [
        one
        for one in view.seals.armed
        if one.lock.startswith("device:") and one.armed.data.get("deviceTechnology") not in _UNHEARD
    ]


def _watch(view: JourneyView, asked: InForce, lane: LanePolicy) -> "_Watch":
    return _Watch(
        _phases(view, lane),
        int(asked["limit_h"] * HOUR_MS),
        _watched_until(view, lane),
        view.structure.ping_bucket_s * 1000,
    )


@dataclass(slots=True)
class _Kept:
    """What `_silent_moved` has worked out of a view before."""

    asked: InForce
    milestones: Milestones
    seals: SealStory
    armed: list[Armed]
    watch: "_Watch"
    last_ms: int = -1
    due: tuple[int, int] | None = None
    """When a silence since ``last_ms`` becomes too long."""

    def due_after(self, last_ms: int) -> tuple[int, int] | None:
        """Return when a silence since an instant becomes too long; the last one asked for costs nothing."""
        if last_ms != self.last_ms:
            self.last_ms, self.due = last_ms, self.watch.due(last_ms)
        return self.due


def _kept(view: JourneyView, asked: InForce, lane: LanePolicy) -> _Kept:
    kept: _Kept | None = view.memo.get("seal-silent")
    if (
        kept is None
        or kept.asked is not asked
        or kept.milestones is not view.milestones
        or kept.seals is not view.seals
    ):
        kept = _Kept(asked, view.milestones, view.seals, _heard_of(view), _watch(view, asked, lane))
        view.memo["seal-silent"] = kept
    return kept


def _silent_moved(
    view: JourneyView,
    asked: InForce,
    said: tuple[Verdict, ...],
    before: Positions | None,
    as_of_ms: int,
) -> tuple[Verdict, ...] | None:
    """Go on from an answer about one device without any silence: one position more is word from it in time."""
    lane = asked.lane
    if lane is None or not lane.silences:
        return said
    kept = _kept(view, asked, lane)
    if not kept.armed:
        return said
    positions, watch, one = view.positions, kept.watch, kept.armed[0]
    now = positions[-1]
    known_ms = (positions[-2] if before is None else before).last[0]
    if (
        len(kept.armed) > 1
        or len(said) != 1
        or said[0].result is not Result.NO_HIT
        or one.reports[-1] > now.last[0]
        or now.first[0] < one.from_ms
        or "T1" in lane.publishers
    ):
        return None
    if one.ended is not None:
        return said if now.first[0] > one.ended.event_ms else None
    last_ms = max(one.reports[-1], known_ms)
    if now.last[0] > watch.ends_ms:
        return said if last_ms >= watch.ends_ms else None
    due, identity = kept.due_after(last_ms), one.armed.identity
    # a silence that has ended may be no hit only because its deadline is still to come
    in_time = (due is None or now.first[0] <= due[0]) and said[0].anchor in (
        identity,
        f"{identity}|{last_ms}",
    )
    return _in_time(asked, kept, said, now.last[0], as_of_ms) if in_time else None


def _in_time(
    asked: InForce,
    kept: _Kept,
    said: tuple[Verdict, ...],
    last_ms: int,
    as_of_ms: int,
) -> tuple[Verdict, ...] | None:
    """Return what is said of a device last heard of at an instant, none of whose silences was too long."""
    one, due = kept.armed[0], kept.due_after(last_ms)
    if due is None or due[0] >= kept.watch.ends_ms:
        if said[0].due_ms is None:
            return said
        return (no_hit(asked, one.armed.identity, one.from_ms, IN_TIME),)
    due_ms = due[0] + int(asked["backlog_h"] * HOUR_MS)
    if due_ms <= as_of_ms:
        return None
    return (
        Verdict(
            rule_id=asked.rule.id,
            anchor=f"{one.armed.identity}|{last_ms}",
            result=Result.NO_HIT,
            reason=NOT_DUE,
            anchor_ms=due[0],
            due_ms=due_ms,
        ),
    )


def _watched_until(view: JourneyView, lane: LanePolicy) -> int:
    """Return until when silence matters: delivery, or gate-out where the lane opens the lock by then."""
    ends = [view.at("T15"), None if lane.unlock_at == "DESTINATION" else view.at("T14")]
    return min((one for one in ends if one is not None), default=_FOREVER)


def _phases(view: JourneyView, lane: LanePolicy) -> list[Phase]:
    """Return the phases that have begun.

    At sea silence from loading to discharge is expected, unless the lane states another limit from there on.
    """
    stated = [(one.start, one.end, one.limit_hours) for one in lane.silences]
    if view.plan.mode == "SEA" and not any(start in ("T4", "T5") for start, _, _ in stated):
        stated.append(("T4", "T7", None))
    found = []
    for start, end, hours in stated:
        from_ms, to_ms = view.at(start), view.at(end)
        if from_ms is not None:
            limit_ms = None if hours is None else int(hours * HOUR_MS)
            found.append(Phase(from_ms, _FOREVER if to_ms is None else to_ms, limit_ms))
    return found


def _first_ping(bucket: Positions) -> int:
    return bucket.first[0]


def _last_ping(bucket: Positions) -> int:
    return bucket.last[0]


class _Watch:
    """How long devices may be silent on one journey."""

    def __init__(self, phases: list[Phase], default_ms: int, ends_ms: int, bucket_ms: int) -> None:
        self._phases = phases
        self._bucket_ms = bucket_ms
        self._default_ms = default_ms
        self.ends_ms = ends_ms
        """Until when silence matters."""
        stated = [one.limit_ms for one in phases if one.limit_ms is not None]
        self._least_ms = min([default_ms, *stated])

    def gaps(self, one: Armed, positions: Sequence[Positions]) -> Iterator[tuple[int, int]]:
        """Tell the times without any word from an armed device that are longer than the least limit.

        Positions are known by bucket, the first and the last one; within a bucket there is no gap.
        """
        ended = self.last(one, positions) if one.ended is None else one.ended.event_ms
        until = min(self.ends_ms, ended)
        first = bisect_left(positions, one.from_ms, key=_last_ping)
        end = bisect_right(positions, until, lo=first, key=_first_ping)
        if first >= end:
            yield from self._parted(one, one.from_ms, until)
            return
        yield from self._parted(one, one.from_ms, positions[first].first[0])
        for index in self._wide(positions, first, end - 1):
            yield from self._parted(one, positions[index].last[0], positions[index + 1].first[0])
        yield from self._parted(one, positions[end - 1].last[0], until)

    def _wide(self, positions: Sequence[Positions], low: int, high: int) -> Iterator[int]:
        """Tell after which buckets there may be a gap longer than the least limit, ascending.

        Of buckets without a hole between them none can be: most of a way is passed over without a look.
        """
        if low >= high:
            return
        span_ms = positions[high].bucket_ms - positions[low].bucket_ms
        missing = span_ms // self._bucket_ms - (high - low)
        if missing >= 0 and (missing + 2) * self._bucket_ms <= self._least_ms:
            return
        if high - low == 1:
            yield low
            return
        middle = (low + high) // 2
        yield from self._wide(positions, low, middle)
        yield from self._wide(positions, middle, high)

    def _parted(self, one: Armed, since_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
        reports = one.reports
        if until_ms - since_ms <= self._least_ms:
            return
        inner = reports[bisect_right(reports, since_ms) : bisect_left(reports, until_ms)]
        before = since_ms
        for after in (*inner, until_ms):
            if after - before > self._least_ms:
                yield before, after
            before = after

    def last(self, one: Armed, positions: Sequence[Positions]) -> int:
        """Return when the device was last heard of while armed."""
        heard = positions[-1].last[0] if positions else 0
        return max(one.reports[-1], heard)

    def due(self, since_ms: int) -> tuple[int, int] | None:
        """Return (when a silence since an instant becomes too long, the limit); None: never, as far as is known.

        The limit is that of the phase in which the silence begins to count; expected silence stops the clock.
        """
        now, left, limit = since_ms, -1, 0
        while now < _FOREVER:
            expected_ms, until, least_ms = 0, _FOREVER, _FOREVER
            for one in self._phases:
                if one.from_ms > now:
                    until = min(until, one.from_ms)
                elif now < one.to_ms:
                    if one.limit_ms is None:
                        expected_ms = max(expected_ms, one.to_ms)
                    else:
                        until, least_ms = min(until, one.to_ms), min(least_ms, one.limit_ms)
            if expected_ms:
                now = expected_ms
                continue
            if left < 0:
                left = limit = self._default_ms if least_ms == _FOREVER else least_ms
            if until - now >= left:
                return now + left, limit
            left -= until - now
            now = until
        return None


def _silence(
    asked: InForce,
    one: Armed,
    since_ms: int,
    until_ms: int,
    due: tuple[int, int],
    *,
    open_end: bool,
) -> Verdict:
    lock, since = lock_words(one.lock), instant_text(since_ms)
    hours, limit = (until_ms - since_ms) / HOUR_MS, due[1] / HOUR_MS
    heard = "and has not been heard of since" if open_end else f"until {instant_text(until_ms)}"
    heard_zh = "此后再无消息" if open_end else f"直至 {instant_text(until_ms)}"
    return hit(
        asked,
        f"{one.armed.identity}|{since_ms}",
        due[0],
        text=Text(
            f"{lock.en}, armed, said nothing from {since}, {heard}: {hours:.0f} h in all, "
            f"where {limit:g} h are allowed.",
            f"{lock.zh}在上锁状态下自 {since} 起无任何报告，{heard_zh}：共 {hours:.0f} 小时，允许 {limit:g} 小时。",
        ),
        observed=round(hours, 1),
        expected=limit,
        evidence=(one.armed,),
        due_ms=(due[0] if open_end else until_ms) + int(asked["backlog_h"] * HOUR_MS),
        governed_ms=since_ms,
        seal_numbers=numbers_of(one.seal_number),
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


def _stating(view: JourneyView, name: str) -> dict[str, list[Event]]:
    """Return the reports of each device that state a field, in order."""
    known: dict[str, list[Event]] = {}
    types = [kind for kind in view.by_type if kind.startswith("seallock.")]
    for event in view.of(*types) if types else ():
        if name in event.data:
            device = device_of(event.data)
            if device is not None:
                known.setdefault(device, []).append(event)
    return known


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
            f"{name.zh}电量为 {now:g} %，每日消耗 {a_day:.1f} %：预计到达（{eta}）时仅剩 {left:.0f} %，"
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
                    f"{name.zh}的时钟{way_zh} {off:.0f} 秒；允许 {limit:g} 秒。",
                ),
                observed=round(off, 1),
                expected=limit,
                evidence=(event,),
            )


RULES: tuple[Asked[JourneyView], ...] = (
    Asked(SILENT, silent, _silent_moved),
    Asked(BATTERY, battery_short),
    Asked(CLOCK, clock_skew),
)
