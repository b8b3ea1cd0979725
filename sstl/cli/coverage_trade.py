"""The programme's share of all bilateral trade, against the imported table.

An amount that a part of what travels does not state is no amount of what travels: mass, which filings must state, is
summed as it is; of TEU and of value there is no share where a unit states no size, a consignment no value.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from sstl.cli.coverage_row import NOT_ESTIMABLE, Row, Section
from sstl.cli.trade_table import Trade
from sstl.models.indicator import Indicator

MASS, TEU, VALUE = "sstl_mass_share", "sstl_teu_share", "sstl_value_share"
CONSIGNMENTS, UNITS = "sstl_consignment_share", "sstl_unit_share"
CONTAINERS: Final = frozenset({"SEA", "RAIL", "ROAD"})
"""Modes whose trade is counted in TEU."""
NO_TABLE: Final = "no table of bilateral trade (--trade FILE)"
_PLACES: Final = re.compile(r"([A-Z]{2})[A-Z0-9]{3}-([A-Z]{2})[A-Z0-9]{3}-.+")
_DIRECTION: Final = re.compile(r"[A-Z]{2}-[A-Z]{2}")
_Key = tuple[str, str, str]
"""Month, direction and mode."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Something that is traded and that lanes publish."""

    indicator: str
    name: str
    """How the table and the figures call it."""
    column: str
    whole: str | None = None
    """Indicator of everything that should state it; None: what states none is left out."""
    carriers: str = ""
    """What that counts."""
    stated: str = ""
    """What these state."""


_MASS: Final = Amount(MASS, "mass", "mass_kg")
TEU_AMOUNT: Final = Amount(TEU, "TEU", "teu", UNITS, "units", "size")
VALUE_AMOUNT: Final = Amount(VALUE, "value", "value", CONSIGNMENTS, "consignments", "value")
AMOUNTS: Final = (_MASS, TEU_AMOUNT, VALUE_AMOUNT)


def unstated(
    amount: Amount, wholes: Iterable[Indicator], stated: Iterable[Indicator], currency: str = ""
) -> str | None:
    """Return how many of those that should state an amount do not; None where all do."""
    of_all = sum(one.n for one in wholes)
    missing = of_all - sum(one.n for one in stated)
    if missing <= 0:
        return None
    in_it = f" in {currency}" if currency else ""
    return f"{missing} of {of_all} {amount.carriers} state no {amount.stated}{in_it}"


def of_trade(published: Iterable[Indicator], trade: Sequence[Trade] | None) -> Iterator[Row]:
    """Yield the shares of each row of the table, then what lanes carry of which it has none."""
    carried: dict[_Key, list[Indicator]] = defaultdict(list)
    amounts: set[_Key] = set()
    names = {one.indicator for one in AMOUNTS}
    for one in sorted(published, key=lambda one: one.key):
        if one.strata or one.window.kind != "P1M":
            continue
        if one.indicator in names | {UNITS, CONSIGNMENTS}:
            places = _PLACES.fullmatch(one.lane_id)
            direction = one.lane_id if places is None else "-".join(places.groups())
            key = (str(one.window.period), direction, one.mode)
            carried[key].append(one)
            if one.indicator in names:
                amounts.add(key)
    covered: set[_Key] = set()
    for row in sorted(trade or (), key=lambda one: (one.direction, one.mode, one.month)):
        own = [key for key in carried if _is_in(key, row)]
        covered.update(own)
        yield from _against(row, [one for key in sorted(own) for one in carried[key]])
    reason = NO_TABLE if trade is None else "the table has no row for it"
    for month, direction, mode in sorted(
        amounts - covered, key=lambda key: (key[1], key[2], key[0])
    ):
        why = reason if _DIRECTION.fullmatch(direction) else "the lane names no countries"
        for amount in AMOUNTS:
            for who in _WHO:
                yield _none(direction, mode, f"P1M/{month}", _figure(who, amount), why)


_WHO: Final = ("sstl", "lanes")


def _figure(who: str, amount: Amount) -> str:
    return f"{who}_share_of_trade_{amount.name.lower()}"


def _is_in(key: _Key, row: Trade) -> bool:
    month, direction, mode = key
    if (month, mode) != (row.month, row.mode) or not _DIRECTION.fullmatch(direction):
        return False
    return row.covers(*direction.split("-"))


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
    for amount in AMOUNTS:
        carrying = [
            one
            for one in lanes
            if one.indicator == amount.indicator
            and (amount is not VALUE_AMOUNT or one.counting_unit == trade.currency)
        ]
        wholes = [one for one in lanes if one.indicator == amount.whole]
        traded: Decimal | None = getattr(trade, amount.column)
        of_all = [one.exposure for one in carrying]
        members = [None if one.k is None else float(one.k) for one in carrying]
        reason = _refused(trade, amount, carrying, wholes)
        for who, amounts in zip(_WHO, (members, of_all), strict=True):
            figure = _figure(who, amount)
            if reason is not None or traded is None:
                row = _none(trade.direction, trade.mode, window, figure, reason or "")
            else:
                sums = sum(one for one in amounts if one is not None)
                row = Row(
                    section=Section.TRADE,
                    of=trade.direction,
                    mode=trade.mode,
                    window=window,
                    figure=figure,
                    value=sums / float(traded),
                    n=sum(one.n for one in carrying),
                    numerator=sums,
                    denominator=float(traded),
                    provisional=any(one.provisional for one in carrying),
                    complete_up_to=_least(carrying),
                )
            yield replace(row, source=trade.source, released=trade.released.isoformat())


def _refused(
    trade: Trade, amount: Amount, lanes: Sequence[Indicator], wholes: Sequence[Indicator]
) -> str | None:
    """Return why there is no share of an amount, None where there is one."""
    unsaid = _unsaid(trade, amount)
    if unsaid is not None:
        return unsaid
    currency = (trade.currency or "") if amount is VALUE_AMOUNT else ""
    missing = unstated(amount, wholes, lanes, currency) if _is_counted(amount, trade.mode) else None
    if not lanes:
        return missing or f"no lane publishes {amount.name} for it"
    for one in lanes:
        if one.exposure is None:
            return f"{one.lane_id}: n below {one.minimum_n}"
    carried = sum(one.exposure for one in lanes if one.exposure is not None)
    if missing is None and carried > float(getattr(trade, amount.column)):
        kinds = "masses" if amount is _MASS else f"{amount.name}s"
        return f"lanes carry more than the table says is traded: months or {kinds} are not the same"
    return missing


def _unsaid(trade: Trade, amount: Amount) -> str | None:
    """Return what the table does not say of an amount, None where it says all."""
    traded: Decimal | None = getattr(trade, amount.column)
    if traded is None:
        return f"the table states no {amount.name}"
    if not traded:
        return "the table states no trade"
    if amount is VALUE_AMOUNT and trade.currency is None:
        return "the table names no currency of its value"
    return None


def _is_counted(amount: Amount, mode: str) -> bool:
    return amount is not TEU_AMOUNT or mode in CONTAINERS


def _least(lanes: Iterable[Indicator]) -> datetime | None:
    instants = [one.complete_up_to for one in lanes]
    known = [one for one in instants if one is not None]
    return min(known) if len(known) == len(instants) and known else None
