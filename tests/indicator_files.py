"""Reading exported indicators back, as somebody would who knows the columns and the model only."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyarrow import parquet

from sstl.cli.indicator_formats import Holds, columns
from sstl.models.indicator import Indicator


def nested(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of dotted columns as a record; a part of which all is absent is absent itself."""
    record: dict[str, Any] = {}
    for name, value in row.items():
        part, dot, _field = name.partition(".")
        if not dot:
            if (
                value is not None
            ):  # CSV cannot tell an empty text from none: the model's default does
                record[name] = value
        elif part not in record:
            within = {key: one for key, one in row.items() if key.startswith(f"{part}.")}
            values = {key.removeprefix(f"{part}."): one for key, one in within.items()}
            present = any(one is not None for one in values.values())
            record[part] = values if present else None
    return record


READ: dict[Holds, Callable[[str], Any]] = {
    Holds.INTEGER: int,
    Holds.NUMBER: float,
    Holds.TRUTH: json.loads,
    Holds.MAPPING: json.loads,
    Holds.JSON: json.loads,
}


def from_csv(text: str) -> list[Indicator]:
    holds = {column.name: column.holds for column in columns()}
    return [
        Indicator.model_validate(
            nested(
                {
                    name: READ.get(holds[name], str)(value) if value else None
                    for name, value in row.items()
                }
            )
        )
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]


def from_parquet(path: Path) -> list[Indicator]:
    table = parquet.read_table(path)
    found = []
    for row in table.to_pylist(maps_as_pydicts="strict"):
        for column in columns():
            if column.holds is Holds.JSON and row[column.name] is not None:
                row[column.name] = json.loads(row[column.name])
        found.append(Indicator.model_validate(nested(row)))
    return found
