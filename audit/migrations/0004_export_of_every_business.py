from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_exports")]

    operations = [
        migrations.AddField(
            model_name="export",
            name="of_every_business",
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
