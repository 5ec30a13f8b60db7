import datetime

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="webhookrequest", name="webhooks_request_open"),
        migrations.AlterModelOptions(
            name="webhookrequest",
            options={
                "default_permissions": ("view",),
                "ordering": ["-id"],
                "permissions": [("process_webhookrequest", "Can process webhooks again and test their signature")],
                "verbose_name": "webhook request",
                "verbose_name_plural": "webhook requests",
            },
        ),
        migrations.AlterField(
            model_name="webhookrequest",
            name="kind",
            field=models.CharField(
                choices=[("meta", "Meta Cloud API"), ("onprem", "On-Premises node")],
                max_length=20,
                verbose_name="provider",
            ),
        ),
        migrations.AddField(
            model_name="webhookrequest",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="webhookrequest",
            name="due_at",
            # What is stored and not read yet is due at once.
            field=models.DateTimeField(
                default=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), verbose_name="due at"
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="webhookrequest",
            index=models.Index(
                condition=models.Q(("error", ""), ("processed_at", None)),
                fields=["due_at", "id"],
                name="webhooks_request_due",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookrequest",
            index=models.Index(
                condition=models.Q(("body__isnull", False)), fields=["received_at"], name="webhooks_request_kept"
            ),
        ),
        migrations.CreateModel(
            name="DrainLease",
            fields=[
                ("slot", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("until", models.DateTimeField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField(verbose_name="position")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("message", "Message"),
                            ("status", "Delivery report"),
                            ("system", "Change of a person"),
                            ("preference", "Preference"),
                            ("number", "News about a number"),
                            ("contacts", "Answer about numbers"),
                            ("unknown", "Unknown"),
                        ],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                ("field", models.CharField(max_length=60, verbose_name="field")),
                ("key", models.CharField(max_length=64, unique=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("WAITING", "Waiting"),
                            ("DONE", "Done"),
                            ("IGNORED", "Ignored"),
                            ("FAILED", "Failed"),
                        ],
                        default="WAITING",
                        max_length=8,
                        verbose_name="outcome",
                    ),
                ),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="why")),
                ("subject", models.CharField(blank=True, max_length=80, verbose_name="concerns")),
                ("processed_at", models.DateTimeField(null=True, verbose_name="processed at")),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="webhooks.webhookrequest",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook event",
                "verbose_name_plural": "webhook events",
                "ordering": ["request_id", "position"],
                "default_permissions": ("view",),
                "indexes": [models.Index(fields=["field", "-request"], name="webhooks_event_field")],
            },
        ),
    ]
