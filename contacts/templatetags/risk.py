"""Ban risk on an account's page, and what accounts without a checker can tell about people."""

from datetime import UTC, datetime
from typing import Any

from django import template

from contacts.risk import ban_risk
from providers.models import ProviderAccount
from providers.registry import can_check

register = template.Library()


@register.inclusion_tag("contacts/ban_risk.html")
def show_ban_risk(account: ProviderAccount) -> dict[str, Any]:
    """Show how the account looks to a provider that bans whoever checks and does not send."""
    if not can_check(account.kind):
        return {"account": account, "risk": None}
    return {"account": account, "risk": ban_risk(account=account, now=datetime.now(UTC))}


@register.inclusion_tag("contacts/no_checker.html")
def say_where_no_checker_is() -> dict[str, Any]:
    """Say what waadmin knows without a lookup, where there are accounts and none of them offers one."""
    kinds = set(ProviderAccount.objects.values_list("kind", flat=True).order_by())
    return {"is_shown": bool(kinds) and not any(map(can_check, kinds))}
