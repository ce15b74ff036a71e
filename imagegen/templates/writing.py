"""From the syntax tree of an allowed text to the text itself.

The tree is walked where it stands: compiling it to Python, as Jinja does, costs more than a text that is
rendered once in a process gets back, and no code is made of what somebody wrote. What an expression can
do is what `language` lets through; filters and tests are those of the sandbox that parsed the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import eq, ne
from typing import TYPE_CHECKING, Any

from imagegen.templates.vocabulary import shown

if TYPE_CHECKING:
    from jinja2 import nodes

Variables = Mapping[str, Any]


def write(tree: nodes.Template, variables: Variables) -> Iterator[str]:
    """The pieces of the text, in order; `tree` has passed `language.parse_allowed`."""
    yield from _written(tree.body, variables)


def _written(body: Iterable[Any], variables: Variables) -> Iterator[str]:
    for node in body:
        if type(node).__name__ == "If":
            yield from _written(_branch(node, variables), variables)
            continue
        for part in node.nodes:
            yield part.data if type(part).__name__ == "TemplateData" else shown(_value(part, variables))


def _branch(node: nodes.If, variables: Variables) -> Iterable[nodes.Node]:
    for condition in (node, *node.elif_):
        if _value(condition.test, variables):
            return condition.body
    return node.else_


def _value(node: Any, variables: Variables) -> Any:
    return _VALUES[type(node).__name__](node, variables)


def _name(node: nodes.Name, variables: Variables) -> Any:
    return variables[node.name]


def _part(node: Any, variables: Variables) -> Any:
    return variables[node.node.name][node.attr]


def _constant(node: Any, _: Variables) -> Any:
    return node.value


def _several(node: Any, variables: Variables) -> list[Any]:
    return [_value(item, variables) for item in node.items]


def _both(node: nodes.And, variables: Variables) -> Any:
    return _value(node.left, variables) and _value(node.right, variables)


def _either(node: nodes.Or, variables: Variables) -> Any:
    return _value(node.left, variables) or _value(node.right, variables)


def _opposite(node: nodes.Not, variables: Variables) -> bool:
    return not _value(node.node, variables)


def _one_of_two(node: nodes.CondExpr, variables: Variables) -> Any:
    chosen = node.expr1 if _value(node.test, variables) else node.expr2
    return None if chosen is None else _value(chosen, variables)


def _compared(node: nodes.Compare, variables: Variables) -> bool:
    left = _value(node.expr, variables)
    for operand in node.ops:
        right = _value(operand.expr, variables)
        if not _COMPARISONS[operand.op](left, right):
            return False
        left = right
    return True


def _filtered(node: Any, variables: Variables) -> Any:
    arguments = [_value(argument, variables) for argument in node.args]
    return node.environment.call_filter(node.name, _value(node.node, variables), arguments)


def _tested(node: Any, variables: Variables) -> bool:
    return bool(node.environment.call_test(node.name, _value(node.node, variables)))


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": eq,
    "ne": ne,
    "in": lambda value, several: value in several,
    "notin": lambda value, several: value not in several,
}
_VALUES: Mapping[str, Callable[[Any, Variables], Any]] = {
    "Name": _name,
    "Getattr": _part,
    "Const": _constant,
    "List": _several,
    "Tuple": _several,
    "And": _both,
    "Or": _either,
    "Not": _opposite,
    "CondExpr": _one_of_two,
    "Compare": _compared,
    "Filter": _filtered,
    "Test": _tested,
}
