"""The queue's own schema, as procrastinate ships it.

It is read from the installed library, and its hash is frozen here: a library with another schema
needs a revision that brings the stores that are there up to it, and this hash with it.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA_SHA256 = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"

DROP = """
do $$
declare
    statement text;
begin
    for statement in
        select format('drop function %s cascade', oid::regprocedure) from pg_proc
        where pronamespace = current_schema()::regnamespace and proname like 'procrastinate\\_%'
        union all
        select format('drop table %s cascade', oid::regclass) from pg_class
        where relnamespace = current_schema()::regnamespace
          and relkind = 'r' and relname like 'procrastinate\\_%'
        union all
        select format('drop type %s cascade', oid::regtype) from pg_type
        where typnamespace = current_schema()::regnamespace
          and typtype = 'e' and typname like 'procrastinate\\_%'
        union all
        select format('drop type %s cascade', oid::regclass) from pg_class
        where relnamespace = current_schema()::regnamespace
          and relkind = 'c' and relname like 'procrastinate\\_%'
    loop
        execute statement;
    end loop;
end
$$
"""


def upgrade() -> None:
    schema = SchemaManager.get_schema()
    if hashlib.sha256(schema.encode()).hexdigest() != SCHEMA_SHA256:
        raise RuntimeError("the installed procrastinate has another schema than this revision's")
    # On the driver's own connection: neither % nor : means anything there.
    op.get_bind().connection.driver_connection.execute(schema)


def downgrade() -> None:
    op.execute(sa.text(DROP))
