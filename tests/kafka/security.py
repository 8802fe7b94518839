"""A broker that asks who one is, and what it takes for an answer: certificates, users and tokens
that are made for the while.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from standalone.kafka import Listener
from tests.kafka.fixtures import do_without

USER, PASSWORD = "orders", "plain-secret"
SCRAM_PASSWORD = "another-secret"
# Of these one is asked in the clear, so that there is a listener of each security protocol.
OPEN = ("SCRAM-SHA-512",)
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")
MODULES = "org.apache.kafka.common.security"
TOKEN_SECONDS = 3600


class Authority:
    """Signs certificates; all it makes is in its directory, as PEM."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir()
        self.certificate = directory / "ca.pem"
        self._key = directory / "ca.key"
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=tests", "-days", "1"),
            *("-keyout", str(self._key), "-out", str(self.certificate)),
        )

    def sign(self, name: str) -> tuple[Path, Path]:
        """Make a certificate for somebody on this machine; gives it and its key."""
        request, certificate, key, names = (
            self._directory / f"{name}.{ending}" for ending in ("csr", "pem", "key", "ext")
        )
        names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        _openssl(
            *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", str(key), "-out", str(request)),
        )
        _openssl(
            *("x509", "-req", "-in", str(request), "-days", "1", "-out", str(certificate)),
            *("-CA", str(self.certificate), "-CAkey", str(self._key), "-CAcreateserial"),
            *("-extfile", str(names)),
        )
        return certificate, key


def _openssl(*arguments: str) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        do_without("openssl isn't installed")
    subprocess.run([openssl, *arguments], check=True, capture_output=True, timeout=60)


def build_listeners(authority: Authority) -> dict[str, Listener]:
    """Give a listener for each way to say who one is, named for it."""
    store = authority.certificate.with_name("broker-store.pem")
    certificate, key = authority.sign("broker")
    store.write_text(key.read_text() + certificate.read_text())
    tls = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.certificate),
    }
    users = f'user_{USER}="{PASSWORD}"'
    claims = 'unsecuredLoginStringClaim_sub="broker"'
    return {
        "TLS": Listener("SSL", tls),
        "MUTUAL": Listener("SSL", {**tls, "ssl.client.auth": "required"}),
        "PLAIN": _sasl(tls, "PLAIN", f"{MODULES}.plain.PlainLoginModule", users),
        **{
            name: _sasl({} if name in OPEN else tls, name, f"{MODULES}.scram.ScramLoginModule")
            for name in SCRAM
        },
        "OAUTHBEARER": _sasl(
            tls, "OAUTHBEARER", f"{MODULES}.oauthbearer.OAuthBearerLoginModule", claims
        ),
    }


def _sasl(tls: Mapping[str, str], mechanism: str, module: str, options: str = "") -> Listener:
    return Listener(
        "SASL_SSL" if tls else "SASL_PLAINTEXT",
        {
            **tls,
            "sasl.enabled.mechanisms": mechanism,
            f"{mechanism.lower()}.sasl.jaas.config": f"{module} required {options};",
        },
    )


def build_scram_users() -> list[str]:
    """Give the one user, as the broker's storage tool takes it."""
    return [f"{each}=[name={USER},password={SCRAM_PASSWORD}]" for each in SCRAM]


def build_token(seconds: int = TOKEN_SECONDS) -> str:
    """Give a token without a signature, which the broker takes for so long."""
    now = int(time.time())
    parts = [{"alg": "none"}, {"sub": USER, "iat": now - 7200, "exp": now + seconds}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b""]).decode()
