"""Health check of the container image: exit code 0 while ``/health/live`` answers ok.

``ready`` is not asked: a worker that restores its state is healthy and must not be started anew.
"""

import http.client
import os
import sys

connection = http.client.HTTPConnection(
    "127.0.0.1", int(os.environ.get("SSTL_METRICS_PORT", "8900")), timeout=4
)
try:
    connection.request("GET", "/health/live")
    sys.exit(0 if connection.getresponse().status == http.client.OK else 1)
except OSError as error:
    sys.exit(f"no answer from /health/live: {error}")
