"""Spanish: every string of the console has its own, and the compiled catalogue is made of these texts."""

import gettext
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from waadmin import BASE_DIR

CATALOGUE = Path("locale/es/LC_MESSAGES")
pytestmark = pytest.mark.skipif(
    shutil.which("xgettext") is None, reason="the gettext tools are not installed (apt install gettext)"
)


def run(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        arguments, cwd=cwd, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def texts(compiled: Path) -> dict[object, str]:
    with compiled.open("rb") as file:
        found: dict[object, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key: text for key, text in found.items() if key != ""}


def test_every_string_has_its_spanish_and_none_is_left_over(tmp_path: Path) -> None:
    listed = run("git", "ls-files", "-co", "--exclude-standard", "*.py", "*.html", "locale/*", cwd=BASE_DIR)
    for name in listed.splitlines():
        if name.startswith(("bench/", "sandbox/")) or (name.startswith("tests/") and name != "tests/settings.py"):
            continue
        if (BASE_DIR / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(BASE_DIR / name, tmp_path / name)

    run(
        *(sys.executable, "manage.py", "makemessages", "-l", "es", "--no-obsolete", "--settings", "tests.settings"),
        cwd=tmp_path,
    )
    told = run("msgfmt", "--statistics", "-o", "wanted.mo", str(CATALOGUE / "django.po"), cwd=tmp_path)

    assert "fuzzy" not in told and "untranslated" not in told, f"{told} (make messages)"
    assert set(texts(tmp_path / "wanted.mo")) == set(texts(BASE_DIR / CATALOGUE / "django.mo"))


def test_the_compiled_catalogue_says_what_the_texts_say(tmp_path: Path) -> None:
    compiled = tmp_path / "django.mo"
    run("msgfmt", "--check-format", "-o", str(compiled), str(CATALOGUE / "django.po"), cwd=BASE_DIR)
    assert texts(compiled) == texts(BASE_DIR / CATALOGUE / "django.mo"), "make messages"
