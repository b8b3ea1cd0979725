"""Observations of a batch, counted into the days of their strata, and into hours.

An observation counts once, on its day, with those that have the same strata; the series that hold them (all together,
one stratum, some of several) are made from that when they are published, and what they count as a whole is brought up
to date then (`sstl.core.lanes.wholes`).

===================  ====================  ==============================================================
key                  part                  cell
===================  ====================  ==============================================================
series               ``TOTAL``             `WholeCell`
series               ``started/<month>``   `StartedCell`, where much is open
of all together      ``days/<ISO week>``   `WeekCell`, by strata and day
``~hours/<day>``     series                `HoursCell`, of all together only, without `Aside`
``~hours``           day                   `Mark`: the day has hours
``~series``          series                `Mark`: the series has or had cells
``~changed``         ``strata|day``        `Changed`: the day counts something else for all series that hold the
                                           strata; `Mark`: their wholes count it already
``~dirty``           ``series|window``     `Mark`: the window is to be published
===================  ====================  ==============================================================

Strata in keys of marks are a series key with all of them: that of no series of its own, maybe.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from sstl.core.indicators.registry import Kind
from sstl.core.lanes.cell import HoursCell, Packed, WeekCell
from sstl.core.lanes.combinations import name_of_strata
from sstl.core.lanes.marks import CHANGED, DIRTY, MARK, SERIES, note_changed
from sstl.core.lanes.opened import OpenCell
from sstl.core.lanes.places import DAYS, HOURS, day_packed
from sstl.core.lanes.plan import Group, Plan, plans_under
from sstl.core.lanes.tally import Aside
from sstl.core.lanes.windows import (
    DAY_MS,
    HOUR_MS,
    hour_window,
    name_of_day,
    place_of_day,
    place_of_hour,
)
from sstl.core.stage import PASSED, Work
from sstl.models.records import Measure, Observation

HOURS_KEPT_MS = 8 * DAY_MS
"""The hours of a day are forgotten when the watermark has passed its end by this."""
_REFUSED = {Kind.SHARE: "not_a_share", Kind.RATE: "not_a_rate", Kind.TALLY: "no_category"}
"""How the alarm is called when a measure is no value of its indicator."""
_ChangedDay: TypeAlias = "tuple[str, str, Packed | None]"
"""Combination of strata, day of the week, and what it counts then."""


def oldest_hour(reached_ms: int) -> int:
    """Return the first hour that is still kept; those of a day go together."""
    return (reached_ms - HOURS_KEPT_MS) // DAY_MS * 24


class _Open:
    """The cells that a batch touches of one indicator, lane and mode."""

    __slots__ = (
        "days",
        "ended",
        "events_added",
        "from_ms",
        "hours",
        "n_added",
        "named",
        "offset_ms",
        "plan",
        "taken_back",
        "to_ms",
    )

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.days: dict[tuple[int, str], OpenCell] = {}
        """By day and combination of strata."""
        self.named: dict[tuple[int, tuple[str, ...], tuple[str, ...]], OpenCell] = {}
        """The same cells, by strata in the order in which measures name them."""
        self.ended: dict[int, OpenCell] = {}
        """By the day on which it ended."""
        self.hours: dict[int, OpenCell] = {}
        self.from_ms, self.to_ms, self.offset_ms = plan.days.stretch(0)
        self.n_added = self.events_added = 0
        """Observations, and the events in them."""
        self.taken_back: list[int] = [0, 0]

    def day(self, instant_ms: int) -> int:
        """Return the local day of an instant."""
        if not self.from_ms <= instant_ms < self.to_ms:
            self.from_ms, self.to_ms, self.offset_ms = self.plan.days.stretch(instant_ms)
        return (instant_ms + self.offset_ms) // DAY_MS


class Counting:
    """The cells that a batch touches, opened once and written once."""

    def __init__(self, work: Work) -> None:
        self._work = work
        told = work.get(PASSED, "")
        self._oldest_hour = -(2**63) if told is None else oldest_hour(told.reached_ms)
        self._plans = plans_under(work.policy)
        self._open: dict[Group, _Open] = {}

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

    def _group(self, observation: Observation, measure: Measure) -> _Open:
        name = observation.indicator, observation.counting_unit, measure.lane_id, measure.mode
        opened = self._open.get(name)
        if opened is None:
            opened = self._open[name] = _Open(self._plans.of(name))
        return opened

    def _add(self, observation: Observation, measure: Measure) -> None:
        # once for each observation: what `_group` and `_Open.day` do is done here without calling them
        group = self._open.get(
            (observation.indicator, observation.counting_unit, measure.lane_id, measure.mode)
        ) or self._group(observation, measure)
        plan = group.plan
        value = plan.contribution(measure)
        if value is None:
            self._work.count("lanes_alarm", _REFUSED[plan.kind])
            return
        start_ms, value_ms = measure.start_ms, measure.value_ms
        here = group.from_ms <= start_ms < group.to_ms
        day = (start_ms + group.offset_ms) // DAY_MS if here else group.day(start_ms)
        strata = measure.strata
        named = (day, tuple(strata), tuple(strata.values()))
        cell = group.named.get(named)
        if cell is None:
            cell = self._named(group, named)
        if isinstance(value, Aside) and not cell.has_room(value):
            self._work.count("lanes_alarm", "too_many_categories")
            return
        group.n_added += 1
        group.events_added += value_ms
        if isinstance(value, Aside):
            cell.put(value)
            return
        cell.waiting.append(value)
        if plan.ended is not None:
            day = group.day(start_ms + value_ms)
            cell = group.ended.get(day)
            if cell is None:
                cell = self._ended(group, plan.ended, day)
            cell.waiting.append(value)
        hour = start_ms // HOUR_MS
        if hour >= self._oldest_hour:
            cell = group.hours.get(hour)
            if cell is None:
                cell = self._hour(group, hour)
            cell.waiting.append(value)

    def _take_back(self, observation: Observation, measure: Measure) -> bool:
        group = self._group(observation, measure)
        plan = group.plan
        value = plan.contribution(measure)
        if value is None:
            return False
        strata, start_ms = measure.strata, measure.start_ms
        named = (group.day(start_ms), tuple(strata), tuple(strata.values()))
        opened = [group.named.get(named) or self._named(group, named)]
        if not isinstance(value, Aside):
            if plan.ended is not None:
                day = group.day(start_ms + measure.value_ms)
                opened.append(group.ended.get(day) or self._ended(group, plan.ended, day))
            hour = start_ms // HOUR_MS
            if hour >= self._oldest_hour:
                opened.append(group.hours.get(hour) or self._hour(group, hour))
        # The wholes are the sums of their days: what a day can give back, they can.
        if not all(cell.can_give_back(value) for cell in opened):
            return False
        for cell in opened:
            cell.take_back(value)
        group.taken_back[0] += 1
        group.taken_back[1] += measure.value_ms
        return True

    def _named(self, group: _Open, named: tuple[int, tuple[str, ...], tuple[str, ...]]) -> OpenCell:
        day, names, values = named
        indicator, counting_unit = group.plan.group[:2]
        strata = tuple(zip(names, values, strict=True))
        name = name_of_strata(indicator, counting_unit, strata)
        cell = group.days.get((day, name))
        if cell is None:
            before = day_packed(self._work, group.plan.whole, name, day)
            cell = group.days[day, name] = OpenCell(before)
        group.named[named] = cell
        return cell

    def _ended(self, group: _Open, ended: Plan, day: int) -> OpenCell:
        cell = group.ended[day] = OpenCell(day_packed(self._work, ended.whole, "", day))
        return cell

    def _hour(self, group: _Open, hour: int) -> OpenCell:
        day, name = place_of_hour(hour)
        known: HoursCell | None = self._work.get(f"{HOURS}/{day}", group.plan.whole)
        before = None if known is None else known.hours.get(name)
        cell = group.hours[hour] = OpenCell(before)
        return cell

    def close(self) -> None:
        """Write the cells that changed and mark their windows to be published."""
        for group in self._open.values():
            self._count(group)
            self._close_days(group)
            if group.plan.ended is not None:
                self._close_ended(group.plan.ended, group.ended)
            self._close_hours(group)

    def _count(self, group: _Open) -> None:
        """Count for the metrics what was added and taken back."""
        plan = group.plan
        added = group.n_added, group.events_added
        for change, (many, events) in (("added", added), ("taken_back", group.taken_back)):
            label = f"{plan.group[0]}:{change}"
            if many:
                self._work.count("observation", label, many)
            if plan.kind in (Kind.SHARE, Kind.RATE) and events:
                self._work.count("observed_events", label, events)

    def _close_days(self, group: _Open) -> None:
        whole = group.plan.whole
        weeks: dict[str, list[_ChangedDay]] = {}
        for (day, name), opened in group.days.items():
            after = opened.after()
            if after == opened.before:
                continue
            week, weekday = place_of_day(day)
            weeks.setdefault(week, []).append((name, weekday, after))
            note_changed(self._work, f"{whole}{name}|{name_of_day(day)}", opened.before)
        for week, changed in weeks.items():
            self._put_week(whole, week, changed)

    def _close_ended(self, ended: Plan, days: Mapping[int, OpenCell]) -> None:
        """Write what ended on days; as a whole it is the same as what began."""
        weeks: dict[str, list[_ChangedDay]] = {}
        for day, opened in days.items():
            after = opened.after()
            if after != opened.before:
                week, weekday = place_of_day(day)
                weeks.setdefault(week, []).append(("", weekday, after))
                self._work.put(CHANGED, f"{ended.whole}|{name_of_day(day)}", MARK)
        for week, changed in weeks.items():
            self._put_week(ended.whole, week, changed)
        if weeks:
            self._work.put(SERIES, ended.whole, MARK)

    def _put_week(self, key: str, week: str, changed: Iterable[_ChangedDay]) -> None:
        part = DAYS + week
        known: WeekCell | None = self._work.get(key, part)
        counts = {} if known is None else dict(known.counts)
        in_order = True
        for name, weekday, after in changed:
            by_day = counts.get(name)
            in_order = in_order and by_day is not None
            kept = _kept({weekday: after} if by_day is None else {**by_day, weekday: after})
            if kept:
                counts[name] = kept
            elif by_day is not None:
                del counts[name]
        if not in_order:
            counts = dict(sorted(counts.items()))
        self._work.put(key, part, WeekCell(counts) if counts else None)

    def _close_hours(self, group: _Open) -> None:
        days: dict[int, dict[str, Packed | None]] = {}
        whole = group.plan.whole
        for hour, opened in group.hours.items():
            after = opened.after()
            if after != opened.before:
                day, name = place_of_hour(hour)
                days.setdefault(day, {})[name] = after
                self._work.put(DIRTY, f"{whole}|{hour_window(hour)}", MARK)
        for day, changed in days.items():
            place = f"{HOURS}/{day}"
            known: HoursCell | None = self._work.get(place, whole)
            kept = _kept(changed if known is None else {**known.hours, **changed})
            self._work.put(place, whole, HoursCell(kept) if kept else None)
            self._work.put(HOURS, f"{day:07d}", MARK)


def _kept(cells: Mapping[str, Packed | None]) -> dict[str, Packed]:
    """Return what counts something, in order."""
    return {name: one for name, one in sorted(cells.items()) if one is not None}
