# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""The rule on locks that are silent while armed (docs/rules/seals.md)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sstl.core.journeys.pings import of_device
from sstl.core.journeys.view import JourneyView
from sstl.core.milestones import Milestones
from sstl.core.positions import Positions
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
from sstl.core.rules.engine import NOT_DUE, Asked, Moved, unmoved
from sstl.core.rules.seal_watch import Watch, phases_of, watched_until
from sstl.core.rules.seal_words import (
    AUTHORITY,
    HOUR_MS,
    MILESTONES,
    STORY,
    lock_words,
    numbers_of,
)
from sstl.core.seals.story import Armed, SealStory
from sstl.models.policy import LanePolicy

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

_UNHEARD = frozenset({"PASSIVE_TAG", "NONE"})
IN_TIME = "heard of within the limits"


def silent(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge the gaps between what was heard of each armed device, and the time since the last report.

    Not evaluable where the lane states nothing about silence: whether its devices report by the hour or by the week is
    not known then.
    """
    lane = asked.lane
    if lane is None or not lane.silences:
        for first in heard_of(view)[:1]:
            yield not_evaluable(asked, first.armed.identity, first.from_ms, "policy.lanes.silences")
        return
    kept = _kept(view, asked, lane)
    watch, heard = kept.watch, positions_by_lock(view.positions, kept.armed)
    for one in kept.armed:
        hits, positions = 0, heard[one.lock]
        for before, after in watch.gaps(one, positions):
            due = watch.due(before)
            if due is not None and after > due[0]:
                hits += 1
                yield _silence(asked, one, before, after, due, open_end=False)
        last = watch.last(one, positions)
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


def heard_of(view: JourneyView) -> list[Armed]:
    """Return the times for which devices that report were armed."""
    return [
        one
        for one in view.seals.armed
        if one.lock.startswith("device:") and one.armed.data.get("deviceTechnology") not in _UNHEARD
    ]


def positions_by_lock(
    positions: Sequence[Positions], armed: Iterable[Armed]
) -> Mapping[str, Sequence[Positions]]:
    """Return the positions by which each armed device is heard of: its own, where several are."""
    locks = {one.lock for one in armed}
    if len(locks) == 1:
        return dict.fromkeys(locks, positions)
    return {lock: of_device(positions, lock) for lock in locks}


def _watch(view: JourneyView, asked: InForce, lane: LanePolicy) -> Watch:
    return Watch(
        phases_of(view, lane),
        int(asked["limit_h"] * HOUR_MS),
        watched_until(view, lane),
        view.structure.ping_bucket_s * 1000,
    )


@dataclass(slots=True)
class _Kept:
    """What has been worked out of a view before."""

    asked: InForce
    milestones: Milestones
    seals: SealStory
    armed: list[Armed]
    watch: Watch
    identity: str
    """Of the report that armed the first of them; "" without any."""
    last_ms: int = -1
    due: tuple[int, int] | None = None
    """When a silence since ``last_ms`` becomes too long."""

    def due_after(self, last_ms: int) -> tuple[int, int] | None:
        """Return when a silence since an instant becomes too long; the last one asked for costs nothing."""
        if last_ms != self.last_ms:
            self.last_ms, self.due = last_ms, self.watch.due(last_ms)
        return self.due


def _kept(view: JourneyView, asked: InForce, lane: LanePolicy) -> _Kept:
    kept: _Kept | None = view.carried.get("seal-silent")
    if (
        kept is None
        or kept.asked is not asked
        or kept.milestones is not view.milestones
        or kept.seals is not view.seals
    ):
        armed = heard_of(view)
        identity = armed[0].armed.identity if armed else ""
        kept = _Kept(asked, view.milestones, view.seals, armed, _watch(view, asked, lane), identity)
        view.carried["seal-silent"] = kept
    return kept


def _silent_moving(asked: InForce, mode: str | None) -> Moved[JourneyView]:
    """Go on from an answer about one device without any silence: one position more is word from it in time."""
    del mode
    lane = asked.lane
    if lane is None or not lane.silences:
        return unmoved
    awaits = "T1" in lane.publishers

    def moved(
        view: JourneyView, said: tuple[Verdict, ...], before: Positions | None, as_of_ms: int
    ) -> tuple[Verdict, ...] | None:
        kept = _kept(view, asked, lane)
        if not kept.armed:
            return said
        positions, one, ends_ms = view.positions, kept.armed[0], kept.watch.ends_ms
        now = positions[-1]
        first_ms, now_ms = now.first[0], now.last[0]
        if (
            len(kept.armed) > 1
            or len(said) != 1
            or said[0].result is not Result.NO_HIT
            or one.reports[-1] > now_ms
            or first_ms < one.from_ms
            or awaits
        ):
            return None
        if one.ended is not None:
            return said if first_ms > one.ended.event_ms else None
        last_ms = max(one.reports[-1], (positions[-2] if before is None else before).last[0])
        if now_ms > ends_ms:
            return said if last_ms >= ends_ms else None
        due, identity, anchor = kept.due_after(last_ms), kept.identity, said[0].anchor
        # a silence that has ended may be no hit only because its deadline is still to come
        in_time = (due is None or first_ms <= due[0]) and anchor in (
            identity,
            f"{identity}|{last_ms}",
        )
        return _in_time(asked, kept, said, now_ms, as_of_ms) if in_time else None

    return moved


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
            governed_ms=last_ms,
        ),
    )


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
            f"{lock.zh} 在上锁状态下自 {since} 起无任何报告，{heard_zh}：共 {hours:.0f} 小时，允许 {limit:g} 小时。",
        ),
        observed=round(hours, 1),
        expected=limit,
        evidence=(one.armed,),
        due_ms=(due[0] if open_end else until_ms) + int(asked["backlog_h"] * HOUR_MS),
        governed_ms=since_ms,
        seal_numbers=numbers_of(one.seal_number),
    )


RULES: tuple[Asked[JourneyView], ...] = (Asked(SILENT, silent, _silent_moving),)
