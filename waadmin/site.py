"""The admin site: Django's stock admin under our name, grouped by what people do, with a banner in a demo."""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from audit import reach
from audit.pages import clock

_DEMO_KEY = "waadmin.site.demo"
_DEMO_SECONDS = 15

#: Navigation by what people do: a title, and the models whose pages belong there, as app_label.ObjectName.
_GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("Contacts"), ("contacts.Contact", "contacts.OptIn", "contacts.OptInImport", "contacts.ConsentText")),
    (_("Checks"), ("contacts.CheckBatch", "contacts.ContactCheck")),
    (_("Numbers"), ("numbers.BusinessNumber", "numbers.BusinessAccount", "numbers.VerificationAttempt")),
    (_("Messages"), ("contacts.Suggestion", "contacts.Message", "contacts.MessageStatus")),
    (_("Identity"), ("contacts.TrustCase", "contacts.IdentityTrust", "contacts.IdentityKey")),
    (_("Webhooks"), ("webhooks.WebhookRequest",)),
    (_("Audit"), ("audit.AuditEvent", "audit.Export", "audit.ProviderCall", "contacts.Erasure")),
    (_("Settings"), ("providers.Business", "providers.ProviderAccount", "auth.User", "auth.Group")),
)


class WaadminSite(AdminSite):
    """Django's admin with our titles, our navigation and our home page."""

    site_title = _("waadmin")
    site_header = _("waadmin")
    index_title = _("Home")
    site_url = None
    enable_nav_sidebar = True
    login_template = "sign_in/login.html"

    def __init__(self, name: str = "admin") -> None:
        from waadmin.sign_in.forms import SignInForm

        super().__init__(name)
        self.login_form = SignInForm
        # Nothing is deleted by hand, on any page of the site.
        self.disable_action("delete_selected")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add what every page says: that an account speaks to a sandbox, or that this person has no business yet."""
        has_none = request.user.is_authenticated and reach.businesses(request.user) == frozenset()
        not_assigned = reach.NOT_ASSIGNED if has_none else ""
        return {
            **super().each_context(request),
            "is_demo": speaks_to_a_sandbox(),
            "sandbox_url": settings.SANDBOX_URL,
            "not_assigned": not_assigned,
        }

    def get_urls(self) -> list[Any]:
        """Put the pages of signing in before Django's."""
        from waadmin.help import views as help_views
        from waadmin.sign_in import views

        pages: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("help/", help_views.index, "help"),
            ("help/<path:document>/", help_views.page, "help_page"),
            ("sign-in/", views.overview, "sign_in"),
            ("sign-in/preferences/", views.choose, "preferences"),
            ("sign-in/code/", views.enter_code, "second_factor"),
            ("sign-in/again/", views.prove_again, "confirm_sign_in"),
            ("sign-in/app/", views.set_up, "second_factor_set_up"),
            ("sign-in/app/begin/", views.begin, "second_factor_begin"),
            ("sign-in/app/confirm/", views.confirm, "second_factor_confirm"),
            ("sign-in/recovery-codes/", views.renew_codes, "second_factor_codes"),
        ]
        ours = [path(route, self.admin_view(view), name=name) for route, view, name in pages]
        return [*ours, *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Ask for name and password, say why a session ended, and record who is signed in by them alone."""
        from waadmin.sign_in import signing_in

        extra = {"ended_because": signing_in.why_ended(request), **(extra_context or {})}
        response = super().login(request, extra)
        signing_in.record(request)
        return response

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Group the models by what people do with them; the page of one app stays Django's."""
        apps = super().get_app_list(request, app_label)
        return apps if app_label else _grouped(apps, reverse("admin:index", current_app=self.name))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show what needs a person now, the first steps while some are open, and the way to everything."""
        from waadmin import home

        found = home.read(request.user, now=clock(), zone=timezone.get_current_timezone())
        return super().index(request, {"home": found, **(extra_context or {})})


def speaks_to_a_sandbox() -> bool:
    """Tell whether any account's base URL is on this machine; remembered for some seconds."""
    known = cache.get(_DEMO_KEY)
    if known is None:
        from providers.addresses import speaks_to_loopback
        from providers.models import ProviderAccount

        known = any(map(speaks_to_loopback, ProviderAccount.objects.values_list("base_url", flat=True)))
        cache.set(_DEMO_KEY, known, _DEMO_SECONDS)
    return bool(known)


def _grouped(apps: Iterable[Any], home: str) -> list[Any]:
    models = {f"{app['app_label']}.{model['object_name']}": model for app in apps for model in app["models"]}
    groups = []
    for title, names in _GROUPS:
        found = [models.pop(name) for name in names if name in models]
        if found:
            slug = slugify(str(title))
            groups.append({"name": title, "app_label": slug, "app_url": f"{home}#pages-{slug}", "models": found})
    if models:
        rest = list(models.values())
        groups.append({"name": _("More"), "app_label": "more", "app_url": f"{home}#pages-more", "models": rest})
    return groups
