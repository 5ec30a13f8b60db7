"""The list of twins is in order: each guard is where it is said to be, and its tests are there."""

import ast
from collections import Counter
from functools import cache

import pytest
from django.template import engines

from tests.twins.guards import TWINS
from tests.twins.twin import ROOT, Twin

LEAST = 30


def each_twin() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = set()
    for node in tree.body:
        names.add(getattr(node, "name", ""))
        if isinstance(node, ast.ClassDef):
            names.update(f"{node.name}::{getattr(one, 'name', '')}" for one in node.body)
    return frozenset(names)


def test_every_twin_has_a_name_of_its_own_and_says_what_it_protects() -> None:
    assert len(TWINS) >= LEAST
    assert [name for name, times in Counter(twin.name for twin in TWINS).items() if times > 1] == []
    assert [twin.name for twin in TWINS if not twin.protects.endswith(".") or not twin.tests] == []


@each_twin()
def test_a_twin_differs_and_can_be_loaded(twin: Twin) -> None:
    whole = (ROOT / twin.file).read_text(encoding="utf-8")

    broken = twin.broken(whole)

    assert broken != whole
    if twin.file.endswith(".py"):
        compile(broken, twin.file, "exec")
        assert ast.dump(ast.parse(broken)) != ast.dump(ast.parse(whole))
    else:
        engines["django"].from_string(broken)


@each_twin()
def test_the_tests_of_a_twin_are_there(twin: Twin) -> None:
    for test in twin.tests:
        file, _, name = test.partition("::")
        assert name.split("[")[0] in functions_of(file), test
