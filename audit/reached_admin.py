"""The shape of every admin page: its rows, choices and filters are those that the person reaches."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.filters import FieldListFilter, RelatedFieldListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from audit import reach

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class ReachedFilter(RelatedFieldListFilter):
    """A filter by a related row, which names only rows that the person reaches."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Give the rows to choose from."""
        reached = reach.businesses(request.user)
        if reached is None:
            return super().field_choices(field, request, model_admin)
        ordering = self.field_admin_ordering(field, request, model_admin)
        limit = reach.rows_of(field.related_model, reached)
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to=limit)


FieldListFilter.register(lambda field: bool(field.remote_field), ReachedFilter, take_priority=True)


class ReachedAdmin(_ModelAdmin):
    """Pages of one model, for each person those of the rows that they reach: any other row is not there."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Give the rows in reach, on lists, pages, actions and autocompletes alike."""
        return reach.within(super().get_queryset(request), request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the role allows it and something of the model can be in reach."""
        return super().has_view_permission(request, obj) and not reach.is_withheld(self.model, request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tell whether the role allows it and something of the model can be in reach."""
        return super().has_add_permission(request) and not reach.is_withheld(self.model, request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the role allows it and something of the model can be in reach."""
        return super().has_change_permission(request, obj) and not reach.is_withheld(self.model, request.user)

    def has_view_or_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether a page may be opened.

        :raises OutOfReach: when the role would allow it, and only the reach does not: the page then says so.
        """
        if super().has_view_or_change_permission(request, obj):
            return True
        if reach.is_withheld(self.model, request.user) and _role_allows(request, self.opts):
            raise reach.OutOfReach
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the related rows in reach, and take no other."""
        if reach.is_restricted(request.user):
            rows = kwargs.get("queryset", db_field.remote_field.model._default_manager.all())
            kwargs["queryset"] = reach.within(rows, request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def _role_allows(request: HttpRequest, opts: Any) -> bool:
    return any(request.user.has_perm(f"{opts.app_label}.{act}_{opts.model_name}") for act in ("view", "change"))
