"""Whether the process of this container lives, for its health check: `python -m console.alive`.

It looks at the pulse that the process leaves in STRINGX_PULSE_FILE; one that leaves none is web,
which is asked. Standard library only, since it is run every few seconds.
"""

from __future__ import annotations

import os
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

# A turn of a consumer may wait that long for a store or a broker that is away.
STALE_SECONDS = 30
ANSWER_SECONDS = 3


def find_trouble() -> str | None:
    """Say what is wrong, if anything."""
    pulse = Path(os.environ.get("STRINGX_PULSE_FILE", ""))
    if pulse.is_file():
        age = time.time() - pulse.stat().st_mtime
        return f"no pulse for {age:.0f} s" if age > STALE_SECONDS else None
    return _ask_web(int(os.environ.get("STRINGX_PORT", "5001")))


def _ask_web(port: int) -> str | None:
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"there is no pulse, and web doesn't answer ({error})"
    finally:
        connection.close()
    return None if status == 200 else f"web answers {status}"  # noqa: PLR2004 - HTTP's own


if __name__ == "__main__":
    sys.exit(find_trouble())
