"""Whose rows a person reaches: those of every business, or only those of the businesses that they are assigned to.

Each app says once for each of its models which rows belong to some businesses; lists, pages, forms, charts and exports
ask here. A model of which nobody has said it is withheld from whoever is restricted: forgetting shows too little.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_P = ParamSpec("_P")
_Row = TypeVar("_Row", bound=Model)
_Response = TypeVar("_Response", bound=HttpResponseBase)
_View = Callable[Concatenate[HttpRequest, _P], _Response]

#: The ids of the businesses that somebody reaches; None for every business, also one that is made later.
Businesses = frozenset[int] | None
#: Says which rows of a model belong to some businesses. It is asked for every row of a list: an EXISTS on an index.
Rule = Callable[[frozenset[int]], Q]

CONCERNS_EVERYBODY: Promise = _(
    "This concerns every business, and you are assigned to some only. Ask somebody who reaches all of them."
)
NOT_ASSIGNED: Promise = _("You are not assigned to a business yet; ask an administrator of this console.")

_NOTHING = Q(pk__in=())
_KEPT = "_businesses_reached"
_reached_by: list[Callable[[Any], Businesses]] = []
_rules: dict[type[Model], Rule] = {}
_of_every_business: set[type[Model]] = set()


class OutOfReach(PermissionDenied):
    """Something that concerns every business, asked for by somebody who reaches some only; says so in words."""

    def __init__(self) -> None:
        super().__init__(CONCERNS_EVERYBODY)


def register_people(reached_by: Callable[[Any], Businesses]) -> None:
    """Take what knows which businesses a person reaches; until then everybody reaches all of them."""
    _reached_by[:] = [reached_by]


def register(model: type[Model], rule: Rule) -> None:
    """Take which rows of a model belong to some businesses."""
    _rules[model] = rule


def register_of_every_business(*models: type[Model]) -> None:
    """Take models whose rows concern every business: whoever is restricted sees none of them, and is told so."""
    _of_every_business.update(models)


def by(lookup: str) -> Rule:
    """Give the rule of a model that leads to its business by foreign keys, such as `batch__business`."""
    return lambda ids: Q(**{f"{lookup}__in": ids})


def has_rule(model: type[Model]) -> bool:
    """Tell whether somebody has said whose the rows of a model are."""
    return model in _rules or model in _of_every_business


def businesses(user: Any) -> Businesses:
    """Give the businesses that a person reaches; asked once for each object, which lives for a request."""
    if not hasattr(user, _KEPT):
        setattr(user, _KEPT, next((reached_by(user) for reached_by in _reached_by), None))
    found: Businesses = getattr(user, _KEPT)
    return found


def is_restricted(user: Any) -> bool:
    """Tell whether a person reaches some businesses only, or none."""
    return businesses(user) is not None


def is_withheld(model: type[Model], user: Any) -> bool:
    """Tell whether no row of the model is for this person, whatever their role says."""
    return model not in _rules and is_restricted(user)


def within(rows: QuerySet[_Row], user: Any) -> QuerySet[_Row]:
    """Keep the rows that the person reaches."""
    return narrowed(rows, businesses(user))


def narrowed(rows: QuerySet[_Row], reached: Businesses) -> QuerySet[_Row]:
    """Keep the rows that belong to these businesses."""
    return rows if reached is None else rows.filter(rows_of(rows.model, reached))


def rows_of(model: type[Model], ids: frozenset[int]) -> Q:
    """Give the condition of the rows of a model that belong to these businesses."""
    rule = _rules.get(model)
    return rule(ids) if rule is not None and ids else _NOTHING


def reaches(user: Any, row: Model) -> bool:
    """Tell whether a person reaches this row."""
    if not is_restricted(user):
        return True
    rows: QuerySet[Model] = type(row)._default_manager.filter(pk=row.pk)
    return within(rows, user).exists()


def needs_every_business(view: _View[_P, _Response]) -> _View[_P, _Response]:
    """Let a view run only for people who reach every business; others read that it concerns all of them.

    Stands inside `may`: whoever lacks the permission reads that first.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> _Response:
        if is_restricted(request.user):
            raise OutOfReach
        return view(request, *args, **kwargs)

    return guarded
