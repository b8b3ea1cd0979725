"""What the programme covers and what it gives, read from published indicators; no Kafka, no clock.

Every row says a figure, or why there is none: nothing published is not zero.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from sstl.cli.trade_table import Trade
from sstl.models.indicator import Indicator

MASS, CONSIGNMENTS, UNITS = "sstl_mass_share", "sstl_consignment_share", "sstl_unit_share"
TAKING_PART: Final = ("operators_taking_part", "offices_taking_part", "ports_taking_part")
_SHARES: Final = (CONSIGNMENTS, UNITS, MASS)
_PLACES: Final = re.compile(r"([A-Z]{2})[A-Z0-9]{3}-([A-Z]{2})[A-Z0-9]{3}-.+")
_NOTHING: Final = "nothing is published of it"
AVAILABLE, INSUFFICIENT, NOT_ESTIMABLE = "AVAILABLE", "INSUFFICIENT_DATA", "NOT_ESTIMABLE"


class Section(StrEnum):
    """What rows are about."""

    SHARES = "shares"
    """The programme's share of each lane."""
    TRADE = "trade"
    """Its share of all bilateral trade."""
    TAKING_PART = "taking-part"
    """Who takes part."""
    BENEFITS = "benefits"
    """What operators gain, each group beside the one it is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure, or why there is none."""

    section: Section
    of: str
    """Lane, or direction of trade."""
    mode: str
    window: str
    figure: str
    """Indicator, and of a duration which statistic of it."""
    group: str = ""
    """Of a benefit: whose it is."""
    value: float | None = None
    unit: str = "1"
    low: float | None = None
    high: float | None = None
    n: int | None = None
    """Counting units that it rests on; None: it is none of a count."""
    numerator: float | None = None
    denominator: float | None = None
    state: str = AVAILABLE
    reason: str = ""
    source: str = ""
    """Of the trade table: who published it."""
    released: str = ""
    """When."""
    provisional: bool = False
    complete_up_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Benefit:
    """A figure by which operators compare, and which statistic of it."""

    indicator: str
    statistic: str
    counting_unit: str = "consignment"

    @property
    def name(self) -> str:
        """How the row is called."""
        plain = self.statistic in ("share", "value")
        return self.indicator if plain else f"{self.indicator}, {self.statistic}"


BENEFITS: Final = (
    Benefit("controls_per_1000_consignments", "value"),
    Benefit("document_requests_per_1000_consignments", "value"),
    Benefit("released_by_arrival_rate", "share"),
    Benefit("prearrival", "share"),
    Benefit("LT_insp_wait", "median", "control"),
    Benefit("LT_release", "predictability"),
    Benefit("control_dwell", "mean"),
)
GROUPS: Final[Mapping[str, tuple[str, str]]] = {
    "AEO": ("operator", "AEO"),
    "not AEO": ("operator", "NON_AEO"),
    "SSTL": ("sstl", "YES"),
    "not SSTL": ("sstl", "NO"),
}
"""Group to its stratum; each stands before the one that it is compared with."""


def rows(
    published: Sequence[Indicator], trade: Sequence[Trade] | None, sections: Iterable[Section]
) -> list[Row]:
    """Return all rows of some sections, each sorted by lane or direction, mode and window.

    Args:
        published: What is published, of any window.
        trade: The table of bilateral trade, None where there is none.
        sections: What is wanted.
    """
    known = [one for one in published if one.n + one.n_excluded]
    found: list[Row] = []
    for section in sections:
        match section:
            case Section.SHARES:
                found += _of_lanes(known, _SHARES, section)
            case Section.TRADE:
                found += _of_trade(known, trade)
            case Section.TAKING_PART:
                found += _of_lanes(known, TAKING_PART, section)
            case Section.BENEFITS:
                found += _benefits(known)
    return found


def _of_lanes(
    published: Iterable[Indicator], names: Sequence[str], section: Section
) -> Iterator[Row]:
    chosen = [one for one in published if one.indicator in names and not one.strata]
    order = {name: number for number, name in enumerate(names)}
    chosen.sort(key=lambda one: (one.lane_id, one.mode, one.window.name, order[one.indicator]))
    for one in chosen:
        of_all = one.exposure if one.exposure is not None else float(one.n)
        has = one.k is not None and section is Section.SHARES
        yield replace(
            _row(one, section, one.indicator, "share" if one.share is not None else "value"),
            numerator=None if one.k is None or not has else float(one.k),
            denominator=of_all if has else None,
        )


def _row(one: Indicator, section: Section, name: str, statistic: str) -> Row:
    value = getattr(one, statistic)
    interval = one.interval if statistic in ("share", "value") else None
    state: str = one.state
    reason = one.reason or ""
    if state == AVAILABLE and value is None:
        state, reason = NOT_ESTIMABLE, f"no {statistic} of {one.n}"
    if state == INSUFFICIENT:
        reason = f"n below {one.minimum_n}"
    return Row(
        section=section,
        of=one.lane_id,
        mode=one.mode,
        window=one.window.name,
        figure=name,
        value=value,
        unit=one.unit,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        n=one.n,
        state=state,
        reason=reason,
        provisional=one.provisional,
        complete_up_to=one.complete_up_to,
    )


def _benefits(published: Iterable[Indicator]) -> Iterator[Row]:
    known = {one.key: one for one in published}
    wanted = {one.indicator for one in BENEFITS}
    places = sorted(
        {
            (one.lane_id, one.mode, one.window.name)
            for one in known.values()
            if one.indicator in wanted
        }
    )
    by_stratum = {
        (one.indicator, one.lane_id, one.mode, one.window.name, *pair): one
        for one in known.values()
        if one.indicator in wanted and len(one.strata) == 1
        for pair in one.strata.items()
    }
    for lane_id, mode, window in places:
        for benefit in BENEFITS:
            for group, stratum in GROUPS.items():
                one = by_stratum.get((benefit.indicator, lane_id, mode, window, *stratum))
                if one is None:
                    yield Row(
                        section=Section.BENEFITS,
                        of=lane_id,
                        mode=mode,
                        window=window,
                        figure=benefit.name,
                        group=group,
                        state=NOT_ESTIMABLE,
                        reason=_NOTHING,
                    )
                else:
                    row = _row(one, Section.BENEFITS, benefit.name, benefit.statistic)
                    yield replace(row, group=group)


def _of_trade(published: Iterable[Indicator], trade: Sequence[Trade] | None) -> Iterator[Row]:
    masses: dict[tuple[str, str, str], list[Indicator]] = defaultdict(list)
    for one in sorted(published, key=lambda one: one.key):
        if one.indicator != MASS or one.strata or one.window.kind != "P1M":
            continue
        places = _PLACES.fullmatch(one.lane_id)
        direction = one.lane_id if places is None else "-".join(places.groups())
        masses[str(one.window.period), direction, one.mode].append(one)
    covered: set[tuple[str, str, str]] = set()
    for row in sorted(trade or (), key=lambda one: (one.direction, one.mode, one.month)):
        own = [key for key in masses if _is_in(key, row)]
        covered.update(own)
        yield from _against(row, [one for key in sorted(own) for one in masses[key]])
    left = masses.keys() - covered
    reason = _NO_TABLE if trade is None else "the table has no row for it"
    for month, direction, mode in sorted(left, key=lambda key: (key[1], key[2], key[0])):
        why = reason if _DIRECTION.fullmatch(direction) else "the lane names no countries"
        for figure in _OF_TRADE:
            yield _none(direction, mode, f"P1M/{month}", figure, why)


def _is_in(key: tuple[str, str, str], row: Trade) -> bool:
    month, direction, mode = key
    if (month, mode) != (row.month, row.mode) or not _DIRECTION.fullmatch(direction):
        return False
    return row.covers(*direction.split("-"))


_NO_TABLE: Final = "no table of bilateral trade (--trade FILE)"
_DIRECTION: Final = re.compile(r"[A-Z]{2}-[A-Z]{2}")
_OF_TRADE: Final = (
    "sstl_share_of_trade_mass",
    "lanes_share_of_trade_mass",
    "sstl_share_of_trade_teu",
    "sstl_share_of_trade_value",
)


def _none(of: str, mode: str, window: str, figure: str, reason: str) -> Row:
    return Row(
        section=Section.TRADE,
        of=of,
        mode=mode,
        window=window,
        figure=figure,
        state=NOT_ESTIMABLE,
        reason=reason,
    )


def _against(trade: Trade, lanes: Sequence[Indicator]) -> Iterator[Row]:
    """Yield what lanes and the programme on them carry of one row of the table."""
    window = f"P1M/{trade.month}"

    def named(row: Row) -> Row:
        return replace(row, source=trade.source, released=trade.released.isoformat())

    of_all = [one.exposure for one in lanes]
    members = [None if one.k is None else float(one.k) for one in lanes]
    for figure, amounts in ((_OF_TRADE[0], members), (_OF_TRADE[1], of_all)):
        reason = _refused(trade.mass_kg, lanes, of_all)
        if reason is not None or trade.mass_kg is None:
            yield named(_none(trade.direction, trade.mode, window, figure, reason or ""))
            continue
        carried = sum(one for one in amounts if one is not None)
        yield named(
            Row(
                section=Section.TRADE,
                of=trade.direction,
                mode=trade.mode,
                window=window,
                figure=figure,
                value=carried / float(trade.mass_kg),
                n=sum(one.n for one in lanes),
                numerator=carried,
                denominator=float(trade.mass_kg),
                provisional=any(one.provisional for one in lanes),
                complete_up_to=_least(lanes),
            )
        )
    for figure, what in zip(_OF_TRADE[2:], ("no TEU", "no value of goods"), strict=True):
        yield named(_none(trade.direction, trade.mode, window, figure, f"lanes publish {what}"))


def _refused(
    mass_kg: Decimal | None, lanes: Sequence[Indicator], of_all: Sequence[float | None]
) -> str | None:
    """Return why there is no share of the mass, None where there is one."""
    if mass_kg is None:
        return "the table states no mass"
    if mass_kg == 0:
        return "the table states no trade"
    if not lanes:
        return "no lane publishes mass for it"
    for one, mass in zip(lanes, of_all, strict=True):
        if mass is None:
            return f"{one.lane_id}: n below {one.minimum_n}"
    if sum(mass for mass in of_all if mass is not None) > float(mass_kg):
        return "lanes carry more than the table says is traded: months or masses are not the same"
    return None


def _least(lanes: Iterable[Indicator]) -> datetime | None:
    instants = [one.complete_up_to for one in lanes]
    known = [one for one in instants if one is not None]
    return min(known) if len(known) == len(instants) and known else None
