"""The gate in the schema: no check row may be open or answered without an opt-in that matches it, raw SQL included.

The gate of messages is `contacts.messaging.schema`.
"""

from audit.triggers import Trigger, register, register_append_only
from contacts.messaging import schema

_TABLE = "contacts_contactcheck"
_MESSAGE = "contacts_contactcheck: no matching granted opt-in"
_SENDING_MESSAGE = "contacts_contactcheck: consent does not stand"
_RESTRICTED_MESSAGE = "contacts_contactcheck: what is kept of the person is restricted"
_ASKING_MESSAGE = "contacts_trustcase: what is kept of the person is restricted"

_MATCHING_OPT_IN = """
    SELECT 1 FROM contacts_optin o
    JOIN contacts_contact c ON c.id = NEW.contact_id AND c.pseudonym = o.pseudonym
    JOIN providers_provideraccount a ON a.id = NEW.account_id AND a.business_id = NEW.business_id
    JOIN contacts_checkbatch b ON b.id = NEW.batch_id AND b.account_id = NEW.account_id
    WHERE o.id = NEW.opt_in_id AND o.business_id = NEW.business_id AND o.state = 'GRANTED'
      AND (b.purpose = '' OR ',' || o.purposes || ',' LIKE '%,' || b.purpose || ',%')
"""
_STANDING_CONSENT = """
    SELECT 1 FROM contacts_consent s
    JOIN contacts_checkbatch b ON b.id = NEW.batch_id
    WHERE s.contact_id = NEW.contact_id AND s.business_id = NEW.business_id AND s.status = 'GRANTED'
      AND (b.purpose = '' OR s.grants LIKE '%"' || b.purpose || '"%')
"""


def register_all() -> None:
    """Register the rules of this app's tables."""
    register_append_only("contacts_optin", unique=("decides_id",))
    schema.register_gate()
    _register_node_gate()
    sqlite = []
    names = ("contacts_contactcheck_gate_insert", "contacts_contactcheck_gate_update", "contacts_contactcheck_gate")
    columns = "status, opt_in_id, contact_id, business_id, account_id, batch_id"
    for name, event in ((names[0], "INSERT"), (names[1], f"UPDATE OF {columns}")):
        sqlite.append(
            f"CREATE TRIGGER {name} BEFORE {event} ON {_TABLE} WHEN NEW.status <> 'REFUSED' BEGIN "
            f"SELECT CASE WHEN NOT EXISTS ({_MATCHING_OPT_IN}) THEN RAISE(ABORT, '{_MESSAGE}') END; "
            f"SELECT CASE WHEN NEW.status = 'SENDING' AND NOT EXISTS ({_STANDING_CONSENT}) "
            f"THEN RAISE(ABORT, '{_SENDING_MESSAGE}') END; "
            f"SELECT CASE WHEN NEW.status = 'SENDING' AND EXISTS ({schema.RESTRICTED}) "
            f"THEN RAISE(ABORT, '{_RESTRICTED_MESSAGE}') END; END"
        )
    register(
        Trigger(
            table=_TABLE,
            names=names,
            sqlite=tuple(sqlite),
            postgresql=(
                "CREATE OR REPLACE FUNCTION waadmin_contactcheck_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF NEW.status <> 'REFUSED' AND NOT EXISTS ({_MATCHING_OPT_IN}) THEN "
                f"RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
                f"IF NEW.status = 'SENDING' AND NOT EXISTS ({_STANDING_CONSENT}) THEN "
                f"RAISE EXCEPTION '{_SENDING_MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
                f"IF NEW.status = 'SENDING' AND EXISTS ({schema.RESTRICTED}) THEN "
                f"RAISE EXCEPTION '{_RESTRICTED_MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
                "RETURN NEW; END $$",
                f"CREATE TRIGGER {names[2]} BEFORE INSERT OR UPDATE OF {columns} ON {_TABLE} "
                "FOR EACH ROW EXECUTE FUNCTION waadmin_contactcheck_gate()",
                f"ALTER TABLE {_TABLE} ENABLE ALWAYS TRIGGER {names[2]}",
            ),
        )
    )


def _register_node_gate() -> None:
    """Let no node be asked about a person whose data may only be kept: `calling_until` is set before each such call."""
    name, table = "contacts_trustcase_gate", "contacts_trustcase"
    register(
        Trigger(
            table=table,
            names=(name,),
            sqlite=(
                f"CREATE TRIGGER {name} BEFORE UPDATE OF calling_until ON {table} WHEN NEW.calling_until IS NOT NULL "
                f"BEGIN SELECT CASE WHEN EXISTS ({schema.RESTRICTED}) THEN RAISE(ABORT, '{_ASKING_MESSAGE}') END; END",
            ),
            postgresql=(
                "CREATE OR REPLACE FUNCTION waadmin_trustcase_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF EXISTS ({schema.RESTRICTED}) THEN RAISE EXCEPTION '{_ASKING_MESSAGE}' "
                "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
                f"CREATE TRIGGER {name} BEFORE UPDATE OF calling_until ON {table} FOR EACH ROW "
                "WHEN (NEW.calling_until IS NOT NULL) EXECUTE FUNCTION waadmin_trustcase_gate()",
                f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
            ),
        )
    )
