"""What a broken twin is: a guard, the edits that take it out, and the tests that must notice."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Twin:
    """One guard and how it is taken out; every text of `edits` stands exactly once in `file`."""

    name: str
    protects: str
    file: str
    edits: tuple[tuple[str, str], ...]
    #: Pytest node ids: at least one of them must fail.
    tests: tuple[str, ...]
    #: Whether the tests need PostgreSQL's row locks.
    postgresql: bool = False

    def broken(self, source: str) -> str:
        """Give the source of `file` without the guard.

        :raises ValueError: when a text is not there exactly once.
        """
        for text, instead in self.edits:
            if source.count(text) != 1:
                raise ValueError(f"{self.name}: {self.file} holds {text!r} {source.count(text)} times, not once")
            source = source.replace(text, instead)
        return source
