"""Mutants: a module with one small thing changed, made from its syntax tree. Pure.

Words (docstrings, the texts of errors, what `_` translates) and annotations are left alone: they are no rules.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.twins.differences import difference

Change = Callable[[ast.AST], ast.AST | None]

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
}
_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}
#: Steps of a chain that may be left out.
_STEPS = frozenset({"filter", "exclude", "order_by", "strip", "encode", "fullmatch", "astimezone", "first"})
_TRANSLATES = frozenset({"_", "gettext", "gettext_lazy"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: what it does, where, and in which function (empty at the level of the module or a class)."""

    number: int
    line: int
    change: str
    function: str
    source: str

    @property
    def name(self) -> str:
        """What it is known by, whatever stands around it: lines and numbers move."""
        return f"{self.function or '<module>'}: {self.change}"


@dataclass(frozen=True, slots=True)
class _Site:
    """A node that can be changed: its place in the walk, its function, and the changes."""

    place: int
    node: ast.AST
    function: str
    changes: tuple[Change, ...]


def mutants_of(source: str) -> list[Mutant]:
    """Make every mutant of a module's source that differs from it and from the others."""
    whole = ast.unparse(ast.parse(source))
    made: dict[str, Mutant] = {}
    for site in _sites(ast.parse(source)):
        for change in site.changes:
            tree = ast.parse(source)
            changed = _replaced(tree, site.place, change)
            if changed is None:
                continue
            text = ast.unparse(ast.fix_missing_locations(tree))
            if text != whole and text not in made:
                line = getattr(site.node, "lineno", 0)
                made[text] = Mutant(len(made), line, difference(whole, text), site.function, text)
    return list(made.values())


def _replaced(tree: ast.Module, place: int, change: Change) -> ast.AST | None:
    """Change the node at a place of the walk; None where the change does not apply."""
    target = next(node for at, node in enumerate(ast.walk(tree)) if at == place)
    new = change(target)
    if new is None or new is target:
        return new
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, name, new)
                return new
            if isinstance(value, list) and any(one is target for one in value):
                setattr(parent, name, [new if one is target else one for one in value])
                return new
    return None


def _sites(tree: ast.Module) -> Iterator[_Site]:
    left_alone = _left_alone(tree)
    functions = _functions(tree)
    members = _members(tree)
    for place, node in enumerate(ast.walk(tree)):
        if id(node) not in left_alone:
            function = functions.get(id(node), "")
            changes = tuple(_changes(node, members))
            # Without one of its names a module cannot be loaded: that says nothing of its tests.
            if changes and (function or not isinstance(node, ast.Assign)):
                yield _Site(place, node, function, changes)


def _left_alone(tree: ast.Module) -> set[int]:
    """Find annotations, imports, docstrings, what is translated for people, and the words of errors."""
    roots: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            roots.append(node.annotation)
        if isinstance(node, _FUNCTIONS) and node.returns is not None:
            roots.append(node.returns)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TRANSLATES:
            roots.append(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            roots.append(node)
        if isinstance(node, ast.Raise):
            roots += [one for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            roots.append(node)
    return {id(node) for root in roots for node in ast.walk(root)}


def _functions(tree: ast.Module) -> dict[int, str]:
    """Give the outermost function of each node that runs when that function runs."""
    found: dict[int, str] = {}

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, _FUNCTIONS):
                for statement in node.body:
                    found.update((id(one), prefix + node.name) for one in ast.walk(statement))

    visit(tree.body, "")
    return found


def _members(tree: ast.Module) -> dict[str, list[str]]:
    """Give the members of each class of codes that the module names: `Reason.EXPIRED` and its like."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr.isupper():
            found.setdefault(node.value.id, set()).add(node.attr)
    return {name: sorted(members) for name, members in found.items()}


def _changes(node: ast.AST, members: dict[str, list[str]]) -> Iterator[Change]:
    match node:
        case ast.Compare():
            for at, op in enumerate(node.ops):
                for other in _COMPARISONS.get(type(op), ()):
                    yield partial(_with_op, at=at, op=other)
        case ast.BoolOp():
            yield _with_opposite
            for at in range(len(node.values)):
                yield partial(_without_value, at=at)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield lambda target: target.operand  # type: ignore[attr-defined]
        case ast.If() | ast.IfExp() | ast.While():
            yield partial(_with_test, value=True)
            yield partial(_with_test, value=False)
        case ast.comprehension(ifs=[_, *_]):
            for at in range(len(node.ifs)):
                yield partial(_without_item, field="ifs", at=at)
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            yield _with_other_arithmetic
        case ast.Constant():
            for value in _other_values(node.value):
                yield partial(_with_constant, value=value)
        case ast.Return(value=ast.expr()):
            yield partial(_with_return, value=None)
            yield partial(_with_return, value=True)
            yield partial(_with_return, value=False)
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield lambda target: ast.Pass()
        case ast.List() | ast.Tuple() | ast.Set() if isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            for at in range(len(node.elts)):
                yield partial(_without_item, field="elts", at=at)
        case ast.Dict():
            for at in range(len(node.keys)):
                yield partial(_without_entry, at=at)
        case ast.Call():
            yield from _changes_of_call(node)
        case ast.Attribute(value=ast.Name(id=name), attr=attr) if attr in members.get(name, ()):
            others = members[name]
            if len(others) > 1:
                yield partial(_with_attribute, attr=others[(others.index(attr) + 1) % len(others)])
        case ast.Match():
            for at in range(len(node.cases)):
                yield partial(_without_item, field="cases", at=at)
        case ast.MatchOr():
            for at in range(len(node.patterns)):
                yield partial(_without_item, field="patterns", at=at)


def _changes_of_call(node: ast.Call) -> Iterator[Change]:
    for at, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield partial(_without_item, field="keywords", at=at)
    if isinstance(node.func, ast.Name) and node.func.id in _OPPOSITES:
        yield partial(_with_function, name=_OPPOSITES[node.func.id])
    if isinstance(node.func, ast.Attribute) and node.func.attr in _STEPS:
        yield lambda target: target.func.value  # type: ignore[attr-defined]


def _other_values(value: object) -> list[object]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, str):
        return [value + "x", *([value[1:]] if value[:1] == "-" else [])]
    return [value + b"x"] if isinstance(value, bytes) else []


def _with_op(target: ast.AST, *, at: int, op: type[ast.cmpop]) -> ast.AST:
    assert isinstance(target, ast.Compare)
    target.ops[at] = op()
    return target


def _with_opposite(target: ast.AST) -> ast.AST:
    assert isinstance(target, ast.BoolOp)
    target.op = ast.Or() if isinstance(target.op, ast.And) else ast.And()
    return target


def _without_value(target: ast.AST, *, at: int) -> ast.AST:
    assert isinstance(target, ast.BoolOp)
    del target.values[at]
    return target if len(target.values) > 1 else target.values[0]


def _with_test(target: ast.AST, *, value: bool) -> ast.AST:
    assert isinstance(target, ast.If | ast.IfExp | ast.While)
    if isinstance(target, ast.While) and value:
        return target
    target.test = ast.Constant(value)
    return target


def _with_other_arithmetic(target: ast.AST) -> ast.AST:
    assert isinstance(target, ast.BinOp)
    target.op = _ARITHMETIC[type(target.op)]()
    return target


def _with_constant(target: ast.AST, *, value: object) -> ast.AST:
    assert isinstance(target, ast.Constant)
    target.value = value  # type: ignore[assignment]
    return target


def _with_return(target: ast.AST, *, value: bool | None) -> ast.AST:
    assert isinstance(target, ast.Return)
    target.value = ast.Constant(value)
    return target


def _without_item(target: ast.AST, *, field: str, at: int) -> ast.AST | None:
    items = getattr(target, field)
    if field in ("patterns", "cases") and len(items) < 2:
        return None
    del items[at]
    return items[0] if field == "patterns" and len(items) == 1 else target


def _without_entry(target: ast.AST, *, at: int) -> ast.AST:
    assert isinstance(target, ast.Dict)
    del target.keys[at], target.values[at]
    return target


def _with_attribute(target: ast.AST, *, attr: str) -> ast.AST:
    assert isinstance(target, ast.Attribute)
    target.attr = attr
    return target


def _with_function(target: ast.AST, *, name: str) -> ast.AST:
    target.func.id = name  # type: ignore[attr-defined]
    return target
