# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on a lane, a publisher and an office (docs/rules/lane.md), asked in [lanes] by what is counted there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
from sstl.models.records import Event

DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
_MOST_EVIDENCE = 20


@dataclass(frozen=True, slots=True)
class IncidentsView:
    """Seal incidents of a lane on one UTC day, and on the day before, from which a window may reach into it."""

    lane_id: str
    day: str
    """``2026-03-01``; the episode."""
    start_ms: int
    incidents: Sequence[Event]
    """Without bodies, by time."""


@dataclass(frozen=True, slots=True)
class ShareView:
    """How many of those counted in one ISO week (UTC) of a lane have something."""

    lane_id: str
    week: str
    """``2026-W09``; the episode."""
    start_ms: int
    end_ms: int
    n: int
    """Counted."""
    having: int
    """Of these: drawn at random, or overridden."""
    office: str | None = None
    events: Sequence[Event] = ()
    """Those that have it, where they are kept."""


@dataclass(frozen=True, slots=True)
class PublisherView:
    """A publisher that a lane of the policy names."""

    lane_id: str
    source: str
    """CloudEvents source."""
    milestones: Sequence[str]
    """What it reports, sorted."""
    heard_ms: int | None
    """Latest arrival time of its messages, None: never heard of."""


BURST = Rule(
    id="lane-seal-incident-burst",
    name="Burst of seal incidents",
    question="Do more seal incidents happen on the lane within a day than chance explains?",
    unit="incidents",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="lane",
    needs=frozenset(),
    family="lane",
    parts=frozenset({Part.SEALS}),
    parameters={
        "incidents": Parameter(5, "incidents", "as many within the window are not unusual yet"),
        "window_hours": Parameter(24, "h", "length of the window, 24 h at the most"),
    },
    severity="MEDIUM",
    recommended_control="SEAL_CHECK",
    where_to_control="TRANSIT",
    advice=Text(
        "Look at where and when the incidents happened: a place, a carrier or a firmware that they share tells theft "
        "from faulty locks.",
        "查看事件发生的时间和地点：共同的地点、承运人或固件版本可区分盗窃与电子锁故障。",
    ),
    source="own design",
)

RANDOM_SHARE = Rule(
    id="lane-random-controls-low",
    name="Too few random controls",
    question="Were fewer of the week's consignments drawn at random than the lane states?",
    unit="%",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="lane",
    needs=frozenset({"inspection.selections"}),
    family="lane",
    parts=frozenset({Part.CONTROLS}),
    parameters={
        "least_n": Parameter(100, "consignments", "with fewer in the week the share says nothing"),
        "settle_days": Parameter(7, "d", "after the week's end, in which draws may still come"),
    },
    severity="LOW",
    recommended_control="NONE",
    where_to_control="DESTINATION",
    advice=Text(
        "Raise the rate of the random draw, or find out which draws were not reported: without them neither recall "
        "nor leakage can be estimated.",
        "提高随机抽查率，或查明哪些抽查未报告：缺少随机样本则无法估计召回率与漏检率。",
    ),
    source="ASYCUDA selectivity (minimum random rate)",
)

OVERRIDES = Rule(
    id="lane-results-overridden",
    name="Results overridden unusually often",
    question="Does an office override more results of controls in a week than the limit?",
    unit="%",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="lane",
    needs=frozenset({"inspection.officerOverride", "inspection.office"}),
    family="lane",
    parts=frozenset({Part.CONTROLS}),
    parameters={
        "share_percent": Parameter(20, "%", "largest share of overridden results"),
        "least_n": Parameter(20, "results", "with fewer in the week the share says nothing"),
        "settle_days": Parameter(7, "d", "after the week's end, in which results may still come"),
    },
    severity="LOW",
    recommended_control="NONE",
    where_to_control="DESTINATION",
    advice=Text(
        "For supervisors: read the overridden results with the office before drawing a conclusion.",
        "供主管参考：先与该关查看被推翻的结果，再下结论。",
    ),
    source="own design",
    supervisors=True,
)

SILENT = Rule(
    id="publisher-silent",
    name="Publisher silent",
    question="Has a publisher that the lane relies on said nothing for longer than it should?",
    unit="min",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="publisher",
    needs=frozenset(),
    family="lane",
    parts=frozenset({Part.PUBLISHERS}),
    parameters={
        "factor": Parameter(1, "x", "times the policy's `publisher_silence_s`, for slow publishers")
    },
    severity="LOW",
    recommended_control="NONE",
    where_to_control="DESTINATION",
    advice=Text(
        "Call the publisher: until it speaks again, the absence of its reports proves nothing.",
        "请联系数据发布方：在其恢复之前，缺少报告不能说明任何问题。",
    ),
    source="own design",
)


def burst(view: IncidentsView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge the windows that end on one day: each ends with an incident and excludes its own beginning."""
    window_ms = int(min(asked["window_hours"], 24.0) * _HOUR_MS)
    limit = asked["incidents"]
    first = most = most_end = 0
    passed_ms: int | None = None
    for last, incident in enumerate(view.incidents):
        while view.incidents[first].event_ms <= incident.event_ms - window_ms:
            first += 1
        if incident.event_ms < view.start_ms:
            continue
        count = last - first + 1
        if count > limit and passed_ms is None:
            passed_ms = incident.event_ms
        if count > most:
            most, most_end = count, last
    if not most:
        return
    if passed_ms is None:
        yield no_hit(asked, view.day, view.start_ms, "no longer so many incidents")
        return
    hours = window_ms / _HOUR_MS
    seen = view.incidents[most_end - most + 1 : most_end + 1]
    until = instant_text(seen[-1].event_ms)
    yield hit(
        asked,
        view.day,
        passed_ms,
        text=Text(
            f"{most} seal incidents on lane {view.lane_id} within {hours:g} h up to {until}; {limit:g} are usual "
            "at the most.",
            f"线路 {view.lane_id} 在截至 {until} 的 {hours:g} 小时内发生 {most} 起封志事件；通常最多 {limit:g} 起。",
        ),
        observed=most,
        expected=limit,
        evidence=tuple(seen[:_MOST_EVIDENCE]),
    )


def _settled_ms(view: ShareView, asked: InForce) -> int:
    return view.end_ms + int(asked["settle_days"] * DAY_MS)


def random_share(view: ShareView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge a week when it has settled; nothing where the lane states no least share."""
    rate = None if asked.lane is None else asked.lane.random_control_rate
    if rate is None:
        return
    due_ms = _settled_ms(view, asked)
    if view.n < asked["least_n"]:
        yield _too_few(view, asked, due_ms, f"at least {asked['least_n']:g} consignments")
    elif view.having >= rate * view.n:
        yield _usual(view, asked, due_ms)
    else:
        share = round(100 * view.having / view.n, 2)
        yield hit(
            asked,
            view.week,
            due_ms,
            text=Text(
                f"{view.having} of {view.n} consignments of {view.week} on lane {view.lane_id} were drawn at random "
                f"({share:g} %); the lane states at least {100 * rate:g} %.",
                f"线路 {view.lane_id} 在 {view.week} 的 {view.n} 票货物中随机抽查 {view.having} 票（{share:g}%）；"
                f"规定至少 {100 * rate:g}%。",
            ),
            observed=share,
            expected=round(100 * rate, 2),
            evidence=(),
            due_ms=due_ms,
            governed_ms=view.start_ms,
            excess=1 - share / (100 * rate),
        )


def overrides(view: ShareView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge an office's week when it has settled."""
    due_ms = _settled_ms(view, asked)
    limit = asked["share_percent"]
    if view.n < asked["least_n"]:
        yield _too_few(view, asked, due_ms, f"at least {asked['least_n']:g} results")
    elif 100 * view.having <= limit * view.n:
        yield _usual(view, asked, due_ms)
    else:
        share = round(100 * view.having / view.n, 2)
        yield hit(
            asked,
            view.week,
            due_ms,
            text=Text(
                f"Office {view.office} overrode {view.having} of {view.n} results of {view.week} on lane "
                f"{view.lane_id} ({share:g} %); the limit is {limit:g} %.",
                f"{view.office} 关在线路 {view.lane_id} {view.week} 的 {view.n} 个查验结果中推翻 {view.having} 个"
                f"（{share:g}%）；上限 {limit:g}%。",
            ),
            observed=share,
            expected=limit,
            evidence=tuple(view.events[:_MOST_EVIDENCE]),
            due_ms=due_ms,
            governed_ms=view.start_ms,
        )


def _usual(view: ShareView, asked: InForce, due_ms: int) -> Verdict:
    return Verdict(
        rule_id=asked.rule.id,
        anchor=view.week,
        result=no_hit(asked, view.week, due_ms).result,
        reason="the share is as it should be",
        anchor_ms=due_ms,
        governed_ms=view.start_ms,
    )


def _too_few(view: ShareView, asked: InForce, due_ms: int, missing: str) -> Verdict:
    plain = not_evaluable(asked, view.week, due_ms, missing)
    return Verdict(
        rule_id=plain.rule_id,
        anchor=plain.anchor,
        result=plain.result,
        missing=plain.missing,
        reason=plain.reason,
        anchor_ms=due_ms,
        governed_ms=view.start_ms,
    )


def silence_limit_ms(asked: InForce) -> int:
    """Return after how long without a message a publisher counts as silent, by the rule `SILENT` as in force."""
    return int(asked.policy.publisher_silence_s * 1000 * asked["factor"])


def silent(view: PublisherView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge a publisher by when it was last heard of; one that never spoke cannot have fallen silent."""
    if view.heard_ms is None:
        yield not_evaluable(asked, "never", 0, "a first message of the publisher")
        return
    limit_ms = silence_limit_ms(asked)
    due_ms = view.heard_ms + limit_ms
    since = instant_text(view.heard_ms)
    what = ", ".join(view.milestones)
    limit = limit_ms / _MINUTE_MS
    yield hit(
        asked,
        since,
        due_ms,
        text=Text(
            f"Nothing from {view.source} since {since}, for more than {limit:g} min; on lane {view.lane_id} it reports "
            f"{what}.",
            f"自 {since} 起未收到 {view.source} 的数据，已超过 {limit:g} 分钟；该方在线路 {view.lane_id} 报告 {what}。",
        ),
        observed=f"silent since {since}",
        expected=round(limit, 1),
        evidence=(),
        due_ms=due_ms,
        governed_ms=view.heard_ms,
    )


INCIDENT_RULES: tuple[Asked[IncidentsView], ...] = (Asked(BURST, burst),)
DRAW_RULES: tuple[Asked[ShareView], ...] = (Asked(RANDOM_SHARE, random_share),)
OVERRIDE_RULES: tuple[Asked[ShareView], ...] = (Asked(OVERRIDES, overrides),)
PUBLISHER_RULES: tuple[Asked[PublisherView], ...] = (Asked(SILENT, silent),)
RULES: tuple[Asked[Any], ...] = (*INCIDENT_RULES, *DRAW_RULES, *OVERRIDE_RULES, *PUBLISHER_RULES)
