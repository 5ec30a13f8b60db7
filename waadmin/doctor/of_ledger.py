"""The ledger's signed head and the last backup: how old they are, and whether the signature holds."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from audit import heads, proof, verify
from audit.models import AuditEvent, SignedHead
from providers import keys
from providers.models import Key
from waadmin.doctor.finding import Finding, age, bad, not_checked, ok, warn
from waadmin.home.about_the_installation import SIGN_EVERY

_LEDGER, _BACKUP = "ledger", "backup"
_SIGN = "Sign it (Ledger, Verify the ledger, Sign the head), and keep it outside."
#: A week, and a day for a backup that runs at another hour.
BACK_UP_EVERY = timedelta(days=8)


def head(now: datetime) -> Iterator[Finding]:
    """Look at the newest signed head: its age, its signature, and whether the ledger still has its event."""
    last = SignedHead.objects.order_by("-id").first()
    if last is None:
        first = AuditEvent.objects.order_by("sequence").values_list("recorded_at", flat=True).first()
        if first is None or now - first <= SIGN_EVERY:
            yield not_checked(_LEDGER, "No head is signed yet.", _SIGN)
        else:
            yield warn(_LEDGER, "The head was never signed: a ledger written anew could not be told apart.", _SIGN)
        return
    found = list(_faults(last))
    since = now - last.signed_at
    if since > SIGN_EVERY:
        found.append(warn(_LEDGER, f"The head was last signed {age(since.total_seconds())} ago.", _SIGN))
    yield from found or [ok(_LEDGER, f"Head {last.sequence} is signed, {age(since.total_seconds())} old.")]


def backup(now: datetime) -> Iterator[Finding]:
    """Look when `backup` last ran."""
    last = AuditEvent.objects.filter(action="backup.made").order_by("-sequence").first()
    mend = "Run `backup` every day, and `backup_drill` every month."
    if last is None:
        yield warn(_BACKUP, "`backup` was never run here.", f"{mend} Where you back up otherwise, all is well.")
    elif now - last.recorded_at > BACK_UP_EVERY:
        yield warn(_BACKUP, f"The last one is {age((now - last.recorded_at).total_seconds())} old.", mend)
    else:
        yield ok(_BACKUP, f"The last one is {age((now - last.recorded_at).total_seconds())} old.")


def _faults(last: SignedHead) -> Iterator[Finding]:
    mend = "Run `verify_audit`, and compare with a head that was kept outside."
    event = AuditEvent.objects.filter(sequence=last.sequence).values_list("hash", flat=True).first()
    if last.sequence and event != last.hash:
        yield bad(_LEDGER, f"The ledger no longer has event {last.sequence} of the signed head.", mend)
    # Reading a key makes it where it is missing, and that is no doctor's business.
    pem = proof.public_key() if Key.objects.filter(name=keys.LEDGER).exists() else None
    if pem is None:
        yield bad(_LEDGER, "The key that signs heads cannot be read.", "Put the key back that wrote it.")
    elif not verify.signature_holds(heads.values_of(last), pem):
        yield bad(_LEDGER, f"The signature of head {last.sequence} does not hold.", mend)
