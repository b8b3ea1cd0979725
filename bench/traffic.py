"""Events of made-up units for the benchmarks: what was planned, and that it happened late.

Each late event raises one flag, so that what was published can be found again in what comes out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from sstl.synthetic import numbers
from sstl.synthetic.log import text

PLACE, SOURCE = "CNYTN", "urn:sstl:bench"
HEADERS = [("content-type", b"application/cloudevents+json")]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Units by number, and what is reported of them.

    Args:
        now: Everything lies shortly before this instant.
        by_document: Events name only a transport document; a manifest links it to the unit.
    """

    now: datetime
    by_document: bool

    def unit(self, number: int) -> str:
        """Return the number of a unit."""
        return numbers.container(1 if self.by_document else 0, number)

    def document(self, number: int) -> str:
        """Return the transport document that the unit travels under."""
        return f"BENCH{number:07d}"

    def manifest(self, number: int) -> dict[str, Any]:
        """Return the filing that ties a document to its unit."""
        unit = self.unit(number)
        body = {
            "lrn": f"LRN-{number}",
            "mode": "1",
            "placeOfLoading": PLACE,
            "placeOfUnloading": "NLRTM",
            "consignments": [
                {
                    "consignmentId": self.document(number),
                    "transportDocument": self.document(number),
                    "equipmentReferences": [unit],
                }
            ],
            "equipment": [{"equipmentReference": unit}],
        }
        return self._event(f"m-{number}", "manifest.lodged", self.now - timedelta(hours=5), body)

    def planned(self, number: int) -> dict[str, Any]:
        """Return when the unit should have departed."""
        return self._departed(number, "PLANNED", self.now - timedelta(hours=4))

    def late(self, number: int) -> dict[str, Any]:
        """Return that it departed three hours late."""
        return self._departed(number, "ACTUAL", self.now - timedelta(hours=1))

    def _departed(self, number: int, classifier: str, at: datetime) -> dict[str, Any]:
        if self.by_document:
            named = {"transportDocumentReference": self.document(number)}
        else:
            named = {"equipmentReference": self.unit(number)}
        body = {**named, "eventClassifier": classifier, "unLocationCode": PLACE, "legId": "L1"}
        return self._event(f"{classifier}-{number}", "transport.departed", at, body)

    def _event(self, name: str, kind: str, at: datetime, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": f"{self.by_document:d}-{name}",
            "source": SOURCE,
            "type": f"org.sstl.{kind}.v1",
            "time": text(at),
            "recordedtime": text(at + timedelta(minutes=1)),
            "datacontenttype": "application/json",
            "data": body,
        }

    def before(self, count: int) -> Iterator[tuple[str, bytes]]:
        """Yield (family, value) of what must be known before the late events."""
        for number in range(count):
            if self.by_document:
                yield "manifest", orjson.dumps(self.manifest(number))
            yield "transport", orjson.dumps(self.planned(number))


def wall(seconds: float) -> datetime:
    """Return the wall clock's instant."""
    return datetime.fromtimestamp(seconds, UTC)
