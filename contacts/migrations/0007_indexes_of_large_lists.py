"""The indexes that filters, sort orders, dates and searches of large lists are answered from, built beside writers."""

from django.db import migrations, models

import contacts.models.people
from audit.online_index import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("contacts", "0006_map_columns_and_choose_people"),
        ("numbers", "0002_indexes_of_large_lists"),
        ("providers", "0003_keep_proof_years"),
    ]

    operations = [
        AddIndexOnline(
            model_name="checkbatch",
            index=models.Index(fields=["created_at", "id"], name="contacts_checkbatch_created"),
        ),
        AddIndexOnline(
            model_name="checkbatch",
            index=models.Index(fields=["state", "id"], name="contacts_checkbatch_state"),
        ),
        AddIndexOnline(
            model_name="consent",
            index=models.Index(fields=["status", "contact"], name="contacts_consent_status"),
        ),
        AddIndexOnline(
            model_name="consent",
            index=models.Index(fields=["business", "contact"], name="contacts_consent_business"),
        ),
        AddIndexOnline(
            model_name="contact",
            index=models.Index(fields=["created_at", "id"], name="contacts_contact_seen"),
        ),
        AddIndexOnline(
            model_name="contact",
            index=models.Index(contacts.models.people.LastDigits("e164"), name="contacts_contact_ending"),
        ),
        AddIndexOnline(
            model_name="contactcheck",
            index=models.Index(fields=["status", "id"], name="contacts_contactcheck_status"),
        ),
        AddIndexOnline(
            model_name="contactcheck",
            index=models.Index(fields=["account", "id"], name="contacts_contactcheck_account"),
        ),
        AddIndexOnline(
            model_name="contactcheck",
            index=models.Index(
                condition=models.Q(("checked_at__isnull", False)),
                fields=["checked_at", "id"],
                name="contacts_contactcheck_answered",
            ),
        ),
        AddIndexOnline(
            model_name="contactcheck",
            index=models.Index(
                condition=models.Q(("wa_id__isnull", False)), fields=["wa_id"], name="contacts_contactcheck_wa_id"
            ),
        ),
        AddIndexOnline(
            model_name="identitykey",
            index=models.Index(fields=["observed_at", "id"], name="contacts_identitykey_observed"),
        ),
        AddIndexOnline(
            model_name="identitykey",
            index=models.Index(fields=["source", "observed_at", "id"], name="contacts_identitykey_source"),
        ),
        AddIndexOnline(
            model_name="identitykey",
            index=models.Index(fields=["account", "observed_at", "id"], name="contacts_identitykey_account"),
        ),
        AddIndexOnline(
            model_name="identitykey",
            index=models.Index(fields=["hash"], name="contacts_identitykey_hash"),
        ),
        AddIndexOnline(
            model_name="identitykey",
            index=models.Index(fields=["reference"], name="contacts_identitykey_reference"),
        ),
        AddIndexOnline(
            model_name="message",
            index=models.Index(fields=["at", "id"], name="contacts_message_at"),
        ),
        AddIndexOnline(
            model_name="message",
            index=models.Index(fields=["direction", "at", "id"], name="contacts_message_direction"),
        ),
        AddIndexOnline(
            model_name="message",
            index=models.Index(fields=["state", "at", "id"], name="contacts_message_state"),
        ),
        AddIndexOnline(
            model_name="message",
            index=models.Index(fields=["kind", "at", "id"], name="contacts_message_kind"),
        ),
        AddIndexOnline(
            model_name="message",
            index=models.Index(fields=["purpose", "at", "id"], name="contacts_message_purpose"),
        ),
        AddIndexOnline(
            model_name="message",
            index=models.Index(fields=["business", "at", "id"], name="contacts_message_business"),
        ),
        AddIndexOnline(
            model_name="message",
            index=models.Index(fields=["account", "at", "id"], name="contacts_message_account"),
        ),
        AddIndexOnline(
            model_name="messagestatus",
            index=models.Index(fields=["status", "received_at", "id"], name="contacts_messagestatus_status"),
        ),
        AddIndexOnline(
            model_name="messagestatus",
            index=models.Index(fields=["account", "received_at", "id"], name="contacts_messagestatus_account"),
        ),
        AddIndexOnline(
            model_name="messagestatus",
            index=models.Index(fields=["wamid"], name="contacts_messagestatus_wamid"),
        ),
        AddIndexOnline(
            model_name="messagestatus",
            index=models.Index(
                condition=models.Q(("error_code", ""), _negated=True),
                fields=["error_code"],
                name="contacts_messagestatus_error",
            ),
        ),
        AddIndexOnline(
            model_name="optin",
            index=models.Index(fields=["recorded_at", "id"], name="contacts_optin_recorded"),
        ),
        AddIndexOnline(
            model_name="optin",
            index=models.Index(fields=["business", "id"], name="contacts_optin_business"),
        ),
        AddIndexOnline(
            model_name="optin",
            index=models.Index(fields=["state", "id"], name="contacts_optin_state"),
        ),
        AddIndexOnline(
            model_name="optin",
            index=models.Index(
                condition=models.Q(("consent_text__isnull", False)), fields=["id"], name="contacts_optin_proof"
            ),
        ),
        AddIndexOnline(
            model_name="optin",
            index=models.Index(
                condition=models.Q(("consent_text__isnull", True)), fields=["id"], name="contacts_optin_no_proof"
            ),
        ),
    ]
