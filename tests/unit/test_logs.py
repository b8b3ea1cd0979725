"""Log lines: stable fields, and no way for a name to get into one."""

import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sstl
from sstl import logs

pytestmark = pytest.mark.unit

PACKAGE = Path(sstl.__file__).parent


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    written = io.StringIO()
    logs.configure("INFO", written)
    yield written
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("aiokafka", "kafka", "faust", "mode", "asyncio"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_the_fixed_four_and_the_fields_given(stream: io.StringIO) -> None:
    logs.get("sstl.agents").info(
        "partition taken over", stage="journeys", partition=3, seconds=0.25
    )
    (line,) = lines(stream)
    assert line.pop("ts").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "sstl.agents",
        "event": "partition taken over",
        "stage": "journeys",
        "partition": 3,
        "seconds": 0.25,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("consignee", "Muster", id="field-that-does-not-exist"),
        pytest.param("reason", "refused by Muster Spedition", id="free-text"),
        pytest.param("topic", "深圳", id="too-odd-for-a-topic-or-a-path"),
        pytest.param("partition", "Muster", id="text-where-a-number-belongs"),
    ],
)
def test_what_no_field_takes_is_named_but_not_written(
    stream: io.StringIO, field: str, value: str
) -> None:
    logs.get("sstl.intake").warning("odd", **{field: value})
    (line,) = lines(stream)
    assert line["dropped"] == field
    assert value not in stream.getvalue()


def test_of_an_exception_only_its_class_and_the_places_are_written(stream: io.StringIO) -> None:
    parties: dict[str, str] = {}
    try:
        parties["Muster Spedition"]
    except KeyError as error:
        logs.get("sstl.agents").error("batch failed", cause=error, stage="journeys")
    (line,) = lines(stream)
    assert line["error"] == "KeyError"
    assert "test_logs.py" in line["where"]
    assert "Muster" not in stream.getvalue()


def test_our_own_sentences_are_never_put_together_from_data(stream: io.StringIO) -> None:
    logging.getLogger("sstl.intake").warning("refused %s", "Muster Spedition")
    assert lines(stream)[0]["event"] == "refused %s"


def test_a_librarys_line_keeps_its_numbers_but_no_exceptions_text(stream: io.StringIO) -> None:
    logging.getLogger("aiokafka").warning(
        "offset %d of %s failed: %r", 7, "sstl.journeys.v1", ValueError("Muster Spedition")
    )
    logging.getLogger("asyncio").error(
        "Task exception was never retrieved\nfuture: Muster Spedition"
    )
    first, second = lines(stream)
    assert first["event"] == "offset 7 of sstl.journeys.v1 failed: 'ValueError'"
    assert second["event"] == "Task exception was never retrieved"


def test_libraries_are_heard_from_warning_on(stream: io.StringIO) -> None:
    logging.getLogger("faust.worker").info("hello")
    assert lines(stream) == []


def calls_of_our_loggers() -> Iterator[tuple[str, ast.Call]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"debug", "info", "warning", "error"}
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
            ):
                yield f"{file.relative_to(PACKAGE)}:{node.lineno}", node


def test_every_line_that_the_program_writes_uses_known_fields_and_a_fixed_sentence() -> None:
    found = list(calls_of_our_loggers())
    assert found
    for place, call in found:
        names = {keyword.arg for keyword in call.keywords} - {"cause", None}
        assert names <= logs.FIELDS.keys(), place
        assert isinstance(call.args[0], ast.Constant), place
