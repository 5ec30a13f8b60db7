"""Filters of lists; the choices of large tables are looked for in an index, not counted out of the whole table."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import AllValuesFieldListFilter, EmptyFieldListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Field, Model
from django.http import HttpRequest
from django.utils.translation import gettext as _

from audit import existing


class ValuesFilter(AllValuesFieldListFilter):
    """The values that a column has, unknown ones too; an index must begin with the column."""

    def __init__(
        self,
        field: "Field[Any, Any]",
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: Any,
        field_path: str,
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        found = existing.values(model, field.name)
        rows = model_admin.get_queryset(request).order_by("pk")
        if rows.query.has_filters():
            # A name that only stands in rows which this person may not see is not for them either.
            shown = existing.which_exist(model, [rows.filter(**{field.name: value}) for value in found])
            found = [value for value, is_there in zip(found, shown, strict=True) if is_there]
        self.lookup_choices: Any = [value for value in found if value]


class PresenceFilter(EmptyFieldListFilter):
    """Rows without the field, or with it, in words that say so where Django says “Empty” and “Not empty”."""

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Give Django's choices in our words."""
        words = {None: None, "1": _("Without"), "0": _("With")}
        for choice, (lookup, word) in zip(super().choices(changelist), words.items(), strict=True):
            _count, sign, rest = str(choice["display"]).partition(" (")
            yield choice if lookup is None else {**choice, "display": f"{word}{sign}{rest}"}
