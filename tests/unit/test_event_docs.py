"""docs/events.md says what the models say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from sstl.models.catalogue import FAMILIES, TYPES
from sstl.models.codes import AIR_STATUS, DCSA_TYPES, MODE_CODES, MODE_NAMES, SHORT_CODES
from sstl.models.rejection import Reason
from tests.intake_messages import fold, structured

DOCS = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
EXAMPLES = [orjson.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)]


def kind_of(document: dict[str, Any]) -> str:
    return str(document["type"]).removeprefix("org.sstl.").removesuffix(".v1")


@pytest.mark.parametrize("document", EXAMPLES, ids=[kind_of(one) for one in EXAMPLES])
def test_every_example_is_accepted_on_the_topics_of_its_type(document: dict[str, Any]) -> None:
    for family in TYPES[kind_of(document)].topics:
        backfill = kind_of(document) == "progress"
        outcome = fold(structured(document, family=family), backfill=backfill)
        assert outcome.counts == {("accepted", family): 1}


def test_every_family_has_an_example() -> None:
    shown = {family for one in EXAMPLES for family in TYPES[kind_of(one)].topics}
    assert shown == set(FAMILIES)


def test_every_type_stands_in_the_documentation() -> None:
    for known in TYPES.values():
        assert f"`{known.ce_type}`" in DOCS


def wire_names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name


def test_every_field_stands_in_the_documentation() -> None:
    for known in TYPES.values():
        for name in wire_names(known.body):
            assert f"| `{name}` |" in DOCS


def test_every_reason_has_its_anchor() -> None:
    for reason in Reason:
        assert f'<a id="{reason.value}"></a>`{reason.value}`' in DOCS


def test_foreign_codes_lead_to_types_that_exist() -> None:
    for target in (*SHORT_CODES.values(), *DCSA_TYPES.values()):
        assert target in TYPES
    for code in AIR_STATUS:
        assert f"transport.{code.lower()}" in TYPES


def test_modes_have_a_code_and_a_name() -> None:
    assert {MODE_NAMES[code] for code in MODE_CODES.values()} == set(MODE_CODES)
