"""How values look in the console: badges, times, ages, copyable ids. Shared by admin lists and the template tags.

Every badge is an icon and a word, never colour alone; every time carries UTC beside what the browser makes of it.
"""

from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _


class Tone(StrEnum):
    """What a badge means for the person who reads it."""

    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    BUSY = "busy"
    QUIET = "quiet"


_ICONS = {Tone.GOOD: "✓", Tone.BAD: "✕", Tone.WARN: "!", Tone.BUSY: "…", Tone.QUIET: "–"}


def badge(tone: Tone, words: object, *, title: str = "") -> SafeString:
    """Give an icon and words in one small label."""
    if title:
        return format_html(
            '<span class="badge badge-{}" title="{}"><span class="badge-icon" aria-hidden="true">{}</span>{}</span>',
            tone,
            title,
            _ICONS[tone],
            words,
        )
    return format_html(
        '<span class="badge badge-{}"><span class="badge-icon" aria-hidden="true">{}</span>{}</span>',
        tone,
        _ICONS[tone],
        words,
    )


def when(at: datetime | None) -> SafeString:
    """Give a moment in the zone that the reader chose, or else in UTC, which the console's script then rewrites in the
    browser's; UTC is on hover either way.
    """
    if at is None:
        return format_html('<span class="quiet">{}</span>', "–")
    here, at = timezone.localtime(at), at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC" data-local>{}</time>',
        at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        at.strftime("%Y-%m-%d %H:%M:%S"),
        here.strftime("%Y-%m-%d %H:%M %Z"),
    )


def ago(at: datetime, now: datetime) -> SafeString:
    """Give how long ago a moment was, in its largest unit, with the moment itself on hover."""
    at = at.astimezone(UTC)
    is_now = (now - at).total_seconds() < 60
    words = _("just now") if is_now else _("%(age)s ago") % {"age": timesince(at, now, depth=1)}
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        at.strftime("%Y-%m-%d %H:%M:%S"),
        words,
    )


def copyable(text: object, *, label: str = "") -> SafeString:
    """Give an id that can be copied with one press; without the script it is plain text."""
    return format_html(
        '<span class="copyable"><code>{0}</code>'
        '<button type="button" class="copy" data-copy="{0}" aria-label="{1}" hidden>{2}</button></span>',
        text,
        label or _("Copy %(text)s") % {"text": str(text)[:40]},
        _("Copy"),
    )


def error_code(kind: str, code: str) -> SafeString:
    """Give a provider's code, with the way to what it means and what to do."""
    return format_html('<a href="{}"><code>{}</code></a>', _errors(provider=kind, q=code), code)


def errors_of(kind: str, words: object) -> SafeString:
    """Give the way to everything that a provider of this kind may answer, where its code stands among other words."""
    return format_html('<a href="{}">{}</a>', _errors(provider=kind), words)


def _errors(**filters: str) -> str:
    return f"{reverse('admin:providers_provideraccount_errors')}?{urlencode(filters)}"
