"""Ban risk: "If you check too many phone numbers without sending to them, you will be banned" (document "Contacts").

What waadmin sees of it for one account: numbers checked, people messaged since, budget, and what stops checks now.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from contacts.models import ContactCheck, Message
from providers import limits
from providers.models import ProviderAccount

WINDOW = timedelta(days=7)
#: So few checks say nothing yet.
TELLING = 100
#: The share of people messaged since their check, in percent, under which somebody should know.
LOW = 50


@dataclass(frozen=True, slots=True)
class BanRisk:
    """How an account looks to a provider that bans whoever checks and does not send."""

    checked: int
    #: Of those checked, who got a message since; None while waadmin does not see the sending.
    messaged: int | None
    budget: int | None
    budget_left: int | None
    #: What stops checks now, by its own name; empty where nothing does.
    stop: str
    #: What should make somebody stop; empty where nothing does.
    warning: str

    @property
    def percent_messaged(self) -> int | None:
        """The share of those checked who got a message since; None where it is unknown or nobody was checked."""
        return None if self.messaged is None or not self.checked else self.messaged * 100 // self.checked

    @property
    def ratio_words(self) -> str:
        """Say the share in words, an unknown one as unknown."""
        if self.messaged is None:
            return _("Unknown: waadmin does not see your sending")
        if not self.checked:
            return _("Nobody was checked in the last %(days)d days") % {"days": WINDOW.days}
        return _("%(messaged)d of %(checked)d (%(percent)d%%) messaged since") % {
            "messaged": self.messaged,
            "checked": self.checked,
            "percent": self.percent_messaged,
        }


def ban_risk(*, account: ProviderAccount, now: datetime) -> BanRisk:
    """Give the account's risk over the last seven days."""
    checks = ContactCheck.objects.filter(
        account=account, cached_from=None, first_asked_at__gt=now - WINDOW, contact__isnull=False
    )
    sent = Message.objects.filter(
        business=account.business, direction=Message.Direction.OUT, state=Message.State.ACCEPTED
    )
    messaged = None
    if sent.exists():
        since = sent.filter(contact_id=OuterRef("contact_id"), at__gte=OuterRef("first_asked_at"))
        messaged = checks.filter(Exists(since)).values("contact_id").distinct().count()
    left = limits.budget_left(account, now=now)
    return assess(
        checked=checks.values("contact_id").distinct().count(),
        messaged=messaged,
        budget=account.check_budget,
        budget_left=left,
        frees_at=limits.next_free_at(account, now) if left == 0 else None,
        stopped_because=account.stopped_because(),
    )


def assess(
    *,
    checked: int,
    messaged: int | None,
    budget: int | None,
    budget_left: int | None,
    frees_at: datetime | None,
    stopped_because: str,
) -> BanRisk:
    """Judge the figures of an account. Pure."""
    stop = stopped_because
    if not stop and budget is not None and budget_left == 0:
        stop = _("The budget of %(budget)d numbers in 24 hours is spent.") % {"budget": budget}
        if frees_at is not None:
            stop = f"{stop} " + _("It frees from %(at)s.") % {"at": frees_at.isoformat(timespec="minutes")}
    warning = ""
    if messaged is not None and checked >= TELLING and messaged * 100 < checked * LOW:
        warning = _(
            "Of %(checked)d people checked in %(days)d days only %(messaged)d got a message since. Checking without "
            "sending gets accounts banned: send to them before you check more."
        ) % {"checked": checked, "days": WINDOW.days, "messaged": messaged}
    elif budget is None:
        warning = _("The account has no check budget: the provider may ban you before we stop.")
    return BanRisk(checked, messaged, budget, budget_left, stop, warning)
