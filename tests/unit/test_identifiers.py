from pathlib import Path
from typing import Any

import orjson
import pytest

from sstl.core import identifiers
from sstl.models import unlocode

DCSA = Path(__file__).parents[1] / "data" / "dcsa"


@pytest.mark.parametrize("number", ["CSQU3054383", "APZU4812090", "MSKU9070323"])
def test_a_container_number_is_right_when_its_check_digit_is(number: str) -> None:
    assert identifiers.is_container_number(number)
    assert identifiers.equipment_fault(number) is None


def test_a_container_number_with_another_check_digit_is_refused_with_the_digit_that_fits() -> None:
    assert identifiers.equipment_fault("CBHU1234567") == (
        "failed_check_digit",
        "check digit 1 (ISO 6346)",
    )


@pytest.mark.parametrize(
    ("unit", "code", "teu"),
    [
        pytest.param("CSQU3054383", "22G1", 1, id="20-feet"),
        pytest.param("CSQU3054383", "45G1", 2, id="40-feet-high-cube"),
        pytest.param("CSQU3054383", "L5G1", 2, id="45-feet"),
        pytest.param("CSQU3054383", "M5G1", None, id="48-feet"),
        pytest.param("CSQU3054383", "", None, id="empty"),
        pytest.param("CSQU3054383", None, None, id="not-stated"),
        pytest.param("218127703217", None, 0, id="a-wagon"),
        pytest.param("HBL001", None, 0, id="loose-cargo"),
    ],
)
def test_a_container_counts_in_teu_by_the_length_of_its_size_code(
    unit: str, code: str | None, teu: int | None
) -> None:
    assert identifiers.teu_of(unit, code) == teu


@pytest.mark.parametrize("position", range(11))
def test_one_mistyped_character_of_a_container_number_is_noticed(position: int) -> None:
    right = "CSQU3054383"
    wrong = "B" if position < 4 else str((int(right[position]) + 1) % 10)
    assert identifiers.equipment_fault(right[:position] + wrong + right[position + 1 :]) is not None


def test_a_remainder_of_ten_is_written_as_zero() -> None:
    # APZU481209: the weighted sum leaves 10
    assert identifiers.iso6346_check_digit("APZU481209") == 0


def test_a_container_number_may_be_written_with_spaces_and_small_letters() -> None:
    assert identifiers.canonical_equipment("csqu 305438-3") == "CSQU3054383"


def test_a_rail_wagon_is_judged_by_its_own_check_digit() -> None:
    assert identifiers.equipment_fault("218124712173") is None
    fault = identifiers.equipment_fault("218124712174")
    assert fault == ("failed_check_digit", "check digit 3 (UIC wagon number)")


@pytest.mark.parametrize("number", ["AKE12345LH", "PMC1234AA", "54321987"])
def test_units_without_a_check_digit_of_theirs_are_judged_by_format(number: str) -> None:
    assert identifiers.equipment_fault(number) is None


@pytest.mark.parametrize("number", ["", "X", "CSQU305438", "container one", "CSQU30543834"])
def test_anything_else_is_no_unit(number: str) -> None:
    fault = identifiers.equipment_fault(identifiers.canonical_equipment(number))
    assert fault is not None
    assert fault[0] == "invalid_value"


def test_an_air_waybill_is_the_same_with_and_without_hyphen() -> None:
    assert identifiers.canonical_document("160-12345675") == "16012345675"
    assert identifiers.canonical_document("16012345675") == "16012345675"
    assert identifiers.is_air_waybill("16012345675")


def test_the_last_digit_of_an_air_waybill_is_its_serial_number_modulo_seven() -> None:
    assert identifiers.document_fault("160-12345675") is None
    assert identifiers.document_fault("160-12345676") == (
        "failed_check_digit",
        "check digit 5 (air waybill, modulo 7)",
    )


@pytest.mark.parametrize(
    "written",
    ["160-1234 5676", "160 - 12345676", " 160 1234 5676", "160\u00a012345676"],
)
def test_an_air_waybill_is_judged_however_it_is_spaced(written: str) -> None:
    assert identifiers.canonical_document(written) == "16012345676"
    fault = identifiers.document_fault(written)
    assert fault == ("failed_check_digit", "check digit 5 (air waybill, modulo 7)")
    assert identifiers.document_fault(written[:-1] + "5") is None


@pytest.mark.parametrize("letter", ["\u00df", "\u0131", "\u017f", "\ufb01"])
def test_no_other_letter_becomes_one_of_an_identifier(letter: str) -> None:
    assert identifiers.document_fault(f"HBL{letter}1") is not None
    assert identifiers.place_fault(identifiers.canonical_place(f"NLR{letter}")) is not None
    unit = identifiers.canonical_equipment(f"C{letter}QU3054383")
    assert identifiers.equipment_fault(unit) is not None


def test_eleven_digits_without_hyphen_may_be_a_bill_of_lading() -> None:
    assert identifiers.document_fault("16012345676") is None


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        pytest.param("9321483", None, id="right"),
        pytest.param("9321484", "failed_check_digit", id="other-digit"),
        pytest.param("932148", "invalid_value", id="too-short"),
    ],
)
def test_an_imo_number_ends_in_its_check_digit(number: str, reason: str | None) -> None:
    fault = identifiers.imo_fault(number)
    assert (fault and fault[0]) == reason


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        pytest.param("CNYTN", None, id="yantian"),
        pytest.param("CNNBG", None, id="ningbo-port"),
        pytest.param("NLRTM", None, id="rotterdam"),
        pytest.param("KZALS", None, id="alashankou-stands-under-kazakhstan"),
        pytest.param("NLQQ9", "unknown_code", id="not-listed-in-a-whole-table"),
        pytest.param("DEQQ9", None, id="germany-by-format-only"),
        pytest.param("BRSSZ", None, id="country-without-table-by-format-only"),
        pytest.param("c2k:256", None, id="anonymised-namespace"),
        pytest.param("C2K:256", "invalid_value", id="no-namespace"),
        pytest.param("NL1TM", "invalid_value", id="digit-that-codes-never-have"),
        pytest.param("Rotterdam", "invalid_value", id="name"),
    ],
)
def test_a_place_is_judged_by_table_where_the_table_is_whole(
    place: str, reason: str | None
) -> None:
    fault = identifiers.place_fault(place)
    assert (fault and fault[0]) == reason


def test_germany_has_no_table_because_its_copy_is_cut() -> None:
    assert "DE" not in unlocode.COUNTRIES
    assert len(unlocode.COUNTRIES) == 33
    assert unlocode.is_listed("DEHAM") is None


@pytest.mark.parametrize(
    ("number", "right"),
    [
        ("26NL000510A1B2C3D4", True),
        ("26NL000510A1B2C3D", False),
        ("2NNL000510A1B2C3D4", False),
        ("26NL000510A1B2C3DX", False),
    ],
)
def test_an_mrn_is_judged_by_format(number: str, right: bool) -> None:
    assert (identifiers.mrn_fault(number) is None) is right


@pytest.mark.parametrize(
    ("number", "right"),
    [("6CN1234567890REF1", True), ("CN1234567890", False), ("6CN" + "1" * 33, False)],
)
def test_a_ucr_begins_with_year_digit_and_country(number: str, right: bool) -> None:
    assert (identifiers.ucr_fault(number) is None) is right


@pytest.mark.parametrize(
    ("code", "right"), [("851712", True), ("8517", False), ("001234", False), ("771234", False)]
)
def test_a_subheading_has_six_digits_of_an_existing_chapter(code: str, right: bool) -> None:
    assert (identifiers.hs6_fault(code) is None) is right


def test_an_eori_is_country_and_number() -> None:
    assert identifiers.eori_fault("NL123456789") is None
    assert identifiers.eori_fault("123456789") is not None


def test_seal_numbers_are_compared_without_case_and_separators() -> None:
    assert identifiers.canonical_seal_number("cn-12 34.5") == "CN12345"


def _found(node: Any, name: str) -> list[str]:
    if isinstance(node, dict):
        here = [node[name]] if isinstance(node.get(name), str) else []
        return here + [value for child in node.values() for value in _found(child, name)]
    if isinstance(node, list):
        return [value for child in node for value in _found(child, name)]
    return []


def test_of_the_containers_in_the_dcsa_examples_one_has_a_wrong_check_digit() -> None:
    numbers = {
        number
        for file in sorted(DCSA.glob("*.json"))
        for number in _found(orjson.loads(file.read_bytes()), "equipmentReference")
    }
    assert numbers == {"APZU4812090", "APNR7744962", "MSKU9070323"}
    assert {n for n in numbers if identifiers.equipment_fault(n)} == {"APNR7744962"}


def test_the_ships_of_the_dcsa_examples_have_right_imo_numbers() -> None:
    for file in sorted(DCSA.glob("*.json")):
        for number in _found(orjson.loads(file.read_bytes()), "vesselIMONumber"):
            assert identifiers.imo_fault(number) is None
