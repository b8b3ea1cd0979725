"""docs/policy.md: every example is a valid policy, and every key stands in one."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from sstl.cli.common import load_checked
from sstl.models.policy import Policy

pytestmark = pytest.mark.unit

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SET_BY_PUBLISHING = {"valid_from"}


def models(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        inner = (field.annotation for field in annotation.model_fields.values())
        return {annotation}.union(*map(models, inner))
    return set().union(*map(models, get_args(annotation)))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.partition(":")[0])
def test_every_example_is_a_policy(example: str, tmp_path: Path) -> None:
    (tmp_path / "example.yaml").write_text(example, encoding="utf-8")
    load_checked(tmp_path)


def test_every_key_stands_in_an_example() -> None:
    shown = set(re.findall(r"([a-z_]+):", "\n".join(EXAMPLES)))
    keys = {name for model in models(Policy) for name in model.model_fields}
    assert keys - shown == set()
