"""What the programme covers and what it gives, read from published indicators; no Kafka, no clock.

Every row says a figure, or why there is none: nothing published is not zero.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sstl.cli.coverage_row import AVAILABLE, INSUFFICIENT, NOT_ESTIMABLE, Row, Section
from sstl.cli.coverage_trade import (
    CONSIGNMENTS,
    CONTAINERS,
    MASS,
    TEU,
    TEU_AMOUNT,
    UNITS,
    VALUE,
    VALUE_AMOUNT,
    Amount,
    of_trade,
    unstated,
)
from sstl.cli.trade_table import Trade
from sstl.models.indicator import Indicator

TAKING_PART: Final = ("operators_taking_part", "offices_taking_part", "ports_taking_part")
_SHARES: Final = (CONSIGNMENTS, UNITS, MASS, TEU, VALUE)
_Place = tuple[str, str, str, str]
"""Indicator, lane, mode and window."""
_NOTHING: Final = "nothing is published of it"


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
                found += _shares(known)
            case Section.TRADE:
                found += of_trade(known, trade)
            case Section.TAKING_PART:
                found += _taking_part(known)
            case Section.BENEFITS:
                found += _benefits(known)
    return found


_STATED: Final[Mapping[str, Amount]] = {UNITS: TEU_AMOUNT, CONSIGNMENTS: VALUE_AMOUNT}
"""What all of its counting units should state."""


def _shares(published: Iterable[Indicator]) -> Iterator[Row]:
    """Yield the shares of lanes; of TEU and of value there is none where not everything states it."""
    chosen = _chosen(published, _SHARES)
    wholes = {_place(one): one for one in chosen if one.indicator in _STATED}
    known = {_place(one) for one in chosen}
    for one in chosen:
        yield _share(one, wholes)
        amount = _STATED.get(one.indicator)
        if amount is None or (amount is TEU_AMOUNT and one.mode not in CONTAINERS):
            continue
        if (amount.indicator, *_place(one)[1:]) not in known:
            yield Row(
                section=Section.SHARES,
                of=one.lane_id,
                mode=one.mode,
                window=one.window.name,
                figure=amount.indicator,
                state=NOT_ESTIMABLE,
                reason=unstated(amount, [one], ()) or "",
            )


def _share(one: Indicator, wholes: Mapping[_Place, Indicator]) -> Row:
    of_all = one.exposure if one.exposure is not None else float(one.n)
    in_it = f" in {one.counting_unit}" if one.indicator == VALUE else ""
    row = replace(
        _plain(one, Section.SHARES),
        figure=f"{one.indicator}{in_it}",
        numerator=None if one.k is None else float(one.k),
        denominator=None if one.k is None else of_all,
    )
    for name, amount in _STATED.items():
        whole = wholes.get((name, *_place(one)[1:]))
        if amount.indicator == one.indicator and whole is not None:
            missing = unstated(
                amount, [whole], [one], one.counting_unit if amount is VALUE_AMOUNT else ""
            )
            if missing is not None:
                return replace(row, value=None, state=NOT_ESTIMABLE, reason=missing)
    return row


def _taking_part(published: Iterable[Indicator]) -> Iterator[Row]:
    for one in _chosen(published, TAKING_PART):
        yield _plain(one, Section.TAKING_PART)


def _place(one: Indicator) -> _Place:
    return one.indicator, one.lane_id, one.mode, one.window.name


def _chosen(published: Iterable[Indicator], names: Sequence[str]) -> list[Indicator]:
    """Return indicators without strata, by lane, mode and window, in the order of their names."""
    order = {name: number for number, name in enumerate(names)}
    chosen = [one for one in published if one.indicator in order and not one.strata]
    return sorted(
        chosen,
        key=lambda one: (
            *(one.lane_id, one.mode, one.window.name),
            *(order[one.indicator], one.counting_unit),
        ),
    )


def _plain(one: Indicator, section: Section) -> Row:
    return _row(one, section, one.indicator, "share" if one.share is not None else "value")


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
