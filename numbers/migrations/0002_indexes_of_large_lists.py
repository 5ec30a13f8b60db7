"""The indexes that filters, sort orders, dates and searches of large lists are answered from, built beside writers."""

from django.db import migrations, models

from audit.online_index import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("numbers", "0001_initial"),
    ]

    operations = [
        AddIndexOnline(
            model_name="verificationattempt",
            index=models.Index(fields=["started_at", "id"], name="numbers_attempt_started"),
        ),
        AddIndexOnline(
            model_name="verificationattempt",
            index=models.Index(fields=["action", "started_at", "id"], name="numbers_attempt_action"),
        ),
        AddIndexOnline(
            model_name="verificationattempt",
            index=models.Index(fields=["outcome", "started_at", "id"], name="numbers_attempt_outcome"),
        ),
        AddIndexOnline(
            model_name="verificationattempt",
            index=models.Index(
                condition=models.Q(("provider_code", ""), _negated=True),
                fields=["provider_code"],
                name="numbers_attempt_code",
            ),
        ),
        AddIndexOnline(
            model_name="verificationattempt",
            index=models.Index(
                condition=models.Q(("trace_id", ""), _negated=True), fields=["trace_id"], name="numbers_attempt_trace"
            ),
        ),
    ]
