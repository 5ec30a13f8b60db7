"""The mutator itself: every operator makes its mutants, and words for people, docstrings and annotations stay."""

import pytest

from tests.twins.mutating import mutants_of


def changes(source: str) -> set[str]:
    return {mutant.change.split("  ->  ")[1] for mutant in mutants_of(source)}


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("f(a < b)", {"f(a <= b)", "f(a >= b)", "pass"}),
        ("f(a == b)", {"f(a != b)", "pass"}),
        ("f(a is None)", {"f(a is not None)", "pass"}),
        ("f(a not in b)", {"f(a in b)", "pass"}),
        ("f(a and b)", {"f(a or b)", "f(a)", "f(b)", "pass"}),
        ("f(not a)", {"f(a)", "pass"}),
        ("f(a + 1)", {"f(a - 1)", "f(a + 2)", "f(a + 0)", "pass"}),
        ("f('CODE', k=True)", {"f('CODEx', k=True)", "f('CODE', k=False)", "f('CODE')", "pass"}),
        ("f([a, b])", {"f([a])", "f([b])", "pass"}),
        ("f({'a': b})", {"f({})", "f({'ax': b})", "pass"}),
        ("f(R.ONE, R.TWO)", {"f(R.TWO, R.TWO)", "f(R.ONE, R.ONE)", "pass"}),
        ("f(a.exclude(b=c))", {"f(a)", "f(a.exclude())", "pass"}),
        ("f(min(a))", {"f(max(a))", "pass"}),
        ("f(x for x in a if x)", {"f((x for x in a))", "pass"}),
        ("f(-a)", {"f(a)", "pass"}),
    ],
)
def test_an_expression_is_changed_in_each_of_these_ways(line: str, made: set[str]) -> None:
    assert changes(f"def g():\n    {line}") == made


def test_a_condition_is_held_and_left_out_and_a_value_returned_changed() -> None:
    made = changes("def g():\n    if a:\n        return b")
    assert made == {"if True:", "if False:", "return None", "return True", "return False"}


def test_what_only_people_and_type_checkers_read_is_left_alone() -> None:
    source = (
        '"""Words."""\nfrom a import b\n\ndef g(a: "b" = c) -> "d":\n    """Words."""\n    e: "f"\n    _("Words 1")\n'
    )
    assert changes(source) == {"pass"}


def test_no_two_mutants_are_the_same_and_each_names_its_function() -> None:
    source = "LIMIT = 3\n\nclass A:\n    def g(self, h=1):\n        return h > LIMIT and h > 0\n"
    made = mutants_of(source)
    assert len({mutant.source for mutant in made}) == len(made)
    assert {mutant.function for mutant in made} == {"", "A.g"}
    # A default belongs to whoever defines the function.
    assert [mutant.function for mutant in made if "h=2" in mutant.change] == [""]
