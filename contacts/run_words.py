"""How a check run is said on screen: what it would do, in one sentence, and by which filter its people were chosen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.checks import Preview
from contacts.gate import Outcome, Reason


def headline(preview: Preview, budget: int | None) -> str:
    """Say in one sentence what the run would do: 412: 380 to check, 20 no opt-in, 12 fresh; nothing sent yet."""
    parts = [_("%(count)d to check") % {"count": preview.to_ask}]
    counted = [(preview.outcomes.get(Outcome.WAITING, 0), _("%(count)d wait"))]
    by_rule = sorted(preview.refusals.items(), key=lambda item: -item[1])
    counted += [(count, _refused(reason)) for reason, count in by_rule]
    counted += [
        (preview.outcomes.get(Outcome.CACHED, 0), _("%(count)d fresh")),
        (preview.duplicates, _("%(count)d repeated")),
    ]
    parts += [text % {"count": count} for count, text in counted if count]
    sentence = _("%(total)d: %(parts)s; nothing sent yet") % {"total": len(preview.rows), "parts": ", ".join(parts)}
    if preview.budget_after is not None:
        sentence += _("; budget %(left)d of %(budget)d after") % {"left": preview.budget_after, "budget": budget or 0}
    return sentence + "."


def chosen_by(written: Mapping[str, Any]) -> str:
    """Say by which filter the people of a run were chosen; the purpose is the run's own."""
    days = int(written["unchecked_days"])
    parts = [ngettext("no answer for %(count)d day", "no answer for %(count)d days", days) % {"count": days}]
    if not days:
        parts = [_("everybody who agreed")]
    if written["region"]:
        parts.append(_("of %(region)s") % {"region": written["region"]})
    if written["opted_in_since"]:
        since = datetime.fromisoformat(str(written["opted_in_since"]))
        parts.append(_("opted in since %(day)s") % {"day": since.date().isoformat()})
    return ", ".join(parts)


def _refused(reason: Reason) -> str:
    words = {
        Reason.NOT_E164: _("%(count)d no number as written"),
        Reason.NO_OPT_IN: _("%(count)d no opt-in"),
        Reason.OTHER_BUSINESS: _("%(count)d opted in to another business only"),
        Reason.WITHDRAWN: _("%(count)d opted out"),
        Reason.EXPIRED: _("%(count)d expired"),
        Reason.NOT_YET_VALID: _("%(count)d not valid yet"),
        Reason.PURPOSE_NOT_AGREED: _("%(count)d did not agree to this purpose"),
        Reason.REGION_NOT_SERVED: _("%(count)d of a region that is not served"),
    }
    return words.get(reason, _("%(count)d not sent"))
