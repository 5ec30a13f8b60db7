"""The second step of an import: a person says what each column of the file is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from audit import reach
from audit.pages import clock, may, show
from contacts import masking
from contacts.consent import mapping, uploads
from contacts.consent.columns import UnusableHeader
from contacts.forms.imports import MappingForm
from contacts.models import OptInImport


@never_cache
@require_http_methods(["GET", "POST"])
@may("contacts.add_optinimport")
def columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask what each column of an unconfirmed file is; the answer leads on to the preview."""
    entry = entry_of(request, pk)
    return redirect(url_of(entry)) if entry.statement else columns_page(request, entry)


def columns_page(request: HttpRequest, entry: OptInImport) -> HttpResponse:
    """Show the columns of a file with what they probably are, or keep what somebody says of them."""
    kept = get_object_or_404(OptInImport.objects.select_related("business"), pk=entry.pk)
    form, proposal, problem = None, None, ""
    try:
        proposal = mapping.propose(kept, now=clock())
        name_shown = {"name_shown": entry.business_name_shown}
        sent_fields = request.POST if request.method == "POST" else None
        form = MappingForm(sent_fields, columns=proposal.columns, initial=name_shown)
        if form.is_valid():
            uploads.map_columns(upload=kept, picks=form.picks(), name_shown=form.cleaned_data["name_shown"])
            return redirect(url_of(entry))
    except (UnusableHeader, uploads.UploadRefused) as refusal:
        if form is None:
            problem = str(refusal)
        else:
            form.add_error(None, str(refusal))
    return show(
        request,
        "contacts/import_columns.html",
        title=_("What the columns are"),
        model=OptInImport,
        step=2,
        entry=entry,
        form=form,
        rows=[(column, [masking.cell(sample) for sample in column.samples], field) for column, field in form.rows()]
        if form
        else [],
        remembered_at=proposal.remembered_at if proposal else None,
        problem=problem,
    )


def entry_of(request: HttpRequest, pk: int) -> OptInImport:
    """Give an import that the person reaches, without its files."""
    # The file and the bad lines are encrypted: they are read only where they are needed.
    rows = OptInImport.objects.select_related("business").defer("content", "errors")
    return get_object_or_404(reach.within(rows, request.user), pk=pk)


def url_of(entry: OptInImport) -> str:
    """Give the address of an import, which shows the step at which it is."""
    return reverse("admin:contacts_optinimport_change", args=[entry.pk])
