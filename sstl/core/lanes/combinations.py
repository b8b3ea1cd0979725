"""Strata that observations have in common, and the series that hold them."""

from collections.abc import Iterator
from functools import lru_cache

from sstl.core.indicators.registry import Definition, definition
from sstl.core.lanes.cell import END, Series, Strata, strata_text


def name_of_strata(indicator: str, counting_unit: str, strata: Strata) -> str:
    """Return how cells call what observations with these strata count as.

    Names that no series is made of are left out.
    """
    return _texts(indicator, counting_unit, strata)[0]


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
    """Return the series that observations count in whose series key with all strata this is.

    All together is the first of them.
    """
    series = Series.of(key)
    if series.by == END:
        return (key,)
    _, series_texts = _texts(series.indicator, series.counting_unit, series.strata)
    prefix = series._replace(strata=()).key
    return tuple(prefix + text for text in series_texts)


def _combinations(declared: Definition, strata: Strata) -> Iterator[Strata]:
    if declared.strata is None:
        for pair in strata:
            yield (pair,)
        return
    values = dict(strata)
    for names in declared.strata:
        if all(name in values for name in names):
            yield tuple((name, values[name]) for name in sorted(names))
