"""Reads a file as its author's guide prints code: annotations are for readers, names of the ecosystem need no import,
a block may `await` at its top level, and a coroutine that is called and dropped is awaited.

Nothing else is changed, and no line moves.
"""

import _ast

_AWAIT_AT_TOP = 0x2000  # PyCF_ALLOW_TOP_LEVEL_AWAIT, without importing ast
_TREE = 0x400
_IS_COROUTINE = 0x80


class Page:
    """A compiled file. `names` are what a page of this ecosystem may use unimported: name -> a function that gives it."""

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
    asynchronous, plain = set(), set()
    for node in _nodes(tree):
        if isinstance(node, _ast.AsyncFunctionDef) and not _yields(node):
            asynchronous.add(node.name)
        elif isinstance(node, (_ast.FunctionDef, _ast.AsyncFunctionDef)):
            plain.add(node.name)
    mended = []
    for function in _nodes(tree):
        if not isinstance(function, _ast.AsyncFunctionDef):
            continue
        for node in own_nodes(function):
            name = _called(node)
            if name in asynchronous and name not in plain:
                call = node.value
                node.value = _ast.Await(value=call)
                for place in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
                    setattr(node.value, place, getattr(call, place))
                mended.append((node.lineno, name))
    return mended


def _called(node):
    """`x` of a statement that is nothing but `self.x(…)` or `x(…)`."""
    if not isinstance(node, _ast.Expr) or not isinstance(node.value, _ast.Call):
        return None
    function = node.value.func
    if isinstance(function, _ast.Attribute) and getattr(function.value, "id", None) in ("self", "cls"):
        return function.attr
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
