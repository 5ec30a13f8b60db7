"""The folder `numbers/` must never shadow the standard library's module of that name."""

import subprocess
import sys

from waadmin import BASE_DIR


def test_decimal_can_be_imported_by_a_bare_interpreter_at_the_root() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "import decimal, numbers; print(numbers.Number)"],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout == "<class 'numbers.Number'>\n", result.stderr


def test_the_folder_has_no_init_file() -> None:
    assert not (BASE_DIR / "numbers" / "__init__.py").exists()


def test_our_app_is_reachable_through_the_graft() -> None:
    from numbers.apps import NumbersConfig

    assert NumbersConfig.path == str(BASE_DIR / "numbers")
