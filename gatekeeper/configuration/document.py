"""The wire form of a configuration file. What a field may hold is said here, once."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

from gatekeeper.domain.gate import Mode, Policy
from gatekeeper.domain.rule import NO_ROW, THRESHOLD_PATTERN, Dimension, Kind, Severity, Threshold
from gatekeeper.domain.verdict import OnNoData, Verdict

REFERENCE = r"^(env:STRINGX_WAREHOUSE_[A-Z0-9_]+|file:[A-Za-z0-9._-]+)$"


def storable(value: str) -> str:
    """Give the text back; raises ValueError where PostgreSQL can't hold it."""
    if "\x00" in value:
        raise ValueError("a NUL character can't be stored; leave it out")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair; send whole characters") from None
    return value


Text = Annotated[str, AfterValidator(storable)]
"""Text that PostgreSQL can hold."""

TableName = Annotated[Text, Field(pattern=r"^[^.]+\.[^.]+$", max_length=511)]
"""A table as `schema.table`."""

RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""The one part of a rule that reaches a dbt project as it is, hence the alphabet."""

ThresholdText = Annotated[
    Threshold,
    BeforeValidator(lambda value: str(value) if type(value) is int else value),
    Field(pattern=THRESHOLD_PATTERN),
]
"""How many failing rows are too many: a number of rows, or a percentage as text."""

Reference = Annotated[str, Field(pattern=REFERENCE)]
"""Where a secret is: `env:STRINGX_WAREHOUSE_...`, or `file:NAME` in the secrets directory."""


class Strict(BaseModel):
    """A wire form that takes no field it doesn't know, and converts nothing silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PostgresConnection(Strict):
    """How to reach a PostgreSQL warehouse. Each text may be a reference; the password is one."""

    host: Text
    port: int | Reference = Field(default=5432)
    database: Text
    user: Text
    password: Reference | None = None
    sslmode: Text = "prefer"


def _check_folder(value: str) -> str:
    folder = PurePosixPath(value)
    if not folder.is_absolute() or folder == PurePosixPath("/") or ".." in folder.parts:
        raise ValueError("must be the absolute path of a folder, without .. and not / itself")
    return value


class DuckdbConnection(Strict):
    """Where a DuckDB file is; the runner opens it to read only. Its views may read what is in the
    folder `files`, and no file at all where that is left out.
    """

    path: Text
    files: Annotated[Text, AfterValidator(_check_folder)] | None = None


WarehouseName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class PostgresWarehouse(Strict):
    """A PostgreSQL database that holds judged tables."""

    name: WarehouseName
    adapter: Literal["postgres"] = "postgres"
    connection: PostgresConnection


class DuckdbWarehouse(Strict):
    """A DuckDB file that holds judged tables."""

    name: WarehouseName
    adapter: Literal["duckdb"]
    connection: DuckdbConnection


ADAPTERS = ("postgres", "duckdb")


def _adapter(value: Any) -> str:
    """Tell which kind of warehouse a document is before it is read; PostgreSQL unless it says."""
    return str(value.get("adapter", "postgres")) if isinstance(value, dict) else value.adapter


WarehouseDocument = Annotated[
    Annotated[PostgresWarehouse, Tag("postgres")] | Annotated[DuckdbWarehouse, Tag("duckdb")],
    Discriminator(_adapter),
]


class RuleDocument(Strict):
    """A rule; what is left out comes from its rule type."""

    name: RuleName
    type: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    kind: Kind = Field(default=Kind.ENGINEERING, strict=False)
    dimension: Dimension | None = Field(default=None, strict=False)
    severity: Severity = Field(default=Severity.ERROR, strict=False)
    warn_above: ThresholdText = NO_ROW
    error_above: ThresholdText = NO_ROW
    enabled: bool = True
    description: Text = ""


def _check_opens_on(verdicts: list[Verdict]) -> list[Verdict]:
    if Verdict.ERROR in verdicts:
        raise ValueError("a gate can't open on what could not be judged; leave error out")
    return sorted(set(verdicts))


class GateDocument(Strict):
    """A table with its rules and its policy."""

    warehouse: str
    table: TableName
    description: Text = ""
    mode: Mode = Field(default=Mode.ASYNC, strict=False)
    opens_on: Annotated[
        list[Annotated[Verdict, Field(strict=False)]],
        AfterValidator(_check_opens_on),
    ] = Field(default=[Verdict.PASS, Verdict.WARN])
    on_no_data: OnNoData = Field(default=OnNoData.FAIL, strict=False)
    deadline_seconds: Annotated[int, Field(ge=1, le=86400)] = 600
    rules: list[RuleDocument] = Field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        """What tells the gate from every other."""
        return self.warehouse, self.table

    def policy(self) -> Policy:
        """The gate's policy in the domain's words."""
        return Policy(self.mode, frozenset(self.opens_on), self.on_no_data, self.deadline_seconds)


class Document(Strict):
    """A whole configuration file."""

    warehouses: list[WarehouseDocument] = Field(default_factory=list)
    gates: list[GateDocument] = Field(default_factory=list)

    def sorted(self) -> Document:
        """The same, in the one order that doesn't depend on who wrote it."""
        gates = [
            gate.model_copy(update={"rules": sorted(gate.rules, key=lambda rule: rule.name)})
            for gate in sorted(self.gates, key=lambda gate: gate.key)
        ]
        warehouses = sorted(self.warehouses, key=lambda warehouse: warehouse.name)
        return Document(warehouses=warehouses, gates=gates)
