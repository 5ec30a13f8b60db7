"""Reading the TOML file of `configure`: shape, names and secrets. Reads no database and makes no network call.

The message of an error names file, table, key and the next step, and never a credential's value.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from providers.models import ProviderAccount, read_purposes, write_purposes
from providers.registry import NEEDS, default_base_url
from providers.secret import Secret

UNLIMITED = "unlimited"
_KEYS = {
    "business": {"name", "opt_in_covers", "names"},
    "provider": {
        "business",
        "name",
        "kind",
        "base_url",
        "credentials",
        "options",
        "recipient",
        "rate_limit",
        "check_budget",
    },
    "number": {"provider", "waba_id", "phone_number_id", "phone_number", "business"},
}
_RECIPIENT_KEYS = {"legal_name", "country", "agreement", "official"}
#: Credentials that are no secret and may stand in the file as they are.
_LITERAL = {"api_id"}
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_META_ID = re.compile(r"[0-9]{5,32}", re.ASCII)


class ConfigurationInvalid(ValueError):
    """The file cannot be applied: the message says where, why, and what to do."""


@dataclass(frozen=True, slots=True)
class WantedName:
    """A name that a business goes or went by."""

    name: str
    from_date: date | None
    until_date: date | None


@dataclass(frozen=True, slots=True)
class WantedBusiness:
    """One [[business]] table; None where the file does not say."""

    place: str
    name: str
    opt_in_covers: str | None
    names: tuple[WantedName, ...]


@dataclass(frozen=True, slots=True)
class WantedAccount:
    """One [[provider]] table; a key that is absent is not in `fields`."""

    place: str
    name: str
    kind: str
    business: str | None
    fields: Mapping[str, Any]
    credentials: Mapping[str, Secret] | None


@dataclass(frozen=True, slots=True)
class WantedNumber:
    """One [[number]] table."""

    place: str
    provider: str
    waba_id: str
    phone_number_id: str
    e164: str
    #: None where the account serves one business.
    business: str | None

    @property
    def name(self) -> str:
        """What tells it from the other numbers of the file."""
        return f"{self.provider} {self.phone_number_id}"


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole file."""

    businesses: tuple[WantedBusiness, ...]
    accounts: tuple[WantedAccount, ...]
    numbers: tuple[WantedNumber, ...]


def read(path: Path) -> Configuration:
    """Read the file at `path`.

    :raises ConfigurationInvalid: at the first thing in it that cannot be meant.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationInvalid(f"{path}: {error.strerror}. Give the path of a TOML file.") from None
    except UnicodeDecodeError:
        raise ConfigurationInvalid(f"{path}: not UTF-8 text. Save the file as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationInvalid(f"{path}: not valid TOML: {error}.") from None
    _only(str(path), tables, _KEYS.keys())
    return Configuration(
        businesses=_unique(_business(place, table) for place, table in _tables(path, tables, "business")),
        accounts=_unique(_account(place, table, path.parent) for place, table in _tables(path, tables, "provider")),
        numbers=_unique(_number(place, table) for place, table in _tables(path, tables, "number")),
    )


def _tables(path: Path, tables: Mapping[str, Any], kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = tables.get(kind, [])
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise ConfigurationInvalid(f"{path}: “{kind}” must be a list of tables. Write [[{kind}]] above each.")
    places = []
    for index, table in enumerate(found, 1):
        named = table.get("name") or table.get("phone_number_id")
        place = f"{path}, [[{kind}]] " + (f"“{named}”" if isinstance(named, str) else f"no. {index}")
        _only(place, table, _KEYS[kind])
        places.append((place, table))
    return places


def _business(place: str, table: Mapping[str, Any]) -> WantedBusiness:
    covers = table.get("opt_in_covers")
    if covers is not None:
        if not isinstance(covers, list) or not covers or not all(isinstance(item, str) for item in covers):
            raise ConfigurationInvalid(f'{place}, opt_in_covers: write a list of purposes, as ["service", "utility"].')
        try:
            covers = write_purposes(read_purposes(",".join(covers)))
        except ValueError as error:
            raise ConfigurationInvalid(f"{place}, opt_in_covers: {error}") from None
    names = table.get("names", [])
    if not isinstance(names, list) or not all(isinstance(item, dict) for item in names):
        raise ConfigurationInvalid(f'{place}, names: write a list of tables, as [{{ name = "Acme Shop" }}].')
    return WantedBusiness(place, _text(place, table, "name"), covers, tuple(_name(place, item) for item in names))


def _name(place: str, table: Mapping[str, Any]) -> WantedName:
    place = f"{place}, names"
    _only(place, table, {"name", "from", "until"})
    wanted = WantedName(_text(place, table, "name"), _date(place, table, "from"), _date(place, table, "until"))
    if wanted.from_date and wanted.until_date and wanted.until_date < wanted.from_date:
        raise ConfigurationInvalid(f"{place}, “{wanted.name}”: until is before from. Exchange or correct the dates.")
    return wanted


def _account(place: str, table: Mapping[str, Any], folder: Path) -> WantedAccount:
    kind = _text(place, table, "kind")
    if kind not in NEEDS:
        raise ConfigurationInvalid(f"{place}, kind: “{kind}” is not known. Kinds are: {', '.join(NEEDS)}.")
    fields: dict[str, Any] = {}
    if "options" in table:
        fields["options"] = _table(place, table, "options", NEEDS[kind].options)
    if "base_url" in table:
        fields["base_url"] = _text(place, table, "base_url")
    elif kind == ProviderAccount.Kind.KALEYRA and (by_pod := default_base_url(kind, fields.get("options", {}))):
        fields["base_url"] = by_pod
    if "recipient" in table:
        recipient = _table(place, table, "recipient", _RECIPIENT_KEYS)
        for key in ("legal_name", "country", "agreement"):
            fields[f"recipient_{key}"] = _text(f"{place}, recipient", recipient, key, required=False)
        fields["recipient_official"] = recipient.get("official", False)
        if not isinstance(fields["recipient_official"], bool):
            raise ConfigurationInvalid(f"{place}, recipient, official: write true or false, without quotes.")
    for key, types in (("rate_limit", (int, float)), ("check_budget", (int,))):
        if key in table:
            fields[key] = None if table[key] == UNLIMITED else table[key]
            if fields[key] is not None and (not isinstance(fields[key], types) or isinstance(fields[key], bool)):
                raise ConfigurationInvalid(f'{place}, {key}: write a number, or "{UNLIMITED}".')
    credentials = None
    if "credentials" in table:
        found = _table(place, table, "credentials", NEEDS[kind].credentials)
        credentials = {key: _secret(f"{place}, credentials, {key}", key, found[key], folder) for key in found}
    business = _text(place, table, "business", required=False)
    return WantedAccount(place, _text(place, table, "name"), kind, business or None, fields, credentials)


def _secret(place: str, key: str, written: Any, folder: Path) -> Secret:
    source, _colon, name = written.partition(":") if isinstance(written, str) else ("", "", "")
    if source == "env" and name:
        if not os.environ.get(name):
            raise ConfigurationInvalid(f"{place}: the environment variable {name} is not set or empty. Set it.")
        return Secret(os.environ[name])
    if source == "file" and name:
        try:
            value = (folder / name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigurationInvalid(f"{place}: the file {name} cannot be read. Check its path and rights.") from None
        if not value:
            raise ConfigurationInvalid(f"{place}: the file {name} is empty. Put the credential into it.")
        return Secret(value)
    if key in _LITERAL and isinstance(written, str) and written:
        return Secret(written)
    raise ConfigurationInvalid(f'{place}: a credential does not stand in this file. Write "env:NAME" or "file:PATH".')


def _number(place: str, table: Mapping[str, Any]) -> WantedNumber:
    for key, shape, example in (
        ("waba_id", _META_ID, "102290129340398"),
        ("phone_number_id", _META_ID, "106540352242922"),
        ("phone_number", _E164, "+15550051310"),
    ):
        if not shape.fullmatch(_text(place, table, key)):
            raise ConfigurationInvalid(f"{place}, {key}: “{table[key]}” does not look like one. Example: “{example}”.")
    return WantedNumber(
        place=place,
        provider=_text(place, table, "provider"),
        waba_id=_text(place, table, "waba_id"),
        phone_number_id=_text(place, table, "phone_number_id"),
        e164=_text(place, table, "phone_number"),
        business=_text(place, table, "business", required=False) or None,
    )


def _only(place: str, table: Mapping[str, Any], known: Any) -> None:
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise ConfigurationInvalid(f"{place}: “{unknown[0]}” is not known here. Known are: {', '.join(sorted(known))}.")


def _table(place: str, table: Mapping[str, Any], key: str, known: Any) -> dict[str, Any]:
    found = table[key]
    if not isinstance(found, dict):
        raise ConfigurationInvalid(f"{place}, {key}: write a table, as {key} = {{ … }}.")
    _only(f"{place}, {key}", found, known)
    return found


def _text(place: str, table: Mapping[str, Any], key: str, *, required: bool = True) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise ConfigurationInvalid(f"{place}, {key}: write text in quotes.")
    if required and not value.strip():
        raise ConfigurationInvalid(f"{place}, {key}: is missing. Add {key} = “…”.")
    return value.strip()


def _date(place: str, table: Mapping[str, Any], key: str) -> date | None:
    value = table.get(key)
    try:
        value = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        value = key
    if value is not None and type(value) is not date:
        raise ConfigurationInvalid(f"{place}, {key}: write a date, as 2026-05-03.")
    return value


def _unique(wanted: Any) -> tuple[Any, ...]:
    found: dict[str, Any] = {}
    for entry in wanted:
        if entry.name in found:
            raise ConfigurationInvalid(f"{entry.place}: it stands twice in this file. Remove or rename one.")
        found[entry.name] = entry
    return tuple(found.values())
