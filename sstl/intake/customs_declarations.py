"""Customs declarations: made-up Korean import declarations as filings, declarations, draws and controls.

Source: Customs Import Declaration Datasets (MIT), Institute for Basic Science and Korea Customs Service. A row is one
declaration with its date, what was declared, and a label: whether it was fraud. All rows were inspected; here they pass
an office that inspects some. A declaration is drawn at random with a stated probability, and selected by a score; only
of those the label is told, as the result of their control. So what a lane can know is published, and the truth that it
cannot is still in the file.

The file has dates only, so all times within a day are artificial, and so are how long controls and releases take: they
follow from the number of the declaration (`Times`). Revenue at stake is made up too: the declared value times the
declared rate, for the file does not say what was recovered.
"""

import csv
import heapq
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final

from sstl.core.selection import (
    Lot,
    commitment,
    derived_key,
    draw_event_id,
    is_selected,
    selection_event_id,
)
from sstl.intake import gzipped
from sstl.models.codes import MODE_NAMES

SOURCE: Final = "urn:sstl:kcs:declarations"
SECRET: Final = b"customs declarations replay, no secret"
"""Keys of the draws follow from it; a replay of public data has nothing to hide."""
RANDOM_RATE: Final = Fraction(5, 100)
THRESHOLD: Final = Fraction(3, 10)
"""A declaration of this score or more is selected: 16 % of the validation split."""
_MODES: Final = {"10": "1", "20": "2", "30": "3", "40": "4", "50": "5"}
"""Mode of transport as the file has it to the UN code; the others (``90``) are no mode of a lane."""
_PRIOR: Final = 20
"""Declarations of average risk that the score of each code begins with."""
_COUNTS: Final = Path(__file__).with_name("declaration_counts.csv")
_COLUMNS: Final = (
    "Declaration ID",
    "Date",
    "Mode of Transport",
    "Importer ID",
    "HS6 Code",
    "Country of Departure",
    "Country of Origin",
    "Tax Rate",
    "Net Mass",
    "Item Price",
    "Fraud",
    "Critical Fraud",
)


class DeclarationsError(ValueError):
    """The file is not one of customs declarations, or a line of it cannot be read."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One row of the file."""

    number: int
    """``Declaration ID``."""
    day: date
    ordinal: int
    """From 0, among those of its day, in the order of the file."""
    mode: str | None
    """UN code; None: no mode that a lane has."""
    importer: str
    hs6: str
    departure: str
    origin: str
    tax_percent: float
    net_mass_kg: float
    price_krw: float
    fraud: bool
    critical: bool

    @property
    def consignment_id(self) -> str:
        """House transport document, which is the unit too."""
        return f"KCS:{self.number}"

    @property
    def lane_id(self) -> str:
        """From the country of departure to Korea, by mode."""
        return f"kcs:{self.departure}-kcs:KR-{MODE_NAMES[self.mode or '']}"

    @property
    def revenue_krw(self) -> int:
        """What is at stake: declared value times declared rate, rounded to whole won."""
        return round(self.price_krw * self.tax_percent / 100)

    @property
    def score(self) -> Fraction:
        """Share of fraud among earlier declarations of its HS code, see `score_of`."""
        return score_of(self.hs6)

    @property
    def times(self) -> "Times":
        """When what happens to it."""
        return Times.of(self)


@dataclass(frozen=True, slots=True)
class Times:
    """Artificial times of a declaration, all functions of its date, place in the day and number.

    A day's declarations are lodged a minute apart from midnight (UTC) on.
    """

    lodged: datetime
    decided: datetime
    """Drawn, selected and assigned a channel, in this order: 2 minutes after lodgement."""
    released_uncontrolled: datetime
    """10 to 69 minutes after the decision, by number modulo 60."""
    begun: datetime
    """A control begins 60 to 539 minutes after the decision, by number modulo 480."""
    ended: datetime
    """30 to 119 minutes later, by number modulo 90."""
    released_controlled: datetime
    """15 minutes later."""

    @classmethod
    def of(cls, one: Declaration) -> "Times":
        """Return the times of a declaration."""
        lodged = datetime.combine(one.day, time(), UTC) + timedelta(minutes=one.ordinal)
        decided = lodged + timedelta(minutes=2)
        begun = decided + timedelta(minutes=60 + one.number % 480)
        ended = begun + timedelta(minutes=30 + one.number % 90)
        return cls(
            lodged,
            decided,
            decided + timedelta(minutes=10 + one.number % 60),
            begun,
            ended,
            ended + timedelta(minutes=15),
        )


def content(path: Path) -> bytes:
    """Return the bytes of the CSV file, unpacked where it is compressed with gzip.

    Raises:
        DeclarationsError: The compressed file is damaged.
        OSError: The file cannot be read.
    """
    return gzipped.content(path, DeclarationsError)


def parse(raw: bytes, name: str = "content") -> list[Declaration]:
    """Return the declarations of a CSV file, in its order.

    Raises:
        DeclarationsError: A column is missing or a line cannot be read; names the file and the line.
    """
    try:
        lines = io.StringIO(raw.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise DeclarationsError(f"{name}: no file of customs declarations: {error}") from error
    reader = csv.DictReader(lines)
    missing = set(_COLUMNS) - set(reader.fieldnames or ())
    if missing:
        raise DeclarationsError(
            f"{name}: no file of customs declarations: no column {min(missing)!r}"
        )
    found: list[Declaration] = []
    seen: dict[str, int] = {}
    for row in reader:
        ordinal = seen[row["Date"]] = seen.get(row["Date"], -1) + 1
        try:
            found.append(_declaration(row, ordinal))
        except (ValueError, TypeError) as error:
            raise DeclarationsError(f"{name}, line {reader.line_num}: {error}") from error
    return found


def read(path: Path) -> list[Declaration]:
    """Return the declarations of a file (plain or gzip).

    Raises:
        DeclarationsError: See `parse`.
        OSError: The file cannot be read.
    """
    return parse(content(path), name=path.name)


def _declaration(row: Mapping[str, str], ordinal: int) -> Declaration:
    if row["Fraud"] not in ("0", "1"):
        raise ValueError(f"Fraud: got {row['Fraud']!r}, expected 0 or 1")
    return Declaration(
        number=int(row["Declaration ID"]),
        day=date.fromisoformat(row["Date"]),
        ordinal=ordinal,
        mode=_MODES.get(row["Mode of Transport"]),
        importer=row["Importer ID"],
        hs6=row["HS6 Code"],
        departure=row["Country of Departure"],
        origin=row["Country of Origin"],
        tax_percent=float(row["Tax Rate"]),
        net_mass_kg=float(row["Net Mass"]),
        price_krw=float(row["Item Price"]),
        fraud=row["Fraud"] == "1",
        critical=row["Critical Fraud"] == "2",
    )


@cache
def _counts() -> dict[str, tuple[int, int]]:
    with _COUNTS.open(encoding="ascii", newline="") as lines:
        return {
            row["hs6"]: (int(row["declarations"]), int(row["fraud"]))
            for row in csv.DictReader(lines)
        }


@cache
def score_of(hs6: str) -> Fraction:
    """Return the score of an HS code: the share of fraud among the declarations of the year before.

    ``(h + 20 p) / (n + 20)``: h of n declarations of the code in the training split were fraud, p is the share of all.
    A code that was not seen scores p. It is a stand-in for a classifier: made once, from other declarations, blind to
    the labels of those that it ranks.
    """
    counts = _counts()
    share = Fraction(sum(h for _, h in counts.values()), sum(n for n, _ in counts.values()))
    declarations, fraud = counts.get(hs6, (0, 0))
    return (fraud + _PRIOR * share) / (declarations + _PRIOR)


def is_targeted(one: Declaration) -> bool:
    """Tell whether the score selects a declaration."""
    return one.score >= THRESHOLD


def is_drawn(one: Declaration, rate: Fraction = RANDOM_RATE) -> bool:
    """Tell whether chance selects a declaration, by the key of its lane and day."""
    return is_selected(derived_key(SECRET, one.lane_id, one.day), one.consignment_id, rate)


def replayed(declarations: Iterable[Declaration]) -> list[Declaration]:
    """Return those that travel by a mode that lanes have."""
    return [one for one in declarations if one.mode is not None]


def events(
    declarations: Iterable[Declaration], rate: Fraction = RANDOM_RATE
) -> Iterator[dict[str, Any]]:
    """Yield structured CloudEvents in the order of their recorded time; ids and bodies are the same at each run.

    Args:
        declarations: In the order of their days; of modes that lanes have.
        rate: Of the random draws.
    """
    waiting: list[tuple[datetime, int, int, dict[str, Any]]] = []
    for number, one in enumerate(declarations):
        while waiting and waiting[0][0] < one.times.lodged:
            yield heapq.heappop(waiting)[-1]
        for ordinal, (at, event) in enumerate(_of_declaration(one, rate)):
            heapq.heappush(waiting, (at, number, ordinal, event))
    while waiting:
        yield heapq.heappop(waiting)[-1]


def _of_declaration(one: Declaration, rate: Fraction) -> Iterator[tuple[datetime, dict[str, Any]]]:
    times, drawn, targeted = one.times, is_drawn(one, rate), is_targeted(one)
    lot = Lot(one.lane_id, one.day, rate)
    probability = float(rate)
    yield times.lodged, _envelope(one, "manifest.lodged", times.lodged, _filing(one))
    accepted = _customs(one, declarationType="IMPORT")
    yield times.lodged, _envelope(one, "declaration.accepted", times.lodged, accepted)
    draw = {
        "consignmentId": one.consignment_id,
        "laneId": one.lane_id,
        "drawDay": one.day.isoformat(),
        "probability": probability,
        "selected": drawn,
        "commitment": commitment(derived_key(SECRET, one.lane_id, one.day), lot),
    }
    name = draw_event_id(lot, one.consignment_id)
    yield times.decided, _envelope(one, "inspection.drawn", times.decided, draw, name)
    if drawn:
        body = _customs(one, selections=[{"basis": "RANDOM", "probability": probability}])
        name = selection_event_id(lot, one.consignment_id)
        yield times.decided, _envelope(one, "inspection.selected", times.decided, body, name)
    if targeted:
        body = _customs(one, selections=[{"basis": "RULE", "ruleId": "hs6-frequency"}])
        yield times.decided, _envelope(one, "inspection.selected", times.decided, body)
    channel = _customs(one, channel="RED" if drawn or targeted else "GREEN")
    yield times.decided, _envelope(one, "channel.assigned", times.decided, channel)
    released = times.released_uncontrolled
    if drawn or targeted:
        released = times.released_controlled
        yield from _control(one)
    yield released, _envelope(one, "inspection.released", released, _customs(one))


def _control(one: Declaration) -> Iterator[tuple[datetime, dict[str, Any]]]:
    times = one.times
    control = {"inspectionId": f"KCS-{one.number}", "controlType": "PHYSICAL"}
    started, completed = _customs(one, **control), _customs(one, **control)
    yield times.begun, _envelope(one, "inspection.physical.started", times.begun, started)
    yield times.ended, _envelope(one, "inspection.physical.completed", times.ended, completed)
    found: dict[str, Any] = {"controlResultCode": "B1" if one.fraud else "A1"}
    if one.fraud:
        area = "SAFETY_SECURITY" if one.critical else "FINANCIAL"
        found["irregularities"] = [
            {"type": "MISDECLARATION", "riskArea": area, "revenue": one.revenue_krw}
        ]
    result = _customs(one, **control, **found)
    yield times.ended, _envelope(one, "inspection.result.recorded", times.ended, result)


def _filing(one: Declaration) -> dict[str, Any]:
    return {
        "lrn": f"KCS-{one.number}",
        "laneId": one.lane_id,
        "mode": one.mode,
        "filedAt": _text(one.times.lodged),
        "consignments": [
            {
                # no equipment: the unit is the house transport document
                "consignmentId": one.consignment_id,
                "items": [
                    {
                        "itemNo": 1,
                        "hs6": one.hs6,
                        "netMassKg": one.net_mass_kg,
                        "countryOfOrigin": one.origin,
                        "value": one.price_krw,
                        "currency": "KRW",
                    }
                ],
                "parties": [{"role": "IMPORTER", "identifier": one.importer}],
            }
        ],
    }


def _customs(one: Declaration, **fields: Any) -> dict[str, Any]:
    return {"consignmentId": one.consignment_id, "side": "IMPORT", **fields}


def _envelope(
    one: Declaration, kind: str, at: datetime, body: dict[str, Any], name: str | None = None
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": name or f"kcs-{one.number}-{kind}",
        "source": SOURCE,
        "type": f"org.sstl.{kind}.v1",
        "subject": one.consignment_id,
        "time": _text(at),
        "recordedtime": _text(at),
        "datacontenttype": "application/json",
        "partitionkey": one.consignment_id,
        "laneid": one.lane_id,
        "data": body,
    }


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
