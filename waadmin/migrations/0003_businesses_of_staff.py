from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0003_keep_proof_years"),
        ("waadmin", "0002_sign_in"),
    ]

    operations = [
        migrations.AddField(
            model_name="staffaccess",
            name="reaches_every_business",
            field=models.BooleanField(null=True, verbose_name="reaches every business"),
        ),
        migrations.AddField(
            model_name="staffaccess",
            name="businesses",
            field=models.ManyToManyField(related_name="+", to="providers.business", verbose_name="businesses"),
        ),
    ]
