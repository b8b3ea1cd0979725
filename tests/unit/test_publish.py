"""Publishing: what is sent, what is noted, and what happens when it is cut off."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from sstl.errors import ExitCode, UserError
from sstl.models.catalogue import TYPES
from sstl.publish.lines import read_lines
from sstl.publish.message import Mode, encode, progress_event
from sstl.publish.resume import Acknowledged, ResumeFile
from sstl.publish.routing import family_of
from sstl.publish.session import Backfill, publish

EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "urn:x",
    "type": "org.sstl.transport.dep.v1",
    "partitionkey": "k",
    "retracted": True,
    "datacontenttype": "application/json",
    "data": {"a": 1},
}


class FakeSender:
    """Acknowledges until it is told to break."""

    def __init__(self, break_after: int | None = None) -> None:
        self.sent: list[str] = []
        self.told: list[tuple[str, str]] = []
        self.break_after = break_after

    @property
    def ends(self) -> Mapping[str, int]:
        return {"t/0": len(self.sent)}

    def send_all(self, events: Iterable[tuple[str, dict[str, Any]]]) -> int:
        for _topic, event in events:
            if self.break_after is not None and len(self.sent) >= self.break_after:
                raise UserError("broken", ExitCode.UNREACHABLE)
            self.sent.append(event["id"])
        return len(self.sent)

    def send_progress(self, topics: Sequence[str], source: str, reached: str) -> int:
        self.told += [(topic, reached) for topic in topics]
        return len(topics)

    def flush(self) -> None:
        """Nothing waits."""


def _events(count: int) -> list[dict[str, Any]]:
    return [{"id": str(n), "recordedtime": f"2020-01-01T00:00:{n:02d}Z"} for n in range(count)]


def test_structured_mode_is_the_event_itself() -> None:
    message = encode(EVENT)
    assert message.value is not None
    assert orjson.loads(message.value) == EVENT
    assert message.headers == [("content-type", b"application/cloudevents+json")]
    assert message.key == b"k"


def test_binary_mode_puts_attributes_into_headers() -> None:
    message = encode(EVENT, Mode.BINARY)
    assert message.value == b'{"a":1}'
    assert dict(message.headers) == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_id": b"1",
        "ce_source": b"urn:x",
        "ce_type": b"org.sstl.transport.dep.v1",
        "ce_partitionkey": b"k",
        "ce_retracted": b"true",
    }


def test_a_retraction_without_body_is_no_tombstone_in_binary_mode() -> None:
    event = {name: value for name, value in EVENT.items() if name != "data"}
    assert encode(event, Mode.BINARY).value == b""


def test_every_known_type_but_progress_has_a_topic() -> None:
    for kind in TYPES.values():
        family = family_of(kind.ce_type)
        assert (family in kind.topics) if kind.name != "progress" else (family is None)


def test_a_declaration_goes_beside_the_manifests() -> None:
    assert family_of("org.sstl.declaration.lodged.v1") == "manifest"


@pytest.mark.parametrize(
    "kind", ["org.sstl.transport.dep.v2", "transport.dep", "org.sstl.nothing.v1"]
)
def test_an_unknown_type_has_no_topic(kind: str) -> None:
    assert family_of(kind) is None


def test_progress_is_another_event_for_each_partition_and_instant() -> None:
    events = [
        progress_event("urn:x", "t", partition, reached)
        for partition in (0, 1)
        for reached in ("2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z")
    ]
    assert len({event["id"] for event in events}) == 4
    assert events[0]["data"] == {"reached": "2020-01-01T00:00:00Z"}


def test_a_publication_that_was_cut_off_goes_on_behind_the_last_acknowledged_batch() -> None:
    notes: list[Acknowledged] = []
    broken = FakeSender(break_after=5)
    with pytest.raises(UserError, match="broken"):
        publish(_events(10), broken, lambda _: "t", save=notes.append, batch_events=2)
    assert notes[-1].events == 4
    sender = FakeSender()
    sent = publish(
        _events(10), sender, lambda _: "t", done=notes[-1], save=notes.append, batch_events=2
    )
    assert (sent, sender.sent) == (6, ["4", "5", "6", "7", "8", "9"])
    assert notes[-1].events == 10


def test_a_backfill_is_told_its_progress_with_each_batch() -> None:
    sender = FakeSender()
    publish(
        _events(3), sender, lambda _: "t", backfill=Backfill(["a", "b"], "urn:x"), batch_events=2
    )
    first, last = "2020-01-01T00:00:01Z", "2020-01-01T00:00:02Z"
    assert sender.told == [("a", first), ("b", first), ("a", last), ("b", last)]


def test_progress_counts_what_was_acknowledged_before() -> None:
    advanced: list[int] = []
    done = Acknowledged(4)
    publish(_events(5), FakeSender(), lambda _: "t", done=done, advance=advanced.append)
    assert advanced == [4, 1]


def _note(directory: Path, **changed: str) -> ResumeFile:
    known = {"content": "abc", "bootstrap": "b:1", "prefix": "p"} | changed
    return ResumeFile(directory, **known)


def test_a_note_is_of_one_content_broker_and_prefix(tmp_path: Path) -> None:
    _note(tmp_path).save(Acknowledged(7, {"t/0": 7}))
    assert _note(tmp_path).load({"t/0": 7}).events == 7
    for other in ({"content": "abd"}, {"bootstrap": "b:2"}, {"prefix": "q"}):
        assert _note(tmp_path, **other).load({"t/0": 7}).events == 0


def test_topics_made_anew_are_published_to_from_the_beginning(tmp_path: Path) -> None:
    _note(tmp_path).save(Acknowledged(7, {"t/0": 7, "t/1": 3}))
    assert _note(tmp_path).load({"t/0": 7, "t/1": 2}).events == 0
    assert _note(tmp_path).load({"t/0": 8, "t/1": 3}).events == 7


def test_a_damaged_note_is_named(tmp_path: Path) -> None:
    note = _note(tmp_path)
    note.path.write_bytes(b"{")
    with pytest.raises(UserError, match="--restart"):
        note.load({})


def test_lines_are_numbered_and_say_what_is_wrong() -> None:
    lines = list(read_lines([b'{"a": 1}\n', b"\n", b"{\n", b"[1]\n"]))
    assert [(line.number, line.event is None) for line in lines] == [
        (1, False),
        (3, True),
        (4, True),
    ]
    assert "JSON" in str(lines[1].problem)
    assert "list" in str(lines[2].problem)
