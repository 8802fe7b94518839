"""How the store is reached."""

from __future__ import annotations

import psycopg

from gatekeeper.queue.jobs import driver_connection
from gatekeeper.store.engine import Store


def test_every_connection_notices_a_cut_network_and_the_url_has_the_last_word(store: Store) -> None:
    patient = Store(store.conninfo.replace("tcp_user_timeout=10000", "tcp_user_timeout=77000"))
    for each, milliseconds in ((store, "10000"), (patient, "77000")):
        with each.transaction() as tx:
            of_the_pool = driver_connection(tx).info.get_parameters()
        with psycopg.connect(each.conninfo) as connection:
            of_the_queue = connection.info.get_parameters()
        for parameters in (of_the_pool, of_the_queue):
            assert parameters["tcp_user_timeout"] == milliseconds
            assert parameters["keepalives_idle"] == "5"
    patient.close()
