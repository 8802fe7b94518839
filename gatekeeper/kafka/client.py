"""How Kafka is reached: the settings as kafka-python takes them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaConnectionError, KafkaError, SaslAuthenticationFailedError
from kafka.net.sasl.oauth import AbstractTokenProvider

from gatekeeper.contracts.result import ResultMessage, encode_json
from gatekeeper.domain.errors import GatekeeperError
from gatekeeper.kafka.wire import Registry
from gatekeeper.settings import KafkaSettings

PRODUCE_SECONDS = 30


class BrokersUnreachable(GatekeeperError):
    """No broker let us in; the message says where, how, and why not."""

    def __init__(self, config: Mapping[str, Any], reason: str) -> None:
        mechanism = config.get("sasl_mechanism")
        how = config["security_protocol"] + (f" and {mechanism}" if mechanism else "")
        where = config["bootstrap_servers"]
        # A broker says no and hangs up at once; of the two the library often sees the second only.
        more = "; are the user and the secret right?" if mechanism else ""
        super().__init__(f"Kafka can't be reached at {where} by {how}: {reason}{more}")


class _Failure(logging.Handler):
    """Keeps why connections failed, of several reasons the most telling: the library logs them, and
    raises only that its time is up.
    """

    TELLING = (SaslAuthenticationFailedError, KafkaConnectionError, Exception)

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.reason: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error that the record is about, if it is about one."""
        for each in record.args if isinstance(record.args, tuple) else ():
            if isinstance(each, Exception) and self._rank(each) <= self._rank(self.reason):
                self.reason = each

    def _rank(self, error: Exception | None) -> int:
        ranks = (rank for rank, kind in enumerate(self.TELLING) if isinstance(error, kind))
        return next(ranks, len(self.TELLING))


@contextmanager
def reaching(config: Mapping[str, Any]) -> Iterator[None]:
    """Make a client of the brokers inside; raises BrokersUnreachable, after half a minute.

    What the library says of each trial is not logged beside it.
    """
    failure, log = _Failure(), logging.getLogger("kafka")
    log.addHandler(failure)
    log.propagate = False
    try:
        yield
    except KafkaError as error:
        raise BrokersUnreachable(config, str(failure.reason or error)) from error
    finally:
        log.propagate = True
        log.removeHandler(failure)


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]  # it has no types
    """Reads the token anew each time: whoever made it may have made another since."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def token(self) -> str:
        """Give the token."""
        return self._path.read_text("utf-8").strip()


def build_config(settings: KafkaSettings) -> dict[str, Any]:
    """Give what every client of the brokers needs; a secret is read when it is built."""
    config = {
        "bootstrap_servers": settings.bootstrap,
        "client_id": "stringx",
        "security_protocol": settings.security_protocol,
        "ssl_cafile": _path(settings.ssl_cafile),
        "ssl_certfile": _path(settings.ssl_certfile),
        "ssl_keyfile": _path(settings.ssl_keyfile),
    }
    return config | _build_sasl(settings)


def _path(path: Path | None) -> str | None:
    return str(path) if path else None


def _build_sasl(settings: KafkaSettings) -> dict[str, Any]:
    if not settings.security_protocol.startswith("SASL"):
        return {}
    mechanism = {"sasl_mechanism": settings.sasl_mechanism}
    secret = settings.sasl_secret_file
    if settings.sasl_mechanism == "OAUTHBEARER":
        return {**mechanism, "sasl_oauth_token_provider": TokenFile(secret or Path("/dev/null"))}
    return {
        **mechanism,
        "sasl_plain_username": settings.sasl_username,
        "sasl_plain_password": secret.read_text("utf-8").rstrip("\n") if secret else "",
    }


def build_registry(settings: KafkaSettings) -> Registry | None:
    """Give the schema registry, if there is one."""
    url = settings.registry_url
    return Registry(url.get_secret_value()) if url else None


def choose_encoding(settings: KafkaSettings) -> Callable[[ResultMessage], bytes]:
    """Give how results are written."""
    registry = build_registry(settings)
    if registry is None or settings.results_format == "json":
        return encode_json
    return partial(registry.encode_result, settings.results_topic)


def build_producer(settings: KafkaSettings) -> KafkaProducer:
    """Give a producer that writes each record once, in order, to all replicas or not at all.

    Raises BrokersUnreachable.
    """
    config = build_config(settings)
    with reaching(config):
        return KafkaProducer(
            **config,
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            request_timeout_ms=PRODUCE_SECONDS * 500,
            delivery_timeout_ms=PRODUCE_SECONDS * 1000,
        )
