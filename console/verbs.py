"""The verbs of whoever keeps the rules, or asks a gate."""

from __future__ import annotations

import getpass
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.exit_codes import ExitCode
from gatekeeper.settings import Settings

if TYPE_CHECKING:
    from gatekeeper.configuration.imports.imported import Imported


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option(
    "--absent",
    type=click.Choice(["keep", "disable", "delete"]),
    default="keep",
    help="What becomes of the stored things that FILE doesn't name.",
)
@click.pass_obj
def apply(settings: Settings, file: Path, absent: str, *, dry_run: bool) -> None:
    """Store the warehouses, gates and rules of a YAML FILE."""
    from console.show import show_changes
    from gatekeeper.catalogue.load import load_catalogue
    from gatekeeper.configuration.apply import Manner, apply_configuration
    from gatekeeper.configuration.changes import Absent
    from gatekeeper.store.engine import open_store

    manner = Manner(Absent(absent), author=getpass.getuser(), dry_run=dry_run)
    with closing(open_store(settings)) as store:
        rule_types = load_catalogue(settings.dbt_project_dir)
        text = file.read_bytes().decode("utf-8", "backslashreplace")
        changes = apply_configuration(store, rule_types, text, manner)
    show_changes(changes, applied=not dry_run)


@click.command()
@click.pass_obj
def export(settings: Settings) -> None:
    """Print every warehouse, template, gate and rule as YAML, for `apply` to take back."""
    from gatekeeper.catalogue.load import load_catalogue
    from gatekeeper.configuration.export import load_document
    from gatekeeper.configuration.text import render_document
    from gatekeeper.store.engine import open_store

    with closing(open_store(settings)) as store, store.transaction() as tx:
        click.echo(
            render_document(load_document(tx, load_catalogue(settings.dbt_project_dir))), nl=False
        )


def show_imported(imported: Imported) -> None:
    """Print an import's rules as YAML, and on stderr what it leaves out."""
    from gatekeeper.catalogue.rule_types import load_rule_types
    from gatekeeper.configuration.imports.imported import confirm
    from gatekeeper.configuration.text import render_document

    confirmed = confirm(imported, load_rule_types())
    for unmapped in confirmed.unmapped:
        click.echo(f"not mapped: {unmapped}", err=True)
    click.echo(render_document(confirmed.document), nl=False)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--warehouse", required=True, help="The warehouse that has the table.")
@click.option("--table", required=True, help="The table as schema.table.")
def import_gx(file: Path, warehouse: str, table: str) -> None:
    """Print the rules of a Great Expectations suite FILE as YAML, for `apply` to take."""
    from gatekeeper.configuration.imports.great_expectations import import_suite
    from gatekeeper.configuration.imports.imported import parse_json

    show_imported(import_suite(parse_json(file.read_bytes()), warehouse, table))


@click.command()
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--warehouse", required=True, help="The warehouse that has the tables.")
def import_dbt(manifest: Path, warehouse: str) -> None:
    """Print the rules of a dbt project's MANIFEST (target/manifest.json) as YAML, for `apply`."""
    from gatekeeper.configuration.imports.dbt_manifest import import_manifest
    from gatekeeper.configuration.imports.imported import parse_json

    show_imported(import_manifest(parse_json(manifest.read_bytes()), warehouse))


@click.command()
@click.argument("table")
@click.option("--warehouse", help="Which one, where several have a gate of that name.")
@click.option(
    "--wait", type=click.FloatRange(0, 86400), default=30, help="Seconds to wait for the verdict."
)
@click.option("--url", envvar="STRINGX_URL", default="http://127.0.0.1:5001", help="The API.")
def check(table: str, warehouse: str | None, wait: float, url: str) -> None:
    """Ask the gate of TABLE; exits 0 pass, 1 fail, 2 warn, 3 error, 4 no data."""
    from console.client import Client
    from console.show import show_run

    client = Client(url)
    run = client.trigger(table, warehouse=warehouse, wait_seconds=wait)
    show_run(run, client.results(run["id"])["checks"])
    if run["verdict"] is None and not run["message"]:
        click.echo(f"no verdict within {wait:g} s; see {url}/api/v1/runs/{run['id']}", err=True)
    sys.exit(ExitCode.of(run["verdict"]))


VERBS = (apply, export, import_gx, import_dbt, check)
