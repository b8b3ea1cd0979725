"""The worker's small web server: ``/metrics``, ``/health/live`` and ``/health/ready``.

It runs in a thread of its own, so that it answers while the worker's loop folds a long batch, and
can say so when that loop hangs. It listens on loopback unless told otherwise and shows neither
state nor messages.

* ``live`` fails: the process cannot help itself, start it anew.
* ``ready`` fails: the process works but not all of its partitions do yet (joining, restoring,
  catching up).
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from sstl.errors import ExitCode, UserError

_START = timedelta(seconds=10)
_END = b"# EOF\n"
"""Ends a text in OpenMetrics."""


@dataclass(frozen=True, slots=True)
class Health:
    """Answer to a health question; ``details`` are for a person, bounded and free of names."""

    ok: bool
    details: Mapping[str, str | int | float | bool] = field(default_factory=dict)


class Pulse:
    """Sign of life of a loop: it beats, and the web server's thread asks how long ago that was."""

    def __init__(self, limit: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit.total_seconds()
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        """Say that the loop still turns."""
        self._last = self._clock()

    def health(self) -> Health:
        """Return not ok once the last beat is longer ago than the limit."""
        silent_s = self._clock() - self._last
        return Health(silent_s <= self._limit_s, {"loop_silent_seconds": round(silent_s, 1)})


class HealthServer:
    """The running web server; `port` is the one it listens on."""

    def __init__(
        self,
        registry: CollectorRegistry,
        live: Callable[[], Health],
        ready: Callable[[], Health],
        more: Callable[[], bytes] | None = None,
    ) -> None:
        self._registry, self._more = registry, more
        self._questions = {"/health/live": live, "/health/ready": ready}
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._failure: OSError | None = None
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None
        self.port = 0

    def start(self, host: str, port: int) -> None:
        """Listen; return when requests are answered.

        Raises:
            UserError: The port is taken or the address is not this machine's.
        """
        self._thread = threading.Thread(
            target=self._run, args=(host, port), name="health", daemon=True
        )
        self._thread.start()
        if not self._started.wait(_START.total_seconds()) or self._failure is not None:
            raise UserError(
                f"cannot listen on {host}:{port} for /metrics ({self._failure or 'no answer'}): "
                "set SSTL_METRICS_PORT to another port, or to 0 for any free one",
                ExitCode.IN_USE,
            ) from self._failure

    def stop(self) -> None:
        """Stop listening; may be called more than once."""
        if self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _run(self, host: str, port: int) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._listen(host, port))
        except OSError as error:
            self._failure = error
            self._started.set()
        else:
            self._started.set()
            self._loop.run_forever()
        finally:
            if self._runner is not None:
                self._loop.run_until_complete(self._runner.cleanup())
            self._loop.close()

    async def _listen(self, host: str, port: int) -> None:
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        for path in self._questions:
            app.router.add_get(path, self._health)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = encode(self._registry)
        if self._more is not None:
            end = _END if body.endswith(_END) else b""
            body = body.removesuffix(end) + self._more() + end
        response = web.Response(body=body, headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    async def _health(self, request: web.Request) -> web.Response:
        health = self._questions[request.path]()
        return web.Response(
            body=orjson.dumps(
                {"ok": health.ok, **health.details}, option=orjson.OPT_APPEND_NEWLINE
            ),
            status=200 if health.ok else 503,
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )


def serve(
    host: str,
    port: int,
    registry: CollectorRegistry,
    live: Callable[[], Health],
    ready: Callable[[], Health],
    more: Callable[[], bytes] | None = None,
) -> HealthServer:
    """Start the web server in a thread of its own and return it.

    Args:
        host: Address to listen on.
        port: 0 takes any free port; the one taken is the server's ``port``.
        registry: What ``/metrics`` shows.
        live: Asked from the server's thread at each request; must only read.
        ready: As ``live``.
        more: Further metrics as text, asked at each request.

    Raises:
        UserError: The port is taken or the address is not this machine's.
    """
    server = HealthServer(registry, live, ready, more)
    server.start(host, port)
    return server
