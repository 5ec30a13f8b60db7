"""People who sign in through the form, and the app on their phone."""

from datetime import UTC, datetime

from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django_otp.oath import totp

from waadmin.models import Authenticator
from waadmin.sign_in import second_factor

PASSWORD = "a long password of tests"
LOGIN, CODE, AGAIN, SET_UP, BEGIN, CONFIRM, CODES, HOME = (
    reverse(f"admin:{name}")
    for name in (
        "login",
        "second_factor",
        "confirm_sign_in",
        "second_factor_set_up",
        "second_factor_begin",
        "second_factor_confirm",
        "second_factor_codes",
        "index",
    )
)


def person(name: str = "ana", role: str = "Business admins", **fields: object) -> User:
    """Somebody on the staff who has a password."""
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, **fields)
    user.groups.set(Group.objects.filter(name=role))
    return user


def with_app(user: User) -> list[str]:
    """Set an app up for the person, and give the recovery codes."""
    second_factor.begin(user=user)
    begun = Authenticator.objects.get(user=user, confirmed=False)
    codes = second_factor.confirm(user=user, code=second_factor.Secret(code_of(begun)), now=datetime.now(UTC))
    # The code that proved the app is spent; a test need not wait half a minute for the next one.
    Authenticator.objects.filter(user=user).update(last_step=-1)
    return [code.reveal() for code in codes]


def code_of(authenticator: Authenticator, drift: int = 0) -> str:
    """The six digits that the app shows now, or so many steps later."""
    return f"{totp(bytes(authenticator.secret), drift=drift):06d}"


def code_for(user: User, drift: int = 0) -> str:
    """The six digits that the person's app shows now, or so many steps later."""
    return code_of(Authenticator.objects.get(user=user, confirmed=True), drift)


def wrong_code_for(user: User) -> str:
    """Six digits that no clock near ours shows."""
    near = {code_for(user, drift) for drift in range(-3, 4)}
    return next(code for code in ("123456", "654321", "111111", *map(str, range(200000, 200010))) if code not in near)


def password(client: Client, name: str = "ana", secret: str = PASSWORD, **extra: str) -> HttpResponse:
    """Take the first step."""
    return client.post(LOGIN, {"username": name, "password": secret, "next": HOME}, **extra)  # type: ignore[return-value]


def signed_in(user: User) -> Client:
    """A browser in which both steps were taken."""
    client = Client()
    assert password(client, user.get_username()).status_code == 302
    if second_factor.of(user) is not None:
        assert client.post(CODE, {"code": code_for(user)}).status_code == 302
        Authenticator.objects.filter(user=user).update(last_step=-1)
    return client
