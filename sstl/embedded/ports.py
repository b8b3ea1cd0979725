"""Ports on loopback: which are free, and whether a broker answers."""

import secrets
import socket
import struct

from sstl.embedded.errors import PortTakenError
from sstl.embedded.properties import HOST

FREE_PORTS = range(20_000, 32_000)
"""Below the range from which systems take outgoing ports, so that the port is still free after a restart."""

API_VERSIONS = 18
CLIENT = b"sstl"
LENGTH_AND_CORRELATION = 8


def is_free(port: int) -> bool:
    """Say whether a broker could listen there."""
    with socket.socket() as probe:
        # As the broker does it: connections of the last run that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(but: int = 0) -> int:
    """Return a port that nobody listens on, and not this one.

    Raises:
        PortTakenError: None was found.
    """
    for port in secrets.SystemRandom().sample(FREE_PORTS, 200):
        if port != but and is_free(port):
            return port
    raise PortTakenError(FREE_PORTS.start)


def answers(port: int) -> bool:
    """Ask for the supported API versions (key 18, version 0): the broker answers only once it serves."""
    request = struct.pack(">hhih", API_VERSIONS, 0, 1, len(CLIENT)) + CLIENT
    try:
        with socket.create_connection((HOST, port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(LENGTH_AND_CORRELATION)) == LENGTH_AND_CORRELATION
    except OSError:
        return False
