"""How values look in the console: badges, times, ages, copyable ids. Shared by admin lists and the template tags.

Every badge is an icon and a word, never colour alone; every time carries UTC beside what the browser makes of it.
"""

from datetime import UTC, datetime
from enum import StrEnum

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
    """Give a moment in UTC; the console's script rewrites it in the reader's zone and leaves UTC on hover."""
    if at is None:
        return format_html('<span class="quiet">{}</span>', "–")
    at = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC" data-local>{} UTC</time>',
        at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        at.strftime("%Y-%m-%d %H:%M:%S"),
        at.strftime("%Y-%m-%d %H:%M"),
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
