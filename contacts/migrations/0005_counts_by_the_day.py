from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0004_erasure"),
        ("providers", "0003_keep_proof_years"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="contactcheck",
            index=models.Index(
                condition=models.Q(("first_asked_at__isnull", False)),
                fields=["first_asked_at", "status", "strength", "business"],
                name="contacts_contactcheck_day",
            ),
        ),
        migrations.AddIndex(
            model_name="optin",
            index=models.Index(
                condition=models.Q(("opt_in_import__isnull", True)),
                fields=["recorded_at", "state", "business", "opt_in_import"],
                name="contacts_optin_single",
            ),
        ),
        migrations.AddIndex(
            model_name="optinimport",
            index=models.Index(fields=["started_at"], name="contacts_optinimport_started"),
        ),
    ]
