"""The language of a template's text: a small part of Jinja, in which nothing can happen but text.

    {{ name }}  {name}                    the value of an argument; {{ brand.name }} of the brand file
    {% if … %} … {% elif … %} … {% else %} … {% endif %}
    {{ a if b else c }}  and  or  not  ==  !=  in [...]  ( )  'text'  true  false  none
    |filter   is given                    those of `vocabulary`
    {# a comment #}

A text is parsed by Jinja's sandbox, and its syntax tree may hold nothing else (an allow-list of node types).
Without loops, variables of its own, calls and arithmetic, the time and the size of the output follow from the
length of the text and of the values, both of which are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from imagegen.templates.brand import BRAND_KEYS
from imagegen.templates.vocabulary import FILTERS, TESTS

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

BRAND = "brand"
MAX_TEXT_CHARS = 16_000
MAX_DEPTH = 40
MAX_BRANCHES = 100
PARAGRAPH = "\x1e"  # no value may hold a control character
PLACEHOLDER = re.compile(r"\{[ \t]*([A-Za-z_]\w*(?:\.\w+)?)[ \t]*\}", re.ASCII)

_EMPTY_LINES = re.compile(r"\n[ \t]*\n\s*")
_ALLOWED = frozenset(
    {"Template", "Output", "TemplateData", "Name", "Getattr", "Const", "List", "Tuple", "Filter", "Test"}
    | {"If", "CondExpr", "And", "Or", "Not", "Compare", "Operand"}
)
_LEAVES = frozenset({"TemplateData", "Name", "Const", "Getattr"})  # the rule of Getattr looks at its owner
_COMPARISONS = ("eq", "ne", "in", "notin")
_NO_ARITHMETIC = "arithmetic is not available"

# What else Jinja knows: the token by which a person finds it, and what to say.
_REFUSED = {
    "Call": ("(", "nothing can be called here"),
    "Getitem": ("[", "looking into a value is not available"),
    "For": ("for", "loops are not available: every argument is one value"),
    "Assign": ("set", "setting variables is not available"),
    "AssignBlock": ("set", "setting variables is not available"),
    "With": ("with", "setting variables is not available"),
    "Macro": ("macro", "macros are not available"),
    "CallBlock": ("call", "macros are not available"),
    "FilterBlock": ("filter", "filter blocks are not available: write {{ name|filter }}"),
    "Block": ("block", "blocks are not available: a template stands alone"),
    "Extends": ("extends", "other files cannot be used: a template stands alone"),
    "Include": ("include", "other files cannot be used: a template stands alone"),
    "Import": ("import", "other files cannot be used: a template stands alone"),
    "FromImport": ("from", "other files cannot be used: a template stands alone"),
    "Concat": ("~", "joining is not available: write the parts one after the other"),
    "Scope": ("autoescape", "escaping is not available: a prompt is plain text"),
    "Dict": ("{", "dictionaries are not available"),
    "Pow": ("**", _NO_ARITHMETIC),
    "Mul": ("*", _NO_ARITHMETIC),
    "Div": ("/", _NO_ARITHMETIC),
    "FloorDiv": ("//", _NO_ARITHMETIC),
    "Mod": ("%", _NO_ARITHMETIC),
    "Add": ("+", _NO_ARITHMETIC),
    "Sub": ("-", _NO_ARITHMETIC),
    "Pos": ("+", _NO_ARITHMETIC),
    "Neg": ("-", _NO_ARITHMETIC),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a text cannot be used; `line` counts from the text's first, `token` is what stands there."""

    message: str
    line: int = 1
    token: str | None = None


class FaultyText(Exception):
    """A text that cannot be used, with the first fault in it; it never leaves imagegen.templates."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def build_environment() -> Environment:
    """Jinja's immutable sandbox without anything of its own: no globals, no filters, no tests, no files."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        autoescape=False,  # a prompt is no HTML
        optimized=False,
        cache_size=0,
    )
    environment.globals.clear()
    environment.filters.clear()
    environment.tests.clear()
    environment.filters.update(FILTERS)
    environment.tests.update(TESTS)
    return environment


def parse_text(environment: Environment, text: str) -> nodes.Template:
    """The syntax tree of a text, as yet unchecked. Raises FaultyText where it is no Jinja or too long."""
    from jinja2 import TemplateSyntaxError

    if len(text) > MAX_TEXT_CHARS:
        raise FaultyText(Fault(f"The text is longer than {MAX_TEXT_CHARS:,} characters."))
    try:
        return environment.parse(text)
    except TemplateSyntaxError as exc:
        message = (exc.message or "This is no Jinja").rstrip(".")
        raise FaultyText(Fault(f"{message}.", exc.lineno)) from exc
    except (RecursionError, MemoryError) as exc:
        raise FaultyText(Fault("The text is nested too deeply.")) from exc
    except (ValueError, ArithmeticError) as exc:
        raise FaultyText(Fault("A number in the text has too many digits.")) from exc


@dataclass(frozen=True, slots=True)
class Examined:
    """A tree's faults, the nodes that write text, and the names it uses."""

    faults: list[Fault]
    outputs: list[nodes.Output]
    used: set[str]


def examine(tree: nodes.Template, names: Set[str]) -> Examined:
    """Everything in the tree that a template with the arguments `names` may not use."""
    found = Examined([], [], set())
    waiting: list[tuple[Any, int]] = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            found.faults.append(Fault("The text is nested too deeply.", node.lineno))
            break
        fault = _fault_of(node, names)
        if fault:
            found.faults.append(fault)
            continue
        kind = type(node).__name__
        if kind == "Output":
            found.outputs.append(node)
        if kind == "Name":
            found.used.add(node.name)
        if kind not in _LEAVES:
            waiting.extend((child, depth + 1) for child in reversed(list(node.iter_child_nodes())))
    return found


def parse_allowed(
    environment: Environment, text: str, names: Set[str]
) -> tuple[nodes.Template, list[nodes.Output]]:
    """The tree of a text that holds nothing but what is allowed, and its writing nodes. Raises FaultyText."""
    tree = parse_text(environment, text)
    examined = examine(tree, names)
    if examined.faults:
        raise FaultyText(examined.faults[0])
    return tree, examined.outputs


def _fault_of(node: Any, names: Set[str]) -> Fault | None:
    """Why this node is not allowed, its children aside."""
    kind = type(node).__name__
    if kind not in _ALLOWED:
        token, message = _REFUSED.get(kind, (None, "this part of Jinja is not available"))
        return Fault(_sentence(message), node.lineno or 1, token)  # Jinja leaves a Scope without a line
    rule = _RULES.get(kind)
    return rule(node, names) if rule else None


def _name_fault(node: nodes.Name, names: Set[str]) -> Fault | None:
    return unknown_name(node.name, names, node.lineno)


def unknown_name(name: str, names: Set[str], line: int) -> Fault | None:
    """The fault of a name, which may have a dot, that is neither an argument nor in the brand file."""
    owner, dot, key = name.partition(".")
    if name in names or (owner == BRAND and key in BRAND_KEYS):
        return None
    if owner == BRAND:
        wanted = f"not {key}" if dot else "write brand.name, for example"
        message = f"A brand has {', '.join(BRAND_KEYS)}; {wanted}.{_suggestion(key, BRAND_KEYS)}"
        return Fault(message, line, key or name)
    if dot:
        return Fault(f"Only brand has parts: {name} names nothing.", line, key)
    return Fault(f"{name} is no argument of this template.{_suggestion(name, names)}", line, name)


def _getattr_fault(node: nodes.Getattr, names: Set[str]) -> Fault | None:
    owner = getattr(node.node, "name", "") if type(node.node).__name__ == "Name" else ""
    return unknown_name(f"{owner}.{node.attr}", names, node.lineno)


def _const_fault(node: nodes.Const, _: Set[str]) -> Fault | None:
    if node.value is None or isinstance(node.value, str | bool):
        return None
    return Fault("Numbers are not available: put them into quotes.", node.lineno)


def _compare_fault(node: nodes.Compare, _: Set[str]) -> Fault | None:
    for operand in node.ops:
        if operand.op not in _COMPARISONS:
            return Fault("Of the comparisons there are ==, !=, in and not in.", node.lineno)
        if operand.op in ("in", "notin") and type(operand.expr).__name__ not in ("List", "Tuple"):
            return Fault("After in comes a list of values: in ['one', 'two'].", node.lineno, "in")
    return None


def _filter_fault(node: nodes.Filter, _: Set[str]) -> Fault | None:
    if node.name not in FILTERS:
        message = f"There is no filter {node.name}; there are {', '.join(FILTERS)}."
        return Fault(message + _suggestion(node.name, FILTERS), node.lineno, node.name)
    wanted = 1 if node.name == "default" else 0
    if node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) != wanted:
        takes = "one value: |default('text')" if wanted else "no values"
        return Fault(f"The filter {node.name} takes {takes}.", node.lineno, node.name)
    return None


def _test_fault(node: nodes.Test, _: Set[str]) -> Fault | None:
    if node.name not in TESTS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return Fault("Of the tests there is: name is given.", node.lineno, node.name)
    return None


def _if_fault(node: nodes.If, _: Set[str]) -> Fault | None:
    if len(node.elif_) > MAX_BRANCHES:
        return Fault(f"There are more than {MAX_BRANCHES} branches of one if.", node.lineno, "if")
    return None


_RULES: Mapping[str, Callable[[Any, Set[str]], Fault | None]] = {
    "Name": _name_fault,
    "Getattr": _getattr_fault,
    "Const": _const_fault,
    "Compare": _compare_fault,
    "Filter": _filter_fault,
    "Test": _test_fault,
    "If": _if_fault,
}


def _suggestion(word: str, known: Set[str] | Mapping[str, Any] | tuple[str, ...]) -> str:
    near = get_close_matches(word, sorted(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def prepare_plain_text(outputs: Iterable[nodes.Output], names: Set[str]) -> None:
    """Turn `{argument}` and `{brand.key}` in the plain text into variables, and empty lines into marks."""
    from jinja2 import nodes

    for output in outputs:
        parts: list[nodes.Expr] = []
        for node in output.nodes:
            parts += _prepared(node, names) if isinstance(node, nodes.TemplateData) else [node]
        output.nodes = parts


def _prepared(data: nodes.TemplateData, names: Set[str]) -> Iterator[nodes.Expr]:
    from jinja2 import nodes

    text = _EMPTY_LINES.sub(PARAGRAPH, data.data)
    place: dict[str, Any] = {"lineno": data.lineno, "environment": data.environment}
    position = 0
    for match in PLACEHOLDER.finditer(text):
        if unknown_name(match[1], names, data.lineno):
            continue
        owner, dot, key = match[1].partition(".")
        name = nodes.Name(owner, "load", **place)
        yield nodes.TemplateData(text[position : match.start()], **place)
        yield nodes.Getattr(name, key, "load", **place) if dot else name
        position = match.end()
    yield nodes.TemplateData(text[position:], **place)
