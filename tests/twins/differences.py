"""What differs between two texts of a module, cut to the statement and the place in it."""

from collections.abc import Sequence

#: So much of a long statement is shown on each side of a change.
_CONTEXT = 60


def difference(whole: str, text: str) -> str:
    """Write what was there and what is there now."""
    before, after = whole.splitlines(), text.splitlines()
    start, end = _alike(before, after)
    gone, come = (" ".join(line.strip() for line in lines[start : len(lines) - end]) for lines in (before, after))
    start, end = _alike(gone, come)
    start, end = max(0, start - _CONTEXT), max(0, end - _CONTEXT)
    return "  ->  ".join(one[start : len(one) - end] for one in (gone, come))


def _alike(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """Count what two sequences share at their beginnings, and behind that at their ends."""
    least = min(len(one), len(other))
    start = next((at for at in range(least) if one[at] != other[at]), least)
    end = next((at for at in range(least - start) if one[-1 - at] != other[-1 - at]), least - start)
    return start, end
