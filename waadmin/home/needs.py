"""What needs a person now, in the order in which it presses; each kind only for those who may see its page."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User

from waadmin.home import about_people, about_the_installation
from waadmin.home.need import Need

#: Who may see a page is told what waits on it.
_KINDS = (
    ("providers.view_provideraccount", about_the_installation.accounts),
    ("numbers.view_businessnumber", about_the_installation.numbers),
    ("contacts.view_trustcase", about_people.cases),
    ("contacts.view_suggestion", about_people.suggested),
    ("webhooks.view_webhookrequest", about_the_installation.webhooks),
    ("contacts.add_optin", about_people.held),
    ("contacts.view_checkbatch", about_people.runs),
    ("contacts.view_optinimport", about_people.imports),
    ("audit.sign_head", about_the_installation.ledger_head),
)


def needs(user: User | AnonymousUser, *, now: datetime) -> list[Need]:
    """Give what waits for this person: first what stopped, then what wants a look."""
    kinds = [kind for permission, kind in _KINDS if user.has_perm(permission)]
    return sorted((need for kind in kinds for need in kind(user, now=now)), key=lambda need: need.tone != "bad")
