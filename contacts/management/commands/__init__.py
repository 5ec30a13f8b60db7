"""Commands about contacts and their consent; each calls one journey."""

from audit.command import invalid
from providers.models import Business


def business_named(name: str) -> Business:
    """Find a business by its name.

    :raises CommandError: with the names that there are.
    """
    business = Business.objects.filter(name__iexact=name).first()
    if business is None:
        known = ", ".join(Business.objects.values_list("name", flat=True)) or "none yet"
        raise invalid(f"There is no business “{name}”. Businesses: {known}.")
    return business
