"""What gunicorn asks of a configuration beyond its command line."""

from __future__ import annotations

import socket
import struct
from typing import Any

READ_SECONDS = 10


def when_ready(server: Any) -> None:
    """Let no client hold a thread by sending slowly: a read that brings nothing for so long ends.

    The option is the listener's; the connections it accepts inherit it.
    """
    for listener in server.LISTENERS:
        timeout = struct.pack("ll", READ_SECONDS, 0)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
