"""Prometheus and Grafana beside the demo, where they are installed; said plainly where not.

Both listen on loopback with generated configuration under the demo's data directory. They are started through the
same guard as the embedded broker, so that neither outlives the demo, whatever ends it.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import IO, Final, Self

import sstl
from sstl.embedded import guard
from sstl.embedded.ports import free_port, is_free

HOST: Final = "127.0.0.1"
PROMETHEUS_PORT: Final = 9090
GRAFANA_PORT: Final = 3000
GRAFANA_COMMAND: Final = "SSTL_GRAFANA"
"""Names a command that is called as ``COMMAND PORT PROVISIONING_DIR DATA_DIR`` instead of looking for Grafana."""
GRAFANA_HOMES: Final = ("/usr/share/grafana", "/usr/local/share/grafana", "/opt/grafana")
DASHBOARD: Final = "/d/sstl-lanes"
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A proxy of the environment is not for loopback."""
_STOP: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Service:
    """One program beside the demo: where it answers, or why it does not."""

    name: str
    url: str | None
    reason: str | None = None


class Monitoring:
    """What was started; use it as a context manager or call `stop`."""

    def __init__(self, services: Sequence[Service], processes: Sequence["_Guarded"]) -> None:
        self.services = tuple(services)
        self._processes = list(processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop what was started and wait until it is gone; may be called more than once."""
        while self._processes:
            self._processes.pop().stop()


def deploy_directory() -> Path:
    """Return where the dashboards and provisioning lie: ``deploy/`` beside the package."""
    return Path(sstl.__file__).resolve().parents[1] / "deploy"


def start(
    directory: Path,
    metrics_ports: Sequence[int],
    environment: Mapping[str, str],
    *,
    patience: timedelta = timedelta(seconds=60),
) -> Monitoring:
    """Start Prometheus and Grafana as far as they are installed; return when they answer.

    Args:
        directory: For their configuration, data and logs; made if missing.
        metrics_ports: Ports on 127.0.0.1 where the workers serve ``/metrics``.
        environment: Usually ``os.environ``; says where commands are found.
        patience: How long one of them may take to answer; then it is stopped and said why.
    """
    directory.mkdir(parents=True, exist_ok=True)
    processes: list[_Guarded] = []
    services: list[Service] = []
    try:
        prometheus = _prometheus(directory, metrics_ports, environment, patience, processes)
        services.append(prometheus)
        services.append(_grafana(directory, prometheus.url, environment, patience, processes))
    except BaseException:
        Monitoring((), processes).stop()
        raise
    return Monitoring(services, processes)


def _prometheus(
    directory: Path,
    metrics_ports: Sequence[int],
    environment: Mapping[str, str],
    patience: timedelta,
    processes: list["_Guarded"],
) -> Service:
    name = "Prometheus"
    binary = shutil.which("prometheus", path=environment.get("PATH"))
    if binary is None:
        return Service(name, None, "not installed (no command 'prometheus')")
    home = directory / "prometheus"
    home.mkdir(exist_ok=True)
    config = home / "prometheus.yml"
    config.write_text(scrape_configuration(metrics_ports), encoding="utf-8")
    port = _port(PROMETHEUS_PORT)
    command = [
        binary,
        f"--config.file={config}",
        f"--storage.tsdb.path={home / 'data'}",
        "--storage.tsdb.retention.time=7d",
        f"--web.listen-address={HOST}:{port}",
    ]
    url = f"http://{HOST}:{port}"
    process = _Guarded(command, environment, home / "prometheus.log")
    return _await(name, url, f"{url}/-/ready", process, patience, processes)


def scrape_configuration(metrics_ports: Sequence[int]) -> str:
    """Return Prometheus's configuration for workers on these ports (JSON, which is YAML)."""
    targets = [f"{HOST}:{port}" for port in metrics_ports]
    return json.dumps(
        {
            "global": {"scrape_interval": "2s", "scrape_timeout": "2s"},
            "scrape_configs": [{"job_name": "sstl", "static_configs": [{"targets": targets}]}],
        },
        indent=2,
    )


def _grafana(
    directory: Path,
    prometheus_url: str | None,
    environment: Mapping[str, str],
    patience: timedelta,
    processes: list["_Guarded"],
) -> Service:
    name = "Grafana"
    if prometheus_url is None:
        return Service(name, None, "not started: it would have no Prometheus to ask")
    deploy = deploy_directory() / "grafana"
    if not deploy.is_dir():
        return Service(name, None, "not started: this installation has no deploy/grafana directory")
    home = directory / "grafana"
    provisioning = home / "provisioning"
    shutil.copytree(deploy / "provisioning", provisioning, dirs_exist_ok=True)
    port = _port(GRAFANA_PORT)
    command = grafana_command(port, provisioning, home, environment)
    if command is None:
        return Service(
            name,
            None,
            f"not installed (no command 'grafana' or 'grafana-server', and no {GRAFANA_COMMAND})",
        )
    settings = grafana_settings(port, provisioning, home) | {
        "PROMETHEUS_URL": prometheus_url,
        "DASHBOARDS": str(deploy / "dashboards"),
    }
    url = f"http://{HOST}:{port}"
    process = _Guarded(command, {**environment, **settings}, home / "grafana.log")
    return _await(name, url + DASHBOARD, f"{url}/api/health", process, patience, processes)


def grafana_command(
    port: int, provisioning: Path, home: Path, environment: Mapping[str, str]
) -> list[str] | None:
    """Return the command that starts Grafana, None where there is none."""
    path = environment.get("PATH")
    if own := environment.get(GRAFANA_COMMAND):
        words = shlex.split(own)
        binary = shutil.which(words[0], path=path)
        return (
            None
            if binary is None
            else [binary, *words[1:], str(port), str(provisioning), str(home)]
        )
    server = shutil.which("grafana-server", path=path)
    grafana = shutil.which("grafana", path=path)
    if server is None and grafana is None:
        return None
    command = [grafana, "server"] if grafana is not None else [str(server)]
    homes = [place for place in GRAFANA_HOMES if (Path(place) / "public").is_dir()]
    return [*command, "--homepath", homes[0]] if homes else command


def grafana_settings(port: int, provisioning: Path, home: Path) -> dict[str, str]:
    """Return Grafana's settings: loopback, anybody may look, nobody may change, nothing is sent anywhere."""
    return {
        "GF_SERVER_HTTP_ADDR": HOST,
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_PATHS_DATA": str(home / "data"),
        "GF_PATHS_LOGS": str(home / "data" / "log"),
        "GF_PATHS_PLUGINS": str(home / "data" / "plugins"),
        "GF_PATHS_PROVISIONING": str(provisioning),
        "GF_LOG_MODE": "console",
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_AUTH_DISABLE_LOGIN_FORM": "true",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
    }


class _Guarded:
    """A program under the guard: it ends when we say so, and when we are gone."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        limit = str(_STOP.total_seconds())
        with log.open("wb") as output:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), limit, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=output,
                env=dict(environment),
            )

    @property
    def ended(self) -> bool:
        return self._guard.poll() is not None

    def stop(self) -> None:
        pipe: IO[bytes] | None = self._guard.stdin
        if pipe is not None and not pipe.closed:
            pipe.close()  # the guard takes the end of its input as the order to stop
        try:
            self._guard.wait(_STOP.total_seconds() + 5)
        except subprocess.TimeoutExpired:
            self._guard.kill()  # and the kernel the program
            self._guard.wait()


def _await(
    name: str,
    url: str,
    probe: str,
    process: _Guarded,
    patience: timedelta,
    processes: list[_Guarded],
) -> Service:
    """Wait until a program answers; one that does not is stopped and said why."""
    processes.append(process)
    deadline = time.monotonic() + patience.total_seconds()
    while time.monotonic() < deadline and not process.ended:
        if _answers(probe):
            return Service(name, url)
        time.sleep(0.2)
    what = (
        "stopped by itself"
        if process.ended
        else f"did not answer in {patience.total_seconds():.0f} s"
    )
    processes.remove(process)
    process.stop()
    return Service(name, None, f"{what}, see {process.log}")


def _answers(url: str) -> bool:
    try:
        with _DIRECT.open(url, timeout=2) as response:
            return bool(response.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False


def _port(usual: int) -> int:
    return usual if is_free(usual) else free_port()
