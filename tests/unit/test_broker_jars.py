"""Fetching and verifying jars, against a Maven repository on loopback."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sstl.embedded.errors import NoNetworkError, NoSpaceError, UntrustedJarError
from sstl.embedded.jars import BrokerLock, Jar, broker_lock, cache_directory, ensure_jars
from sstl.errors import ExitCode

CONTENTS = {"alpha": b"first jar" * 1000, "beta": b"second jar" * 2000}


def jar(name: str, content: bytes) -> Jar:
    return Jar("org.example", name, "1.0", hashlib.sha256(content).hexdigest(), len(content))


LOCK = BrokerLock("9.9.9", tuple(jar(name, content) for name, content in CONTENTS.items()))


class Repository:
    """Serves the jars and remembers what was asked for."""

    def __init__(self) -> None:
        self.files = {
            f"/maven2/org/example/{name}/1.0/{name}-1.0.jar": content
            for name, content in CONTENTS.items()
        }
        self.asked: list[str] = []
        self.address = ""


@pytest.fixture
def repository() -> Iterator[Repository]:
    served = Repository()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = served.files.get(self.path)
            if self.path.endswith(".jar"):
                served.asked.append(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        served.address = f"http://127.0.0.1:{server.server_port}/maven2"
        yield served
        server.shutdown()
        thread.join()


def test_jars_arrive_in_classpath_order_and_only_once(
    tmp_path: Path, repository: Repository
) -> None:
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))

    paths = ensure_jars(tmp_path, LOCK, progress, repository.address)
    assert [path.name for path in paths] == ["alpha-1.0.jar", "beta-1.0.jar"]
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert seen[0] == (0, LOCK.size)
    assert seen[-1] == (LOCK.size, LOCK.size)
    assert ensure_jars(tmp_path, LOCK, progress, repository.address) == paths
    assert len(repository.asked) == len(CONTENTS)


def test_two_that_start_at_once_fetch_once(tmp_path: Path, repository: Repository) -> None:
    with ThreadPoolExecutor(4) as pool:
        starts = [
            pool.submit(ensure_jars, tmp_path, LOCK, None, repository.address) for _ in range(4)
        ]
        assert len({start.result() for start in starts}) == 1
    assert len(repository.asked) == len(CONTENTS)


def test_a_jar_that_was_changed_on_disk_is_refused(tmp_path: Path, repository: Repository) -> None:
    changed = ensure_jars(tmp_path, LOCK, None, repository.address)[1]
    original = changed.read_bytes()
    changed.write_bytes(original[:-1] + b"!")
    with pytest.raises(UntrustedJarError, match=r"beta-1\.0\.jar") as caught:
        ensure_jars(tmp_path, LOCK, None, repository.address)
    assert caught.value.exit_code == ExitCode.UNTRUSTED


def test_a_jar_that_differs_at_the_source_is_refused_and_not_kept(
    tmp_path: Path, repository: Repository
) -> None:
    path = "/maven2/org/example/beta/1.0/beta-1.0.jar"
    original = repository.files[path]
    repository.files[path] = original[::-1]
    with pytest.raises(UntrustedJarError):
        ensure_jars(tmp_path, LOCK, None, repository.address)
    repository.files[path] = original
    assert ensure_jars(tmp_path, LOCK, None, repository.address)[1].read_bytes() == original


def test_what_has_arrived_before_a_failure_is_kept(tmp_path: Path, repository: Repository) -> None:
    path = "/maven2/org/example/beta/1.0/beta-1.0.jar"
    original = repository.files.pop(path)
    with pytest.raises(NoNetworkError, match=r"Apache Kafka 9\.9\.9") as caught:
        ensure_jars(tmp_path, LOCK, None, repository.address)
    assert caught.value.exit_code == ExitCode.UNREACHABLE
    assert "\n" not in caught.value.message
    repository.files[path] = original
    ensure_jars(tmp_path, LOCK, None, repository.address)
    assert sum("alpha" in asked for asked in repository.asked) == 1


def test_a_repository_that_cannot_be_reached_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NoNetworkError):
        ensure_jars(tmp_path, LOCK, None, "http://127.0.0.1:1/maven2")


def test_jars_that_do_not_fit_on_the_disk_are_not_begun(
    tmp_path: Path, repository: Repository
) -> None:
    huge = BrokerLock("9.9.9", (Jar("org.example", "alpha", "1.0", "0" * 64, 1 << 60),))
    with pytest.raises(NoSpaceError) as caught:
        ensure_jars(tmp_path, huge, None, repository.address)
    assert caught.value.exit_code == ExitCode.NO_SPACE
    assert repository.asked == []


def test_all_parts_of_the_locked_broker_are_of_one_release() -> None:
    lock = broker_lock()
    kafka = [one for one in lock.jars if one.group == "org.apache.kafka"]
    assert {one.version for one in kafka} == {lock.kafka_version}
    assert "kafka-clients" in {one.artifact for one in kafka}
    assert (
        len({one.version for one in lock.jars if one.group.startswith("org.apache.logging")}) == 1
    )


def test_the_locked_broker_can_write_its_log() -> None:
    assert {"log4j-core", "log4j-api", "log4j-slf4j-impl", "slf4j-api"} <= {
        one.artifact for one in broker_lock().jars
    }


def test_no_two_locked_jars_share_a_name() -> None:
    names = [one.name for one in broker_lock().jars]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"XDG_CACHE_HOME": "/var/cache/x"}, Path("/var/cache/x/sstl")),
        ({"XDG_CACHE_HOME": "relative"}, Path.home() / ".cache/sstl"),
        ({}, Path.home() / ".cache/sstl"),
    ],
)
def test_jars_are_kept_in_the_users_cache(environment: dict[str, str], expected: Path) -> None:
    assert cache_directory(environment) == expected
