"""The gate in the schema: no message of ours without its basis, and none leaves that consent or trust forbids.

Raw SQL is held to it like everything else. It uses only functions that a bare sqlite3 shell has.
"""

from audit.triggers import Trigger, register

_TABLE = "contacts_message"
_NO_BASIS = "contacts_message: no opt-in or message of the person allows it"
_FOREIGN = "contacts_message: the number belongs to another business or account"
_NOT_NOW = "contacts_message: consent does not stand"
_RESTRICTED = "contacts_message: what is kept of the person is restricted"
_NOT_TRUSTED = "contacts_message: the identity is not trusted"

_COLUMNS = (
    "state, direction, basis, purpose, opt_in_id, contact_id, business_id, account_id, business_number_id, hash_sent, "
    "resend_of_case_id"
)
#: Of one of our numbers: a node's account is a number of its own.
_SAME_NUMBER = (
    "{row}.account_id = NEW.account_id AND coalesce({row}.business_number_id, 0) = coalesce(NEW.business_number_id, 0)"
)
_SENDER = """
    SELECT 1 FROM numbers_businessnumber n JOIN numbers_businessaccount w ON w.id = n.business_account_id
    WHERE n.id = NEW.business_number_id AND w.business_id = NEW.business_id AND w.account_id = NEW.account_id
    UNION ALL
    SELECT 1 FROM providers_provideraccount a
    WHERE NEW.business_number_id IS NULL AND a.id = NEW.account_id AND a.business_id = NEW.business_id
"""
_OPT_IN = """
    SELECT 1 FROM contacts_optin o
    JOIN contacts_contact c ON c.id = NEW.contact_id AND c.pseudonym = o.pseudonym
    WHERE NEW.basis = 'OPT_IN' AND o.id = NEW.opt_in_id AND o.business_id = NEW.business_id AND o.state = 'GRANTED'
      AND ',' || o.purposes || ',' LIKE '%,' || NEW.purpose || ',%'
"""
_REPLY = f"""
    SELECT 1 FROM contacts_reach r
    WHERE NEW.basis = 'REPLY_WINDOW' AND NEW.purpose = 'service' AND NEW.opt_in_id IS NULL
      AND r.contact_id = NEW.contact_id AND {_SAME_NUMBER.format(row="r")} AND r.wrote_at IS NOT NULL
"""
_STANDING_CONSENT = """
    SELECT 1 FROM contacts_consent s
    WHERE NEW.basis = 'OPT_IN' AND s.contact_id = NEW.contact_id AND s.business_id = NEW.business_id
      AND s.status = 'GRANTED' AND s.grants LIKE '%"' || NEW.purpose || '"%'
"""
#: Of a person whose data may only be kept, whichever row of theirs NEW is.
RESTRICTED = "SELECT 1 FROM contacts_contact c WHERE c.id = NEW.contact_id AND c.restricted_at IS NOT NULL"
_OF_THE_PERSON = f"""
    contacts_identitytrust t
    JOIN contacts_contact known ON known.id = t.contact_id
    JOIN contacts_contact c ON c.id = NEW.contact_id AND c.person_key = known.person_key
    WHERE {_SAME_NUMBER.format(row="t")}
"""
_SUSPENDED = f"""
    SELECT 1 FROM {_OF_THE_PERSON}
      AND (t.state = 'MISMATCHED' OR (t.state = 'AWAITING_HASH' AND NEW.resend_of_case_id IS NULL))
"""
_TRUSTED_HASH = f"""
    SELECT 1 FROM {_OF_THE_PERSON} AND t.state = 'TRUSTED' AND t.hash = NEW.hash_sent AND NEW.resend_of_case_id IS NULL
"""


def register_gate() -> None:
    """Register the rules of messages."""
    names = ("contacts_message_gate_insert", "contacts_message_gate_update", "contacts_message_gate")
    register(
        Trigger(
            table=_TABLE,
            names=names,
            sqlite=(_sqlite(names[0], "INSERT"), _sqlite(names[1], f"UPDATE OF {_COLUMNS}")),
            postgresql=(
                "CREATE OR REPLACE FUNCTION waadmin_message_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                + "".join(
                    f"IF {condition} THEN RAISE EXCEPTION '{message}' "
                    "USING ERRCODE = 'integrity_constraint_violation'; END IF; "
                    for condition, message in _rules(_open_window(_POSTGRESQL))
                )
                + "RETURN NEW; END $$",
                f"CREATE TRIGGER {names[2]} BEFORE INSERT OR UPDATE OF {_COLUMNS} ON {_TABLE} "
                "FOR EACH ROW WHEN (NEW.direction <> 'IN') EXECUTE FUNCTION waadmin_message_gate()",
                f"ALTER TABLE {_TABLE} ENABLE ALWAYS TRIGGER {names[2]}",
            ),
        )
    )


def _rules(window: str) -> tuple[tuple[str, str], ...]:
    """Give what must not be, each with the words that refuse it."""
    sending = "NEW.state = 'SENDING' AND"
    return (
        (f"NOT EXISTS ({_SENDER})", _FOREIGN),
        (f"NOT EXISTS ({_OPT_IN} UNION ALL {_REPLY})", _NO_BASIS),
        (f"{sending} NOT EXISTS ({_STANDING_CONSENT} UNION ALL {window})", _NOT_NOW),
        (f"{sending} EXISTS ({RESTRICTED})", _RESTRICTED),
        (f"{sending} EXISTS ({_SUSPENDED})", _NOT_TRUSTED),
        (f"{sending} NEW.hash_sent <> '' AND NOT EXISTS ({_TRUSTED_HASH})", _NOT_TRUSTED),
    )


def _sqlite(name: str, event: str) -> str:
    checks = "".join(
        f"SELECT CASE WHEN {condition} THEN RAISE(ABORT, '{message}') END; "
        for condition, message in _rules(_open_window(_SQLITE))
    )
    return f"CREATE TRIGGER {name} BEFORE {event} ON {_TABLE} WHEN NEW.direction <> 'IN' BEGIN {checks}END"


#: How each database says: the moment of a text or column, a day later, and the person's withdrawal of service.
_POSTGRESQL = ("{0}", "r.wrote_at + interval '24 hours'", "(s.withdrawals::json ->> 'service')::timestamptz")
_SQLITE = ("julianday({0})", "julianday(r.wrote_at) + 1", "julianday(json_extract(s.withdrawals, '$.service'))")


def _open_window(dialect: tuple[str, str, str]) -> str:
    """Say that the person wrote to this number within a day before the message, and has not opted out since."""
    moment, a_day_later, withdrawn_at = dialect
    return f"""
        {_REPLY} AND {moment.format("r.wrote_at")} <= {moment.format("NEW.at")}
          AND {moment.format("NEW.at")} < {a_day_later}
          AND NOT EXISTS (
            SELECT 1 FROM contacts_consent s WHERE s.contact_id = NEW.contact_id AND s.business_id = NEW.business_id
              AND {withdrawn_at} >= {moment.format("r.wrote_at")}
          )
    """
