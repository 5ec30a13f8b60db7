"""`python -m bench`: run every bench module in a PostgreSQL database of its own, and print a table or JSON lines.

The server is POSTGRESQL_URL's or DATABASE_URL's (default: the loopback's); the database is made and dropped here.
"""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from bench import Figure

_DEFAULT = "postgres://postgres@127.0.0.1:5432/postgres"


def main() -> int:
    """Run the named benches, or all of them; end with 1 where a full run missed a goal."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="bench modules; all of them where none is named")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: that it runs, not how fast")
    options = parser.parse_args()
    here = Path(__file__).parent
    names = options.names or sorted(path.stem for path in here.glob("*.py") if not path.stem.startswith("_"))
    missed = 0
    for name in names:
        with _database():
            module = importlib.import_module(f"bench.{name}")
            for figure in module.run(smoke=options.smoke):
                _print(figure, as_json=options.json)
                missed += not figure.met
    if missed and not options.smoke:
        print(f"{missed} figure(s) missed their goal", file=sys.stderr)
    return 1 if missed and not options.smoke else 0


@contextmanager
def _database() -> Iterator[None]:
    """Make an empty, migrated database, connect Django to it, and drop it."""
    server = os.environ.get("POSTGRESQL_URL") or os.environ.get("DATABASE_URL", _DEFAULT)
    if not server.startswith(("postgres://", "postgresql://")):
        server = _DEFAULT
    admin = urlsplit(server)._replace(path="/postgres").geturl()
    name = f"waadmin_bench_{uuid4().hex[:8]}"
    os.environ["DATABASE_URL"] = urlsplit(server)._replace(path=f"/{name}").geturl()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            _connect(name)
            yield
        finally:
            from django.db import connections

            connections.close_all()
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _connect(name: str) -> None:
    import logging

    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    logging.disable(logging.INFO)
    connections.close_all()
    for settings in (connections["default"].settings_dict, connections.settings["default"]):
        settings["NAME"] = name
    call_command("migrate", verbosity=0)


def _print(figure: Figure, *, as_json: bool) -> None:
    if as_json:
        row = {"bench": figure.bench, "figure": figure.figure, "value": round(figure.value, 4)}
        print(json.dumps(row | {"goal": figure.goal, "n": figure.n}), flush=True)
        return
    mark = "met   " if figure.met else "MISSED"
    print(f"{figure.bench:8} {mark} {figure.value:10.3f}  {figure.goal:8} {figure.figure} (n={figure.n:,})", flush=True)


if __name__ == "__main__":
    sys.exit(main())
