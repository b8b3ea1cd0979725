"""The UN/LOCODE table shipped beside this module (source and licence lie in ``data/``)."""

from functools import cache
from importlib.resources import files


def _read() -> dict[str, str]:
    text = files("sstl.models").joinpath("data/unlocode.txt").read_text(encoding="ascii")
    return {line[:2]: line[2:] for line in text.splitlines()}


_TABLE = _read()

COUNTRIES = frozenset(_TABLE)
"""Countries with a whole table; places of all others can be judged by format only."""


@cache
def locations(country: str) -> frozenset[str]:
    """Return the location codes of a country, empty where the table does not have it."""
    codes = _TABLE.get(country, "")
    return frozenset(codes[i : i + 3] for i in range(0, len(codes), 3))


def is_listed(un_location_code: str) -> bool | None:
    """Tell whether a place is listed; None where its country has no whole table."""
    country = un_location_code[:2]
    if country not in COUNTRIES:
        return None
    return un_location_code[2:] in locations(country)
