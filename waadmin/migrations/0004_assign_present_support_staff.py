from django.db import migrations


def assign_present_support_staff(apps, schema_editor):
    """Assign whoever is support staff already to every present business: an upgrade takes nothing from anybody."""
    alias = schema_editor.connection.alias
    users = apps.get_model("auth", "User").objects.using(alias).filter(groups__name="Support staff", is_superuser=False)
    businesses = list(apps.get_model("providers", "Business").objects.using(alias).values_list("pk", flat=True))
    accesses = apps.get_model("waadmin", "StaffAccess").objects.using(alias)
    for user in users if businesses else ():
        access, _created = accesses.get_or_create(user=user)
        access.reaches_every_business = False
        access.save(update_fields=["reaches_every_business"])
        access.businesses.set(businesses)


class Migration(migrations.Migration):
    dependencies = [("waadmin", "0003_businesses_of_staff")]

    operations = [migrations.RunPython(assign_present_support_staff, migrations.RunPython.noop)]
