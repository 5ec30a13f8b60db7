"""No file of the project holds a key, an index host or a path of one machine; every locked package has hashes."""

import re
import subprocess
from pathlib import Path

import pytest

from waadmin import BASE_DIR

LOCKS = ("requirements.txt", "requirements-dev.txt")

#: Each is written so that it does not match itself.
FORBIDDEN = {
    "the host of a package index": r"(?i)\b(pypi|pythonhosted|npmjs|debian)[.](org|com)\b",
    "an option that names a package index": r"(?i)--(extra-)?index-[u]rl|--find-[l]inks|--trusted-[h]ost|INDEX_[U]RL",
    "a path of one machine": r"(?<![\w.])/(root|work|opt|home/\w+|Users/\w+)/",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE [K]EY",
    "a Meta access token": r"\bEAA[A-Za-z0-9]{40,}",
    "a way to skip certificates": r"verify\s*=\s*[F]alse",
}


def project_files() -> list[Path]:
    """Give every file that is, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git work tree")
    return [path for name in listed.stdout.split("\0") if name and (path := BASE_DIR / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture, or a file in another encoding that a test reads
        found += [
            f"{path.relative_to(BASE_DIR)}:{number}"
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    assert found == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_with_hashes_and_names_no_host(name: str) -> None:
    text = (BASE_DIR / name).read_text(encoding="utf-8")
    entries = re.split(r"(?<!\\)\n", text.strip())

    assert len(entries) > 10
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,-]+\])?==[^ ]+ ", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]
    assert "://" not in text


def test_files_that_hold_secrets_are_never_committed() -> None:
    ignored = (BASE_DIR / ".gitignore").read_text(encoding="utf-8").splitlines()

    assert {".env", ".demo/", "*.sqlite3*"} <= set(ignored)
    assert all(line.endswith("=") for line in _secret_lines((BASE_DIR / ".env.example").read_text(encoding="utf-8")))


def _secret_lines(text: str) -> list[str]:
    names = ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "META_APP_SECRET", "META_WEBHOOK_VERIFY_TOKEN")
    return [line for line in text.splitlines() if line.startswith(names)]
