"""Forms of businesses and provider accounts. A secret goes in and never comes out again."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from providers.errors import NotConfigured
from providers.graph import DEFAULT_VERSION
from providers.kaleyra import POD_HOSTS
from providers.models import Business, ProviderAccount, Purpose, write_purposes
from providers.registry import NEEDS, can_check, check_settings, default_base_url
from providers.secret import Secret

if TYPE_CHECKING:
    _BusinessBase = forms.ModelForm[Business]
    _AccountBase = forms.ModelForm[ProviderAccount]
else:
    _BusinessBase = _AccountBase = forms.ModelForm

_STRENGTH = [
    ("", _("As usual for this provider, and weak once it said yes to everyone")),
    ("weak", _("Weak: says yes to everyone")),
    ("strong", _("Strong: its yes and its no are both real")),
]
_AUTH = [("", _("Bearer token")), ("login", _("User name and password (login)")), ("header", _("Named header"))]
_BLOCKING = [("", _("Wait for the answer")), ("no_wait", _("Do not wait: answers come by webhook"))]
_PODS = [("", "—"), *((pod, host.removeprefix("https://")) for pod, host in POD_HOSTS.items())]
_DEFAULT_VERSION = _("Empty: %(default)s.") % {"default": DEFAULT_VERSION}

#: How each option of `registry.NEEDS` is asked for. An option without a line here is asked for as plain text.
_OPTION_FIELDS: dict[str, tuple[type[forms.Field], dict[str, Any]]] = {
    "stream_id": (forms.CharField, {"label": _("Stream id"), "help_text": _("The CommBox stream that asks.")}),
    "auth": (forms.ChoiceField, {"label": _("How the node knows us"), "choices": _AUTH}),
    "header_name": (
        forms.CharField,
        {"label": _("Header name"), "help_text": _("Only for a named header. Empty: D360-API-KEY.")},
    ),
    "batch_size": (
        forms.IntegerField,
        {"label": _("Numbers in one call"), "min_value": 1, "max_value": 1000, "help_text": _("Empty: 50.")},
    ),
    "blocking": (forms.ChoiceField, {"label": _("Answers"), "choices": _BLOCKING}),
    "ca_file": (
        forms.CharField,
        {"label": _("File of the node's own certificate authority"), "help_text": _("A path on this server.")},
    ),
    "template_namespace": (
        forms.CharField,
        {"label": _("Namespace of its templates"), "help_text": _("Only for messages by template.")},
    ),
    "region": (forms.CharField, {"label": _("Region served"), "max_length": 2, "help_text": _("Empty: PE (Peru).")}),
    "evidence_strength": (forms.ChoiceField, {"label": _("How sure its answers are"), "choices": _STRENGTH}),
    "api_version": (
        forms.CharField,
        {
            "label": _("Graph version"),
            "max_length": 5,
            "help_text": _("Empty: %(default)s.") % {"default": DEFAULT_VERSION},
        },
    ),
    "trust_on_first_use": (
        forms.ChoiceField,
        {"label": _("Trust the first hash seen"), "choices": [("", _("Yes")), ("no", _("No"))]},
    ),
    "sid": (forms.CharField, {"label": _("SID"), "max_length": 64, "help_text": _("As Kaleyra's console shows it.")}),
    "pod": (
        forms.ChoiceField,
        {"label": _("Pod"), "choices": _PODS, "help_text": _("Gives the base URL where none is entered.")},
    ),
}
#: Kinds of account that need no base URL, and what they take then.
_BASE_URL_HELP: dict[str, Any] = {
    ProviderAccount.Kind.CLOUD_API: _("https, a public host, no version. Empty: https://graph.facebook.com."),
    ProviderAccount.Kind.KALEYRA: _("https, a public host, no version. Empty: the host of the pod."),
}
_CREDENTIAL_LABELS = {
    "token": _("Token"),
    "username": _("User name"),
    "password": _("Password"),
    "api_id": _("API id"),
    "api_secret": _("API secret"),
    "access_token": _("Access token"),
    "api_key": _("API key"),
}


class BusinessForm(_BusinessBase):
    """A business; purposes are ticked instead of typed."""

    opt_in_covers = forms.MultipleChoiceField(
        label=_("An opt-in without purposes covers"),
        choices=Purpose.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("WhatsApp's own reading: everything but marketing."),
    )

    class Meta:
        model = Business
        fields = ("name", "opt_in_covers", "keep_proof_years")
        help_texts = {
            "keep_proof_years": _("What a person's restriction proposes: how long after it their proof is kept."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "keep_proof_years" in self.fields:
            self.fields["keep_proof_years"].required = False
        if "opt_in_covers" in self.fields:
            self.initial["opt_in_covers"] = self.instance.opt_in_covers.split(",")

    def clean_opt_in_covers(self) -> str:
        """Write the ticked purposes as they are stored."""
        return write_purposes(self.cleaned_data["opt_in_covers"])

    def clean_keep_proof_years(self) -> int:
        """Leave the years as they are where nothing is said."""
        return int(self.cleaned_data["keep_proof_years"] or self.instance.keep_proof_years)


class CredentialsForm(forms.Form):
    """New credentials for an account: write-only, and what is left empty stays as it is."""

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(credential_fields(kind))

    def secrets(self) -> dict[str, Secret]:
        """Give what was entered."""
        return entered_secrets(self.cleaned_data)


class ConfirmRecipientForm(forms.Form):
    """A person says yes to an unofficial recipient."""

    sure = forms.BooleanField(
        label=_("I have read the agreement with this recipient and take responsibility for sending it numbers.")
    )


class PauseForm(forms.Form):
    """Why an account is paused."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=forms.TextInput,
        help_text=_("Shown to everyone whose check run then waits."),
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not can_check(kind):
            self.fields["reason"].help_text = _("Shown to everyone who works with its numbers.")


class AccountForm(_AccountBase):
    """An account: fixed kind, options as fields of that kind; credentials only while it is new."""

    class Meta:
        model = ProviderAccount
        fields = (
            "name",
            "business",
            "base_url",
            "rate_limit",
            "check_budget",
            "recipient_legal_name",
            "recipient_country",
            "recipient_agreement",
            "recipient_official",
        )

    #: Set on the class that the admin makes for one request.
    kind = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_new = self.instance.pk is None
        if self.is_new:
            self.instance.kind = self.kind
        if "base_url" in self.fields and self.kind in _BASE_URL_HELP:
            self.fields["base_url"].required = False
            self.fields["base_url"].help_text = _BASE_URL_HELP[self.kind]
        stored = self.instance.options if isinstance(self.instance.options, dict) else {}
        for name in option_names(self.kind):
            if f"option_{name}" in self.fields:
                value = stored.get(name, "")
                self.initial[f"option_{name}"] = value.lower() if name == "evidence_strength" else value
                if name == "trust_on_first_use":
                    self.initial[f"option_{name}"] = "no" if value is False else ""

    def clean_recipient_country(self) -> str:
        """Write the country in capitals."""
        return str(self.cleaned_data["recipient_country"]).upper()

    def clean(self) -> dict[str, Any]:
        """Put options and credentials on the account, and let its client say what is missing."""
        cleaned = super().clean() or self.cleaned_data
        options = dict(self.instance.options or {})
        for name in option_names(self.kind):
            value = cleaned.get(f"option_{name}")
            options.pop(name, None)
            if name == "trust_on_first_use":
                value = False if value == "no" else None
            if value not in (None, ""):
                options[name] = value.upper() if name == "region" else value
        self.instance.options = options
        if self.is_new:
            self.instance.credentials = entered_secrets(cleaned)
        if "business" in self.fields and can_check(self.kind) and cleaned.get("business") is None:
            self.add_error("business", _("A checker serves one business: choose it."))
        if "base_url" in self.fields and "base_url" in cleaned:
            self.instance.base_url = cleaned["base_url"] = self._base_url(cleaned["base_url"], options)
            if not self.instance.base_url:
                self.add_error("base_url", _("Enter the base URL, or choose a pod: it gives one."))
        if not self.errors:
            try:
                check_settings(self.instance)
            except NotConfigured as error:
                self.add_error(None, error.message)
        return cleaned

    def _base_url(self, entered: str, options: dict[str, Any]) -> str:
        """Give what was entered, or else the provider's own; one that came from a pod follows the pod."""
        followed = not self.is_new and entered == default_base_url(self.kind, {"pod": self.initial.get("option_pod")})
        return default_base_url(self.kind, options) or entered if followed or not entered else entered


def option_names(kind: str) -> list[str]:
    """Give the options of a kind of account, in the order in which they are asked for."""
    options = NEEDS[kind].options if kind in NEEDS else frozenset()
    return [name for name in _OPTION_FIELDS if name in options] + sorted(options - set(_OPTION_FIELDS))


def option_fields(kind: str) -> dict[str, forms.Field]:
    """Give the fields that ask for the options of a kind of account."""
    fields = {}
    for name in option_names(kind):
        field, arguments = _OPTION_FIELDS.get(name, (forms.CharField, {"label": name}))
        fields[f"option_{name}"] = field(required=False, **arguments)
    return fields


def credential_fields(kind: str) -> dict[str, forms.Field]:
    """Give the write-only fields that ask for the credentials of a kind of account."""
    needed = NEEDS[kind].credentials if kind in NEEDS else frozenset()
    names = [name for name in _CREDENTIAL_LABELS if name in needed] + sorted(needed - set(_CREDENTIAL_LABELS))
    return {
        f"credential_{name}": forms.CharField(
            label=_CREDENTIAL_LABELS.get(name, name),
            required=False,
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
        )
        for name in names
    }


def entered_secrets(cleaned: dict[str, Any]) -> dict[str, Secret]:
    """Give the credentials among cleaned values, wrapped so that nothing prints them."""
    return {
        name.removeprefix("credential_"): Secret(value)
        for name, value in cleaned.items()
        if name.startswith("credential_") and value
    }


def make_account_form(kind: str, *, is_new: bool) -> type[AccountForm]:
    """Give the form class for one kind of account."""
    fields: dict[str, Any] = {**option_fields(kind), **(credential_fields(kind) if is_new else {})}
    return type("AccountForm", (AccountForm,), {"kind": kind, **fields})
