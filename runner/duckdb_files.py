"""A plugin of dbt-duckdb: lets the views of a DuckDB file read the files of one folder.

DuckDB takes the folder only once the file is open, and only while access to files is on. So the
file is opened with that access and given its folder, and the access is turned off before anything
else runs. As long as the file is open it can't be turned on again.
"""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin


class Plugin(BasePlugin):
    """`files` of its configuration is the folder, or empty: then no access is ever on."""

    def initialize(self, config: dict[str, Any]) -> None:
        """Keep the folder."""
        self._folder = str(config["files"])

    def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:  # noqa: ARG002
        """Say how the file is to be opened."""
        config["enable_external_access"] = bool(self._folder)

    def configure_connection(self, conn: Any) -> None:
        """Allow the folder, and nothing beside it."""
        if self._folder:
            conn.execute("set allowed_directories = [$folder]", {"folder": self._folder})
            conn.execute("set enable_external_access = false")
