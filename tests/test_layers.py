"""The house rules of docs/architecture.md: which way imports run, and what may not exist."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from waadmin import BASE_DIR

#: An app imports itself and what stands to its right.
LAYERS = ("waadmin", "webhooks", "contacts", "numbers", "providers", "audit")
#: The graft of `numbers` (waadmin/__init__.py) needs the one path that both sides must agree on.
ALLOWED = {("numbers/apps.py", "waadmin.BASE_DIR")}
#: Names that tell nothing about what is inside; a journey's module is named after the journey.
UNTOLD = {"services.py", "utils.py", "helpers.py", "signals.py", "repositories.py", "common.py", "misc.py"}
#: Ways to reach another host; only providers/http.py takes one.
WAYS_OUT = ("requests", "urllib3", "httpx", "aiohttp", "urllib.request", "http.client")


def modules(folder: str) -> list[Path]:
    return sorted((BASE_DIR / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Give line and dotted name of everything that the module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def is_or_is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("app", LAYERS)
def test_imports_run_rightwards_only(app: str) -> None:
    left_of = LAYERS[: LAYERS.index(app)]
    wrong = [
        f"{path.relative_to(BASE_DIR)}:{line} imports {name}"
        for path in modules(app)
        for line, name in imports(path)
        if name.split(".")[0] in (*left_of, "sandbox", "tests", "bench")
        and (str(path.relative_to(BASE_DIR)), name) not in ALLOWED
    ]
    assert wrong == []


def test_the_sandbox_imports_nothing_but_itself_and_the_standard_library() -> None:
    wrong = [
        f"{path.relative_to(BASE_DIR)}:{line} imports {name}"
        for path in modules("sandbox")
        for line, name in imports(path)
        if name.split(".")[0] not in sys.stdlib_module_names - {"numbers"} | {"sandbox"}
    ]
    assert wrong == []


def test_only_one_module_reaches_other_hosts() -> None:
    wrong = [
        f"{path.relative_to(BASE_DIR)}:{line} imports {name}"
        for app in LAYERS
        for path in modules(app)
        if path != BASE_DIR / "providers" / "http.py"
        for line, name in imports(path)
        if any(is_or_is_in(name, way) for way in WAYS_OUT)
    ]
    assert wrong == []


def test_no_module_is_named_after_nothing() -> None:
    found = [path for app in (*LAYERS, "sandbox") for path in modules(app) if path.name in UNTOLD]
    assert found == []


@pytest.mark.parametrize("app", [*LAYERS, "sandbox"])
def test_every_module_says_what_it_is_for(app: str) -> None:
    written = [path for path in modules(app) if "migrations" not in path.parts and path.stat().st_size]
    silent = [str(path) for path in written if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


def test_the_walk_sees_an_import_wherever_it_stands(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import a.b\ndef f():\n    from c import d\nif False:\n    import e as g\n")

    assert [name for _line, name in imports(module)] == ["a.b", "c.d", "e"]
