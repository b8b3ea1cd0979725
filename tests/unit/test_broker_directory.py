import json
import socket
from pathlib import Path

import pytest

from sstl.embedded import EmbeddedKafka
from sstl.embedded.directory import MARKER, check_format, empty, held, is_ours, mark
from sstl.embedded.errors import (
    DataInUseError,
    ForeignDirectoryError,
    NewerDataError,
    NoSpaceError,
    PortTakenError,
    UnwritableError,
)
from sstl.embedded.ports import answers, free_port, is_free
from sstl.errors import ExitCode


def test_a_directory_with_other_things_in_it_is_neither_used_nor_emptied(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    assert not is_ours(tmp_path)
    for fresh in (False, True):
        with pytest.raises(ForeignDirectoryError):
            EmbeddedKafka(tmp_path, fresh=fresh).start()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_emptying_spares_the_lock_that_is_held(tmp_path: Path) -> None:
    mark(tmp_path, "4.4.0")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "segment").write_text("records")
    with held(tmp_path):
        empty(tmp_path)
        assert not (tmp_path / "logs").exists()
        with pytest.raises(DataInUseError), held(tmp_path, patience=0):
            pass
    assert is_ours(tmp_path)


def test_a_directory_in_use_names_who_uses_it(tmp_path: Path) -> None:
    with (
        held(tmp_path),
        pytest.raises(DataInUseError, match=r"in use .*process \d+") as caught,
        held(tmp_path, patience=0),
    ):
        pass
    assert caught.value.exit_code == ExitCode.IN_USE
    with held(tmp_path):
        pass


@pytest.mark.parametrize(
    ("made_by", "newer"),
    [("4.3.9", False), ("4.4.0", False), ("4.4.1", True), ("4.10.0", True), ("5.0", True)],
)
def test_data_of_a_newer_kafka_are_refused(tmp_path: Path, made_by: str, newer: bool) -> None:
    mark(tmp_path, made_by)
    if not newer:
        check_format(tmp_path, "4.4.0")
        return
    with pytest.raises(NewerDataError, match=made_by) as caught:
        check_format(tmp_path, "4.4.0")
    assert caught.value.exit_code == ExitCode.INCOMPATIBLE


def test_a_newer_layout_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_text(json.dumps({"format": 2, "kafka": "4.4.0"}))
    with pytest.raises(NewerDataError, match="layout 2"):
        check_format(tmp_path, "4.4.0")


@pytest.mark.parametrize(("version", "newer"), [(0, False), (1, False), (2, True)])
def test_newer_meta_properties_of_kafka_are_refused(
    tmp_path: Path, version: int, newer: bool
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "meta.properties").write_text(
        f"cluster.id=x\nversion={version}\nnode.id=1\n"
    )
    if not newer:
        check_format(tmp_path, "4.4.0")
        return
    with pytest.raises(NewerDataError, match=r"meta\.properties 2"):
        check_format(tmp_path, "4.4.0")


def test_a_full_disk_is_said_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(NoSpaceError, match="no space left") as caught:
        EmbeddedKafka(tmp_path, min_free_bytes=1 << 62).start()
    assert caught.value.exit_code == ExitCode.NO_SPACE


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("a file")
    with pytest.raises(UnwritableError, match=r"cannot write .*/notes/kafka: ") as caught:
        EmbeddedKafka(tmp_path / "notes" / "kafka").start()
    assert caught.value.exit_code == ExitCode.SETTINGS


def test_a_taken_port_is_said_before_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(PortTakenError, match=str(port)) as caught:
            EmbeddedKafka(tmp_path, port=port).start()
    assert caught.value.exit_code == ExitCode.IN_USE


def test_a_free_port_is_free_and_nobody_answers_there() -> None:
    port = free_port()
    assert is_free(port)
    assert free_port(but=port) != port
    assert not answers(port)


def test_somebody_who_is_no_broker_does_not_count_as_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(5)
        assert not answers(other.getsockname()[1])
