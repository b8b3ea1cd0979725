"""The table of docs/indicators.md, made from the registry; a test compares."""

from collections.abc import Iterable

from sstl.core.indicators.definition import Definition

BEGIN, END = "<!-- indicators -->", "<!-- end -->"
_HEAD = (
    "| indicator | question | formula | unit | plausible | counts, from | series of their own | final after"
    " | misleads | source |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


def _hours(hours: float) -> str:
    return f"{hours / 24:g} d" if hours % 24 == 0 else f"{hours:g} h"


def _plausible(definition: Definition) -> str:
    if definition.plausible_s is None:
        return ""
    shortest, longest = (_hours(bound / 3600) for bound in definition.plausible_s)
    return f"{shortest} to {longest}"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _strata(definition: Definition) -> str:
    if definition.strata is None:
        return "each stratum"
    return ", ".join("+".join(names) for names in definition.strata) or "none"


def _counts(definition: Definition) -> str:
    said = f"{definition.counting_unit}, {definition.start}"
    return said if definition.at == "LANE" else f"{said} ({definition.at.lower()})"


def table(definitions: Iterable[Definition]) -> str:
    """Return the table, one row an indicator."""
    rows = (
        (
            f"`{one.name}`",
            one.question,
            one.formula,
            one.unit,
            _plausible(one),
            _counts(one),
            _strata(one),
            _hours(one.follow_up_hours),
            one.misleads,
            one.source,
        )
        for one in definitions
    )
    lines = (f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)
    return "\n".join((*_HEAD, *lines))


def replaced(page: str, definitions: Iterable[Definition]) -> str:
    """Return a page with the table between its marks made anew.

    Raises:
        ValueError: The page has no marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        message = f"no {BEGIN} and {END} in the page"
        raise ValueError(message)
    return f"{before}{BEGIN}\n{table(definitions)}\n{END}{after}"
