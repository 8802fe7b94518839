#!/usr/bin/env python
"""StringX from the command line: the composition root, where settings become parts.

Each verb imports what it needs, so that a process carries only its own room.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from console.exit_codes import ExitCode
from console.verbs import VERBS
from gatekeeper.domain.errors import GatekeeperError
from gatekeeper.settings import ROOT, Settings, load_settings

if TYPE_CHECKING:
    from apiflask import APIFlask

    from gatekeeper.store.engine import Store


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


def web_app() -> APIFlask:
    """The API of one web process, as gunicorn asks for it."""
    from api.backend import Backend
    from api.factory import create_app
    from gatekeeper.catalogue.load import load_catalogue
    from gatekeeper.logs import configure_logs
    from gatekeeper.queue.jobs import Queue
    from gatekeeper.store.engine import open_store
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
            rule_types=load_catalogue(settings.dbt_project_dir),
            max_wait_seconds=settings.max_wait_seconds,
            inline_wait_seconds=settings.inline_wait_seconds,
            callback_hosts=settings.callback_hosts or (),
        ),
        host=settings.host,
    )


@cli.command()
@click.pass_obj
def web(settings: Settings) -> None:
    """Serve the API."""
    import structlog

    from api.factory import LOOPBACK_NAMES
    from gatekeeper.store.engine import open_store

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
    from gatekeeper.pulse import beat_for_ever
    from gatekeeper.queue.jobs import ACKNOWLEDGE_QUEUE, Queue
    from gatekeeper.queue.recovery import recover_for_ever
    from gatekeeper.queue.tasks import MAINTENANCE_QUEUE, build_worker_app
    from gatekeeper.queue.worker import SideTask, WorkerOptions, run_worker
    from gatekeeper.settings import load_kafka_settings
    from gatekeeper.store.engine import open_store
    from gatekeeper.watching import watch_for_ever

    kafka = load_kafka_settings()
    hosts = settings.callback_hosts or ()
    with ExitStack() as open_parts:
        connections = settings.worker_concurrency + 3 + len(hosts)
        store = open_parts.enter_context(closing(open_store(settings, connections)))
        beside: list[SideTask] = [
            partial(recover_for_ever, store, Queue()),
            partial(watch_for_ever, store, Queue()),
            partial(beat_for_ever, settings.pulse_file),
        ]
        if hosts:
            from gatekeeper.callbacks.caller import Caller
            from gatekeeper.callbacks.signature import read_secrets

            secrets = read_secrets(settings.callback_secret_file)
            beside += [Caller(store, secrets, host).call_for_ever for host in hosts]
        if kafka.bootstrap:
            from gatekeeper.kafka.client import build_producer, choose_encoding
            from gatekeeper.kafka.publisher import Publisher

            connect, encode = partial(build_producer, kafka), choose_encoding(kafka)
            publisher = Publisher(store, connect, kafka.results_topic, encode)
            beside.append(open_parts.enter_context(closing(publisher)).publish_for_ever)
        options = WorkerOptions(
            name="worker",
            queues=[ACKNOWLEDGE_QUEUE, MAINTENANCE_QUEUE],
            concurrency=settings.worker_concurrency,
            drain_seconds=settings.drain_seconds,
            beside=beside,
        )
        stages = partial(flow.acknowledge, store), partial(flow.forget, store)
        run_worker(build_worker_app(store.conninfo, *stages), options)


@cli.command()
@click.pass_obj
def consumer(settings: Settings) -> None:
    """Take triggers from Kafka."""
    from functools import partial

    from gatekeeper.kafka.client import build_config, build_producer, build_registry
    from gatekeeper.kafka.consumer import Parts, TriggerConsumer, build_client
    from gatekeeper.kafka.dead_letters import DeadLetters
    from gatekeeper.kafka.intake import Intake
    from gatekeeper.kafka.metrics import Metrics
    from gatekeeper.pulse import beat
    from gatekeeper.queue.depth import count_waiting
    from gatekeeper.queue.jobs import Queue
    from gatekeeper.settings import load_kafka_settings
    from gatekeeper.store.engine import open_store
    from standalone.signals import stop_on_signals

    kafka = load_kafka_settings(needed=True)
    registry, stop, metrics = build_registry(kafka), stop_on_signals(), Metrics()
    if kafka.metrics_port:
        metrics.serve(kafka.metrics_host, kafka.metrics_port)
    with (
        closing(open_store(settings)) as store,
        closing(build_producer(kafka)) as producer,
        closing(build_client(build_config(kafka), kafka)) as client,
    ):
        parts = Parts(
            intake=Intake(
                store,
                Queue(),
                registry.decode if registry else None,
                settings.callback_hosts or (),
            ),
            queue_depth=partial(count_waiting, store),
            dead_letters=DeadLetters(producer, kafka.dead_letters_topic),
            max_queue_depth=kafka.max_queue_depth,
            metrics=metrics,
            beat=partial(beat, settings.pulse_file),
        )
        TriggerConsumer(client, parts).run(stop)


@cli.command()
def topics() -> None:
    """Make Kafka's topics that aren't there, and print their names."""
    from gatekeeper.kafka.client import build_config
    from gatekeeper.kafka.topics import make_topics
    from gatekeeper.settings import load_kafka_settings

    kafka = load_kafka_settings(needed=True)
    for topic in make_topics(build_config(kafka), kafka):
        click.echo(topic)


@cli.group()
def dlq() -> None:
    """Look through the dead letters, and put them back."""


@dlq.command("list")
def list_dead_letters() -> None:
    """Show the records that could not be taken and were not put back."""
    from console.show import show_dead_letters
    from gatekeeper.kafka.client import build_config
    from gatekeeper.kafka.dead_letter_box import DeadLetterBox
    from gatekeeper.settings import load_kafka_settings

    kafka = load_kafka_settings(needed=True)
    letters = DeadLetterBox(build_config(kafka), kafka).letters()
    show_dead_letters([(letter.where, letter.key, letter.reason) for letter in letters])


@dlq.command("replay")
def replay_dead_letters() -> None:
    """Send them to the triggers' topic again, as they first came."""
    from gatekeeper.kafka.client import build_config, build_producer
    from gatekeeper.kafka.dead_letter_box import DeadLetterBox
    from gatekeeper.settings import load_kafka_settings

    kafka = load_kafka_settings(needed=True)
    with closing(build_producer(kafka)) as producer:
        sent = DeadLetterBox(build_config(kafka), kafka).replay(producer)
    click.echo(f"{sent} put back on {kafka.triggers_topic}")


@cli.command()
@click.pass_obj
def runner(settings: Settings) -> None:
    """Carry runs out on their warehouses, in lanes that keep dbt warm."""
    from functools import partial

    from gatekeeper import flow, watching
    from gatekeeper.fleet import Presence
    from gatekeeper.pulse import beat_for_ever
    from gatekeeper.queue.jobs import Queue, name_queue
    from gatekeeper.queue.tasks import build_runner_app
    from gatekeeper.queue.worker import WorkerOptions, run_worker
    from gatekeeper.settings import load_kafka_settings
    from gatekeeper.store.answers import Channel
    from gatekeeper.store.engine import open_store
    from runner.lane_process import LaneLimits
    from runner.lanes import Lanes

    count, pools = settings.lanes or os.cpu_count() or 1, settings.pools.split(",")
    limits = LaneLimits(settings.lane_threads, settings.lane_max_runs, settings.lane_max_mebibytes)
    places = settings.secrets_dir, settings.dbt_project_dir, settings.projects_dir
    with (
        closing(open_store(settings, count + 2)) as store,
        closing(Lanes(count, limits, os.environ, *places)) as lanes,
        closing(Presence(store, settings.version, pools, lanes.states)) as presence,
    ):
        options = WorkerOptions(
            name="runner",
            queues=[name_queue(pool) for pool in pools],
            concurrency=count,
            drain_seconds=settings.drain_seconds,
            on_draining=presence.drain,
            on_drained_out=lanes.close,
            beside=[presence.beat_for_ever, partial(beat_for_ever, settings.pulse_file)],
        )
        answers = (
            [Channel.HTTP, Channel.KAFKA] if load_kafka_settings().bootstrap else [Channel.HTTP]
        )
        attempt = partial(flow.run_attempt, store, Queue(), lanes.measure, answers=answers)
        look = partial(watching.look, store, Queue(), lanes.measure)
        run_worker(build_runner_app(store.conninfo, attempt, look), options)


@cli.command()
@click.pass_obj
def portal(settings: Settings) -> None:
    """Serve dbt's docs of the dbt project, as they are when it starts."""
    from functools import partial
    from tempfile import TemporaryDirectory

    import structlog

    from gatekeeper.pulse import beat
    from runner.portal import Portal, write_portal
    from standalone.signals import Interrupted, end_on_signals

    end_on_signals()
    address = (settings.host, settings.portal_port)
    with suppress(Interrupted), TemporaryDirectory(prefix="stringx-portal-") as directory:
        folder = write_portal(settings.dbt_project_dir, Path(directory))
        with Portal(address, folder, partial(beat, settings.pulse_file)) as server:
            log = structlog.get_logger("stringx")
            log.info("the portal listens", action="listening", address="{}:{}".format(*address))
            server.serve_forever()


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
    """Bring the store's schema to a revision; one of a later release is left as it is."""
    from gatekeeper.store.engine import open_store
    from gatekeeper.store.migrations import is_of_later_release

    with closing(open_store(settings)) as store:
        with store.transaction() as tx:
            later = is_of_later_release(tx)
        if later and not down:
            click.echo("a later release has migrated the store; it is left as it is")
        else:
            migrate_store(store, revision, down=down)


@cli.command()
@click.pass_obj
def await_store(settings: Settings) -> None:
    """Wait until the store answers and its schema is the one that this version needs."""
    from gatekeeper.store.engine import open_store
    from gatekeeper.store.migrations import await_schema

    with closing(open_store(settings)) as store:
        await_schema(store, click.echo)


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def backup(settings: Settings, file: Path) -> None:
    """Write all that the store holds into FILE, while it runs."""
    from gatekeeper.store.engine import open_store
    from standalone.backup import write_backup

    with closing(open_store(settings)) as store:
        write_backup(store.conninfo, file)
    click.echo(f"{file} holds the store, {file.stat().st_size / 2**20:.1f} MiB")


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.confirmation_option(prompt="All that the store holds now will be gone. Go on?")
@click.pass_obj
def restore(settings: Settings, file: Path) -> None:
    """Put what a backup's FILE holds in the place of all that the store holds."""
    from gatekeeper.store.engine import Store
    from standalone.backup import restore_backup
    from standalone.service import store_place

    with store_place(settings) as place, closing(Store(place.store_url)) as store:
        restore_backup(place.store_url, file)
        migrate_store(store)
    click.echo(f"the store is as it was in {file}")


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
@click.option("--kafka", is_flag=True, help="Ask a gate over Kafka, too; Java and Maven get it.")
@click.pass_obj
def demo(settings: Settings, *, kafka: bool) -> None:
    """Judge real flights data with every demo gate, and show what was found."""
    from demo.play import play
    from gatekeeper.logs import configure_logs
    from standalone.signals import end_on_signals

    # The steps are shown as they are done; a log beside them would say the same again.
    configure_logs("demo", settings.log_format, "WARNING")
    end_on_signals()
    play(settings, migrate_store, over_kafka=kafka)


@cli.command()
@click.argument(
    "directory", type=click.Path(exists=True, file_okay=False, path_type=Path), default="docs"
)
def describe(directory: Path) -> None:
    """Write what the docs take from the code: the Postman collection, the page of rule types and
    what dbt's own docs say of them, the schemas of messages, the example of an .env file.
    """
    from api.factory import build_spec
    from api.postman import render_collection
    from console.env_example import render_env_example
    from gatekeeper.catalogue.page import render_page
    from gatekeeper.catalogue.properties import render_properties
    from gatekeeper.catalogue.rule_types import load_rule_types
    from gatekeeper.kafka.wire.schemas import render_schemas

    collection = render_collection(build_spec())
    (directory / "postman_collection.json").write_text(collection, "utf-8")
    (directory / "rules.md").write_text(render_page(load_rule_types()), "utf-8")
    (directory / "contracts").mkdir(exist_ok=True)
    for name, text in render_schemas().items():
        (directory / "contracts" / name).write_text(text, "utf-8")
    properties = ROOT / "stringx" / "properties" / "rule_types.yml"
    (ROOT / ".env.example").write_text(render_env_example(), "utf-8")
    properties.write_text(render_properties(load_rule_types()), "utf-8")


for verb in VERBS:
    cli.add_command(verb)


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
