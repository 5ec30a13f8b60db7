from django.db import migrations, models

import contacts.models.consent


class Migration(migrations.Migration):
    dependencies = [("contacts", "0005_counts_by_the_day")]

    operations = [
        migrations.AddField(
            model_name="checkbatch",
            name="chosen_by",
            field=contacts.models.consent.PlainJSONField(default=dict, editable=False),
        ),
        migrations.AddField(
            model_name="checkbatch",
            name="preview",
            field=models.UUIDField(editable=False, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="optinimport",
            name="columns",
            field=models.CharField(blank=True, max_length=400),
        ),
        migrations.AddField(
            model_name="optinimport",
            name="header_digest",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="optinimport",
            name="line_count",
            field=models.PositiveIntegerField(null=True, verbose_name="lines"),
        ),
        migrations.AddField(
            model_name="optinimport",
            name="time_zone",
            field=models.CharField(blank=True, max_length=60, verbose_name="time zone"),
        ),
        migrations.AlterField(
            model_name="checkbatch",
            name="source",
            field=models.CharField(
                choices=[
                    ("PASTE", "Pasted numbers"),
                    ("FILE", "File"),
                    ("SELECTION", "Selected contacts"),
                    ("FILTER", "Filter: people who agreed"),
                    ("COMMAND", "Command"),
                    ("RETRY", "Retry of another run"),
                ],
                max_length=10,
                verbose_name="source",
            ),
        ),
    ]
