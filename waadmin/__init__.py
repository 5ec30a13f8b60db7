"""The project: wiring only. Settings, urls, the admin site, roles, schedules, system checks and commands."""

from pathlib import Path

import numbers

BASE_DIR = Path(__file__).resolve().parent.parent

# `numbers` is also a module of the standard library, and `decimal` imports it. Our folder of that name has no
# __init__.py, so the standard library's module wins; giving that module a path makes `numbers.apps`,
# `numbers.models` and the rest importable beside it. tests/test_numbers_graft.py guards both halves.
numbers.__path__ = [str(BASE_DIR / "numbers")]
