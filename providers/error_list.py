"""The catalogue of errors as a page: by provider and code, or by a word; what happened, why, and what to do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audit.pages import may, show
from providers import catalogue
from providers.models import ProviderAccount

_HTTP = re.compile(r"HTTP ([1-5][0-9]{2})", re.ASCII)
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Group:
    """The errors of one provider; those of HTTP are every provider's."""

    kind: str
    name: str
    errors: tuple[catalogue.Explanation, ...]


@require_safe
@may("providers.view_provideraccount")
def page(request: HttpRequest) -> HttpResponse:
    """Show the catalogue, or what of it fits; a code says nothing of a person and may stand in the address."""
    kind = request.GET.get("provider", "")
    text = " ".join(request.GET.get("q", "").split())[:_LONGEST]
    return show(
        request,
        "providers/errors.html",
        title=_("Errors by provider and code"),
        model=ProviderAccount,
        groups=list(find(kind=kind if kind in ProviderAccount.Kind.values else "", text=text)),
        kinds=ProviderAccount.Kind.choices,
        kind=kind,
        has_own_codes=not kind or bool(catalogue.entries(kind)),
        text=text,
    )


def find(*, kind: str = "", text: str = "") -> Iterator[Group]:
    """Give the errors of one provider or of all that have this code; where none has it, those that say this."""
    kinds = [value for value, _label in ProviderAccount.Kind.choices if kind in ("", value)]
    names = dict(ProviderAccount.Kind.choices)
    groups = [Group(value, str(names[value]), catalogue.entries(value)) for value in kinds]
    groups.append(Group("", _("Any provider, by HTTP status"), catalogue.entries("")))
    by_code = [_narrowed(group, _with_code(group, text)) for group in groups]
    found = by_code if any(group.errors for group in by_code) else [_narrowed(g, _saying(g, text)) for g in groups]
    yield from (group for group in found if group.errors)


def _narrowed(group: Group, errors: Iterator[catalogue.Explanation]) -> Group:
    return Group(group.kind, group.name, tuple(errors))


def _with_code(group: Group, text: str) -> Iterator[catalogue.Explanation]:
    """Give those with this code, and those that share it and were told apart by a word behind it."""
    status = _HTTP.fullmatch(text)
    listed = catalogue.code_of(group.kind, text, http_status=int(status[1]) if status and not group.kind else None)
    return (error for error in group.errors if error.code in (text, listed) or error.code.startswith(f"{text}:"))


def _saying(group: Group, text: str) -> Iterator[catalogue.Explanation]:
    wanted = text.casefold()
    for error in group.errors:
        if wanted in " ".join((error.code, error.happened, error.why, error.next_step)).casefold():
            yield error
