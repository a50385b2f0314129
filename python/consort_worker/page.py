"""Reads a file as its author's guide prints code: annotations are for readers, names of the ecosystem need no import,
a block may `await` at its top level, and a coroutine that is called and dropped is awaited.

Nothing else is changed, and no line moves.
"""

import _ast

_AWAIT_AT_TOP = 0x2000  # PyCF_ALLOW_TOP_LEVEL_AWAIT, without importing ast
_TREE = 0x400
_IS_COROUTINE = 0x80


class Page:
    """A compiled file. `names` may be used without an import: name -> a function that gives what it means."""

    def __init__(self, source, path, names, mend_awaits=False):
        import __future__

        flags = __future__.annotations.compiler_flag | _AWAIT_AT_TOP
        tree = compile(source, path, "exec", flags | _TREE, dont_inherit=True)
        self.mended = _mend(tree) if mend_awaits else []  # (line, name) of calls that lacked an `await`
        self.code = compile(tree, path, "exec", flags, dont_inherit=True)
        self.names = {name: names[name] for name in _loaded(self.code) if name in names}

    def run(self, namespace):
        for name, give in self.names.items():
            namespace[name] = give()
        if not self.code.co_flags & _IS_COROUTINE:
            exec(self.code, namespace)
            return
        import asyncio

        from . import loop

        asyncio.run_coroutine_threadsafe(eval(self.code, namespace), loop.get()).result()


def _loaded(code):
    """The names that any code of the file looks up outside itself."""
    found, todo = {}, [code]
    while todo:
        each = todo.pop()
        found.update(dict.fromkeys(each.co_names))
        todo.extend(constant for constant in each.co_consts if hasattr(constant, "co_names"))
    return found


def _mend(tree):
    """Awaits statements that only call one of the file's own coroutine functions: such a call does nothing at all."""
    mended = []
    for node, name in unawaited(tree):
        call = node.value
        node.value = _ast.Await(value=call)
        for place in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            setattr(node.value, place, getattr(call, place))
        mended.append((node.lineno, name))
    return mended


def unawaited(tree):
    """[(the statement, the name)] of calls in `async def`s that drop a coroutine of the same class, or of the file."""
    classes = {node.name: node for node in _nodes(tree) if isinstance(node, _ast.ClassDef)}
    plain = _coroutines(tree.body)
    found = _dropped(tree.body, "", plain)
    for each in classes.values():
        names = {}
        for owner in _lineage(each, classes):  # the nearest first
            names = {**_coroutines(owner.body), **names}
        found += _dropped(each.body, "self", names) + _dropped(each.body, "", plain)
    return sorted(found, key=lambda each: each[0].lineno)


def _lineage(node, classes):
    """A class and its bases in this file."""
    found, todo = [], [node]
    while todo:
        each = todo.pop(0)
        if each not in found:
            found.append(each)
            todo.extend(classes[base.id] for base in each.bases if getattr(base, "id", None) in classes)
    return found


def _coroutines(body):
    """{name of a function: whether calling it gives a coroutine}"""
    functions = (_ast.FunctionDef, _ast.AsyncFunctionDef)
    return {
        node.name: isinstance(node, _ast.AsyncFunctionDef) and not _yields(node)
        for node in body
        if isinstance(node, functions)
    }


def _dropped(body, owner, names):
    return [
        (node, name)
        for function in body
        if isinstance(function, _ast.AsyncFunctionDef)
        for node in own_nodes(function)
        if names.get(name := _called(node, owner))
    ]


def _called(node, owner):
    """`x` of a statement that is nothing but `self.x(…)` or, without an owner, `x(…)`."""
    if not isinstance(node, _ast.Expr) or not isinstance(node.value, _ast.Call):
        return None
    function = node.value.func
    if owner:
        is_own = isinstance(function, _ast.Attribute) and getattr(function.value, "id", None) in ("self", "cls")
        return function.attr if is_own else None
    return getattr(function, "id", None)


def _yields(function):
    return any(isinstance(node, (_ast.Yield, _ast.YieldFrom)) for node in own_nodes(function))


def own_nodes(function):
    """The nodes of a function's own body, without those of functions inside it."""
    todo = list(function.body)
    while todo:
        node = todo.pop(0)
        yield node
        if not isinstance(node, (_ast.FunctionDef, _ast.AsyncFunctionDef, _ast.Lambda, _ast.ClassDef)):
            todo = _children(node) + todo


def _nodes(tree):
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(_children(node))


def _children(node):
    found = []
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            found.extend(part for part in value if isinstance(part, _ast.AST))
        elif isinstance(value, _ast.AST):
            found.append(value)
    return found
