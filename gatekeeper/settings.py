"""The settings, read from the environment (STRINGX_*) once, when a process starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import (
    AfterValidator,
    BeforeValidator,
    DirectoryPath,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gatekeeper.contracts.callback_url import parse_hosts
from gatekeeper.domain.errors import InvalidConfiguration, Problem
from gatekeeper.domain.fleet import DEFAULT_POOL

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parent.parent
PREFIX = "STRINGX_"
# What warehouses refer to, and what compose, the command line, start-service.sh and the tests read.
NOT_SETTINGS = (
    "STRINGX_WAREHOUSE_",
    "STRINGX_DOCKER_",
    "STRINGX_URL",
    "STRINGX_PYTHON",
    "STRINGX_KAFKA_HOME",
)

POOLS = r"^[a-z][a-z0-9_-]{0,62}(,[a-z][a-z0-9_-]{0,62})*$"

Count = Annotated[int, Field(ge=1, le=1000)]
Seconds = Annotated[float, Field(gt=0, le=86400)]
Port = Annotated[int, Field(ge=1, le=65535)]


def _postgresql(url: SecretStr) -> SecretStr:
    """Refuse what is no URL of PostgreSQL, without saying it: there may be a password in it."""
    value = url.get_secret_value()
    try:
        conninfo_to_dict(value)
    except psycopg.ProgrammingError:
        value = ""
    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("it must be as postgresql://user:password@host:port/name")
    return url


StoreUrl = Annotated[SecretStr, AfterValidator(_postgresql)]
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_hosts)]


class KafkaSettings(BaseSettings):
    """Every setting of Kafka with its meaning. Without brokers Kafka isn't used."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}KAFKA_", frozen=True)

    bootstrap: str | None = Field(
        None,
        description="the brokers, as host:port,host:port; without them Kafka isn't used. Runners "
        "don't talk to them, and need it to know that results are owed there",
    )
    triggers_topic: str = Field("stringx.triggers", description="where triggers come from")
    changes_topics: str | None = Field(
        None,
        description="further topics that are read, as topic,topic: where change events come from, "
        "if not among the triggers",
    )
    results_topic: str = Field("stringx.results", description="where results go")
    dead_letters_topic: str = Field(
        "stringx.triggers.dlq", description="where records go that can't be taken"
    )
    group: str = Field("stringx", description="the consumers' group")
    member: str | None = Field(
        None,
        description="a consumer's own name in the group: with one it keeps its partitions when it "
        "is started again",
    )
    max_queue_depth: Annotated[int, Field(ge=1)] = Field(
        10_000, description="waiting runs above which consumers hold back"
    )
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="the port on which a consumer tells Prometheus its metrics, at /metrics"
    )
    metrics_host: str = Field("127.0.0.1", description="the address of that port")
    registry_url: SecretStr | None = Field(
        None,
        description="a schema registry, as https://user:password@host; then triggers may be Avro",
    )
    results_format: Literal["json", "avro"] = Field(
        "json", description="how results are written; avro needs a schema registry"
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how the brokers are talked to"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "PLAIN", description="how StringX says who it is, with SASL"
    )
    sasl_username: str | None = Field(None, description="who it says it is")
    sasl_secret_file: FilePath | None = Field(
        None, description="the file with its password, or with its token for OAUTHBEARER"
    )
    ssl_cafile: FilePath | None = Field(None, description="who signs the brokers' certificates")
    ssl_certfile: FilePath | None = Field(None, description="StringX's own certificate")
    ssl_keyfile: FilePath | None = Field(None, description="the key of that certificate")

    @model_validator(mode="after")
    def _registry_for_avro(self) -> Self:
        if self.results_format == "avro" and self.registry_url is None:
            raise ValueError("results in Avro need STRINGX_KAFKA_REGISTRY_URL")
        return self


class Settings(BaseSettings):
    """Every setting with its meaning; the README's table is made from these and Kafka's."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    database_url: StoreUrl | None = Field(
        None,
        description="the store, as postgresql://user:password@host:port/name; "
        "without it an embedded PostgreSQL in the data directory is used",
    )
    database_url_file: FilePath | None = Field(
        None,
        description="a file that holds the store's URL, in place of `STRINGX_DATABASE_URL`; "
        "it may not lie in `STRINGX_SECRETS_DIR`, whose files warehouses may refer to",
    )
    data_dir: Path = Field(
        ROOT / ".stringx",
        description="where the embedded PostgreSQL and the demo's logs live",
    )
    dbt_project_dir: DirectoryPath = Field(
        ROOT / "stringx",
        description="the dbt project: StringX's rule types, your own tests, and packages",
    )
    projects_dir: Path = Field(
        ROOT / "projects",
        description="the folder of the dbt projects that gates name; a runner reads it",
    )
    host: str = Field("127.0.0.1", description="the address that web listens on")
    port: Port = Field(5001, description="the port of the API")
    portal_port: Port = Field(8001, description="the port of the portal")
    web_processes: Count = Field(2, description="processes of web")
    web_threads: Count = Field(16, description="threads of each web process")
    max_wait_seconds: Seconds = Field(
        60, description="the longest that a request may wait for its verdict"
    )
    inline_wait_seconds: Seconds = Field(
        30, description="how long a trigger of an inline gate waits before it answers 202"
    )
    worker_concurrency: Count = Field(4, description="jobs that a worker does at once")
    lanes: Count | None = Field(
        None,
        description="lanes of a runner, each judging one run at a time; without it one a core",
    )
    pools: Annotated[str, Field(pattern=POOLS)] = Field(
        DEFAULT_POOL,
        description="the pools whose runs a runner takes, as pool,pool; `default` is that of gates "
        "and warehouses that name none",
    )
    lane_threads: Count = Field(
        4, description="checks that a lane runs at once, each on a warehouse connection of its own"
    )
    lane_max_runs: Count = Field(500, description="runs after which a lane is replaced")
    lane_max_mebibytes: Annotated[int, Field(ge=128)] = Field(
        512, description="resident memory above which a lane is replaced"
    )
    drain_seconds: Seconds = Field(
        30, description="how long a runner that is asked to stop goes on with its runs"
    )
    secrets_dir: Path = Field(
        Path("/run/secrets"), description="the folder that file: references are read from"
    )
    version: str = Field(
        VERSION, description="what this release is called where runners are shown; an image sets it"
    )
    pulse_file: Path | None = Field(
        None,
        description="a file that worker, runner, consumer and portal touch for as long as they "
        "live, for a container's health check",
    )
    callback_hosts: Hosts | None = Field(
        None,
        description="the hosts that results may be posted to, as "
        "host,host:port,http://host:port; https unless http stands there, private addresses too. "
        "Without it a trigger with a callback_url is refused",
    )
    callback_secret_file: Path | None = Field(
        None,
        description="the file with the secret that signs what a worker posts, as whsec_ and base64",
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="how logs are written; auto is console on a terminal, else json"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="the least level that is logged"
    )

    @model_validator(mode="before")
    @classmethod
    def _read_database_url(cls, given: dict[str, Any]) -> dict[str, Any]:
        file = given.get("database_url_file")
        if file is None or given.get("database_url") is not None:
            return given
        try:
            return {**given, "database_url": Path(file).read_text().strip()}
        except OSError:
            # That the file isn't there is said by its own field.
            return given

    @model_validator(mode="after")
    def _store_kept_from_warehouses(self) -> Self:
        file = self.database_url_file
        if file is not None and file.resolve().is_relative_to(self.secrets_dir.resolve()):
            raise ValueError("STRINGX_DATABASE_URL_FILE may not lie in STRINGX_SECRETS_DIR")
        return self

    @property
    def address(self) -> str:
        """Where web listens, as a URL has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def load_settings() -> Settings:
    """Read the environment; raises InvalidConfiguration that names each bad setting."""
    known = {name for kind in (Settings, KafkaSettings) for name in names_of(kind)}
    unknown = [
        Problem(name, "there is no such setting")
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known and not name.startswith(NOT_SETTINGS)
    ]
    if unknown:
        raise InvalidConfiguration(unknown)
    return _load(Settings)


def load_kafka_settings(*, needed: bool = False) -> KafkaSettings:
    """Read Kafka's part of the environment; raises InvalidConfiguration like the other, also where
    Kafka is needed and no brokers are named.
    """
    kafka = _load(KafkaSettings)
    if needed and kafka.bootstrap is None:
        raise InvalidConfiguration([Problem(f"{PREFIX}KAFKA_BOOTSTRAP", "must name the brokers")])
    return kafka


def names_of(kind: type[BaseSettings]) -> dict[str, str]:
    """Give the settings' names in the environment, each with its field's."""
    prefix = kind.model_config["env_prefix"]
    return {f"{prefix}{field.upper()}": field for field in kind.model_fields}


S = TypeVar("S", bound=BaseSettings)


def _load(kind: type[S]) -> S:
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config["env_prefix"]
        raise InvalidConfiguration(
            [
                Problem(f"{prefix}{str((each['loc'] or ['*'])[0]).upper()}", each["msg"])
                for each in error.errors()
            ]
        ) from None
