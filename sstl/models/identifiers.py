"""Identifiers of the trade and their check digits: pure functions over text.

They live with the models because the border judges by them; `sstl.core.identifiers` is the name the domain uses.
Every function takes the canonical form (upper case, no spaces); the ``canonical_*`` functions make it.
"""

import re
from functools import lru_cache
from typing import Literal

from sstl.models import unlocode

_CONTAINER = re.compile(r"[A-Z]{4}[0-9]{7}")
_TEU = {"2": 1, "4": 2, "L": 2}
"""First character of a size code to TEU."""
_ULD = re.compile(r"[A-Z][A-Z0-9]{2}[0-9]{4,5}[A-Z0-9]{2}")
_WAGON = re.compile(r"[0-9]{12}")
_WAGON_SHORT = re.compile(r"[0-9]{7,8}")
_AWB_HYPHENED = re.compile(r"([0-9]{3})-([0-9]{8})")
_AWB_SPACED = re.compile(r"\s*[0-9]{3}\s+[0-9]{4}\s*[0-9]{4}\s*")
_AWB = re.compile(r"([0-9]{3})-?([0-9]{8})")
_DOCUMENT = re.compile(r"[A-Z0-9][A-Z0-9:/_.#+\-]{0,69}")
_MRN = re.compile(r"[0-9]{2}[A-Z]{2}[A-Z0-9]{13}[0-9]")
_UCR = re.compile(r"[0-9][A-Z]{2}[A-Z0-9/:().\-]{1,32}")
_HS6 = re.compile(r"[0-9]{6}")
NO_CHAPTERS = frozenset({"00", "77"})
"""What the Harmonized System has no chapter for; 77 is kept for later."""
_IMO = re.compile(r"[0-9]{7}")
_EORI = re.compile(r"[A-Z]{2}[A-Z0-9]{1,15}")
_UN_LOCATION_CODE = re.compile(r"[A-Z]{2}[A-Z2-9]{3}")
_NAMESPACED = re.compile(r"[a-z][a-z0-9]{0,15}:[A-Za-z0-9_.\-]{1,32}")
_SEPARATORS = re.compile(r"[\s\-./]+")
_SPACES = re.compile(r"\s+")


def _iso6346_values() -> dict[str, int]:
    values = {str(digit): digit for digit in range(10)}
    value = 10
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        if value % 11 == 0:
            value += 1
        values[letter] = value
        value += 1
    return values


_ISO6346 = _iso6346_values()


def iso6346_check_digit(prefix: str) -> int:
    """Return the check digit of owner, category and serial number (ten characters).

    ISO 6346: letters count from A = 10, leaving out the multiples of 11; weights are powers of two; the sum
    modulo 11, where 10 becomes 0.
    """
    return sum(_ISO6346[char] << i for i, char in enumerate(prefix)) % 11 % 10


def teu_of(unit: str, iso_equipment_code: str | None) -> int | None:
    """Return how many twenty-foot equivalent units a unit is; 0: it is no container, None: its length is not known.

    The length is the first character of the size and type code (ISO 6346, table 1; Bureau International des
    Containers, "Size and Type Code"): ``2`` 20 feet, 1 TEU; ``4`` 40 feet and ``L`` 45 feet, 2 TEU. It is common to
    count 45 feet as 2; some count 2.25. Other lengths are rare at sea and are no whole numbers of TEU.
    """
    if _CONTAINER.fullmatch(unit) is None:
        return 0
    return _TEU.get(iso_equipment_code[0]) if iso_equipment_code else None


def kind_of_equipment(unit: str) -> Literal["container", "uld", "wagon"] | None:
    """Return what an equipment reference is by its form (`equipment_fault`), None where it has none of the forms.

    A swap body counts as a container.
    """
    if _CONTAINER.fullmatch(unit):
        return "container"
    if _WAGON.fullmatch(unit) or _WAGON_SHORT.fullmatch(unit):
        return "wagon"
    return "uld" if _ULD.fullmatch(unit) else None


def is_container_number(text: str) -> bool:
    """Tell whether the text is a container number (ISO 6346) with a right check digit."""
    return _CONTAINER.fullmatch(text) is not None and iso6346_check_digit(text[:10]) == int(
        text[10]
    )


def luhn_digit(digits: str) -> int:
    """Return the self-check digit of a rail vehicle's first eleven digits (UIC 438, weights 2, 1, 2, ...)."""
    total = 0
    for i, char in enumerate(digits):
        tens, units = divmod(int(char) * (2 - i % 2), 10)
        total += tens + units
    return -total % 10


def upper(text: str) -> str:
    """Return a text with the letters a to z in upper case.

    Other letters stay as they are, so that none becomes one that identifiers may have (``\u0131`` an ``I``,
    ``\u00df`` two ``S``).
    """
    if text.isascii():
        return text.upper()
    return "".join(char.upper() if char.isascii() else char for char in text)


def without_spaces(text: str) -> str:
    """Return a number in upper case without spaces."""
    return upper(_SPACES.sub("", text))


def without_separators(text: str) -> str:
    """Return a number in upper case without spaces, hyphens, dots and slashes."""
    return upper(_SEPARATORS.sub("", text))


def canonical_equipment(text: str) -> str:
    """Return an equipment reference in upper case without spaces and separators."""
    if text.isascii() and text.isalnum() and text.isupper():
        return text
    return without_separators(text)


@lru_cache(maxsize=16_384)
def equipment_fault(text: str) -> tuple[str, str] | None:
    """Judge an equipment reference: (reason, what was expected), None if it is right.

    Four letters and seven digits are a container or a swap body (ISO 6346, EN 13044: one algorithm) and need
    a right check digit; twelve digits are a rail wagon (UIC) and need theirs; seven or eight digits are a wagon
    of the 1,435 mm network of China or of the 1,520 mm network, judged by format only; an air ULD (IATA) has
    none.
    """
    if _CONTAINER.fullmatch(text):
        digit = iso6346_check_digit(text[:10])
        if digit != int(text[10]):
            return "failed_check_digit", f"check digit {digit} (ISO 6346)"
        return None
    if _WAGON.fullmatch(text):
        digit = luhn_digit(text[:11])
        if digit != int(text[11]):
            return "failed_check_digit", f"check digit {digit} (UIC wagon number)"
        return None
    if _ULD.fullmatch(text) or _WAGON_SHORT.fullmatch(text):
        return None
    return (
        "invalid_value",
        "a container number (ISO 6346), an air ULD or a rail wagon number",
    )


def canonical_document(text: str) -> str:
    """Return a document number in upper case without spaces; an air waybill loses its hyphen.

    One form for every message, so that ``123-12345675`` and ``12312345675`` are the same waybill.
    """
    if not (text.isascii() and text.isalnum() and text.isupper()):
        text = without_spaces(text)
    match = _AWB.fullmatch(text)
    return match[1] + match[2] if match else text


def document_fault(text: str) -> tuple[str, str] | None:
    """Judge a transport document number as written; None if it is right.

    Only the written forms ``123-12345675``, ``123-1234 5675`` and ``123 1234 5675`` are surely an air waybill: eleven
    digits in one may be a bill of lading, which has no check digit.
    """
    if _AWB_HYPHENED.fullmatch(without_spaces(text)) or _AWB_SPACED.fullmatch(text):
        return awb_fault(canonical_document(text))
    if not _DOCUMENT.fullmatch(canonical_document(text)):
        return (
            "invalid_value",
            "up to 70 letters, digits and : / _ . # + -, a letter or digit first",
        )
    return None


def awb_fault(text: str) -> tuple[str, str] | None:
    """Judge an air waybill of eleven digits: the last is the serial number's first seven modulo 7 (IATA)."""
    digit = int(text[3:10]) % 7
    if digit != int(text[10]):
        return "failed_check_digit", f"check digit {digit} (air waybill, modulo 7)"
    return None


def is_waybill_shaped(text: str) -> bool:
    """Tell whether the text has the eleven digits of an air waybill."""
    return _AWB.fullmatch(text) is not None


def is_air_waybill(text: str) -> bool:
    """Tell whether the text is an air waybill number with a right check digit."""
    match = _AWB.fullmatch(text)
    return match is not None and awb_fault(match[1] + match[2]) is None


def mrn_fault(text: str) -> tuple[str, str] | None:
    """Judge a movement reference number: year, country, thirteen characters, a digit.

    Format only: that every office issues the last digit by one published algorithm is not confirmed.
    """
    if _MRN.fullmatch(text):
        return None
    return (
        "invalid_value",
        "18 characters: year, country, 13 letters or digits, a digit",
    )


def ucr_fault(text: str) -> tuple[str, str] | None:
    """Judge a unique consignment reference (WCO): year digit, country, company and reference, 35 at the most."""
    if _UCR.fullmatch(text):
        return None
    return (
        "invalid_value",
        "a UCR: year digit, country, reference, 35 characters at the most",
    )


def hs6_fault(text: str) -> tuple[str, str] | None:
    """Judge a subheading of the Harmonized System: six digits; chapters 00 and 77 do not exist."""
    if _HS6.fullmatch(text) and text[:2] not in NO_CHAPTERS:
        return None
    return (
        "invalid_value",
        "six digits of the Harmonized System, chapter 01 to 99 without 77",
    )


def imo_fault(text: str) -> tuple[str, str] | None:
    """Judge a ship's IMO number: seven digits, the last from the first six with weights 7 to 2."""
    if not _IMO.fullmatch(text):
        return "invalid_value", "seven digits"
    digit = sum(int(char) * (7 - i) for i, char in enumerate(text[:6])) % 10
    if digit != int(text[6]):
        return "failed_check_digit", f"check digit {digit} (IMO number)"
    return None


def eori_fault(text: str) -> tuple[str, str] | None:
    """Judge an economic operator's number: country and up to fifteen characters."""
    if _EORI.fullmatch(text):
        return None
    return "invalid_value", "country and up to 15 letters or digits"


def is_namespaced(place: str) -> bool:
    """Tell whether a place is of an anonymised namespace (``c2k:256``), exempt from UN/LOCODE."""
    return _NAMESPACED.fullmatch(place) is not None


def canonical_place(text: str) -> str:
    """Return a place in upper case without spaces; a namespaced one as it is."""
    if _UN_LOCATION_CODE.fullmatch(text) or is_namespaced(text):
        return text
    return without_spaces(text)


@lru_cache(maxsize=16_384)
def place_fault(text: str) -> tuple[str, str] | None:
    """Judge a place: an anonymised namespace, or UN/LOCODE by format and, where the table is whole, by table."""
    if _UN_LOCATION_CODE.fullmatch(text):
        if unlocode.is_listed(text) is False:
            return "unknown_code", f"a place that UN/LOCODE lists for {text[:2]}"
        return None
    if is_namespaced(text):
        return None
    return (
        "invalid_value",
        "a UN/LOCODE (country and three characters) or namespace:code",
    )


def canonical_seal_number(text: str) -> str:
    """Return a seal number as it is compared: upper case, without spaces and separators."""
    return _SEPARATORS.sub("", text).upper()
