"""Who calls is told by a signature, as Standard Webhooks has it (standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

from gatekeeper.domain.errors import InvalidConfiguration, Problem

SETTING = "STRINGX_CALLBACK_SECRET_FILE"
PREFIX = "whsec_"
# What the specification says of a secret's length.
LEAST_BYTES, MOST_BYTES = 24, 64


def read_secrets(path: Path | None) -> list[bytes]:
    """Read the secrets, one on each line of the file; raises InvalidConfiguration."""
    if path is None:
        raise InvalidConfiguration([Problem(SETTING, "must name a file: callbacks are signed")])
    try:
        lines = path.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfiguration([Problem(SETTING, f"can't be read: {error}")]) from None
    if not lines:
        raise InvalidConfiguration([Problem(SETTING, "the file holds no secret")])
    return [_parse_secret(line) for line in lines]


def _parse_secret(line: str) -> bytes:
    try:
        secret = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not (line.startswith(PREFIX) and LEAST_BYTES <= len(secret) <= MOST_BYTES):
        reason = f"a line must be {PREFIX} and {LEAST_BYTES} to {MOST_BYTES} random bytes in base64"
        raise InvalidConfiguration([Problem(SETTING, reason)])
    return secret


def sign(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Give the headers that name the message and sign it with each secret; `timestamp` is in
    seconds since 1970.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(signature).decode()}" for signature in signatures
        ),
    }
