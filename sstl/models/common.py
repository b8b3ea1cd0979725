"""What all input bodies share: strict types, wire names, places, parties, means of transport, references."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from sstl.models import identifiers

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_A_MILLISECOND = 1000
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(?P<zone>[Zz]|[+-]\d\d:\d\d)?",
    re.ASCII,
)


class WireModel(BaseModel):
    """Base of everything strangers send: exact types, camelCase names, unknown fields kept."""

    # Made from the wire only, never by keyword: no Python name may pass for a wire name.
    model_config = ConfigDict(  # type: ignore[pydantic-alias]
        frozen=True, extra="allow", strict=True, alias_generator=to_camel
    )


def refuse(reason: str, expected: str, **found: str) -> NoReturn:
    """Refuse a value with one of the rejection reasons."""
    raise PydanticCustomError(reason, "{expected}", {"expected": expected, **found})


class Contradictions:
    """Collects what a body says against itself, so that one rejection names all of it."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, str, str]] = []

    def add(
        self,
        pointer: str,
        got: object,
        expected: str,
        *,
        reason: str = "contradictory_fields",
    ) -> None:
        """Note one; ``pointer`` is relative to the body (``/eta``)."""
        self.found.append((reason, pointer, str(got), expected))

    def ordered(
        self, earlier: tuple[str, datetime | None], later: tuple[str, datetime | None]
    ) -> None:
        """Note it if the later instant lies before the earlier one; unknown instants contradict nothing."""
        if earlier[1] is not None and later[1] is not None and later[1] < earlier[1]:
            self.add(
                f"/{later[0]}",
                to_wire(later[1]),
                f"not before {earlier[0]} ({to_wire(earlier[1])})",
            )

    def refuse_if_any(self) -> None:
        """Raise them all as one error."""
        if self.found:
            raise PydanticCustomError(
                "problems",
                "the body contradicts itself",
                {"problems": tuple(self.found)},
            )


def parse_instant(value: object) -> datetime:
    """Return an aware instant from RFC 3339 text; a time without zone has its own reason."""
    if isinstance(value, str):
        match = _INSTANT.fullmatch(value)
        if match is None:
            refuse("invalid_value", "an instant as RFC 3339, like 2026-03-01T08:00:00Z")
        if match["zone"] is None:
            refuse("naive_time", "an instant with its zone, like 2026-03-01T08:00:00Z")
        try:
            instant = datetime.fromisoformat(value.upper())
        except ValueError as error:
            raise PydanticCustomError(
                "invalid_value",
                "{expected}",
                {"expected": "an instant that the calendar has"},
            ) from error
    elif isinstance(value, datetime):
        instant = value
        if instant.tzinfo is None:
            refuse("naive_time", "an instant with its zone")
    else:
        refuse("invalid_value", "an instant as RFC 3339 text")
    if not _EARLIEST <= instant <= _LATEST:
        refuse("invalid_value", "an instant between 1990 and 2200")
    return instant


def to_ms(instant: datetime) -> int:
    """Return milliseconds since the Unix epoch, finer parts cut off."""
    return (instant - EPOCH) // _MILLISECOND


def to_wire(instant: datetime) -> str:
    """Return RFC 3339 in UTC with ``Z``, with milliseconds where there are any."""
    text = instant.astimezone(UTC).isoformat(
        timespec="milliseconds" if instant.microsecond >= _A_MILLISECOND else "seconds"
    )
    return text[:-6] + "Z"


def _judged(
    fault: Callable[[str], tuple[str, str] | None],
    canonical: Callable[[str], str] | None = None,
) -> AfterValidator:
    def judge(text: str) -> str:
        value = canonical(text) if canonical else text
        found = fault(value)
        if found is not None:
            refuse(found[0], found[1])
        return value

    return AfterValidator(judge)


def _document(text: str) -> str:
    found = identifiers.document_fault(text)
    if found is not None:
        refuse(found[0], found[1])
    return identifiers.canonical_document(text)


_MODES: dict[str | int, str] = {
    **{code: code for code in "12345"},
    **{number: str(number) for number in range(1, 6)},
    "SEA": "1",
    "RAIL": "2",
    "ROAD": "3",
    "AIR": "4",
    "POST": "5",
}


def _mode(value: object) -> str:
    code = (
        None if isinstance(value, bool) or not isinstance(value, (str, int)) else _MODES.get(value)
    )
    if code is None:
        refuse("unknown_code", "1 sea, 2 rail, 3 road, 4 air or 5 post")
    return code


def _upper(value: object) -> object:
    return identifiers.upper(value.strip()) if isinstance(value, str) else value


def _compact(value: object) -> object:
    return identifiers.without_spaces(value) if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(min_length=1, max_length=512)]
"""Free text."""
Statement = Annotated[str, StringConstraints(pattern=r"\S", min_length=1, max_length=512)]
"""Free text that must say something: of blanks alone nobody learns who did it, or why."""
Token = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:/_.#+\-|]*$", min_length=1, max_length=70),
]
"""An identifier of the publisher's own making; begins with a letter or digit."""
Instant = Annotated[
    datetime,
    PlainValidator(parse_instant),
    PlainSerializer(to_wire, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
EquipmentReference = Annotated[
    str, _judged(identifiers.equipment_fault, identifiers.canonical_equipment)
]
TransportDocument = Annotated[str, AfterValidator(_document)]
"""Number of a bill of lading or waybill, in its one canonical form."""
Mrn = Annotated[str, BeforeValidator(_compact), _judged(identifiers.mrn_fault)]
Ucr = Annotated[str, BeforeValidator(_compact), _judged(identifiers.ucr_fault)]
Hs6 = Annotated[str, _judged(identifiers.hs6_fault, identifiers.without_separators)]
ImoNumber = Annotated[str, _judged(identifiers.imo_fault, identifiers.without_separators)]
Place = Annotated[str, _judged(identifiers.place_fault, identifiers.canonical_place)]
Country = Annotated[str, BeforeValidator(_upper), StringConstraints(pattern=r"^[A-Z]{2}$")]
Office = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]{2,20}$"), BeforeValidator(_compact)
]
"""Customs office reference number, in upper case."""
LaneId = Annotated[
    str,
    StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f~][^\s\x00-\x1f\x7f]*$", max_length=100),
]
Mode = Annotated[str, BeforeValidator(_mode)]
"""Mode of transport as UN code: 1 sea, 2 rail, 3 road, 4 air, 5 post; names are read too."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Mass = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
"""Kilograms."""
Amount = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
"""Decimal degrees, ISO 6709."""
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Probability = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]

SealType = Literal["KEYLESS_PADLOCK", "BOLT", "WIRE", "SMART_LOCK"]
SealGrade = Literal["I", "S", "H"]
"""ISO 17712: indicative, security, high security."""
SealSource = Literal[
    "CARRIER",
    "CONSOLIDATOR",
    "CUSTOMER",
    "CUSTOMS",
    "PHYTOSANITARY",
    "SHIPPER",
    "TERMINAL",
    "VETERINARY",
]
SealNumber = Annotated[
    str,
    StringConstraints(
        # Of separators alone nothing is left to compare; a control character would split the key of a cell.
        pattern=r"^[^\x00-\x1f\x7f]*\w[^\x00-\x1f\x7f]*$",
        min_length=1,
        max_length=15,
        strip_whitespace=True,
    ),
]
Placement = Literal["DOOR", "VENT"]
Side = Literal["EXPORT", "TRANSIT", "IMPORT"]
Channel = Literal["GREEN", "BLUE", "YELLOW", "ORANGE", "RED"]


class Seal(WireModel):
    """A seal as a document states it."""

    number: SealNumber
    source: SealSource | None = None
    type: SealType | None = None
    grade: SealGrade | None = None
    placement: Placement | None = None


class Means(WireModel):
    """Means of transport of one voyage: ship, flight, train or vehicle."""

    imo_number: ImoNumber | None = None
    vessel_name: Text | None = None
    voyage_number: Token | None = None
    flight_number: Token | None = None
    flight_date: date | None = None
    train_number: Token | None = None
    train_date: date | None = None
    vehicle_registration: Token | None = None
    nationality: Country | None = None


class Located(WireModel):
    """Where something happened; every part may be missing."""

    un_location_code: Place | None = None
    facility_code: Token | None = None
    facility_type: Text | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None


class Referring(WireModel):
    """What an event may name: the unit that travels, or a reference that leads to it."""

    equipment_reference: EquipmentReference | None = None
    loose_cargo: bool | None = None
    """True: no equipment travels; the unit is the house transport document itself (loose air cargo, parcels)."""
    transport_document_reference: TransportDocument | None = None
    consignment_id: TransportDocument | None = None
    """Number of the house transport document."""
    mrn: Mrn | None = None
    ucr: Ucr | None = None
    lane_id: LaneId | None = None

    def _judge_unit(self, found: Contradictions) -> None:
        if self.loose_cargo and self.equipment_reference is not None:
            found.add(
                "/looseCargo",
                "true",
                "no equipmentReference: loose cargo travels without equipment",
            )
        if self.loose_cargo and not (self.transport_document_reference or self.consignment_id):
            found.add(
                "/transportDocumentReference",
                "nothing",
                "the transport document, which is the unit of loose cargo",
                reason="missing_field",
            )


def unknown_fields(model: BaseModel) -> int:
    """Count the fields that the model and the models within it do not know."""
    count = len(model.__pydantic_extra__ or ())
    for value in model.__dict__.values():
        # Most fields of an event are absent or plain: the cheap tests come first.
        if value is None or type(value) is str:
            continue
        if isinstance(value, BaseModel):
            count += unknown_fields(value)
        elif type(value) is tuple:
            count += sum(unknown_fields(item) for item in value if isinstance(item, BaseModel))
    return count


def body_of(model: BaseModel) -> dict[str, Any]:
    """Return the body under its wire names, without what is absent."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
