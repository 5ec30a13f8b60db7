"""Benchmarks: ratios against an anchor that is measured in the same run, so that a slow machine does not matter."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure: which bench, what it is, its value, the goal it is held against, and how many it is of."""

    bench: str
    figure: str
    value: float
    goal: str
    n: int

    @property
    def met(self) -> bool:
        """Tell whether the value is within its goal."""
        sign, _, bound = self.goal.partition(" ")
        return self.value >= float(bound) if sign == ">=" else self.value <= float(bound)
