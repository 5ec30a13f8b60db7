"""Running a command as a shell would see it: its rows, its messages and its exit code."""

import io
import json
from dataclasses import dataclass
from typing import Any

from django.core.management import CommandError, call_command


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    code: int
    rows: list[dict[str, Any]]
    messages: str


def run(name: str, *arguments: str) -> Ran:
    """Run a command with --json."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command(name, *arguments, "--json", stdout=out, stderr=err)
    except SystemExit as ended:
        code = int(ended.code or 0)
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    return Ran(code, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue())
