"""Observations of a batch, counted into the days, hours and whole of their series.

An observation is put to those of its strata and day; the series that they count in are summed up once, when the batch
is closed. What is taken back is looked up at once, because it may be refused.

===================  ==================  ================================================================
key                  part                cell
===================  ==================  ================================================================
series               ``days/<month>``    `MonthCell`, its days in the month (``2024-05``)
series               ``TOTAL``           `WholeCell`
``~hours/<hour>``    series              `WholeCell`; hours of all together only, without `Aside`
``~hours``           hour                `Mark`: the hour has cells
``~series``          series              `Mark`: the series has or had cells
``~dirty``           ``series|window``   `Mark`: the window is to be published
===================  ==================  ================================================================
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec

from sstl.core.indicators.registry import Definition, Kind, definition
from sstl.core.lanes.cell import LaneCell, MonthCell, Series, WholeCell
from sstl.core.lanes.tally import (
    EXCLUDED,
    Aside,
    Contribution,
    Events,
    OpenCell,
    Tally,
    Value,
    What,
)
from sstl.core.lanes.terms import Terms, terms_since
from sstl.core.lanes.windows import (
    DAY_MS,
    HOUR_MS,
    MONTH_PREFIX,
    TOTAL,
    days_of,
    hour_window,
    name_of_day,
    place_of_day,
)
from sstl.core.stage import PASSED, Work
from sstl.models.records import OPEN, Measure, Observation

HOURS = "~hours"
SERIES = "~series"
DIRTY = "~dirty"
HOURS_KEPT_MS = 8 * DAY_MS
"""An hour is forgotten when the watermark has passed its end by this."""
DAYS = "days/"
_REFUSED = {Kind.SHARE: "not_a_share", Kind.RATE: "not_a_rate", Kind.TALLY: "no_category"}
"""How the alarm is called when a measure is no value of its indicator."""


class Mark(msgspec.Struct, frozen=True, tag="mark.1"):
    """Cell: there is something under this name."""


MARK = Mark()

Strata = tuple[tuple[str, str], ...]
Group = tuple[str, str, str, str]
"""Indicator, counting unit, lane, mode."""


class Plan:
    """How the observations of one indicator, lane and mode are counted."""

    __slots__ = ("added", "group", "kind", "taken_back", "terms", "whole")

    def __init__(self, work: Work, group: Group) -> None:
        indicator, counting_unit = group[:2]
        self.group = group
        self.kind = definition(indicator, counting_unit).kind
        self.terms = terms_since(work.policy, *group)
        self.whole = series_keys(group, ())[0]
        self.added: list[int] = [0, 0]
        """Observations added, and the events in them."""
        self.taken_back: list[int] = [0, 0]

    def contribution(self, measure: Measure) -> Value | Aside | None:
        """Return what a measure contributes, None where it is no value of the indicator."""
        outcome = measure.outcome
        if outcome == OPEN:
            return Aside.not_ended(measure)
        if outcome is None and self.kind is not Kind.DURATION:
            return self._counted(measure)
        target, plausible = self._terms_at(measure.start_ms)
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
def series_keys(group: Group, strata: Strata) -> tuple[str, ...]:
    """Return the series that a measure with these strata counts in; all together is the first."""
    whole = Series(*group, ()).key
    combined = _combinations(definition(group[0], group[1]), strata)
    return (whole, *sorted({Series(*group, one).key for one in combined} - {whole}))


def _combinations(declared: Definition, strata: Strata) -> Iterator[Strata]:
    if declared.strata is None:
        for pair in strata:
            yield (pair,)
        return
    values = dict(strata)
    for names in declared.strata:
        if all(name in values for name in names):
            yield tuple((name, values[name]) for name in sorted(names))


def day_cell(work: Work, key: str, day: int) -> LaneCell | None:
    """Return the cell of a series and UTC day, None where nothing is counted."""
    month, name = place_of_day(day)
    cell = work.get(key, DAYS + month)
    return None if cell is None else cell.days.get(name)


def whole_cell(work: Work, key: str, part: str) -> LaneCell | None:
    """Return what a `WholeCell` counts, None where nothing is counted."""
    cell: WholeCell | None = work.get(key, part)
    return None if cell is None else cell.counts


def _stored(cell: LaneCell | None) -> WholeCell | None:
    return None if cell is None else WholeCell(cell)


def newest_day(work: Work, key: str) -> int | None:
    """Return the last day of a series that counts something."""
    months = [part for part in work.parts(key) if part.startswith(DAYS)]
    if not months:
        return None
    cell: MonthCell | None = work.get(key, months[-1])
    if cell is None:
        return None
    return days_of(MONTH_PREFIX + months[-1][len(DAYS) :]).start + int(max(cell.days)) - 1


class Counting:
    """The cells that a batch touches, opened once and written once."""

    def __init__(self, work: Work) -> None:
        self._work = work
        told = work.get(PASSED, "")
        self._oldest_hour = None if told is None else (told.reached_ms - HOURS_KEPT_MS) // HOUR_MS
        self._plans: dict[Group, Plan] = {}
        self._pending: dict[tuple[Plan, int], dict[Strata, list[Value]]] = {}
        self._days: dict[tuple[str, int], OpenCell] = {}
        self._hours: dict[tuple[str, int], OpenCell] = {}

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
        start_ms = measure.start_ms
        place = (plan, start_ms // DAY_MS)
        strata = tuple(measure.strata.items())
        if isinstance(value, Aside):
            for key in series_keys(plan.group, strata):
                self._day(key, place[1]).put(value)
            return
        pending = self._pending.get(place)
        if pending is None:
            pending = self._pending[place] = {}
        waiting = pending.get(strata)
        if waiting is None:
            pending[strata] = [value]
        else:
            waiting.append(value)
        hour = start_ms // HOUR_MS
        if self._oldest_hour is None or hour >= self._oldest_hour:
            opened = self._hours.get((plan.whole, hour))
            if opened is None:
                opened = self._hour(plan.whole, hour)
            opened.waiting.append(value)

    def _take_back(self, observation: Observation, measure: Measure) -> bool:
        plan = self._plan(observation, measure)
        value = plan.contribution(measure)
        if value is None:
            return False
        day = measure.start_ms // DAY_MS
        self._settle(plan, day)
        keys = series_keys(plan.group, tuple(measure.strata.items()))
        opened = [self._day(key, day) for key in keys]
        # The whole is the sum of its days: what a day can give back, the whole can.
        if not all(cell.can_give_back(value) for cell in opened):
            return False
        hour = measure.start_ms // HOUR_MS
        by_hour = not isinstance(value, Aside)
        if by_hour and (self._oldest_hour is None or hour >= self._oldest_hour):
            of_hour = self._hour(keys[0], hour)
            if not of_hour.can_give_back(value):
                return False
            of_hour.delta.take(value)
        for cell in opened:
            cell.delta.take(value)
        plan.taken_back[0] += 1
        plan.taken_back[1] += measure.value_ms
        return True

    def _day(self, key: str, day: int) -> OpenCell:
        opened = self._days.get((key, day))
        if opened is None:
            opened = self._days[(key, day)] = OpenCell(day_cell(self._work, key, day))
        return opened

    def _hour(self, key: str, hour: int) -> OpenCell:
        opened = self._hours.get((key, hour))
        if opened is None:
            known = whole_cell(self._work, f"{HOURS}/{hour}", key)
            opened = self._hours[(key, hour)] = OpenCell(known)
        return opened

    def _settle(self, plan: Plan, day: int) -> None:
        pending = self._pending.pop((plan, day), None)
        if pending is not None:
            for strata, values in pending.items():
                for key in series_keys(plan.group, strata):
                    self._day(key, day).waiting.extend(values)

    def close(self) -> None:
        """Write the cells that changed and mark their windows to be published."""
        self._count()
        for plan, day in list(self._pending):
            self._settle(plan, day)
        months: dict[tuple[str, str], dict[str, LaneCell | None]] = {}
        totals: dict[str, Tally] = {}
        for (key, day), opened in self._days.items():
            cell = opened.cell()
            if cell == opened.before:
                continue
            month, name = place_of_day(day)
            months.setdefault((key, month), {})[name] = cell
            total = totals.get(key)
            if total is None:
                total = totals[key] = Tally()
            total.merge(opened.delta)
            self._work.put(DIRTY, f"{key}|{name_of_day(day)}", MARK)
        for (key, month), changed in months.items():
            self._put_month(key, DAYS + month, changed)
        for key, total in totals.items():
            whole = OpenCell(whole_cell(self._work, key, TOTAL))
            whole.delta.merge(total)
            self._work.put(key, TOTAL, _stored(whole.cell()))
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

    def _put_month(self, key: str, part: str, changed: Mapping[str, LaneCell | None]) -> None:
        known: MonthCell | None = self._work.get(key, part)
        days = changed if known is None else {**known.days, **changed}
        kept = {day: cell for day, cell in sorted(days.items()) if cell is not None}
        self._work.put(key, part, MonthCell(kept) if kept else None)

    def _close_hours(self) -> None:
        for (key, hour), opened in self._hours.items():
            cell = opened.cell()
            if cell != opened.before:
                self._work.put(f"{HOURS}/{hour}", key, _stored(cell))
                self._work.put(HOURS, f"{hour:09d}", MARK)
                self._work.put(DIRTY, f"{key}|{hour_window(hour)}", MARK)
