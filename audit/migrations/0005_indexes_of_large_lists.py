"""The indexes that filters, sort orders, dates and searches of large lists are answered from, built beside writers."""

from django.db import migrations, models

from audit.online_index import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("audit", "0004_export_of_every_business"),
    ]

    operations = [
        AddIndexOnline(
            model_name="auditevent",
            index=models.Index(fields=["action", "sequence"], name="audit_event_action"),
        ),
        AddIndexOnline(
            model_name="auditevent",
            index=models.Index(fields=["actor", "sequence"], name="audit_event_actor"),
        ),
        AddIndexOnline(
            model_name="providercall",
            index=models.Index(fields=["account_name", "id"], name="audit_call_account_name"),
        ),
        AddIndexOnline(
            model_name="providercall",
            index=models.Index(fields=["operation", "id"], name="audit_call_operation"),
        ),
        AddIndexOnline(
            model_name="providercall",
            index=models.Index(fields=["outcome", "id"], name="audit_call_outcome"),
        ),
    ]
