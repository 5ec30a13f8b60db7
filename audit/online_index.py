"""Adding an index to a table that is in use: PostgreSQL builds it beside the writers, SQLite as it can.

A migration of these has `atomic = False`, so one that was interrupted is run again: what is there already stays, and a
half-built index is built anew.
"""

from typing import Any

from django.db.migrations import AddIndex
from django.db.models import Model


class AddIndexOnline(AddIndex):
    """Add an index without locking writers out, where the database can."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Build the index unless it is there."""
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.collect_sql:
            schema_editor.add_index(model, self.index, **_beside_writers(schema_editor))
            return
        is_whole = _is_whole(schema_editor.connection, model, self.index.name)
        if is_whole is False:
            schema_editor.remove_index(model, self.index, **_beside_writers(schema_editor))
        if not is_whole:
            schema_editor.add_index(model, self.index, **_beside_writers(schema_editor))

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Drop the index."""
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            index = from_state.models[app_label, self.model_name_lower].get_index_by_name(self.index.name)
            schema_editor.remove_index(model, index, **_beside_writers(schema_editor))


def _beside_writers(schema_editor: Any) -> dict[str, bool]:
    """Give the option that PostgreSQL knows; inside a transaction it builds no index beside writers."""
    connection = schema_editor.connection
    return {"concurrently": True} if connection.vendor == "postgresql" and not connection.in_atomic_block else {}


def _is_whole(connection: Any, model: type[Model], name: str) -> bool | None:
    """Tell whether the index is there and complete; None where it is not there."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [connection.ops.quote_name(name)]
            )
            found = cursor.fetchone()
            return None if found is None else bool(found[0])
        return True if name in connection.introspection.get_constraints(cursor, model._meta.db_table) else None
