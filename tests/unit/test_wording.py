"""What is wrong with a value is told in words of the field, not of the library that found it."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from sstl.models.catalogue import TYPES
from sstl.models.policy import Policy
from sstl.models.wording import PATTERNS, expected


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    text: str = "a"
    short: Annotated[str, Field(max_length=3)] = "a"
    whole: Annotated[int, Field(ge=0, le=10**9)] = 0
    share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1
    names: Annotated[tuple[str, ...], Field(min_length=1)] = ("a",)
    at: AwareDatetime | None = None
    day: date | None = None
    kind: Literal["A", "B"] = "A"
    truth: bool = True
    inner: dict[str, int] = {}


def said(**values: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        Row.model_validate_json(json.dumps(values))
    details = refused.value.errors()
    assert len(details) == 1
    return expected(dict(details[0]))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param({"text": 5}, "a text", id="number-for-text"),
        pytest.param({"short": "long"}, "a text of up to 3 characters", id="too-long"),
        pytest.param({"whole": 1.5}, "a whole number", id="a-half"),
        pytest.param({"whole": -1}, "at least 0", id="negative"),
        pytest.param({"whole": 2 * 10**9}, "at most 1000000000", id="too-many"),
        pytest.param({"share": 0}, "more than 0", id="no-share"),
        pytest.param({"share": 1.5}, "at most 1", id="more-than-all"),
        pytest.param({"share": "half"}, "a number", id="text-for-number"),
        pytest.param({"names": []}, "a list of 1 or more", id="empty-list"),
        pytest.param({"names": "a"}, "a list", id="text-for-list"),
        pytest.param(
            {"at": "2026-03-01T08:00:00"},
            "an instant with its offset, like 2026-03-01T08:00:00Z",
            id="no-offset",
        ),
        pytest.param({"day": "1 March"}, "a date like 2026-03-01", id="no-date"),
        pytest.param({"kind": "C"}, "'A' or 'B'", id="unknown-code"),
        pytest.param({"truth": "maybe"}, "true or false", id="maybe"),
        pytest.param({"inner": []}, "an object of names and values", id="list-for-object"),
        pytest.param({"outer": 1}, "no key of this name", id="unknown-key"),
    ],
)
def test_what_would_have_been_right_is_said_in_plain_words(
    value: dict[str, Any], words: str
) -> None:
    assert said(**value) == words


def patterns(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for inner in schema.values():
            yield from patterns(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from patterns(inner)


def test_every_pattern_of_an_event_and_of_the_policy_has_words() -> None:
    models: list[type[BaseModel]] = [Policy, *(known.body for known in TYPES.values())]
    used = {one for model in models for one in patterns(model.model_json_schema())}
    assert used == set(PATTERNS)
