"""The chart component: nothing written by others becomes markup, and none, one or huge numbers are drawn sensibly."""

import re
from dataclasses import replace
from typing import Any

from django.template import Context, Template
from django.utils import translation

from waadmin import charts
from waadmin.charts import Chart, Series

HOSTILE = '"><script>alert(1)</script>'


def a_chart(*values: int, **fields: Any) -> Chart:
    names = tuple(f"{day} May" for day in range(1, len(values) + 1))
    some = {"key": "things", "title": "Things", "each": "Day", "names": names, "empty": "No thing came."}
    return Chart(**{**some, "series": (Series("Good ones", "good", values),), **fields})


def limits(*pairs: tuple[str, int, int]) -> Chart:
    used = Series("Numbers asked", "busy", tuple(pair[1] for pair in pairs))
    return a_chart(names=tuple(pair[0] for pair in pairs), series=(used,), limits=tuple(pair[2] for pair in pairs))


def drawn(chart: Chart) -> str:
    return " ".join(Template("{% load console %}{% chart one %}").render(Context({"one": chart})).split())


def heights(chart: Chart) -> list[list[float]]:
    return [[float(bar.height) for bar in column.bars] for column in charts.columns(chart)]


def test_what_others_wrote_stays_text() -> None:
    name = f"a{HOSTILE}"
    for chart in (
        a_chart(3, names=(name,), title=name, each=name, notes=(name,), series=(Series(name, "good", (3,)),)),
        limits((name, 1, 2)),
        a_chart(0, empty=name),
    ):
        html = drawn(chart)
        assert "<script" not in html
        assert 'a"' not in html
        assert "a&quot;&gt;&lt;script" in html


def test_nothing_to_draw_is_said_in_words() -> None:
    html = drawn(a_chart(0, 0, 0))
    assert "No thing came." in html
    assert "<svg" not in html
    assert "<details" not in html


def test_no_column_at_all_is_nothing_to_draw() -> None:
    assert "No thing came." in drawn(a_chart())
    assert "No thing came." in drawn(a_chart(series=()))


def test_one_value_fills_the_height_and_is_named() -> None:
    chart = a_chart(1)
    html = drawn(chart)
    assert heights(chart) == [[charts.HEIGHT - 2.0]]
    assert "Highest: 1, 1 May" in html
    assert "<title>1 May: Good ones 1</title>" in html


def test_a_little_beside_very_much_can_still_be_seen_and_nothing_leaves_the_drawing() -> None:
    much = a_chart(20_000_000_000, 1, series=(Series("a", "good", (20_000_000_000, 1)), Series("b", "bad", (1, 1))))
    assert all(height >= 2.0 for column in heights(much) for height in column)
    assert all(float(bar.y) >= 0 for column in charts.columns(much) for bar in column.bars)
    assert "20,000,000,001" in drawn(much)


def test_the_same_numbers_stand_in_a_table() -> None:
    html = drawn(a_chart(1_500, 0))
    table = html[html.index("<table>") :]
    assert "<caption" in table
    assert '<th scope="row">1 May</th><td class="figure">1,500</td>' in table
    assert '<th scope="row">2 May</th><td class="figure">0</td>' in table


def test_each_series_is_told_by_a_pattern_and_not_by_colour_alone() -> None:
    kinds = tuple(Series(f"kind {number}", "good", (1,)) for number in range(6))
    html = drawn(a_chart(1, series=kinds))
    patterns = re.findall(r"<pattern id=\"(chart-things-\d)\"[^>]*>(.*?)</pattern>", html)
    assert len(dict(patterns)) == 6
    assert len({shape for _name, shape in patterns}) == 6
    assert all(f"kind {number} <strong>1</strong>" in html for number in range(6))


def test_the_drawing_has_a_name_and_says_what_it_shows() -> None:
    html = drawn(a_chart(1, 4))
    assert 'role="img"' in html
    assert 'aria-labelledby="chart-things-title chart-things-words"' in html
    assert '<title id="chart-things-title">Things</title>' in html
    assert '<desc id="chart-things-words">Good ones: 5, most 2 May (4)</desc>' in html


def test_a_limit_shows_how_much_of_it_is_used_and_the_table_what_is_left() -> None:
    html = drawn(limits(("small", 25, 100), ("full", 120, 100), ("none", 0, 0)))
    assert html.index("full: 120 of 100") < html.index("small: 25 of 100")
    assert 'width="25.0%"' in html
    assert html.count('width="100.0%"') == 2
    assert (
        '<th scope="row">small</th><td class="figure">25</td><td class="figure">100</td><td class="figure">75</td>'
        in html
    )
    assert (
        '<th scope="row">full</th><td class="figure">120</td><td class="figure">100</td><td class="figure">0</td>'
        in html
    )


def test_of_many_limits_those_nearest_are_drawn_and_all_are_in_the_table() -> None:
    many = limits(*((f"account-{number}", number, 100) for number in range(30)))
    html = drawn(many)
    assert html.count('class="chart-track"') == charts.MOST_ROWS
    assert html.count('<tr><th scope="row">account-') == 30
    assert "account-29: 29 of 100" in html


def test_a_long_name_is_cut_in_the_drawing_and_whole_in_the_table() -> None:
    name = "a-very-long-name-of-an-account-that-nobody-would-choose"
    html = drawn(limits((name, 1, 2)))
    assert "a-very-long-name-of-an-…</text>" in html
    assert f'<th scope="row">{name}</th>' in html


def test_numbers_in_the_drawing_are_such_that_svg_reads_in_any_language() -> None:
    with translation.override("es"):
        html = drawn(a_chart(3, 7, 11))
    places = re.findall(r' (?:x|y|width|height)="([^"]+)"', html)
    assert places
    assert all(re.fullmatch(r"\d+(\.\d+)?%?", place) for place in places)


def test_nothing_carries_a_style_or_a_handler_of_its_own() -> None:
    html = drawn(a_chart(1, 2, href="/somewhere/", action="Open")) + drawn(limits(("a", 1, 2)))
    assert not re.search(r"\s(style|on\w+)=", html)
    assert "<style" not in html


def test_two_charts_on_a_page_share_no_id() -> None:
    html = drawn(a_chart(1)) + drawn(replace(a_chart(1), key="others"))
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
