"""What is shipped for running: dashboard, provisioning, scrape configuration, containers."""

import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sstl import metrics
from sstl.cli import monitoring
from sstl.core.indicators.registry import REGISTRY, Kind
from sstl.embedded.ports import is_free
from sstl.embedded.properties import broker_properties
from sstl.series import LABELS
from sstl.settings import Settings

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "sstl-lanes.json"
SHARED_PANEL_TYPES = {"row", "stat", "table", "timeseries", "bargauge"}
"""The same in Grafana 10, 11 and 12."""
OF_THE_CLIENT_LIBRARY = {"process_cpu_seconds_total", "up"}


def dashboard() -> dict[str, Any]:
    model: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return model


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["definition"]


def exposed_names() -> set[str]:
    names = set(OF_THE_CLIENT_LIBRARY)
    for family in metrics.families():
        names.add(family.name)
        if family.type == "counter":
            names.add(f"{family.name}_total")
        if family.type == "histogram":
            names |= {f"{family.name}_{part}" for part in ("bucket", "count", "sum")}
    return names


def compose() -> dict[str, Any]:
    model: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return model


def test_the_dashboard_file_is_what_its_code_writes() -> None:
    check = subprocess.run(
        [sys.executable, str(DEPLOY / "grafana" / "dashboard.py"), "--check"], check=False
    )
    assert check.returncode == 0, "run python deploy/grafana/dashboard.py"


def test_every_metric_that_the_dashboard_names_exists() -> None:
    known = exposed_names()
    named = {
        name
        for expression in expressions()
        for name in re.findall(r"\b(?:sstl|process)_\w+|\bup\b", expression)
    }
    assert len(named) > 20
    assert named <= known, named - known


def test_every_indicator_that_the_dashboard_names_is_declared() -> None:
    named = {
        name
        for expression in expressions()
        for stated in re.findall(r'\bindicator=~?"([^"$]+)"', expression)
        for name in stated.split("|")
    }
    assert len(named) > 8
    for name in named:
        assert any(re.fullmatch(name, declared) for declared in REGISTRY), name


def test_every_label_that_the_dashboard_groups_by_exists() -> None:
    labels = {"instance", "job", "le", "family"}
    for name in vars(metrics).values():
        labels |= set(getattr(name, "_labelnames", ()))
    labels |= {*LABELS, "reason"}
    for expression in expressions():
        for group in re.findall(r"\bby \(([^)]*)\)", expression):
            assert {label.strip() for label in group.split(",")} <= labels, expression


def test_every_panel_says_what_it_shows_in_what_unit() -> None:
    for panel in panels():
        assert panel["type"] in SHARED_PANEL_TYPES
        assert panel["description"], panel["title"]
        if panel["type"] != "table":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_panels_lie_side_by_side_without_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


def test_only_rates_of_events_are_shown_per_1000() -> None:
    (panel,) = [one for one in panels() if one["title"].startswith("Rates per 1,000")]
    (expression,) = [one["expr"] for one in panel["targets"]]
    left_out = re.search(r'indicator!~"([^"]*)"', expression)
    assert left_out is not None
    for one in REGISTRY.values():
        if one.kind is Kind.RATE:
            assert bool(re.fullmatch(left_out[1], one.name)) == one.is_amount, one.name


def test_grafana_finds_the_datasource_that_the_dashboard_asks() -> None:
    provisioned = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    )
    source = next(v for v in dashboard()["templating"]["list"] if v["type"] == "datasource")
    assert source["current"]["value"] == provisioned["datasources"][0]["uid"]
    environment = compose()["services"]["grafana"]["environment"]
    files = [path.read_text() for path in (DEPLOY / "grafana/provisioning").rglob("*.yaml")]
    for variable in re.findall(r"\$\{(\w+)\}", "".join(files)):
        assert variable in environment


def test_nothing_is_published_to_the_network() -> None:
    published = [
        port for service in compose()["services"].values() for port in service.get("ports", ())
    ]
    assert published
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_images_are_pinned_and_every_lasting_service_has_a_health_check() -> None:
    for name, service in compose()["services"].items():
        assert re.search(r":v?\d+\.\d+\.\d+", service["image"]), name
        assert name == "topics" or service["healthcheck"]["test"], name


def test_workers_are_told_only_settings_that_exist() -> None:
    for name in ("topics", "worker"):
        environment = {
            variable: "a secret of some length" if variable.endswith("KEY") else str(text)
            for variable, text in compose()["services"][name]["environment"].items()
        }
        environment["SSTL_PARTITIONS"] = ""
        settings = Settings.from_environment(environment)
        assert settings.bootstrap == "kafka:19092"


def test_prometheus_asks_workers_where_they_listen() -> None:
    worker = compose()["services"]["worker"]
    scrape = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    job = next(job for job in scrape["scrape_configs"] if job["job_name"] == "sstl")
    found = job["dns_sd_configs"][0]
    assert found["names"] == ["worker"]
    assert found["port"] == worker["environment"]["SSTL_METRICS_PORT"]


def test_kafka_in_a_container_is_set_as_the_embedded_one() -> None:
    lines = (DEPLOY / "kafka" / "server.properties").read_text().splitlines()
    ours = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    embedded = broker_properties(Path("logs"), 9092, 9093)
    own = {"log.dirs", "listener.security.protocol.map", "inter.broker.listener.name"}
    for name, value in ours.items():
        assert name in own or embedded[name] == value, name
    lock = json.loads((ROOT / "sstl/embedded/broker.lock.json").read_text())
    version = lock["kafka"]
    assert compose()["services"]["kafka"]["image"] == f"apache/kafka:{version}"


def test_the_image_runs_as_nobody_special_from_locked_packages() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert "--require-hashes" in text
    assert re.search(r"^USER \d+$", text, re.MULTILINE)
    for line in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        assert re.search(r":\d+\.\d+\.\d+", line)
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE):
        assert all(f"!{path}" in allowed for path in source.split())


def test_the_container_health_check_fails_without_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSTL_METRICS_PORT", "1")
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(DEPLOY / "healthcheck.py"))
    assert ended.value.code


def test_what_is_not_installed_is_said_and_nothing_is_started(tmp_path: Path) -> None:
    with monitoring.start(tmp_path, [8900], {"PATH": str(tmp_path)}) as running:
        prometheus, grafana = running.services
    assert (prometheus.url, grafana.url) == (None, None)
    assert "not installed" in str(prometheus.reason)
    assert "Prometheus" in str(grafana.reason)


def a_command(directory: Path, name: str, script: str) -> None:
    path = directory / name
    path.write_text(f"#!{sys.executable}\n{script}")
    path.chmod(0o755)


def test_prometheus_is_told_every_workers_port_and_ends_with_the_demo(tmp_path: Path) -> None:
    a_command(
        tmp_path,
        "prometheus",
        "import http.server, sys\n"
        "host, port = next(a for a in sys.argv if 'listen' in a).partition('=')[2].split(':')\n"
        "class Ready(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200)\n"
        "        self.end_headers()\n"
        "http.server.HTTPServer((host, int(port)), Ready).serve_forever()\n",
    )
    with monitoring.start(tmp_path / "data", [8900, 8901], {"PATH": str(tmp_path)}) as running:
        prometheus, grafana = running.services
        assert prometheus.url is not None
        assert prometheus.url.startswith("http://127.0.0.1:")
        assert "not installed" in str(grafana.reason)
        port = int(prometheus.url.rpartition(":")[2])
        assert not is_free(port)
    assert is_free(port)
    written = yaml.safe_load((tmp_path / "data/prometheus/prometheus.yml").read_text())
    targets = written["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == ["127.0.0.1:8900", "127.0.0.1:8901"]


def test_a_program_that_stops_by_itself_is_reported_with_its_log(tmp_path: Path) -> None:
    a_command(tmp_path, "prometheus", "raise SystemExit('no space')")
    with monitoring.start(tmp_path / "data", [8900], {"PATH": str(tmp_path)}) as running:
        reason = str(running.services[0].reason)
    assert reason.startswith("stopped by itself, see ")
    assert "no space" in Path(reason.rpartition(" ")[2]).read_text()


def test_a_grafana_of_ones_own_is_called_with_port_and_directories(tmp_path: Path) -> None:
    a_command(tmp_path, "my-grafana", "")
    environment = {"PATH": str(tmp_path), "SSTL_GRAFANA": "my-grafana --quiet"}
    command = monitoring.grafana_command(3000, Path("provisioning"), Path("data"), environment)
    assert command == [str(tmp_path / "my-grafana"), "--quiet", "3000", "provisioning", "data"]
