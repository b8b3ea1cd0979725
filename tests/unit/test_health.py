"""The worker's small web server."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, Counter, parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from sstl.agents.health import Health, HealthServer, Pulse, serve
from sstl.errors import ExitCode, UserError

pytestmark = pytest.mark.unit


class Answers:
    live = Health(ok=True)
    ready = Health(ok=False, details={"partitions_assigned": 3, "partitions_ready": 1})


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def server(answers: Answers) -> Iterator[HealthServer]:
    registry = CollectorRegistry()
    Counter("sstl_things_total", "Things.", registry=registry).inc(3)
    running = serve("127.0.0.1", 0, registry, lambda: answers.live, lambda: answers.ready)
    yield running
    running.stop()


def get(server: HealthServer, path: str) -> tuple[int, str, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{server.port}{path}", timeout=5) as response:
            return response.status, response.headers["Content-Type"], response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_metrics_are_served_as_prometheus_reads_them(server: HealthServer) -> None:
    status, kind, body = get(server, "/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    assert "sstl_things_total 3.0" in body


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_further_metrics_come_before_the_end_of_either_format(
    answers: Answers, accept: str
) -> None:
    registry = CollectorRegistry()
    Counter("sstl_things_total", "Things.", registry=registry).inc(3)
    more = b"# HELP sstl_more More.\n# TYPE sstl_more gauge\nsstl_more 7.0\n"
    running = serve(
        "127.0.0.1", 0, registry, lambda: answers.live, lambda: answers.ready, lambda: more
    )
    try:
        request = urllib.request.Request(
            f"http://127.0.0.1:{running.port}/metrics", headers={"Accept": accept}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as response:
            body = response.read().decode()
    finally:
        running.stop()
    read = openmetrics_parser if "openmetrics" in accept else parser
    found = {
        sample.name: sample.value
        for family in read.text_string_to_metric_families(body)
        for sample in family.samples
    }
    assert found == {"sstl_things_total": 3, "sstl_more": 7}


def test_a_worker_that_restores_is_live_but_not_ready(server: HealthServer) -> None:
    assert get(server, "/health/live")[0] == 200
    status, kind, body = get(server, "/health/ready")
    assert status == 503
    assert kind.startswith("application/json")
    assert json.loads(body) == {"ok": False, "partitions_assigned": 3, "partitions_ready": 1}


def test_health_is_asked_anew_at_each_request(server: HealthServer, answers: Answers) -> None:
    answers.ready = Health(ok=True)
    assert get(server, "/health/ready")[0] == 200


def test_nothing_else_is_served(server: HealthServer) -> None:
    assert get(server, "/")[0] == 404


def test_a_taken_port_is_the_callers_mistake() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match="SSTL_METRICS_PORT") as raised:
            serve(
                "127.0.0.1",
                port,
                CollectorRegistry(),
                lambda: Health(ok=True),
                lambda: Health(ok=True),
            )
    assert raised.value.exit_code == ExitCode.IN_USE


def test_a_stopped_server_frees_its_port_and_may_be_stopped_again(server: HealthServer) -> None:
    server.stop()
    server.stop()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", server.port))


@pytest.mark.parametrize(
    ("silent_s", "ok"),
    [pytest.param(30.0, True, id="exactly-the-limit"), pytest.param(30.1, False, id="longer")],
)
def test_a_loop_is_alive_while_it_beats(silent_s: float, ok: bool) -> None:
    now = [1000.0]
    pulse = Pulse(timedelta(seconds=30), clock=lambda: now[0])
    now[0] += 500
    pulse.beat()
    now[0] += silent_s
    assert pulse.health() == Health(ok, {"loop_silent_seconds": silent_s})
