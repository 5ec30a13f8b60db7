from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0002_events_and_queue")]

    operations = [
        migrations.AddIndex(
            model_name="webhookrequest",
            index=models.Index(
                condition=models.Q(("error", ""), _negated=True), fields=["received_at"], name="webhooks_request_failed"
            ),
        ),
    ]
