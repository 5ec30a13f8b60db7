"""Two hundred hostile texts stand wherever people, files and providers write: every page shows them, none runs one."""

from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import cycle, product

import pytest
from django.apps import apps
from django.db import transaction
from django.db.models import Model

from audit import ledger
from contacts.consent.evidence import Evidence
from contacts.models import OptIn
from providers.models import Business
from tests import clients, factories
from tests.permissions import world

pytestmark = pytest.mark.django_db

_BEFORE = ("", '">', "'>", "`>", "</title>", "</textarea>", "-->", "]]>", "</script>", '" x="')
_RUNS = (
    "<script>waxss()</script>", "<script src=//evil.test></script>", "<img src=x onerror=waxss()>",
    "<svg onload=waxss()>", "<svg/onload=waxss()//", "<iframe srcdoc=waxss>", "<a href=javascript:waxss()>a</a>",
    '<a href="jav&#x09;ascript:waxss()">a</a>', "<body onload=waxss()>", "<details open ontoggle=waxss()>",
    "<style>*{background:url(//evil.test)}</style>", "<b style=color:red>b</b>", "<base href=//evil.test>",
    "<object data=//evil.test>", "<embed src=//evil.test>", "<meta http-equiv=refresh content=0>",
    "<form action=//evil.test><button>", "<input autofocus onfocus=waxss()>", "{{ 77190000019|add:1 }}{% debug %}",
    "onmouseover=waxss() x=",
)  # fmt: skip
TEXTS = ["".join(parts) for parts in product(_BEFORE, _RUNS)]

#: Where the words of people, files and providers are kept.
_PLANTED = {
    "providers.Business": ("name",),
    "providers.BusinessName": ("name",),
    "providers.ProviderAccount": ("recipient_legal_name", "recipient_agreement", "paused_reason"),
    "numbers.BusinessAccount": ("name", "account_review_status", "business_verification_status", "messaging_limit"),
    "numbers.BusinessNumber": (
        "waiting_note", "verified_name", "name_status", "new_name_status", "code_verification_status", "status",
        "quality_rating", "messaging_limit_tier", "platform_type", "throughput_level", "health_status",
        "identity_problem", "identity_problem_code",
    ),
    "numbers.VerificationAttempt": ("provider_code", "provider_words", "trace_id", "actor"),
    "contacts.Contact": ("wa_id",),
    "contacts.ConsentText": ("name", "version", "text", "business_name_shown", "created_by"),
    "contacts.OptInImport": ("file_name", "statement", "imported_by", "business_name_shown"),
    "contacts.OptInEvidence": ("text", "file_name"),
    "contacts.CheckBatch": ("force_reason", "requested_by"),
    "contacts.ContactCheck": ("input", "detail", "wa_id"),
    "contacts.IdentityKey": ("hash", "reference"),
    "contacts.IdentityTrust": ("hash",),
    "contacts.TrustCase": ("reference", "hash_seen", "assignee", "channel", "closed_by"),
    "contacts.Message": ("wamid", "provider_code", "provider_words", "trace_id", "actor", "hash_sent"),
    "contacts.MessageStatus": ("status", "error_code", "error_words"),
    "contacts.Suggestion": ("bsuid", "reference", "decided_by"),
    "contacts.Erasure": ("reference", "by"),
    "webhooks.WebhookRequest": ("error",),
    "webhooks.WebhookEvent": ("field", "error"),
    "audit.ProviderCall": ("account_name", "operation", "error"),
    "audit.Export": ("problem",),
}  # fmt: skip


class Runs(HTMLParser):
    """What a browser would run, load or obey on a page; ours has none of it in the page itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag in ("iframe", "object", "embed", "base", "style") or (tag == "script" and "src" not in given):
            self.found.append(self.get_starttag_text() or tag)
        for name, value in given.items():
            scheme = "".join(value.split()).lower().partition(":")[0]
            if name.startswith("on") or name in ("style", "srcdoc", "http-equiv") or scheme == "javascript":
                self.found.append(f"{tag} {name}={value[:60]}")
            if name in ("src", "href", "action", "data") and value.lstrip("\t\n\r ").startswith("//"):
                self.found.append(f"{tag} {name}={value[:60]}")


def plant() -> int:
    """Write the texts over what people and providers had written; give how many of them found a place."""
    texts = cycle(TEXTS)
    used: set[str] = set()

    def one(longest: int | None) -> str:
        while True:
            text = next(texts)
            if longest is None or len(text) <= longest:
                used.add(text)
                return text

    for label, names in _PLANTED.items():
        model: type[Model] = apps.get_model(label)
        for row in model._default_manager.all():  # type: ignore[attr-defined]
            fields = {name: one(getattr(model._meta.get_field(name), "max_length", None)) for name in names}
            model._default_manager.filter(pk=row.pk).update(**fields)  # type: ignore[attr-defined]
    business = Business.objects.earliest("pk")
    for place in range(40):
        number = factories.number(500 + place)
        evidence = Evidence(text=one(None), file=b"%PDF-", file_name=one(200))
        factories.opted_in(number, business, evidence=evidence, external_id=one(100))
        with transaction.atomic():
            ledger.record(
                action="test.text", actor=one(150), now=factories.GIVEN_AT, subject=one(100), details={"a": one(None)}
            )
    return len(used)


@pytest.fixture
def planted(furnished: None) -> Iterator[None]:
    """A row of everything, and hostile words in each."""
    assert len(set(TEXTS)) == 200
    # Those that are longer than any place for a short one find theirs in the long ones.
    assert plant() == 200
    assert OptIn.objects.count() > 40
    yield


def test_no_page_runs_what_others_wrote(planted: None) -> None:
    seen, shown = 0, 0
    for page, text in world.crawl(clients.browser(clients.ADMIN), clients.ADMIN):
        if "<html" not in text:
            continue
        reader = Runs()
        reader.feed(text)
        assert reader.found == [], page
        assert "77190000020" not in text, page
        seen, shown = seen + 1, shown + ("waxss" in text)
    assert seen > 100
    assert shown > 40
