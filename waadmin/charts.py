"""Small charts, drawn here as SVG: what one shows, and where its bars lie. Names and numbers go out as plain text.

Across they are measured in percent and upwards in pixels, so that one drawing fits every width; nothing carries a
style of its own. Every series has a pattern beside its colour, and the same numbers stand in a table.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _

HEIGHT = 120
#: The height of one account's row: name and figure, then the bar.
ROW = 40
#: Less than this would not be seen, and a little is not nothing.
_LEAST = 2.0
#: A name longer than this would meet the figure beside it on a phone; the table has it whole.
_LONGEST_NAME = 24
#: More rows than this stand in the table only.
MOST_ROWS = 8


@dataclass(frozen=True, slots=True)
class Series:
    """What is counted in each column, and whether that is good, bad or neither."""

    name: str
    tone: str
    values: tuple[int, ...]

    @property
    def total(self) -> int:
        """The sum over all columns."""
        return sum(self.values)

    @property
    def total_shown(self) -> str:
        """The sum as it is read."""
        return figure(self.total)


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart. With `limits` it has a row for each name that shows how much of its limit is used; else a column."""

    #: Unique on a page, made of letters and -.
    key: str
    title: str
    #: What the columns are, as their table heads them: a day, an hour, an account.
    each: str
    names: tuple[str, ...]
    series: tuple[Series, ...]
    #: What is said where every number is nought.
    empty: str
    href: str = ""
    action: str = ""
    limits: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to draw; an unused limit is something."""
        return not (self.limits or any(self.stacked))

    @property
    def stacked(self) -> list[int]:
        """The sum of each column."""
        return [sum(values) for values in zip(*(series.values for series in self.series), strict=True)]


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a column: its place in the pattern of the chart, and where it lies, as SVG reads it."""

    series: int
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column with what it says when pointed at."""

    x: str
    width: str
    words: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One limit, how much of it is used, and where it lies."""

    name: str
    figure: str
    words: str
    share: str
    is_nearly_used: bool
    name_y: int
    bar_y: int


def columns(chart: Chart) -> Iterator[Column]:
    """Give the columns of a chart, stacked from the bottom; each number above nought can be seen."""
    top = max(chart.stacked, default=0) or 1
    # Room above for parts that were made tall enough to be seen.
    room = HEIGHT - _LEAST * len(chart.series)
    step = 100 / max(1, len(chart.names))
    for place in range(len(chart.names)):
        bars, y = [], float(HEIGHT)
        for number, series in enumerate(chart.series):
            if series.values[place]:
                height = max(_LEAST, room * series.values[place] / top)
                y -= height
                bars.append(Bar(number, f"{y:.1f}", f"{height:.1f}"))
        yield Column(f"{place * step + step * 0.12:.2f}%", f"{step * 0.76:.2f}%", _of_column(chart, place), tuple(bars))


def rows(chart: Chart) -> Iterator[Row]:
    """Give the rows of a chart with limits, those nearest to their limit first."""
    used = chart.series[0].values
    order = sorted(range(len(chart.names)), key=lambda one: -_share(used[one], chart.limits[one]))
    for line, place in enumerate(order[:MOST_ROWS]):
        share = _share(used[place], chart.limits[place])
        said = {"used": figure(used[place]), "limit": figure(chart.limits[place])}
        name = chart.names[place]
        yield Row(
            name=name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…",
            figure=_("%(used)s of %(limit)s") % said,
            words=f"{name}: {_('%(used)s of %(limit)s') % said}",
            share=f"{100 * share:.1f}%",
            is_nearly_used=share >= 0.9,
            name_y=line * ROW + 14,
            bar_y=line * ROW + 21,
        )


def in_words(chart: Chart) -> str:
    """Say what the chart shows, for those who do not see it."""
    if chart.limits:
        return ". ".join(row.words for row in rows(chart))
    said = []
    for series in chart.series:
        words = f"{series.name}: {figure(series.total)}"
        if series.total:
            most = max(series.values)
            at = chart.names[series.values.index(most)]
            words = _("%(series)s, most %(at)s (%(count)s)") % {"series": words, "at": at, "count": figure(most)}
        said.append(words)
    return ". ".join(said)


def highest(chart: Chart) -> str:
    """Say what the tallest column stands for."""
    most = max(chart.stacked, default=0)
    return _("Highest: %(count)s, %(at)s") % {"count": figure(most), "at": chart.names[chart.stacked.index(most)]}


def table(chart: Chart) -> Iterator[tuple[str, list[str]]]:
    """Give each column or row by name with its numbers; of a limit also the limit and what is left of it."""
    for place, name in enumerate(chart.names):
        numbers = [series.values[place] for series in chart.series]
        if chart.limits:
            numbers += [chart.limits[place], max(0, chart.limits[place] - numbers[0])]
        yield name, [figure(number) for number in numbers]


def figure(number: int) -> str:
    """Write a number with its thousands apart."""
    return str(number_format(number, force_grouping=True))


def _share(used: int, limit: int) -> float:
    """Give how much of a limit is used, from 0 to 1; a limit of nought is used up."""
    return min(1.0, used / limit) if limit else 1.0


def _of_column(chart: Chart, place: int) -> str:
    said = [f"{series.name} {figure(series.values[place])}" for series in chart.series]
    return f"{chart.names[place]}: {', '.join(said)}"
