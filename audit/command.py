"""The shape of every command: rows on standard output, messages on standard error, an exit code that tells the end.

With --json a row is one JSON object on a line; without it, rows are a table with tabs.
"""

import getpass
import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Exit(IntEnum):
    """What the exit code says; where several hold, the highest."""

    DONE = 0
    ERROR = 1
    INVALID = 2
    REFUSED = 3
    INCOMPLETE = 4


class ReportingCommand(BaseCommand):
    """A command that reports rows and ends with the highest exit code that it noted."""

    json = False
    _exit = Exit.DONE
    _header: tuple[str, ...] | None = None

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Add --json to whatever the command takes."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        ArgumentParser.add_argument(parser, "--json", action="store_true", help="one JSON object a line on stdout")
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run, then end the process with the noted exit code unless all was done."""
        self.json = bool(options.get("json"))
        self._exit, self._header = Exit.DONE, None
        try:
            result = super().execute(*args, **options)
        except BrokenPipeError:
            # Whoever read the rows has had enough (`| head`). What Python flushes at its end must not fail as well.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(int(Exit.ERROR))
        if self._exit is not Exit.DONE:
            sys.exit(int(self._exit))
        return result

    def row(self, values: Mapping[str, Any]) -> None:
        """Write one row of the result."""
        if self.json:
            self.stdout.write(json.dumps(values, ensure_ascii=False, default=_as_text))
            return
        if self._header is None:
            self._header = tuple(values)
            self.stdout.write("\t".join(self._header))
        self.stdout.write("\t".join("" if values[name] is None else _as_text(values[name]) for name in self._header))

    def say(self, message: str) -> None:
        """Write a message for the person at the terminal."""
        self.stderr.write(message, style_func=lambda text: text)

    def note(self, code: Exit) -> None:
        """Remember an exit code; the highest one noted ends the process."""
        self._exit = max(self._exit, code)


def invalid(message: str) -> CommandError:
    """Give the error of usage or invalid input (exit code 2), to be raised."""
    return CommandError(message, returncode=int(Exit.INVALID))


def actor() -> str:
    """Give who runs the command, as the ledger records it."""
    return f"command:{getpass.getuser()}"


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("\t", " ").replace("\n", " ")
