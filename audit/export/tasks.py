"""Background tasks of exports. Each takes a primary key and nothing else, and may run twice, late or never."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from audit.export import jobs, running
from audit.export.folder import remove_left_behind


def run(export_id: UUID) -> int:
    """Make an export that was asked for; give how many rows it has."""
    return running.run(export_id=export_id)


def sweep() -> int:
    """Take up again what a lost process or a lost queue entry left behind; what lies on this disk is removed."""
    remove_left_behind(Path(tempfile.gettempdir()), running.PREFIX)
    return jobs.sweep(now=datetime.now(UTC))


def purge() -> int:
    """Remove exports whose time is over."""
    return jobs.purge(now=datetime.now(UTC))
