"""The wire form of a configuration file. What a field may hold is said here, once."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from croniter import CroniterError, croniter
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from gatekeeper.domain.expansion import MAX_TEMPLATE_NAME
from gatekeeper.domain.gate import DbtProject, Mode, Policy, Tags
from gatekeeper.domain.rule import NO_ROW, THRESHOLD_PATTERN, Dimension, Kind, Severity, Threshold
from gatekeeper.domain.samples import MAX_ROWS, Mask, SamplePolicy, Show
from gatekeeper.domain.verdict import OnNoData, Verdict
from gatekeeper.domain.watch import Watch

FOLDER = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$"
CRON_FIELDS = 5
CRON_FORM = "write five fields of cron, in UTC, such as */15 * * * * or 0 6 * * mon-fri"
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

TableName = Annotated[
    str, Field(pattern=r"^[^.]+\.[^.]+$", max_length=511), AfterValidator(storable)
]
"""A table as `schema.table`. The pattern stands first, or pydantic leaves it out of the schema."""

Name = Annotated[Text, Field(min_length=1, max_length=255)]
ColumnName = Name

Columns = Annotated[list[ColumnName], Field(max_length=100)]

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


PoolName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
"""The runners that may take a run: those whose setting names it."""


class PostgresWarehouse(Strict):
    """A PostgreSQL database that holds judged tables."""

    name: WarehouseName
    pool: PoolName | None = None
    adapter: Literal["postgres"] = "postgres"
    connection: PostgresConnection


class DuckdbWarehouse(Strict):
    """A DuckDB file that holds judged tables."""

    name: WarehouseName
    pool: PoolName | None = None
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


class RuleBody(Strict):
    """What a rule is but for its name; what is left out comes from its rule type."""

    type: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    kind: Kind = Field(default=Kind.ENGINEERING, strict=False)
    dimension: Dimension | None = Field(default=None, strict=False)
    severity: Severity = Field(default=Severity.ERROR, strict=False)
    warn_above: ThresholdText = NO_ROW
    error_above: ThresholdText = NO_ROW
    enabled: bool = True
    description: Text = ""
    owner: Text = ""


class _RuleNamed(Strict):
    name: RuleName


# In this order of its bases the name stands first.
class RuleDocument(RuleBody, _RuleNamed):
    """A rule; what is left out comes from its rule type."""


def _sorted_once(words: list[str]) -> list[str]:
    return sorted(set(words))


TagName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
"""A word by which templates find what carries it."""

TagSet = Annotated[list[TagName], Field(max_length=100), AfterValidator(_sorted_once)]

Patterns = Annotated[
    list[Annotated[Text, Field(min_length=1, max_length=511)]],
    Field(max_length=100),
    AfterValidator(_sorted_once),
]
"""Names, or patterns of names as in a shell: `*`, `?`, `[a-z]`."""

TemplateName = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=MAX_TEMPLATE_NAME)
]
"""Its rules are named after it. Without a double underscore, which divides it from a column."""


class TemplateDocument(Strict):
    """A rule for every gate that matches: for its table, or for each column that matches."""

    name: TemplateName
    tables: Patterns = Field(default_factory=lambda: ["*"])
    warehouses: Annotated[list[str], AfterValidator(_sorted_once)] = Field(default_factory=list)
    tags: TagSet = Field(default_factory=list)
    columns: Patterns = Field(default_factory=list)
    column_tags: TagSet = Field(default_factory=list)
    rule: RuleBody

    @model_validator(mode="after")
    def _one_way_to_columns(self) -> Self:
        if self.columns and self.column_tags:
            raise ValueError("name columns or column_tags; for both, write two templates")
        return self

    @property
    def has_columns(self) -> bool:
        """Whether its rule is for columns, one by one."""
        return bool(self.columns or self.column_tags)


class DbtProjectDocument(Strict):
    """A dbt project of the user's own, and which of its tests are the gate's."""

    folder: Annotated[str, Field(pattern=FOLDER, max_length=255)]
    select: Annotated[Text, Field(pattern=r"^[^-\s].*$", max_length=1000)]
    target_schema: Name | None = None


class SamplesDocument(Strict):
    """What may be kept of failing rows: nothing, the key that tells a row, or more columns."""

    show: Show = Field(default=Show.OFF, strict=False)
    key: Columns = Field(default_factory=list)
    columns: Columns = Field(default_factory=list)
    masks: dict[ColumnName, Annotated[Mask, Field(strict=False)]] = Field(default_factory=dict)
    rows: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 20
    keep_hours: Annotated[int, Field(ge=1, le=24 * 365)] = 72

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.show is not Show.OFF and not self.key:
            raise ValueError("name the columns that tell a row from another, as key")
        if self.show is Show.COLUMNS and not self.columns:
            raise ValueError("name the columns that may be shown beside the key, as columns")
        if unknown := sorted(set(self.masks) - set(self.key) - set(self.columns)):
            raise ValueError(f"a mask is for a column of key or columns, {unknown[0]!r} is in none")
        return self

    def policy(self) -> SamplePolicy:
        """The same in the domain's words."""
        return SamplePolicy(
            self.show,
            tuple(self.key),
            tuple(self.columns),
            self.masks,
            self.rows,
            self.keep_hours,
        )


class WatchDocument(Strict):
    """How the gate learns of new rows: by looking at a column, or by change events."""

    column: ColumnName | None = None
    every_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None
    window_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None
    changes_of: (
        Annotated[Text, Field(pattern=r"^[^.]+\.[^.]+(\.[^.]+)?$", max_length=1000)] | None
    ) = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.every_seconds is None) == (self.window_seconds is None):
            raise ValueError(
                "give every_seconds, to look at the table, or window_seconds, to gather its "
                "change events"
            )
        if self.every_seconds is not None and self.column is None:
            raise ValueError("name the column whose values grow, as column")
        if self.every_seconds is not None and self.changes_of is not None:
            raise ValueError("changes_of is for change events; leave it out, or every_seconds")
        return self

    def watch(self) -> Watch:
        """The same in the domain's words."""
        return Watch(**self.model_dump())


def _check_cron(value: str) -> str:
    try:
        croniter(value).get_next()
    except CroniterError as error:
        raise ValueError(f"{error}; {CRON_FORM}") from None
    # A sixth field would be seconds; croniter's R stands for any time at all.
    if len(value.split()) != CRON_FIELDS or re.search(r"\bR\b", value, re.IGNORECASE):
        raise ValueError(CRON_FORM)
    return value


def _check_opens_on(verdicts: list[Verdict]) -> list[Verdict]:
    if Verdict.ERROR in verdicts:
        raise ValueError("a gate can't open on what could not be judged; leave error out")
    return sorted(set(verdicts))


class GateDocument(Strict):
    """A table with its rules and its policy."""

    warehouse: str
    table: TableName
    description: Text = ""
    tags: TagSet = Field(default_factory=list)
    column_tags: Annotated[
        dict[ColumnName, TagSet], AfterValidator(lambda tags: dict(sorted(tags.items())))
    ] = Field(default_factory=dict)
    mode: Mode = Field(default=Mode.ASYNC, strict=False)
    opens_on: Annotated[
        list[Annotated[Verdict, Field(strict=False)]],
        AfterValidator(_check_opens_on),
    ] = Field(default=[Verdict.PASS, Verdict.WARN])
    on_no_data: OnNoData = Field(default=OnNoData.FAIL, strict=False)
    deadline_seconds: Annotated[int, Field(ge=1, le=86400)] = 600
    incremental: ColumnName | None = None
    pool: PoolName | None = None
    watch: WatchDocument | None = None
    cron: Annotated[Text, Field(max_length=255), AfterValidator(_check_cron)] | None = None
    dbt_project: DbtProjectDocument | None = None
    samples: SamplesDocument = Field(default_factory=SamplesDocument)
    rules: list[RuleDocument] = Field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        """What tells the gate from every other."""
        return self.warehouse, self.table

    def policy(self) -> Policy:
        """The gate's policy in the domain's words."""
        return Policy(
            mode=self.mode,
            opens_on=frozenset(self.opens_on),
            on_no_data=self.on_no_data,
            deadline_seconds=self.deadline_seconds,
            incremental=self.incremental,
            samples=self.samples.policy(),
            dbt_project=self._dbt_project(),
            watch=self.watch.watch() if self.watch else None,
            cron=self.cron,
            pool=self.pool,
        )

    def tagged(self) -> Tags:
        """The gate's tags in the domain's words."""
        columns = {column: tuple(tags) for column, tags in self.column_tags.items()}
        return Tags(tuple(self.tags), columns)

    def _dbt_project(self) -> DbtProject | None:
        if self.dbt_project is None:
            return None
        schema = self.dbt_project.target_schema or self.table.split(".", 1)[0]
        return DbtProject(self.dbt_project.folder, self.dbt_project.select, schema)


class Document(Strict):
    """A whole configuration file."""

    warehouses: list[WarehouseDocument] = Field(default_factory=list)
    templates: list[TemplateDocument] = Field(default_factory=list)
    gates: list[GateDocument] = Field(default_factory=list)

    def sorted(self) -> Document:
        """The same, in the one order that doesn't depend on who wrote it."""
        gates = [
            gate.model_copy(update={"rules": sorted(gate.rules, key=lambda rule: rule.name)})
            for gate in sorted(self.gates, key=lambda gate: gate.key)
        ]
        warehouses = sorted(self.warehouses, key=lambda warehouse: warehouse.name)
        templates = sorted(self.templates, key=lambda template: template.name)
        return Document(warehouses=warehouses, templates=templates, gates=gates)
