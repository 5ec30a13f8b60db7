"""Who may open what: one row for every page and every action of the console.

The test that reads it walks the URLs and the admin registry; a page, a model or an action without its row fails.
"""

from dataclasses import dataclass, field

GET, POST = ("GET",), ("POST",)
BOTH = ("GET", "POST")


@dataclass(frozen=True)
class Page:
    """One page of ours: which permissions it takes (none: everybody on the staff), and with which verbs."""

    may: tuple[str, ...] = ()
    verbs: tuple[str, ...] = GET


@dataclass(frozen=True)
class Model:
    """The stock pages of one model: whether a role's permission lets it be added or changed there, and its actions."""

    adds: bool = False
    changes: bool = False
    #: What reading takes where it is not the view permission of the model.
    reads: str = ""
    actions: dict[str, str] = field(default_factory=dict)


#: Neither people nor roles: webhooks and metrics answer to signatures and tokens, probes to everybody.
PUBLIC = {"webhooks:meta", "webhooks:onprem", "admin:login", "livez", "readyz", "metrics"}

MODELS = {
    "audit.AuditEvent": Model(),
    "audit.Export": Model(reads="audit.export_audit"),
    "audit.ProviderCall": Model(),
    "auth.Group": Model(adds=True, changes=True),
    "auth.User": Model(adds=True, changes=True),
    "contacts.CheckBatch": Model(adds=True),
    "contacts.ConsentText": Model(adds=True),
    "contacts.Contact": Model(actions={"check_selected": "contacts.add_checkbatch"}),
    "contacts.ContactCheck": Model(),
    "contacts.Erasure": Model(),
    "contacts.IdentityKey": Model(),
    "contacts.IdentityTrust": Model(),
    "contacts.Message": Model(),
    "contacts.MessageStatus": Model(),
    "contacts.OptIn": Model(adds=True),
    "contacts.OptInImport": Model(adds=True),
    "contacts.Suggestion": Model(),
    "contacts.TrustCase": Model(),
    "numbers.BusinessAccount": Model(adds=True, changes=True),
    "numbers.BusinessNumber": Model(
        adds=True,
        actions={
            "turn_identity_check_on": "numbers.toggle_identity_check_businessnumber",
            "turn_identity_check_off": "numbers.toggle_identity_check_businessnumber",
        },
    ),
    "numbers.VerificationAttempt": Model(),
    "providers.Business": Model(adds=True, changes=True),
    "providers.ProviderAccount": Model(adds=True, changes=True),
    "webhooks.WebhookRequest": Model(actions={"process_again": "webhooks.process_webhookrequest"}),
}

#: Whoever takes everything on record about a person may see each part of it.
_EVERYTHING = (
    "contacts.view_contact",
    "contacts.view_optinevidence",
    "contacts.view_contactcheck",
    "contacts.view_message",
    "contacts.view_identitykey",
    "contacts.view_trustcase",
    "audit.view_auditevent",
)

PAGES = {
    # Everybody on the staff.
    "index": Page(verbs=BOTH),
    "app_list": Page(verbs=BOTH),
    "jsi18n": Page(),
    "view_on_site": Page(),
    "logout": Page(verbs=POST),
    "password_change": Page(verbs=BOTH),
    "password_change_done": Page(),
    "help": Page(),
    "help_page": Page(),
    "sign_in": Page(),
    "preferences": Page(verbs=POST),
    "second_factor": Page(verbs=BOTH),
    "confirm_sign_in": Page(verbs=BOTH),
    "second_factor_set_up": Page(),
    "second_factor_begin": Page(verbs=POST),
    "second_factor_confirm": Page(verbs=POST),
    "second_factor_codes": Page(verbs=POST),
    # Only for those who manage users: no role does.
    "auth_user_password_change": Page(("auth.change_user",), BOTH),
    "auth_user_reset_second_factor": Page(("auth.change_user",), BOTH),
    # Audit.
    "audit_auditevent_verify": Page(("audit.view_auditevent",), BOTH),
    "audit_auditevent_sign": Page(("audit.sign_head",), POST),
    "audit_auditevent_head": Page(("audit.view_auditevent",)),
    "audit_auditevent_public_key": Page(("audit.view_auditevent",)),
    "audit_export_add": Page(("audit.export_audit",), BOTH),
    "audit_export_live": Page(("audit.export_audit",)),
    "audit_export_download": Page(("audit.export_audit",)),
    # People.
    "contacts_contact_find": Page(("contacts.view_contact",), BOTH),
    "contacts_contact_check": Page(("contacts.add_checkbatch",), POST),
    "contacts_contact_reveal": Page(("contacts.reveal_number",), BOTH),
    "contacts_contact_send": Page(("contacts.send_message",), BOTH),
    "contacts_contact_verify": Page(("contacts.settle_trustcase",), POST),
    "contacts_contact_erase": Page(("contacts.erase_contact",), BOTH),
    "contacts_contact_lift": Page(("contacts.erase_contact",), BOTH),
    "contacts_contact_evidence_pack": Page(_EVERYTHING),
    "contacts_contact_evidence_pack_file": Page(_EVERYTHING),
    "contacts_contact_complaint": Page((*_EVERYTHING, "contacts.withdraw_optin"), BOTH),
    "contacts_optin_worth_a_look": Page(("contacts.view_optin", "contacts.view_optinevidence")),
    "contacts_optin_withdraw": Page(("contacts.withdraw_optin",), BOTH),
    "contacts_optin_held": Page(("contacts.add_optin",)),
    "contacts_optin_decide": Page(("contacts.add_optin",), POST),
    "contacts_optin_evidence": Page(("contacts.view_optinevidence",)),
    "contacts_consenttext_picture": Page(("contacts.view_consenttext",)),
    "contacts_optinimport_columns": Page(("contacts.add_optinimport",), BOTH),
    "contacts_optinimport_declare": Page(("contacts.add_optinimport",), POST),
    "contacts_optinimport_confirm": Page(("contacts.add_optinimport",), POST),
    "contacts_optinimport_again": Page(("contacts.add_optinimport",), POST),
    "contacts_optinimport_live": Page(("contacts.view_optinimport",)),
    "contacts_optinimport_errors": Page(("contacts.view_optinimport",)),
    # Check runs.
    "contacts_checkbatch_confirm": Page(("contacts.add_checkbatch",), POST),
    "contacts_checkbatch_live": Page(("contacts.view_checkbatch",)),
    "contacts_checkbatch_pause": Page(("contacts.change_checkbatch",), POST),
    "contacts_checkbatch_resume": Page(("contacts.change_checkbatch",), POST),
    "contacts_checkbatch_cancel": Page(("contacts.change_checkbatch",), POST),
    "contacts_checkbatch_retry": Page(("contacts.add_checkbatch",), POST),
    "contacts_checkbatch_download": Page(("contacts.view_checkbatch", "contacts.view_full_number")),
    # Identity changes and suggestions.
    "contacts_trustcase_live": Page(("contacts.view_trustcase",)),
    "contacts_trustcase_same_person": Page(("contacts.settle_trustcase",), POST),
    "contacts_trustcase_other_person": Page(("contacts.settle_trustcase",), POST),
    "contacts_trustcase_not_reached": Page(("contacts.settle_trustcase",), POST),
    "contacts_trustcase_resend": Page(("contacts.settle_trustcase",), POST),
    "contacts_trustcase_assign": Page(("contacts.settle_trustcase",), POST),
    "contacts_trustcase_read_node": Page(("contacts.settle_trustcase",), POST),
    "contacts_trustcase_acknowledge": Page(("contacts.settle_trustcase",), POST),
    "contacts_suggestion_decide": Page(("contacts.decide_suggestion",), POST),
    # Our numbers.
    "numbers_businessaccount_sync": Page(("numbers.sync_businessaccount",), POST),
    "numbers_businessaccount_subscribe": Page(("numbers.sync_businessaccount",), POST),
    "numbers_businessnumber_origin": Page(("numbers.change_businessnumber",), POST),
    "numbers_businessnumber_add_at_provider": Page(("numbers.add_businessnumber",), POST),
    "numbers_businessnumber_refresh": Page(("numbers.change_businessnumber",), POST),
    "numbers_businessnumber_wait": Page(("numbers.change_businessnumber",), POST),
    "numbers_businessnumber_request_code": Page(("numbers.verify_businessnumber",), POST),
    "numbers_businessnumber_code_sent": Page(("numbers.verify_businessnumber",), POST),
    "numbers_businessnumber_submit_code": Page(("numbers.verify_businessnumber",), POST),
    "numbers_businessnumber_settle": Page(("numbers.verify_businessnumber",), POST),
    "numbers_businessnumber_settle_by_person": Page(("numbers.verify_businessnumber",), POST),
    "numbers_businessnumber_pin_answer": Page(("numbers.register_businessnumber",), POST),
    "numbers_businessnumber_register": Page(("numbers.register_businessnumber",), POST),
    "numbers_businessnumber_new_pin": Page(("numbers.register_businessnumber",), BOTH),
    "numbers_businessnumber_reveal_pin": Page(("numbers.reveal_pin_businessnumber",), BOTH),
    "numbers_businessnumber_identity_check": Page(("numbers.toggle_identity_check_businessnumber",), POST),
    "numbers_businessnumber_identity_read": Page(("numbers.toggle_identity_check_businessnumber",), POST),
    "numbers_businessnumber_hand_over": Page(("numbers.register_businessnumber",), BOTH),
    "numbers_businessnumber_deregister": Page(("numbers.register_businessnumber",), POST),
    # Accounts and webhooks.
    "providers_provideraccount_errors": Page(("providers.view_provideraccount",)),
    "providers_provideraccount_pause": Page(("providers.pause_provideraccount",), BOTH),
    "providers_provideraccount_resume": Page(("providers.pause_provideraccount",), POST),
    "providers_provideraccount_confirm": Page(("providers.confirm_provideraccount",), BOTH),
    "providers_provideraccount_credentials": Page(("providers.change_provideraccount",), BOTH),
    "providers_provideraccount_test": Page(("providers.change_provideraccount",), POST),
    "providers_provideraccount_webhook": Page(("providers.change_provideraccount",), POST),
    "webhooks_webhookrequest_settings": Page(("webhooks.view_webhookrequest",)),
    "webhooks_webhookrequest_test": Page(("webhooks.process_webhookrequest",), POST),
    "webhooks_webhookrequest_again": Page(("webhooks.process_webhookrequest",), POST),
}
#: These answer differently for other reasons than a role, and have tests of their own.
ELSEWHERE = {"autocomplete": "test_autocomplete_gives_masked_numbers_too"}
