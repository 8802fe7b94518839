"""The connection to the store. Nothing connects before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gatekeeper.domain.errors import InvalidConfiguration, Problem, StoreUnavailable
from gatekeeper.settings import Settings
from gatekeeper.store.tables import metadata

EMBEDDED = "pg"
"""The embedded server's own directory, with its socket, in the data directory."""

STORE = "stringx"
"""The role and the database of an embedded store."""

NOTICE_A_CUT = {
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""How libpq notices within some ten seconds that the network is cut. Left to itself a connection
hangs, and may come back a minute after the network did, when its process was long taken for dead.
What the store's URL says of it goes first.
"""

Transaction = Connection
"""An open transaction on the store; whoever opened it commits it."""


def open_store(settings: Settings, pool_size: int = 5) -> Store:
    """Give the store that the settings name, or else the embedded one while it runs.

    Raises InvalidConfiguration where there is neither.
    """
    socket = settings.data_dir / EMBEDDED
    if settings.database_url is not None:
        return Store(settings.database_url.get_secret_value(), pool_size=pool_size)
    if (socket / "postmaster.pid").exists():
        return Store(embedded_url(socket), pool_size=pool_size)
    reason = "is needed here, or the embedded store, which ./start-service.sh runs"
    raise InvalidConfiguration([Problem("STRINGX_DATABASE_URL", reason)])


def embedded_url(socket: Path) -> str:
    """Give the URL of the embedded store, as the role that owns it and nothing else."""
    return f"postgresql://{STORE}@/{STORE}?host={socket.resolve()}"


class Store:
    """A pool of connections to the store. `metadata` and `engine` are what Flask-Migrate asks
    of a database.
    """

    metadata = metadata

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        given = make_url(url)
        unsaid = {name: each for name, each in NOTICE_A_CUT.items() if name not in given.query}
        place = given.update_query_dict(unsaid)
        self.conninfo = place.render_as_string(hide_password=False)
        self.engine = create_engine(
            place.set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "application_name": "stringx"},
        )

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction: committed at the end, rolled back by any exception.

        Raises StoreUnavailable where the store can't be reached; then nothing was written.
        """
        try:
            with self.engine.begin() as transaction:
                yield transaction
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise StoreUnavailable from error

    def ping(self) -> None:
        """Raise StoreUnavailable unless the store answers."""
        with self.transaction() as tx:
            tx.execute(text("select 1"))

    def close(self) -> None:
        """Close the idle connections."""
        self.engine.dispose()
