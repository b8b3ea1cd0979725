"""Observations of a batch, counted into the days of their strata, and the hours and wholes of their series.

An observation counts once, on its day, with those that have the same strata; the series that hold them (all together,
one stratum, some of several) are made from that when they are published. Only wholes are kept by series.

===================  ====================  ==============================================================
key                  part                  cell
===================  ====================  ==============================================================
series               ``TOTAL``             `WholeCell`
of all together      ``days/<ISO week>``   `WeekCell`, by strata and day
``~hours/<day>``     series                `HoursCell`, of all together only, without `Aside`
``~hours``           day                   `Mark`: the day has hours
``~series``          series                `Mark`: the series has or had cells
``~changed``         ``strata|day``        `Mark`: what the day counts for all series that hold the strata
``~dirty``           ``series|window``     `Mark`: the window is to be published
===================  ====================  ==============================================================

Strata in keys of marks are a series key with all of them: that of no series of its own, maybe.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from sstl.core.indicators.registry import Definition, Kind, definition
from sstl.core.lanes.cell import (
    END,
    START,
    HoursCell,
    Packed,
    Series,
    Strata,
    WeekCell,
    WholeCell,
    strata_of,
    strata_text,
)
from sstl.core.lanes.cohorts import DAYS, HOURS, day_packed, whole_cell
from sstl.core.lanes.opened import OpenCell
from sstl.core.lanes.tally import EXCLUDED, Aside, Contribution, Events, Value, What
from sstl.core.lanes.terms import Terms, terms_since
from sstl.core.lanes.windows import (
    DAY_MS,
    HOUR_MS,
    TOTAL,
    hour_window,
    name_of_day,
    place_of_day,
    place_of_hour,
)
from sstl.core.lanes.zones import calendar_of
from sstl.core.stage import PASSED, Work
from sstl.models.records import OPEN, Measure, Observation

SERIES = "~series"
CHANGED = "~changed"
DIRTY = "~dirty"
HOURS_KEPT_MS = 8 * DAY_MS
"""The hours of a day are forgotten when the watermark has passed its end by this."""
_REFUSED = {Kind.SHARE: "not_a_share", Kind.RATE: "not_a_rate", Kind.TALLY: "no_category"}
"""How the alarm is called when a measure is no value of its indicator."""


class Mark(msgspec.Struct, frozen=True, tag="mark.1"):
    """Cell: there is something under this name."""


MARK = Mark()

Group = tuple[str, str, str, str]
"""Indicator, counting unit, lane, mode."""


class Combination(NamedTuple):
    """Strata that observations have in common."""

    name: str
    """As cells call it."""
    key: str
    """The series key with all of them."""
    series: tuple[str, ...]
    """The series that they count in; all together is the first."""


class Plan:
    """How the observations of one indicator, lane and mode are counted."""

    __slots__ = ("added", "by", "days", "ended", "group", "kind", "taken_back", "terms", "whole")

    def __init__(self, work: Work, group: Group, by: str = START) -> None:
        indicator, counting_unit = group[:2]
        self.group = group
        self.kind = definition(indicator, counting_unit).kind
        self.terms = terms_since(work.policy, *group)
        self.by = by
        self.days = calendar_of(work.policy, *group[:3])
        self.whole = Series(*group, (), by).key
        ended = by == START and definition(indicator, counting_unit).by_completion
        self.ended: Plan | None = Plan(work, group, END) if ended else None
        """How they are counted by when they ended; None: they are not."""
        self.added: list[int] = [0, 0]
        """Observations added, and the events in them."""
        self.taken_back: list[int] = [0, 0]

    def combination(self, strata: Strata) -> Combination:
        """Return what observations with these strata count as."""
        if self.by == END:
            return Combination("", self.whole, (self.whole,))
        return combination(self.group, strata)

    def contribution(self, measure: Measure) -> Value | Aside | None:
        """Return what a measure contributes, None where it is no value of the indicator."""
        outcome = measure.outcome
        if outcome == OPEN:
            return Aside.not_ended(measure)
        if outcome is None and self.kind is not Kind.DURATION:
            return self._counted(measure)
        terms = self.terms
        target, plausible = terms[0][1] if len(terms) == 1 else self._terms_at(measure.start_ms)
        if plausible is not None and not plausible[0] <= measure.value_ms <= plausible[1]:
            return EXCLUDED
        if outcome is not None:
            return Aside.ended_by(outcome, measure)
        return Contribution.of(measure, target)

    def _counted(self, measure: Measure) -> Value | Aside | None:
        value = measure.value_ms
        if self.kind is Kind.TALLY:
            return None if measure.category is None else Aside(What.CATEGORY, measure.category)
        if self.kind is Kind.SHARE:
            return Contribution.of_share(measure) if value in (0, 1) else None
        exposure = 1 if measure.exposure is None else measure.exposure
        return Events(value, exposure) if value >= 0 and exposure >= 0 else None

    def _terms_at(self, start_ms: int) -> Terms:
        terms = self.terms[0][1]
        for since_ms, later in self.terms[1:]:
            if since_ms > start_ms:
                break
            terms = later
        return terms


@lru_cache(maxsize=16_384)
def combination(group: Group, strata: Strata) -> Combination:
    """Return what observations with these strata count as; names that no series is made of are left out."""
    name, series = _texts(group[0], group[1], strata)
    prefix = _prefix(group)
    return Combination(name, prefix + name, tuple(prefix + text for text in series))


@lru_cache(maxsize=4096)
def _prefix(group: Group) -> str:
    return Series(*group, ()).key


@lru_cache(maxsize=16_384)
def _texts(indicator: str, counting_unit: str, strata: Strata) -> tuple[str, tuple[str, ...]]:
    """Return how keys of any lane call the strata, and those of the series that hold them."""
    declared = definition(indicator, counting_unit)
    names = None if declared.strata is None else {name for one in declared.strata for name in one}
    kept = tuple(sorted(pair for pair in strata if names is None or pair[0] in names))
    series = {strata_text(one) for one in _combinations(declared, kept)} - {""}
    return strata_text(kept), ("", *sorted(series))


@lru_cache(maxsize=16_384)
def series_of(key: str) -> tuple[str, ...]:
    """Return the series that observations count in whose series key with all strata this is."""
    series = Series.of(key)
    return (key,) if series.by == END else combination(series[:4], series.strata).series


def _combinations(declared: Definition, strata: Strata) -> Iterator[Strata]:
    if declared.strata is None:
        for pair in strata:
            yield (pair,)
        return
    values = dict(strata)
    for names in declared.strata:
        if all(name in values for name in names):
            yield tuple((name, values[name]) for name in sorted(names))


def oldest_hour(reached_ms: int) -> int:
    """Return the first hour that is still kept; those of a day go together."""
    return (reached_ms - HOURS_KEPT_MS) // DAY_MS * 24


class Counting:
    """The cells that a batch touches, opened once and written once."""

    def __init__(self, work: Work) -> None:
        self._work = work
        told = work.get(PASSED, "")
        self._oldest_hour = None if told is None else oldest_hour(told.reached_ms)
        self._plans: dict[Group, Plan] = {}
        self._days: dict[tuple[Plan, int, str], OpenCell] = {}
        self._by_strata: dict[tuple[Plan, int, Strata], OpenCell] = {}
        """The same cells, by strata in the order in which measures name them."""
        self._hours: dict[tuple[Plan, int], OpenCell] = {}

    def take(self, observation: Observation) -> None:
        """Count the change that an observation tells."""
        previous, current = observation.previous, observation.current
        if previous is not None:
            if previous == current:
                return
            if not self._take_back(observation, previous):
                self._work.count("lanes_alarm", "unknown_retraction")
        if current is not None:
            self._add(observation, current)

    def _plan(self, observation: Observation, measure: Measure) -> Plan:
        group = (
            observation.indicator,
            observation.counting_unit,
            measure.lane_id,
            measure.mode,
        )
        plan = self._plans.get(group)
        if plan is None:
            plan = self._plans[group] = Plan(self._work, group)
        return plan

    def _add(self, observation: Observation, measure: Measure) -> None:
        plan = self._plan(observation, measure)
        value = plan.contribution(measure)
        if value is None:
            self._work.count("lanes_alarm", _REFUSED[plan.kind])
            return
        plan.added[0] += 1
        plan.added[1] += measure.value_ms
        opened = self._day(plan, measure)
        if isinstance(value, Aside):
            opened.put(value)
            return
        opened.waiting.append(value)
        if plan.ended is not None:
            self._ended(plan.ended, measure).waiting.append(value)
        hour = measure.start_ms // HOUR_MS
        if self._oldest_hour is None or hour >= self._oldest_hour:
            of_hour = self._hours.get((plan, hour))
            if of_hour is None:
                of_hour = self._hour(plan, hour)
            of_hour.waiting.append(value)

    def _take_back(self, observation: Observation, measure: Measure) -> bool:
        plan = self._plan(observation, measure)
        value = plan.contribution(measure)
        if value is None:
            return False
        opened = self._day(plan, measure)
        # The wholes are the sums of their days: what a day can give back, they can.
        if not opened.can_give_back(value):
            return False
        by_end = None
        if plan.ended is not None and not isinstance(value, Aside):
            by_end = self._ended(plan.ended, measure)
            if not by_end.can_give_back(value):
                return False
        hour = measure.start_ms // HOUR_MS
        if not isinstance(value, Aside) and (
            self._oldest_hour is None or hour >= self._oldest_hour
        ):
            of_hour = self._hour(plan, hour)
            if not of_hour.can_give_back(value):
                return False
            of_hour.take_back(value)
        opened.take_back(value)
        if by_end is not None:
            by_end.take_back(value)
        plan.taken_back[0] += 1
        plan.taken_back[1] += measure.value_ms
        return True

    def _day(self, plan: Plan, measure: Measure) -> OpenCell:
        day, strata = plan.days.day(measure.start_ms), tuple(measure.strata.items())
        opened = self._by_strata.get((plan, day, strata))
        if opened is None:
            name = plan.combination(strata).name
            opened = self._by_strata[plan, day, strata] = self._combined(plan, day, name)
        return opened

    def _ended(self, plan: Plan, measure: Measure) -> OpenCell:
        return self._combined(plan, plan.days.day(measure.start_ms + measure.value_ms), "")

    def _combined(self, plan: Plan, day: int, name: str) -> OpenCell:
        opened = self._days.get((plan, day, name))
        if opened is None:
            before = day_packed(self._work, plan.whole, name, day)
            opened = self._days[plan, day, name] = OpenCell(before)
        return opened

    def _hour(self, plan: Plan, hour: int) -> OpenCell:
        opened = self._hours.get((plan, hour))
        if opened is None:
            day, name = place_of_hour(hour)
            cell: HoursCell | None = self._work.get(f"{HOURS}/{day}", plan.whole)
            before = None if cell is None else cell.hours.get(name)
            opened = self._hours[plan, hour] = OpenCell(before)
        return opened

    def close(self) -> None:
        """Write the cells that changed and mark their windows to be published."""
        self._count()
        weeks: dict[tuple[str, str], dict[str, dict[str, Packed | None]]] = {}
        wholes: dict[str, OpenCell] = {}
        for (plan, day, name), opened in self._days.items():
            added, after = opened.added(), opened.after()
            if after == opened.before:
                continue
            week, weekday = place_of_day(day)
            by_day = weeks.setdefault((plan.whole, week), {}).setdefault(name, {})
            by_day[weekday] = after
            counted = plan.combination(strata_of(name))
            self._work.put(CHANGED, f"{counted.key}|{name_of_day(day)}", MARK)
            if plan.by == END:
                # as a whole they are the same
                self._work.put(SERIES, plan.whole, MARK)
                continue
            for key in counted.series:
                whole = wholes.get(key)
                if whole is None:
                    known = whole_cell(self._work, key)
                    whole = wholes[key] = OpenCell(known)
                whole.add(added)
        for (key, week), changed in weeks.items():
            self._put_week(key, DAYS + week, changed)
        for key, whole in wholes.items():
            counts = whole.whole()
            self._work.put(key, TOTAL, None if counts is None else WholeCell(counts))
            if whole.before is None:
                self._work.put(SERIES, key, MARK)
        self._close_hours()

    def _count(self) -> None:
        """Count for the metrics what was added and taken back."""
        for plan in self._plans.values():
            for change, (many, events) in (
                ("added", plan.added),
                ("taken_back", plan.taken_back),
            ):
                label = f"{plan.group[0]}:{change}"
                if many:
                    self._work.count("observation", label, many)
                if plan.kind in (Kind.SHARE, Kind.RATE) and events:
                    self._work.count("observed_events", label, events)

    def _put_week(
        self, key: str, part: str, changed: Mapping[str, Mapping[str, Packed | None]]
    ) -> None:
        known: WeekCell | None = self._work.get(key, part)
        counts = {} if known is None else dict(known.counts)
        for name, by_day in changed.items():
            kept = _kept({**counts.pop(name, {}), **by_day})
            if kept:
                counts[name] = kept
        self._work.put(key, part, WeekCell(dict(sorted(counts.items()))) if counts else None)

    def _close_hours(self) -> None:
        days: dict[tuple[int, str], dict[str, Packed | None]] = {}
        for (plan, hour), opened in self._hours.items():
            after = opened.after()
            if after != opened.before:
                day, name = place_of_hour(hour)
                days.setdefault((day, plan.whole), {})[name] = after
                self._work.put(DIRTY, f"{plan.whole}|{hour_window(hour)}", MARK)
        for (day, key), changed in days.items():
            place = f"{HOURS}/{day}"
            known: HoursCell | None = self._work.get(place, key)
            kept = _kept({**({} if known is None else known.hours), **changed})
            self._work.put(place, key, HoursCell(kept) if kept else None)
            self._work.put(HOURS, f"{day:07d}", MARK)


def _kept(cells: Mapping[str, Packed | None]) -> dict[str, Packed]:
    """Return what counts something, in order."""
    return {name: one for name, one in sorted(cells.items()) if one is not None}
