"""The documentation is complete and true: settings, commands, permissions, checks, make targets and links."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands, load_command_class

from waadmin import BASE_DIR, roles

DOCS = BASE_DIR / "docs"
#: Options that Django gives to every command, and --json, which commands.md explains once.
EVERYWHERE = {
    "-h", "--help", "--version", "-v", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color",
    "--force-color", "--skip-checks", "--json",
}  # fmt: skip


def pages() -> list[Path]:
    return [*BASE_DIR.glob("*.md"), *DOCS.rglob("*.md")]


def our_commands() -> list[str]:
    ours = {app.name for app in apps.get_app_configs() if Path(app.path).parent == BASE_DIR}
    return sorted(name for name, app in get_commands().items() if app in ours)


def settings_from_the_environment() -> set[str]:
    tree = ast.parse((BASE_DIR / "waadmin" / "settings.py").read_text(encoding="utf-8"))
    return {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and isinstance(node.args[0], ast.Constant)
    }


def sections(page: Path) -> dict[str, str]:
    """Give a page's parts by the name in code signs that their heading begins with."""
    parts = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {match[1]: part for part in parts if (match := re.match(r"`(\w+)", part))}


def test_every_setting_is_documented_and_in_the_example() -> None:
    documented = set(
        re.findall(r"^\| `([A-Z_]+)` \|", (DOCS / "settings.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    example = set(re.findall(r"^#?([A-Z_]+)=", (BASE_DIR / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))

    assert documented == settings_from_the_environment()
    assert example == documented


def test_every_command_has_its_section_and_no_other() -> None:
    assert sorted(sections(DOCS / "commands.md")) == our_commands()


@pytest.mark.parametrize("name", our_commands())
def test_every_option_of_a_command_is_documented_and_no_other(name: str) -> None:
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    options = {
        option
        for action in parser._actions
        if action.help != "==SUPPRESS=="
        for option in action.option_strings
        if option.startswith("--")
    } - EVERYWHERE
    documented = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", sections(DOCS / "commands.md")[name])) - EVERYWHERE

    assert documented == options


def test_every_permission_is_documented_with_the_roles_that_hold_it() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \|[^|]*\|(.*)\|$", (DOCS / "permissions.md").read_text("utf-8"), re.MULTILINE)
    documented = {name: tuple(cell.strip() == "yes" for cell in cells.split("|")) for name, cells in rows}

    assert documented == {name: tuple(role.allows(name) for role in roles.ROLES) for name in permissions_of_our_apps()}


def permissions_of_our_apps() -> Iterator[str]:
    for label in roles.OUR_APPS:
        for model in apps.get_app_config(label).get_models():
            options = model._meta
            yield from (f"{label}.{action}_{options.model_name}" for action in options.default_permissions)
            yield from (f"{label}.{codename}" for codename, _name in options.permissions)


def test_every_system_check_is_documented() -> None:
    source = (BASE_DIR / "waadmin" / "checks.py").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(waadmin\.\w+)`", (DOCS / "operations.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert set(documented) == set(re.findall(r'id="(waadmin\.\w+)"', source))


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (BASE_DIR / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        name
        for page in pages()
        for code in re.findall(r"`[^`]+`|^```.*?^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        for name in re.findall(r"\bmake ([a-z][a-z-]*)", code)
    }

    assert named <= targets and {"demo", "test"} <= named


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(BASE_DIR)))
def test_every_link_to_one_of_our_files_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _sign, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


def test_every_test_that_the_expectations_name_is_there() -> None:
    missing, file = [], ""
    for name, function in re.findall(r"`(tests/[\w/]+\.py)?(?:::(test_\w+))?`", (DOCS / "ux.md").read_text("utf-8")):
        file = name or file
        path = BASE_DIR / file
        if not path.is_file() or (function and f"def {function}(" not in path.read_text(encoding="utf-8")):
            missing.append(f"{file}::{function}")
    assert missing == []


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
