"""A person who is erased while something is being recorded about them: the journey begins again, with nobody there."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, connection

_P = ParamSpec("_P")
_T = TypeVar("_T")
_TRIES = 3


class PersonVanished(LookupError):
    """The person was erased between being found and being locked."""


def again_if_vanished(journey: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let a journey begin again where its person was erased meanwhile.

    Inside a transaction of somebody else's the error goes up to whoever began that: half of it cannot be done again.
    """

    @wraps(journey)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for _try in range(1 if connection.in_atomic_block else _TRIES - 1):
            try:
                return journey(*args, **kwargs)
            except (PersonVanished, IntegrityError):
                # A row that names the erased contact is refused by its foreign key, at the latest at the commit.
                if connection.in_atomic_block:
                    raise
        return journey(*args, **kwargs)

    return guarded
