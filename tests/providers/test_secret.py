"""A secret cannot be written down by accident, whichever way somebody tries."""

import copy
import json
import logging
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from providers.secret import Secret, SecretExposed

VALUE = "EAAB-super-secret-token-9f3c"


@pytest.fixture
def secret() -> Secret:
    return Secret(VALUE)


def test_only_reveal_gives_the_value(secret: Secret) -> None:
    assert secret.reveal() == VALUE


@pytest.mark.parametrize(
    "write",
    [
        str,
        lambda secret: f"{secret}",
        lambda secret: f"{secret:>40}",
        lambda secret: f"{secret!s}",
        lambda secret: "%s" % secret,  # noqa: UP031
        lambda secret: "{}".format(secret),  # noqa: UP032
        lambda secret: "token " + str(secret),
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        hash,
        lambda secret: {secret: 1},
        lambda secret: json.dumps({"token": secret}, default=str),
    ],
)
def test_every_way_to_write_it_down_is_refused(secret: Secret, write: Callable[[Secret], Any]) -> None:
    with pytest.raises(SecretExposed) as caught:
        write(secret)
    assert VALUE not in str(caught.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_pickle_protocol_takes_it(secret: Secret, protocol: int) -> None:
    with pytest.raises(SecretExposed):
        pickle.dumps({"token": secret}, protocol)


@pytest.mark.parametrize("write", [json.dumps, bytes, list, len, vars, lambda secret: secret + ""])
def test_it_has_no_bytes_items_length_or_attributes(secret: Secret, write: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError) as caught:
        write(secret)
    assert VALUE not in str(caught.value)


def test_its_repr_says_what_it_is_and_nothing_of_what_it_holds(secret: Secret) -> None:
    @dataclass
    class Headers:
        token: Secret

    assert repr(secret) == "Secret(…)"
    assert VALUE not in repr(Headers(secret)) + repr([secret]) + f"{secret!r}" + "%r" % (secret,)  # noqa: UP031


def test_a_log_line_does_not_show_it(secret: Secret, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("tests").warning("signing in with %r", secret)
    assert VALUE not in caplog.text


def test_secrets_compare_with_secrets_only() -> None:
    assert Secret("ä") == Secret("ä")
    assert Secret("ä") != Secret("b")
    assert Secret(VALUE) != VALUE


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret("0")


def test_the_last_four_characters_are_shown_only_of_a_long_value() -> None:
    assert Secret("123456789abc").last_four() == "9abc"
    assert Secret("123456789ab").last_four() == ""
    assert Secret("").last_four() == ""
