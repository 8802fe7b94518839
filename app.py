#!/usr/bin/env python
"""StringX from the command line: the composition root, where settings become parts.

Each verb imports what it needs, so that a process carries only its own room.
"""

from __future__ import annotations

import getpass
import os
import signal
import sys
import traceback
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from console.exit_codes import ExitCode
from gatekeeper.domain.errors import GatekeeperError
from gatekeeper.settings import ROOT, Settings, load_settings

if TYPE_CHECKING:
    from apiflask import APIFlask

    from gatekeeper.configuration.imports.imported import Imported
    from gatekeeper.store.engine import Store

RULE_TYPES = ROOT / "stringx" / "rule_types"


class Verbs(click.Group):
    """Says what went wrong in a line, where StringX can explain it."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        try:
            return super().invoke(ctx)
        except GatekeeperError as error:
            click.echo(f"stringx: {error}", err=True)
            sys.exit(ExitCode.ERROR)


@click.group(cls=Verbs, context_settings={"show_default": True})
@click.pass_context
def cli(ctx: click.Context) -> None:
    """A quality gate for tables."""
    from gatekeeper.logs import configure_logs

    settings = load_settings()
    configure_logs(ctx.invoked_subcommand or "", settings.log_format, settings.log_level)
    ctx.obj = settings


def open_store(settings: Settings, pool_size: int = 5) -> Store:
    """The store that the settings name; verbs that can't do without it say so."""
    from gatekeeper.domain.errors import InvalidConfiguration, Problem
    from gatekeeper.store.engine import Store

    if settings.database_url is None:
        reason = "is needed here; `python app.py up` runs everything on an embedded store"
        raise InvalidConfiguration([Problem("STRINGX_DATABASE_URL", reason)])
    return Store(settings.database_url.get_secret_value(), pool_size=pool_size)


def web_app() -> APIFlask:
    """The API of one web process, as gunicorn asks for it."""
    from api.backend import Backend
    from api.factory import create_app
    from gatekeeper.catalogue.rule_types import load_rule_types
    from gatekeeper.logs import configure_logs
    from gatekeeper.queue.jobs import Queue
    from gatekeeper.store.listener import VerdictListener

    settings = load_settings()
    configure_logs("web", settings.log_format, settings.log_level)
    store = open_store(settings, pool_size=settings.web_threads)
    return create_app(
        Backend(
            store=store,
            queue=Queue(),
            # Half of the threads may wait; the other half goes on taking requests.
            listener=VerdictListener(store.conninfo, limit=max(1, settings.web_threads // 2)),
            rule_types=load_rule_types(RULE_TYPES),
            max_wait_seconds=settings.max_wait_seconds,
            inline_wait_seconds=settings.inline_wait_seconds,
        ),
        host=settings.host,
    )


@cli.command()
@click.pass_obj
def web(settings: Settings) -> None:
    """Serve the API."""
    import structlog

    from api.factory import LOOPBACK_NAMES

    open_store(settings).close()
    log = structlog.get_logger("stringx")
    if settings.host in (*LOOPBACK_NAMES, "::1"):
        log.info("web listens on this machine only", action="listening", address=settings.address)
    else:
        log.warning(
            "web listens beyond this machine, without keys",
            action="listening",
            address=settings.address,
        )
    command = [
        *(sys.executable, "-m", "gunicorn", "app:web_app()", "--config", "python:api.server"),
        *("--bind", settings.address),
        *("--workers", str(settings.web_processes)),
        *("--worker-class", "gthread", "--threads", str(settings.web_threads)),
        *("--graceful-timeout", "10", "--log-level", "warning"),
    ]
    os.chdir(ROOT)
    os.execv(sys.executable, command)  # noqa: S606 - the interpreter itself, no shell


@cli.command()
@click.pass_obj
def worker(settings: Settings) -> None:
    """Give answers to whoever asked, and find what a crash left behind."""
    from functools import partial

    from gatekeeper import flow
    from gatekeeper.queue.jobs import ACKNOWLEDGE_QUEUE, Queue
    from gatekeeper.queue.recovery import recover_for_ever
    from gatekeeper.queue.tasks import MAINTENANCE_QUEUE, build_worker_app
    from gatekeeper.queue.worker import WorkerOptions, run_worker

    with closing(open_store(settings, settings.worker_concurrency + 1)) as store:
        options = WorkerOptions(
            name="worker",
            queues=[ACKNOWLEDGE_QUEUE, MAINTENANCE_QUEUE],
            concurrency=settings.worker_concurrency,
            drain_seconds=settings.drain_seconds,
            beside=partial(recover_for_ever, store, Queue()),
        )
        run_worker(build_worker_app(store.conninfo, partial(flow.acknowledge, store)), options)


@cli.command()
@click.pass_obj
def runner(settings: Settings) -> None:
    """Carry runs out on their warehouses, in lanes that keep dbt warm."""
    from functools import partial

    from gatekeeper import flow
    from gatekeeper.queue.jobs import RUN_QUEUE, Queue
    from gatekeeper.queue.tasks import build_runner_app
    from gatekeeper.queue.worker import WorkerOptions, run_worker
    from runner.lane_process import LaneLimits
    from runner.lanes import Lanes

    count = settings.lanes or os.cpu_count() or 1
    limits = LaneLimits(settings.lane_threads, settings.lane_max_runs, settings.lane_max_mebibytes)
    with (
        closing(open_store(settings, count + 1)) as store,
        closing(Lanes(count, limits, os.environ, settings.secrets_dir)) as lanes,
    ):
        options = WorkerOptions(
            name="runner",
            queues=[RUN_QUEUE],
            concurrency=count,
            drain_seconds=settings.drain_seconds,
            on_drained_out=lanes.close,
        )
        attempt = partial(flow.run_attempt, store, Queue(), lanes.measure)
        run_worker(build_runner_app(store.conninfo, attempt), options)


def migrate_store(store: Store, revision: str = "head", *, down: bool = False) -> None:
    """Bring the schema to a revision. Of several processes at once, one does it."""
    import flask_migrate
    from flask import Flask

    app = Flask("stringx")
    flask_migrate.Migrate(app, store, directory=str(ROOT / "migrations"))
    with app.app_context():
        (flask_migrate.downgrade if down else flask_migrate.upgrade)(revision=revision)


@cli.command()
@click.argument("revision", default="head")
@click.option("--down", is_flag=True, help="Go back to the revision instead.")
@click.pass_obj
def migrate(settings: Settings, revision: str, *, down: bool) -> None:
    """Bring the store's schema to a revision."""
    with closing(open_store(settings)) as store:
        store.ping()
        migrate_store(store, revision, down=down)


@cli.command()
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
    from gatekeeper.catalogue.rule_types import load_rule_types
    from gatekeeper.configuration.apply import Manner, apply_configuration
    from gatekeeper.configuration.changes import Absent

    manner = Manner(Absent(absent), author=getpass.getuser(), dry_run=dry_run)
    with closing(open_store(settings)) as store:
        rule_types = load_rule_types(RULE_TYPES)
        text = file.read_bytes().decode("utf-8", "backslashreplace")
        changes = apply_configuration(store, rule_types, text, manner)
    show_changes(changes, applied=not dry_run)


@cli.command()
@click.pass_obj
def export(settings: Settings) -> None:
    """Print every warehouse, gate and rule as YAML, for `apply` to take back."""
    from gatekeeper.catalogue.rule_types import load_rule_types
    from gatekeeper.configuration.export import load_document
    from gatekeeper.configuration.text import render_document

    with closing(open_store(settings)) as store, store.transaction() as tx:
        click.echo(render_document(load_document(tx, load_rule_types(RULE_TYPES))), nl=False)


def show_imported(imported: Imported) -> None:
    """Print an import's rules as YAML, and on stderr what it leaves out."""
    from gatekeeper.catalogue.rule_types import load_rule_types
    from gatekeeper.configuration.imports.imported import confirm
    from gatekeeper.configuration.text import render_document

    confirmed = confirm(imported, load_rule_types(RULE_TYPES))
    for unmapped in confirmed.unmapped:
        click.echo(f"not mapped: {unmapped}", err=True)
    click.echo(render_document(confirmed.document), nl=False)


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--warehouse", required=True, help="The warehouse that has the table.")
@click.option("--table", required=True, help="The table as schema.table.")
def import_gx(file: Path, warehouse: str, table: str) -> None:
    """Print the rules of a Great Expectations suite FILE as YAML, for `apply` to take."""
    from gatekeeper.configuration.imports.great_expectations import import_suite
    from gatekeeper.configuration.imports.imported import parse_json

    show_imported(import_suite(parse_json(file.read_bytes()), warehouse, table))


@cli.command()
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--warehouse", required=True, help="The warehouse that has the tables.")
def import_dbt(manifest: Path, warehouse: str) -> None:
    """Print the rules of a dbt project's MANIFEST (target/manifest.json) as YAML, for `apply`."""
    from gatekeeper.configuration.imports.dbt_manifest import import_manifest
    from gatekeeper.configuration.imports.imported import parse_json

    show_imported(import_manifest(parse_json(manifest.read_bytes()), warehouse))


@cli.command()
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


@cli.command()
@click.pass_obj
def up(settings: Settings) -> None:
    """Run everything on this machine, until Ctrl-C or SIGTERM."""
    from demo.warehouse import demo_environment
    from gatekeeper.store.engine import Store
    from standalone.service import running_service, store_place, wait_until_ready
    from standalone.signals import Interrupted, end_on_signals

    end_on_signals()
    url = f"http://{settings.address}"
    try:
        with store_place(settings) as place:
            if place.socket is not None:
                click.echo(
                    f"The store is an embedded PostgreSQL in {settings.data_dir}, for one machine; "
                    "STRINGX_DATABASE_URL names a server of your own."
                )
            with closing(Store(place.store_url)) as store:
                migrate_store(store)
            with running_service(settings, place, demo_environment(settings, place)):
                wait_until_ready(url)
                click.echo(f"StringX answers on {url} (see {url}/openapi.json); Ctrl-C stops it.")
                signal.pause()
    except Interrupted:
        click.echo("StringX has stopped.")


@cli.command()
@click.pass_obj
def demo(settings: Settings) -> None:
    """Judge real flights data with every demo gate, and show what was found."""
    from demo.play import play
    from gatekeeper.logs import configure_logs
    from standalone.signals import end_on_signals

    # The steps are shown as they are done; a log beside them would say the same again.
    configure_logs("demo", settings.log_format, "WARNING")
    end_on_signals()
    play(settings, migrate_store)


@cli.command()
@click.argument(
    "directory", type=click.Path(exists=True, file_okay=False, path_type=Path), default="docs"
)
def describe(directory: Path) -> None:
    """Write what the docs take from the code: the Postman collection, the page of rule types."""
    from api.factory import build_spec
    from api.postman import render_collection
    from gatekeeper.catalogue.page import render_page
    from gatekeeper.catalogue.rule_types import load_rule_types

    collection = render_collection(build_spec())
    (directory / "postman_collection.json").write_text(collection, "utf-8")
    (directory / "rules.md").write_text(render_page(load_rule_types(RULE_TYPES)), "utf-8")


def main() -> NoReturn:
    """Run a verb; what isn't a verdict exits with the status for "could not judge"."""
    try:
        sys.exit(cli.main(standalone_mode=False) or ExitCode.PASS)
    except click.ClickException as error:
        error.show()
    except click.Abort:
        click.echo("stringx: stopped", err=True)
    except Exception:  # noqa: BLE001 - a status of 1 would say that a gate failed
        traceback.print_exc()
    sys.exit(ExitCode.ERROR)


if __name__ == "__main__":
    main()
