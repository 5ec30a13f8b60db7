"""What an export may hold: each app declares its datasets, and waadmin registers them.

A dataset is a SELECT that both databases understand, or rows that Python works out. The kind of a column says how its
values are written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from audit.reach import Businesses

#: A row of a dataset that Python works out: text, whole numbers, true and false, JSON, or nothing.
Row = Sequence[object]


class Kind(StrEnum):
    """How the values of a column are written."""

    TEXT = "text"
    #: Words, ids and hashes of our own.
    WORD = "word"
    NUMBER = "number"
    TIME = "time"
    FLAG = "flag"
    UUID = "uuid"
    HEX = "hex"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, the SQL that gives it, and what turns encrypted bytes into what is written."""

    name: str
    sql: str = ""
    kind: Kind = Kind.TEXT
    read: Callable[[bytes], object] | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What an export is about: from when (inclusive) until when (exclusive), and ids by the name of their filter."""

    since: datetime | None
    until: datetime
    filters: Mapping[str, int] = field(default_factory=dict)
    #: What the export's person may see beyond the rest; None where no permission is asked for, as in a command.
    permissions: frozenset[str] | None = None
    #: Whether its person reaches every business; else it is narrowed to one of theirs, and the ledger is not in it.
    of_every_business: bool = True

    def sees(self, permission: str) -> bool:
        """Tell whether rows that need this permission belong into the export."""
        return self.permissions is None or permission in self.permissions


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to a dataset's row and lies beside the dataset in the export."""

    file: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Dataset:
    """One table of an export."""

    name: str
    title: object
    columns: tuple[Column, ...]
    #: What stands behind FROM and WHERE.
    source: str = ""
    where: str = ""
    order: str = ""
    #: The time that the range is about; empty where the dataset is the state at the range's end.
    time: str = ""
    #: For each filter that can be applied, a condition with {} in the place of the id.
    filters: Mapping[str, str] = field(default_factory=dict)
    #: For each permission, the condition of rows that people without it may see.
    without: Mapping[str, str] = field(default_factory=dict)
    #: Whether its rows say nothing but of every business: then only who reaches all of them may have it.
    of_every_business: bool = False
    #: A condition with {} in the place of the business, for rows that may be of others too: those who do not reach all
    #: businesses get them only where it holds.
    strictly: str = ""
    #: Gives the rows in place of a SELECT.
    rows: Callable[[Scope], Iterator[Row]] | None = None
    attachments: Callable[[Scope], Iterator[Attachment]] | None = None

    @property
    def column_names(self) -> list[str]:
        """The names of its columns, in order."""
        return [column.name for column in self.columns]


@dataclass(frozen=True, slots=True)
class Filter:
    """Something that an export can be narrowed to: its name, its words, and the choices in reach, as id and name."""

    name: str
    title: object
    choices: Callable[[Businesses], Iterable[tuple[int, str]]]


#: The filter that whoever is restricted must choose.
BUSINESS = "business"

_datasets: dict[str, Dataset] = {}
_filters: dict[str, Filter] = {}


def register(*datasets: Dataset) -> None:
    """Add datasets to those that an export may hold, in this order; a second time changes nothing."""
    _datasets.update({dataset.name: dataset for dataset in datasets})


def register_filters(*filters: Filter) -> None:
    """Add what an export can be narrowed to."""
    _filters.update({one.name: one for one in filters})


def all_datasets() -> tuple[Dataset, ...]:
    """Give every dataset, in the order in which they were registered."""
    return tuple(_datasets.values())


def in_reach(reached: Businesses) -> tuple[Dataset, ...]:
    """Give the datasets that somebody may have who reaches these businesses: those that one business narrows."""
    if reached is None:
        return all_datasets()
    return tuple(one for one in _datasets.values() if BUSINESS in one.filters and not one.of_every_business)


def all_filters() -> tuple[Filter, ...]:
    """Give everything that an export can be narrowed to."""
    return tuple(_filters.values())


def guarding_permissions() -> frozenset[str]:
    """Give every permission without which some rows are left out."""
    return frozenset(permission for dataset in _datasets.values() for permission in dataset.without)


def named(names: Iterable[str]) -> tuple[Dataset, ...]:
    """Give the datasets of these names, in the order in which all stand.

    :raises KeyError: with the first name that no dataset has.
    """
    wanted = list(names)
    for name in wanted:
        _datasets[name]
    return tuple(dataset for dataset in _datasets.values() if dataset.name in wanted)
