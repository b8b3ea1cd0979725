"""Comparisons as indicators, so that both sides of a lane see the same figures."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from sstl.core.lanes import Series
from sstl.models.comparison import ComparisonRecord, Figure
from sstl.models.indicator import Indicator, Interval, Window, net_content, plain_method

SOURCE: Final = "urn:sstl:compare"
COMPARED: Final = "compared"
"""Stratum that names what tells the groups apart."""
_PARTS: Final = (("difference", "s"), ("ratio", "1"))
_REFUSED: Final = plain_method("none", 1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked to be compared; nothing said means all."""

    indicators: tuple[str, ...]
    lanes: tuple[str, ...]
    modes: tuple[str, ...]
    by: tuple[str, ...]
    window: str

    def covers(self, one: Indicator) -> bool:
        """Tell whether a published figure is one that this would make, were there anything to compare."""
        name, _, part = one.indicator.rpartition("_")
        return (
            part in dict(_PARTS)
            and one.strata.keys() == {COMPARED}
            and one.strata[COMPARED] in self.by
            and one.window.name == self.window
            and matches(name, self.indicators)
            and matches(one.lane_id, self.lanes)
            and matches(one.mode, self.modes)
        )


def matches(value: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether one of the patterns holds, as in file names; none of them: all."""
    return not patterns or any(fnmatchcase(value, pattern) for pattern in patterns)


def changed_indicators(
    records: Iterable[ComparisonRecord], known: Mapping[str, Indicator], asked: Asked
) -> list[Indicator]:
    """Return the indicators that say something else than what is published.

    What was published and is made no more, because every observation was taken back, is said to have an n of 0.

    Args:
        records: Of one lane and mode each, and of a window.
        known: What is published, by key.
        asked: Of which the records are everything that there is.
    """
    made = [one for record in records for one in _indicators(record, known)]
    keys = {one.key for one in made}
    gone = [
        _gone(one) for key, one in sorted(known.items()) if key not in keys and asked.covers(one)
    ]
    return [one for one in (*made, *gone) if _said_of(one) != _said_of(known.get(one.key))]


def _said_of(one: Indicator | None) -> tuple[dict[str, Any], bool] | None:
    """Return what a record says, as it is read again from the topic, where what is absent is left out."""
    if one is None:
        return None
    wire = one.model_dump_json(by_alias=True, exclude_none=True)
    content = net_content(Indicator.model_validate_json(wire))
    return None if content is None else (content, one.provisional)


def _gone(one: Indicator) -> Indicator:
    kept = one.model_dump(
        include={"key", "indicator", "counting_unit", "lane_id", "mode", "strata", "window", "unit"}
    )
    return Indicator.model_validate(
        kept | {"n": 0, "revision": one.revision + 1, **_said(Figure(reason="nothing"), 0)}
    )


def _indicators(record: ComparisonRecord, known: Mapping[str, Indicator]) -> Iterator[Indicator]:
    n = record.n_members + record.n_comparison
    for part, unit in _PARTS:
        figure: Figure = getattr(record, part)
        series = Series(
            f"{record.indicator}_{part}",
            record.counting_unit,
            record.lane_id,
            record.mode,
            ((COMPARED, record.by),),
        )
        key = f"{series.key}|{record.window}"
        before = known.get(key)
        yield Indicator.model_validate(
            {
                "key": key,
                "indicator": series.indicator,
                "counting_unit": series.counting_unit,
                "lane_id": series.lane_id,
                "mode": series.mode,
                "strata": dict(series.strata),
                "window": Window.named(record.window),
                "unit": unit,
                "n": n,
                "revision": 1 if before is None else before.revision + 1,
                "provisional": bool(
                    record.n_open_members + record.n_open_comparison + record.n_open_neither
                ),
                **_said(figure, n),
            }
        )


def _said(figure: Figure, n: int) -> dict[str, Any]:
    if n == 0:
        return {"state": "INSUFFICIENT_DATA", "method": _REFUSED}
    if figure.reason is not None:
        return {"state": "NOT_ESTIMABLE", "reason": figure.reason, "method": _REFUSED}
    interval = Interval.model_validate(
        figure.model_dump(include={"low", "high", "level", "method", "method_version"})
    )
    method = plain_method(interval.method, interval.method_version)
    return {"state": "AVAILABLE", "value": figure.estimate, "interval": interval, "method": method}
