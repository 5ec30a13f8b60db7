"""The console's small components, used by every page: badge, time, progress, stat, chart, empty state, id, mask."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit import display
from waadmin import charts
from waadmin.help import places

register = template.Library()


@register.simple_tag
def badge(tone: str, words: object, title: str = "") -> SafeString:
    """Show an icon and words."""
    return display.badge(display.Tone(tone), words, title=title)


@register.simple_tag
def when(at: datetime | None) -> SafeString:
    """Show a moment, in the reader's zone where the script runs, with UTC on hover."""
    return display.when(at)


@register.simple_tag
def ago(at: datetime) -> SafeString:
    """Show how long ago a moment was."""
    return display.ago(at, datetime.now(UTC))


@register.simple_tag
def copyable(text: object, label: str = "") -> SafeString:
    """Show an id that can be copied."""
    return display.copyable(text, label=label)


@register.simple_tag
def error_code(kind: str, code: str) -> SafeString:
    """Show a provider's code, with the way to what it means."""
    return display.error_code(kind, code)


@register.simple_tag(takes_context=True)
def help_page(context: Mapping[str, Any]) -> str:
    """Give the part of the documentation that speaks of the page that is shown."""
    match = getattr(context.get("request"), "resolver_match", None)
    return places.address(match.url_name or "" if match else "")


@register.simple_tag
def masked(last_four: str) -> SafeString:
    """Show that there is a secret, and the four characters by which a person knows it."""
    return format_html('<code class="masked"><span aria-hidden="true">••••••••</span>{}</code>', last_four)


@register.inclusion_tag("console/progress.html")
def progress(done: int, total: int, label: object) -> dict[str, Any]:
    """Show how much is done."""
    return {"done": done, "total": total, "label": label, "percent": 100 * done // total if total else 0}


@register.inclusion_tag("console/stat.html")
def stat(
    number: object, words: object, tone: str = "quiet", key: str = "", *, optional: bool = False
) -> dict[str, Any]:
    """Show one figure with its words; `key` lets the script keep it current, `optional` hides it while it is nought."""
    return {"number": number, "words": words, "tone": tone, "key": key, "optional": optional}


@register.inclusion_tag("console/chart.html")
def chart(chart: charts.Chart) -> dict[str, Any]:
    """Show one chart, its series by name and pattern, and the same numbers as a table; or say that there are none."""
    if chart.is_empty:
        return {"chart": chart}
    rows = tuple(charts.rows(chart)) if chart.limits else ()
    return {
        "chart": chart,
        "words": charts.in_words(chart),
        "table": charts.table(chart),
        "rows": rows,
        "columns": () if chart.limits else tuple(charts.columns(chart)),
        "highest": "" if chart.limits else charts.highest(chart),
        "height": charts.ROW * len(rows) if chart.limits else charts.HEIGHT,
    }


@register.inclusion_tag("console/empty.html")
def empty(kind: str, words: object, href: str = "", action: object = "") -> dict[str, Any]:
    """Show that there is nothing, and why: `nothing_yet`, `nothing_found`, `error` or `no_permission`."""
    return {"kind": kind, "words": words, "href": href, "action": action}


@register.inclusion_tag("console/form_rows.html")
def form_rows(form: Any, *names: str) -> dict[str, Any]:
    """Show fields of a form, each with label, help and errors; without names all that are visible."""
    fields: Iterable[Any] = [form[name] for name in names] if names else form.visible_fields()
    return {"fields": list(fields)}
