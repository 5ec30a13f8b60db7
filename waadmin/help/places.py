"""Which part of the documentation speaks of which page: one table, by the beginning of a URL's name."""

from waadmin.help import documents

#: The longest beginning that fits counts.
PLACES = {
    "index": "console#home",
    "app_list": "console#home",
    "jsi18n": "console",
    "view_on_site": "console",
    "autocomplete": "console",
    "help": "console#help",
    "logout": "operations#signing-in",
    "password_change": "operations#signing-in",
    "sign_in": "console#your-account",
    "preferences": "console#your-account",
    "second_factor": "operations#signing-in",
    "confirm_sign_in": "operations#signing-in",
    "auth_": "permissions",
    "audit_auditevent": "ledger",
    "audit_auditevent_verify": "ledger#verifying",
    "audit_auditevent_sign": "ledger#a-signed-head",
    "audit_auditevent_head": "ledger#a-signed-head",
    "audit_export": "exports",
    "audit_providercall": "console#audit",
    "contacts_contact_": "console#contacts",
    "contacts_contact_find": "console#search",
    "contacts_contact_send": "journeys#send-a-message",
    "contacts_contact_verify": "journeys#a-persons-identity-has-changed",
    "contacts_contact_erase": "journeys#erase-a-person-or-restrict-what-is-kept",
    "contacts_contact_lift": "journeys#erase-a-person-or-restrict-what-is-kept",
    "contacts_contact_complaint": "journeys#answer-a-complaint",
    "contacts_contact_evidence_pack": "journeys#answer-a-complaint",
    "contacts_contact_check": "console#check-runs",
    "contacts_contactcheck": "console#check-runs",
    "contacts_checkbatch": "console#check-runs",
    "contacts_consenttext": "console#contacts",
    "contacts_erasure": "journeys#erase-a-person-or-restrict-what-is-kept",
    "contacts_identity": "journeys#a-persons-identity-has-changed",
    "contacts_message": "console#messages",
    "contacts_optin_": "console#contacts",
    "contacts_optin_add": "journeys#record-that-a-person-agreed",
    "contacts_optin_withdraw": "journeys#record-that-a-person-opted-out",
    "contacts_optinimport": "console#importing-opt-ins",
    "contacts_optinimport_errors": "imports#lines-with-errors",
    "contacts_suggestion": "journeys#what-people-write",
    "contacts_trustcase": "journeys#a-persons-identity-has-changed",
    "numbers_business": "console#our-numbers",
    "numbers_businessnumber_": "journeys#onboard-a-number",
    "numbers_businessnumber_changelist": "console#our-numbers",
    "numbers_businessnumber_hand_over": "journeys#hand-a-number-over",
    "numbers_verificationattempt": "console#our-numbers",
    "providers_business": "settings#the-file-of-configure",
    "providers_provideraccount": "console#provider-accounts",
    "providers_provideraccount_errors": "errors",
    "webhooks_webhookrequest": "console#webhooks",
}


def of(url_name: str) -> str | None:
    """Give the place of a page by its URL's name without the namespace; None where nobody said one."""
    fitting = [beginning for beginning in PLACES if url_name.startswith(beginning)]
    return PLACES[max(fitting, key=len)] if fitting else None


def address(url_name: str) -> str:
    """Give the help page of a page; that of the console for one that is not known."""
    return documents.address(of(url_name) or "console")
