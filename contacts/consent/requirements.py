"""What a record of consent must hold to prove anything: each rule names what is missing or wrong and the next step."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from contacts.consent.evidence import Evidence, outlives_the_person
from contacts.models import ConsentText
from providers.models import Business, read_purposes, write_purposes


class OptInRefused(ValueError):
    """The record would prove nothing: the message names what is missing or wrong and the next step."""


def check_proof(
    *,
    business: Business,
    source: str,
    evidence: Evidence | bool,
    business_name_shown: str,
    given_at: datetime,
    expires_at: datetime | None,
    consent_text: ConsentText | None,
) -> None:
    """Refuse a grant whose record would not convince: no field has a silent default.

    :raises OptInRefused: naming the field, the rule and the next step.
    """
    if not source.strip():
        raise OptInRefused(_("The source is missing: say where the person agreed (web form, paper, call …)."))
    if not evidence:
        raise OptInRefused(_("The evidence is missing: text or a file that shows that the person agreed."))
    if not business_name_shown.strip():
        raise OptInRefused(_("The business name that the person saw is missing."))
    if given_at.tzinfo is None:
        raise OptInRefused(_("The time of consent has no time zone. Write it as 2026-05-03T10:00:00+02:00."))
    given_on = given_at.astimezone(UTC).date()
    if not business.was_called(business_name_shown, given_on):
        raise OptInRefused(
            _("“%(shown)s” is not a name of %(business)s on %(date)s. Add it to the business's names, with its dates.")
            % {"shown": business_name_shown, "business": business.name, "date": given_on.isoformat()}
        )
    if expires_at is not None and expires_at.tzinfo is None:
        raise OptInRefused(_("The time of expiry has no time zone. Write it as 2026-05-03T10:00:00+02:00."))
    if expires_at is not None and expires_at <= given_at:
        raise OptInRefused(_("The consent expires before it was given."))
    if consent_text is not None and consent_text.business_id != business.pk:
        raise OptInRefused(_("The wording “%(text)s” belongs to another business.") % {"text": str(consent_text)})


def covered_purposes(*, named: str, wording: str | None, business: Business) -> str:
    """Give what a grant covers: the purposes named, else those of its wording, else what the business says.

    :raises OptInRefused: when a purpose is named that the wording does not ask for.
    """
    beyond = set(named.split(",")) - set(wording.split(",")) if named and wording else set()
    if beyond:
        raise OptInRefused(
            _("The wording does not ask for “%(purpose)s”, so nobody agreed to it. Name another of either.")
            % {"purpose": min(beyond)}
        )
    return named or wording or business.opt_in_covers


def check_outlasting(number: str, *, source: str, external_id: str = "") -> None:
    """Refuse a person's number where it would stay when the person is erased: beside the evidence, not in it.

    :raises OptInRefused: naming the field.
    """
    if outlives_the_person(source, number):
        raise OptInRefused(_("The source must not hold the person's number: it stays when the person is erased."))
    if outlives_the_person(external_id, number):
        raise OptInRefused(
            _("The id must not hold the person's number: it stays when the person is erased. Leave the id out.")
        )


def known_purposes(purposes: Sequence[str]) -> str:
    """Give purposes as they are kept.

    :raises OptInRefused: when one of them is none.
    """
    try:
        return write_purposes(read_purposes(",".join(purposes)))
    except ValueError as error:
        # A misspelt purpose must not become the default: that would widen what the person agreed to.
        raise OptInRefused(str(error)) from None
