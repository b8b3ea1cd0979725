"""Indicators as text for people and as files for programs: table, CSV, JSON, Parquet.

Columns are a function of the model `sstl.models.indicator.Indicator`, not of what happens to be published: a field
that the model gains is a column more. A field of a part is named with a dot (``window.kind``); what is neither a plain
value, a part nor a mapping of texts is JSON in a text.
"""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import orjson
from pydantic import BaseModel

from sstl.cli.board import duration
from sstl.cli.columns import aligned
from sstl.errors import ExitCode, UserError
from sstl.models.follow_up import FollowUp, Reached
from sstl.models.indicator import Indicator, Interval
from sstl.models.zones import UTC_ZONE

Record = TypeVar("Record")
Columns: TypeAlias = Sequence[tuple[str, bool, Callable[[Record], str]]]
"""Heading, whether it is a number, and what is shown."""

_MINUTE_S = 60
_CRLF = "\r\n"


class Format(StrEnum):
    """How a slice is written; the ending of a file says the same."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class Holds(Enum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    TRUTH = "truth"
    DAY = "day"
    INSTANT = "instant"
    MAPPING = "mapping of texts"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of CSV and Parquet."""

    path: tuple[str, ...]
    """Names on the wire, from the record inwards."""
    holds: Holds

    @property
    def name(self) -> str:
        """How the column is headed: ``window.kind``."""
        return ".".join(self.path)

    def of(self, record: Mapping[str, Any]) -> Any:
        """Return the column's value of a dumped record, None where it is absent."""
        value: Any = record
        for name in self.path:
            if value is None:
                return None
            value = value[name]
        return value


_PLAIN: Mapping[Any, Holds] = {
    str: Holds.TEXT,
    int: Holds.INTEGER,
    float: Holds.NUMBER,
    bool: Holds.TRUTH,
    date: Holds.DAY,
    datetime: Holds.INSTANT,
}


def columns(model: type[BaseModel] = Indicator, within: tuple[str, ...] = ()) -> list[Column]:
    """Return the columns of a model, in the order of its fields."""
    found: list[Column] = []
    for name, field in model.model_fields.items():
        path = (*within, field.serialization_alias or field.alias or name)
        kinds = _kinds(field.annotation)
        if len(kinds) == 1 and isinstance(kinds[0], type) and issubclass(kinds[0], BaseModel):
            found += columns(kinds[0], path)
        else:
            found.append(Column(path, _holds(kinds)))
    return found


def _kinds(annotation: Any) -> list[Any]:
    """Return the types that a field's value may have, None apart."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kinds(get_args(annotation)[0])
    if origin is Literal:
        return list(dict.fromkeys(type(value) for value in get_args(annotation)))
    if origin in {Union, UnionType}:
        found = (kind for part in get_args(annotation) for kind in _kinds(part))
        return list(dict.fromkeys(found))
    return [] if annotation is NoneType else [annotation]


def _holds(kinds: Sequence[Any]) -> Holds:
    if set(kinds) == {int, float}:
        return Holds.NUMBER
    if len(kinds) != 1:
        return Holds.JSON
    (kind,) = kinds
    if get_origin(kind) in {dict, Mapping} and get_args(kind) == (str, str):
        return Holds.MAPPING
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return Holds.TEXT
    # A UTC instant is aware; pydantic's own class for that is no class of instants.
    if getattr(kind, "__name__", "") == "AwareDatetime":
        return Holds.INSTANT
    return _PLAIN.get(kind, Holds.JSON)


def as_json(indicators: Iterable[BaseModel]) -> str:
    """Return one JSON array, a record a line, each with all fields."""
    lines = (
        orjson.dumps(one.model_dump(mode="json", by_alias=True)).decode() for one in indicators
    )
    return "[\n" + ",\n".join(lines) + "\n]\n"


def as_csv(indicators: Iterable[BaseModel], model: type[BaseModel] = Indicator) -> str:
    """Return CSV (RFC 4180 with LF): what is absent is empty, strata are JSON, floats read back as they were."""
    shown = columns(model)
    lines = _Lines()
    # With CRLF for its end, csv quotes both a lone CR and a lone LF within a text; without, only the one it ends with.
    writer = csv.writer(lines, lineterminator=_CRLF)
    writer.writerow(column.name for column in shown)
    for one in indicators:
        record = one.model_dump(mode="json", by_alias=True)
        writer.writerow(_csv_text(column.of(record)) for column in shown)
    return "".join(lines.written)


class _Lines:
    """What a csv writer writes to: lines that end with LF."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> None:
        self.written.append(line.removesuffix(_CRLF) + "\n")


def _csv_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool | dict | list):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return repr(value)


def require_parquet() -> None:
    """Find out whether Parquet can be written, before anything is read.

    Raises:
        UserError: The extra is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise UserError(
            "Parquet needs pyarrow, which is not installed; add the extra `export` (pip install 'sstl[export]')"
            " or choose csv or json",
            ExitCode.USAGE,
        ) from error


def write_parquet(indicators: Iterable[Indicator], path: Path) -> None:
    """Write a Parquet file: integers and floats of 64 bits, days, instants in UTC, strata as a map."""
    import pyarrow as pa
    from pyarrow import parquet

    types: Mapping[Holds, Any] = {
        Holds.TEXT: pa.string(),
        Holds.INTEGER: pa.int64(),
        Holds.NUMBER: pa.float64(),
        Holds.TRUTH: pa.bool_(),
        Holds.DAY: pa.date32(),
        Holds.INSTANT: pa.timestamp("us", tz="UTC"),
        Holds.MAPPING: pa.map_(pa.string(), pa.string()),
        Holds.JSON: pa.string(),
    }
    shown = columns()
    records = [
        (one.model_dump(by_alias=True), one.model_dump(mode="json", by_alias=True))
        for one in indicators
    ]
    arrays = [
        pa.array([_parquet_value(column, *both) for both in records], type=types[column.holds])
        for column in shown
    ]
    schema = pa.schema([(column.name, types[column.holds]) for column in shown])
    parquet.write_table(pa.table(arrays, schema=schema), path)


def _parquet_value(column: Column, record: Mapping[str, Any], wire: Mapping[str, Any]) -> Any:
    if column.holds is Holds.JSON:
        value = column.of(wire)
        return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    value = column.of(record)
    if column.holds is Holds.MAPPING and value is not None:
        return sorted(value.items())
    return value


def quantity(value: float | None, unit: str) -> str:
    """Return a value for people, with its unit; nothing where it is absent."""
    if value is None:
        return ""
    if unit == "1":
        return f"{value:.1%}"
    if unit != "s":
        return f"{value:g} {unit}"
    return duration(value) if abs(value) >= _MINUTE_S else f"{value:.3g} s"


def _state(one: Indicator) -> str:
    reason = "" if one.reason is None else f": {one.reason}"
    return f"{one.state}{reason}" + ", provisional" * one.provisional


_SHOWN: Columns[Indicator] = (
    ("indicator", False, lambda one: one.indicator),
    ("of", False, lambda one: one.counting_unit),
    ("lane", False, lambda one: one.lane_id),
    ("mode", False, lambda one: one.mode),
    ("strata", False, lambda one: _strata(one.strata)),
    ("window", False, lambda one: one.window.name),
    ("zone", False, lambda one: "" if one.window.zone == UTC_ZONE else one.window.zone),
    ("n", True, lambda one: str(one.n)),
    ("mean", True, lambda one: quantity(one.mean, one.unit)),
    ("median", True, lambda one: quantity(one.median, one.unit)),
    ("p90", True, lambda one: quantity(one.p90, one.unit)),
    ("late", True, lambda one: quantity(one.share_late, "1")),
    ("in target", True, lambda one: quantity(one.share_within_target, "1")),
    ("share", True, lambda one: quantity(one.share, "1")),
    ("value", True, lambda one: quantity(one.value, one.unit)),
    ("interval", False, lambda one: _interval(one.interval, one.unit)),
    ("open", True, lambda one: _followed(one, lambda it: str(it.n_open or ""))),
    ("silent", True, lambda one: _followed(one, lambda it: str(it.n_silent or ""))),
    ("otherwise", False, lambda one: _followed(one, _otherwise)),
    ("median of all", False, lambda one: _followed(one, lambda it: _reached(it.median))),
    ("p90 of all", False, lambda one: _followed(one, lambda it: _reached(it.p90))),
    ("excluded", True, lambda one: str(one.n_excluded or "")),
    ("state", False, _state),
)
"""Heading, whether it is a number, and what is shown."""


def _strata(strata: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(strata.items())) or "-"


def _followed(one: Indicator, show: Callable[[FollowUp], str]) -> str:
    return "" if one.follow_up is None else show(one.follow_up)


def _otherwise(follow_up: FollowUp) -> str:
    """Return what ended otherwise, and which share of all that is by the end of follow-up."""
    return ", ".join(
        f"{outcome} {count}"
        + (f" ({follow_up.incidence[outcome].share:.1%})" if outcome in follow_up.incidence else "")
        for outcome, count in sorted(follow_up.competing.items())
    )


def _reached(told: Reached | None) -> str:
    """Return a quantile with its limits; ``> 3 d`` where it is not reached."""
    if told is None:
        return ""
    if not told.reached:
        return f"> {quantity(told.longer_than_s, 's')}"
    low, high = ("-" if end is None else quantity(end, "s") for end in (told.low_s, told.high_s))
    return f"{quantity(told.value_s, 's')} ({low} to {high})"


def _interval(interval: Interval | None, unit: str) -> str:
    if interval is None:
        return ""
    low, high = (
        "-" if end is None else quantity(end, unit) if unit in ("1", "s") else f"{end:.3g}"
        for end in (interval.low, interval.high)
    )
    return f"{low} to {high} ({interval.level:.0%})"


def as_table(indicators: Iterable[Indicator]) -> str:
    """Return the essential columns as text, as wide as they are: nothing is cut off on a pipe."""
    return in_columns(indicators, _SHOWN)


def in_columns(records: Iterable[Record], columns: Columns[Record]) -> str:
    """Return a heading and a line for each record."""
    rows = [[heading for heading, _number, _show in columns]]
    rows += [[show(one) for _heading, _number, show in columns] for one in records]
    return aligned(rows, [number for _heading, number, _show in columns])
