"""The indexes that filters, sort orders, dates and searches of large lists are answered from, built beside writers."""

from django.db import migrations, models

from audit.online_index import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("webhooks", "0003_failed_by_time"),
    ]

    operations = [
        AddIndexOnline(
            model_name="webhookevent",
            index=models.Index(fields=["kind", "request"], name="webhooks_event_kind"),
        ),
        AddIndexOnline(
            model_name="webhookevent",
            index=models.Index(
                condition=models.Q(("subject", ""), _negated=True), fields=["subject"], name="webhooks_event_subject"
            ),
        ),
        AddIndexOnline(
            model_name="webhookrequest",
            index=models.Index(fields=["received_at", "id"], name="webhooks_request_received"),
        ),
        AddIndexOnline(
            model_name="webhookrequest",
            index=models.Index(fields=["kind", "id"], name="webhooks_request_kind"),
        ),
    ]
