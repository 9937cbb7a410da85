"""Finds in source text each place that raises or returns an error code."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from app.http.problems import STATUS

Place = int | str  # a problem's HTTP status, "job" or "file"
Where = tuple[str, str]  # a file and the innermost function in it


@dataclass(frozen=True)
class Raiser:
    """A callable that takes a code: as which argument, and where the code appears then."""

    position: int
    places: frozenset[Place]


RAISERS = {
    "invalid": Raiser(0, frozenset({422})),
    "conflict": Raiser(0, frozenset({409})),
    "not_found": Raiser(0, frozenset({404})),  # of a thing: `<thing>_not_found`
    "_unauthorized": Raiser(0, frozenset({401})),
    "body_limit": Raiser(1, frozenset({413})),
    "BadSafetensors": Raiser(1, frozenset({422})),
    "BadArchive": Raiser(0, frozenset({422, "job"})),
    "BadMember": Raiser(0, frozenset({"file"})),
    "BadImage": Raiser(0, frozenset({422, "file"})),
    "RejectedFile": Raiser(1, frozenset({"file"})),
    "JobError": Raiser(0, frozenset({"job"})),
    "ServiceError": Raiser(1, frozenset()),  # by its kind
    "problem_response": Raiser(1, frozenset()),  # by its status
}
# `code` has a default there, or is computed there.
DEFAULTS: dict[Where, frozenset[Place]] = {
    ("app/http/request_body.py", "body_limit"): frozenset({413}),
    ("app/models/safetensors.py", "__init__"): frozenset({422}),
    ("app/core/jobs/leases.py", "resolve_orphaned"): frozenset({"job"}),
    ("app/http/problems.py", "_http_error"): frozenset({400}),
    ("worker/jobs/entry_point.py", "_fail"): frozenset({"job"}),
    ("worker/queue/supervisor.py", "_crash_reason"): frozenset({"job"}),
}
# Literal `{"code": ...}`: the error of a job.
DICTS: dict[Where, frozenset[Place]] = {
    ("app/core/jobs/leases.py", "resolve_orphaned"): frozenset({"job"}),
    ("app/core/jobs/transitions.py", "cancel"): frozenset({"job"}),
}
# A code appears elsewhere than the others of its raiser do.
EXCEPTIONS: dict[Where, frozenset[Place]] = {
    ("app/core/quotas.py", "_storage_exceeded"): frozenset({429, "job"}),  # a preparation checks quotas as well
    ("app/core/quotas.py", "check_images"): frozenset({429, "job"}),
    ("app/predictions/inputs.py", "_from_base64"): frozenset({"file"}),  # base64 is never the whole body
}


@dataclass(frozen=True)
class Site:
    """A place in the source; `code` is None where it is not a literal there."""

    where: Where
    line: int
    code: str | None
    places: frozenset[Place]


def sites(path: str, source: str, constants: dict[str, str]) -> Iterator[Site]:
    """Each place of a file that raises, returns or forwards a code. `constants`: module-level strings by name."""
    yield from _sites(path, "", ast.parse(source), constants)


def _sites(path: str, function: str, node: ast.AST, constants: dict[str, str]) -> Iterator[Site]:
    for value, places in _codes((path, function), node):
        for code in _literals(value, constants):
            yield Site((path, function), getattr(value, "lineno", 0), code, places)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        function = node.name
        for default in _default_codes(node):
            yield Site((path, function), node.lineno, default, DEFAULTS.get((path, function), frozenset()))
    for child in ast.iter_child_nodes(node):
        yield from _sites(path, function, child, constants)


def _codes(where: Where, node: ast.AST) -> Iterator[tuple[ast.expr, frozenset[Place]]]:
    """The expressions in a node that are codes."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in RAISERS:
            yield from _raised(where, name, node)
        case ast.Call(keywords=keywords):
            yield from ((each.value, frozenset()) for each in keywords if each.arg == "code")
        case ast.Dict():
            yield from ((value, DICTS.get(where, frozenset())) for value in _values_of_code(node))
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value) if _binds_code(where, node):
            yield value, DEFAULTS.get(where, frozenset())
        case ast.Return(value=ast.Tuple(elts=[first, _])) if where in DEFAULTS:
            yield first, DEFAULTS[where]


def _values_of_code(node: ast.Dict) -> list[ast.expr]:
    pairs = zip(node.keys, node.values, strict=True)
    return [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "code"]


def _raised(where: Where, name: str, call: ast.Call) -> Iterator[tuple[ast.expr, frozenset[Place]]]:
    raiser, places = RAISERS[name], RAISERS[name].places
    match name, call.args:
        case "ServiceError", [ast.Constant(value=kind), *_]:
            places = frozenset({status for one, status in STATUS.items() if one == kind})
        case "problem_response", [ast.Constant(value=int(status)), *_]:
            places = frozenset({status})
    value = next((each.value for each in call.keywords if each.arg == "code"), None)
    if len(call.args) > raiser.position:
        value = call.args[raiser.position]
    if value is not None:  # else the default, which is found where the callable is defined
        if name == "not_found" and isinstance(value, ast.Constant):
            value = ast.copy_location(ast.Constant(f"{value.value}_not_found"), value)
        yield value, EXCEPTIONS.get(where, places)


def _literals(value: ast.expr, constants: dict[str, str]) -> list[str | None]:
    match value:
        case ast.Constant(value=str(code)):
            return [code]
        case ast.Name(id=name) if name in constants:
            return [constants[name]]
        case ast.IfExp(body=body, orelse=orelse):
            return [*_literals(body, constants), *_literals(orelse, constants)]
        case ast.Call(func=ast.Attribute(attr="get"), args=[_, default]):
            return [None, *_literals(default, constants)]
    return [None]


def _default_codes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str | None]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = [None] * (len(positional) - len(arguments.defaults))
    defaults = [*zip(positional, [*missing, *arguments.defaults], strict=True)]
    for argument, default in [*defaults, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]:
        if argument.arg == "code" and default is not None:
            yield from _literals(default, {})


def _binds_code(where: Where, node: ast.Assign | ast.AnnAssign) -> bool:
    """Assignment to `code` or to `...["code"]`; an annotation outside a function declares a field."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if where[1] else []
    names = [each for target in targets for each in ast.walk(target)]
    return any(
        (isinstance(each, ast.Name) and each.id == "code") or (isinstance(each, ast.Constant) and each.value == "code")
        for each in names
    )


def renamed(source: str) -> list[str]:
    """Code that would hide a raiser from this search: a renamed import, a subclass, a use without a call."""
    tree = ast.parse(source)
    bound = {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)}  # `except E as invalid`
    hidden = []
    for node in ast.walk(tree):
        match node:
            case ast.alias(name=name, asname=str()) if name.rpartition(".")[2] in RAISERS:
                hidden.append(name)
            case ast.ClassDef(bases=bases):
                hidden += [base.id for base in bases if isinstance(base, ast.Name) and base.id in RAISERS]
            case ast.Assign(value=ast.Name(id=name)) | ast.Return(value=ast.Name(id=name)) if name in RAISERS:
                hidden.append(name)
            case ast.Call(args=args):
                names = {each.id for each in args if isinstance(each, ast.Name)} - bound
                hidden += [name for name in names if name in RAISERS and name.islower()]
    return hidden


def takers(source: str) -> set[str]:
    """Functions and dataclasses that take a code."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ClassDef(name=name, body=body):
                for each in body:
                    match each:
                        case ast.AnnAssign(target=ast.Name(id="code"), annotation=ast.Name(id="str"), value=None):
                            found.add(name)
                        case ast.FunctionDef(name="__init__", args=arguments) if _has_code(arguments):
                            found.add(name)
            case ast.FunctionDef(name=name, args=arguments) | ast.AsyncFunctionDef(name=name, args=arguments):
                if name != "__init__" and _has_code(arguments):
                    found.add(name)
    return found


def _has_code(arguments: ast.arguments) -> bool:
    return any(each.arg == "code" for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs])
