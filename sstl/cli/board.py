"""What ``sstl watch`` and ``sstl demo`` show: the latest of every flag and indicator, filtered; no Kafka, no clock.

Records are read by name and with tolerance: a field that is missing shows as nothing, never as an error.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

FLAG, INDICATOR = "flag", "indicator"
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
OPEN = frozenset({"DRAFT", "ISSUED", "UPDATED"})
"""Statuses of a flag that stands."""
_COLOURS = {"LOW": "cyan", "MEDIUM": "yellow", "HIGH": "red", "CRITICAL": "bold white on red"}
_SAID = {"acknowledged": "ack", "snoozed": "snoozed"}
MOST_KEPT = 20_000
"""Records of a kind that are kept; a demo may run for days."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are shown; patterns as in file names (``CN*-SEA``), none of them: all."""

    lanes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    indicators: tuple[str, ...] = ()
    severity: str = SEVERITIES[0]
    """This and above."""
    kinds: frozenset[str] = frozenset({FLAG, INDICATOR})

    def takes(self, kind: str, record: dict[str, Any]) -> bool:
        """Tell whether a record is shown."""
        if kind not in self.kinds or not _matches(lane_of(kind, record), self.lanes):
            return False
        if kind == INDICATOR:
            return _matches(_text(record, "indicator"), self.indicators)
        if rank(_text(record, "severity")) < rank(self.severity):
            return False
        return _matches(rule_of(record), self.rules)


def _matches(value: str, patterns: Iterable[str]) -> bool:
    patterns = tuple(patterns)
    return not patterns or any(fnmatchcase(value, pattern) for pattern in patterns)


def rank(severity: str) -> int:
    """Return the place of a severity, 0 for the least and for one that is not known."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


def lane_of(kind: str, record: dict[str, Any]) -> str:
    """Return the lane a record is about, nothing where it names none."""
    if kind == INDICATOR:
        return _text(record, "laneId")
    return _text(record.get("subject"), "laneId")


def rule_of(flag: dict[str, Any]) -> str:
    """Return the rule that raised a flag."""
    indicators = flag.get("indicators")
    if isinstance(indicators, list) and indicators:
        return _text(indicators[0], "ruleId")
    return _text(flag, "ruleId")


def _text(record: Any, name: str) -> str:
    value = record.get(name) if isinstance(record, dict) else None
    return "" if value is None else str(value)


def subject_of(flag: dict[str, Any]) -> str:
    """Return what a flag is about, by the most tangible name it gives."""
    subject = flag.get("subject")
    for name in ("equipmentReference", "transportDocument", "mrn", "ucr", "lrn"):
        if found := _text(subject, name):
            return found
    consignments = subject.get("consignments") if isinstance(subject, dict) else None
    return str(consignments[0]) if consignments else lane_of(FLAG, flag)


def status_of(flag: dict[str, Any]) -> str:
    """Return a flag's status and what operators said of it: ``UPDATED ack snoozed``."""
    said = (word for name, word in _SAID.items() if isinstance(flag.get(name), dict))
    return " ".join((_text(flag, "status"), *said))


def window_of(indicator: dict[str, Any]) -> str:
    """Return the window's name: ``TOTAL``, or the day, hour, week or month."""
    window = indicator.get("window")
    return _text(window, "day") or _text(window, "period") or _text(window, "kind")


def duration(seconds: Any) -> str:
    """Return seconds as days, hours and minutes, two of them; nothing where there is no number."""
    if not isinstance(seconds, int | float):
        return ""
    minutes, sign = round(abs(seconds) / 60), "-" if seconds < 0 else ""
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{sign}{days} d {hours} h"
    return f"{sign}{hours} h {minutes:02d} min" if hours else f"{sign}{minutes} min"


def _share(value: Any) -> str:
    return f"{value:.0%}" if isinstance(value, int | float) else ""


@dataclass
class Board:
    """The latest version of everything seen, in the order of the last change; of very many, the latest."""

    filter: Filter = field(default_factory=Filter)
    flags: dict[str, dict[str, Any]] = field(default_factory=dict)
    indicators: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    """Records by kind that passed the filter."""

    def take(self, kind: str, key: str, record: dict[str, Any] | None) -> bool:
        """Take over a record (None: its key is forgotten); tell whether it is shown."""
        known = self.flags if kind == FLAG else self.indicators
        if record is None:
            return known.pop(key, None) is not None
        if not self.filter.takes(kind, record):
            return False
        self.seen[kind] += 1
        known.pop(key, None)  # a dictionary keeps a key's first place
        known[key] = record
        if len(known) > MOST_KEPT:
            del known[next(iter(known))]
        return True

    def open_by_severity(self) -> dict[str, int]:
        """Return how many flags stand, by severity."""
        counts = Counter(
            _text(f, "severity") for f in self.flags.values() if f.get("status") in OPEN
        )
        return {severity: counts[severity] for severity in SEVERITIES}

    def summary(self) -> str:
        """Return one line for a log."""
        flags = ", ".join(f"{n} {severity}" for severity, n in self.open_by_severity().items() if n)
        totals = [one for one in self.indicators.values() if window_of(one) == "TOTAL"]
        lanes = len({lane_of(INDICATOR, one) for one in totals})
        return (
            f"flags: {len(self.flags)} known, open {flags or 'none'}; "
            f"indicators: {len(self.indicators)} on {lanes} lanes"
        )

    def render(self, height: int) -> RenderableType:
        """Return the tables, fitted into so many lines."""
        parts: list[RenderableType] = []
        both = self.filter.kinds == {FLAG, INDICATOR}
        room = max(3, (height - 10) // 2 if both else height - 6)
        if FLAG in self.filter.kinds:
            parts.append(self._flag_table(room))
        if INDICATOR in self.filter.kinds:
            parts.append(self._indicator_table(room))
        parts.append(Text(self.summary(), style="dim"))
        return Group(*parts)

    def _flag_table(self, room: int) -> Table:
        table = Table(title="Risk flags, the latest first", title_justify="left", expand=True)
        for name in ("severity", "status", "rule", "lane", "subject", "since"):
            table.add_column(name, no_wrap=True)
        # the text is as long as it is: it takes what the names leave
        table.add_column("what", no_wrap=True, overflow="ellipsis", ratio=1)
        for flag in islice(reversed(self.flags.values()), room):
            severity = _text(flag, "severity")
            table.add_row(
                Text(severity, style=_COLOURS.get(severity, "")),
                status_of(flag),
                rule_of(flag),
                lane_of(FLAG, flag),
                subject_of(flag),
                _text(flag, "issuedAt"),
                _text(flag.get("text"), "en"),
            )
        return table

    def _indicator_table(self, room: int) -> Table:
        table = Table(
            title="Indicators, most observations first", title_justify="left", expand=True
        )
        for name in ("indicator", "lane", "window"):
            table.add_column(name, no_wrap=True, overflow="ellipsis")
        for name in ("n", "mean", "median", "p90", "late"):
            table.add_column(name, justify="right", no_wrap=True)
        # days come and go, the whole says how the lane does
        ordered = sorted(
            self.indicators.items(),
            key=lambda item: (window_of(item[1]) != "TOTAL", -_count(item[1]), item[0]),
        )
        for _key, one in ordered[:room]:
            table.add_row(
                _text(one, "indicator"),
                lane_of(INDICATOR, one),
                window_of(one),
                str(_count(one)),
                duration(one.get("mean")),
                duration(one.get("median")),
                duration(one.get("p90")),
                _share(one.get("shareLate")),
            )
        return table


def _count(indicator: dict[str, Any]) -> int:
    n = indicator.get("n")
    return n if isinstance(n, int) else 0


def line(kind: str, record: dict[str, Any]) -> str:
    """Return a record as one line of text."""
    if kind == FLAG:
        return " ".join(
            filter(
                None,
                (
                    "flag",
                    status_of(record),
                    _text(record, "severity"),
                    rule_of(record),
                    lane_of(FLAG, record),
                    subject_of(record),
                    _text(record.get("text"), "en"),
                ),
            )
        )
    figures = (
        f"{name} {shown}"
        for name, shown in (
            ("mean", duration(record.get("mean"))),
            ("median", duration(record.get("median"))),
            ("p90", duration(record.get("p90"))),
            ("late", _share(record.get("shareLate"))),
            ("share", _share(record.get("share"))),
        )
        if shown
    )
    named = (_text(record, "indicator"), lane_of(INDICATOR, record), window_of(record))
    return " ".join(("indicator", *named, f"n {_count(record)}", *figures))


REFRESH = timedelta(milliseconds=250)
"""How often a live table is drawn."""
