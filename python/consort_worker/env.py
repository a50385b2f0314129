"""Which environment variables a plugin's source reads, found without running it."""


def variables_read(source, path="<plugin>"):
    """{name: whether the source gives a default}, in the order of the source. `source` is bytes that compile."""
    if b"environ" not in source and b"getenv" not in source:
        return {}  # most plugins: not even parsed
    try:
        tree = compile(source, path, "exec", 0x400, dont_inherit=True)  # the flag of ast.parse, without its import
    except (SyntaxError, ValueError):
        return {}
    nodes = list(_walk(tree))
    constants = {}
    for node in nodes:
        if _kind(node) == "Assign" and len(node.targets) == 1 and _kind(node.targets[0]) == "Name":
            if _kind(node.value) == "Constant" and isinstance(node.value.value, str):
                constants[node.targets[0].id] = node.value.value
    found = {}
    for node in nodes:
        key, default = _read(node)
        name = _text(key, constants)
        if name:
            found[name] = found.get(name, True) and default
    return found


def _read(node):
    """(the node that names the variable, whether there is a default), or (None, False)."""
    kind = _kind(node)
    if kind == "Subscript" and _kind(node.ctx) == "Load" and _is_environ(node.value):
        return node.slice, False
    if kind == "Compare" and len(node.ops) == 1 and _kind(node.ops[0]) in ("In", "NotIn"):
        if _is_environ(node.comparators[0]):
            return node.left, True
    if kind == "Call" and node.args:
        function = node.func
        by_method = _kind(function) == "Attribute" and _is_environ(function.value)
        if by_method and function.attr in ("get", "pop", "setdefault"):
            default = len(node.args) > 1 and not _is_empty(node.args[1])
            return node.args[0], default
        if _name(function) in ("getenv", "getenvb"):
            default = (len(node.args) > 1 and not _is_empty(node.args[1])) or bool(node.keywords)
            return node.args[0], default
    return None, False


def _is_environ(node):
    return _name(node) in ("environ", "environb")


def _is_empty(node):
    return _kind(node) == "Constant" and node.value in (None, "")


def _name(node):
    """The last word of `environ`, `os.environ`, `getenv`, `o.getenv`."""
    return getattr(node, "attr", None) or getattr(node, "id", None)


def _text(node, constants):
    if _kind(node) == "Constant" and isinstance(node.value, str):
        return node.value
    if _kind(node) in ("Name", "Attribute"):
        return constants.get(_name(node))
    return None


def _kind(node):
    return type(node).__name__


def _walk(tree):
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        for field in reversed(node._fields):
            value = getattr(node, field, None)
            if isinstance(value, list):
                todo.extend(part for part in reversed(value) if hasattr(part, "_fields"))
            elif hasattr(value, "_fields"):
                todo.append(value)
