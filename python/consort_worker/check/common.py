"""What is worth saying about a plugin of any dialect, and the questions that all checks ask of a syntax tree."""

import ast

from . import finding

LOOPS = (ast.For, ast.AsyncFor, ast.While)
_HEAVY = {"torch", "tensorflow", "transformers", "jax", "sentence_transformers", "keras", "vllm", "llama_cpp", "mlx_lm",
          "pandas", "scipy", "sklearn", "cv2", "diffusers", "spacy", "nltk"}
_BLOCKING = {"time.sleep", "requests.get", "requests.post", "requests.request", "httpx.get", "httpx.post",
             "httpx.stream", "urllib.request.urlopen", "subprocess.run", "subprocess.check_output", "os.system", "input"}


def findings(tree):
    return [*_at_import(tree), *_blocking(tree)]


_BASES = {"drop_in": {"LLMClient"}, "bruno": {"LLMInterface"},
          "vision": {"LLM", "AudioLLM", "VideoLLM", "OmniLLM", "Realtime"}}


def of_two_dialects(tree, dialect):
    """Classes of another dialect than the one that the file runs as: nobody asks them that way."""
    modules = {(node.module or "").partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    known = classes(tree)
    for node in known.values():
        outside = set(lineage(node, known)[1])
        for other, bases in _BASES.items():
            # `LLM` alone says little: many files have one of their own.
            if other == dialect or not bases & outside or (other == "vision" and "vision_agents" not in modules):
                continue
            yield finding(
                "warning", node.lineno, f"{node.name} is of the dialect `{other}`, and the file runs as `{dialect}`",
                "a file is of one dialect: put the class into a file of its own, or say `dialect = \"…\"` in the llm-plugin block",
            )


def _at_import(tree):
    """What happens as soon as the file is loaded, long before anybody asks its model anything."""
    for node in _run_at_import(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            names = []
        for name in names:
            if name.partition(".")[0] in _HEAVY:
                yield finding(
                    "warning", node.lineno, f"imports {name} at the top",
                    "import it in the method that needs it: every listing waits for it here",
                )
        read = _variable(node)
        if read is not None:
            yield finding(
                "warning", node.lineno, f"reads {read} at import",
                "read it in __init__ or where it is used: a variable that is missing then says so",
            )
        if isinstance(node, ast.Call) and called(node) == "print":
            yield finding(
                "note", node.lineno, "prints at import", "it goes to the plugin's log; logging is better there"
            )


def _blocking(tree):
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        for node in own_nodes(function):
            if isinstance(node, ast.Call) and called(node) in _BLOCKING:
                yield finding(
                    "warning", node.lineno, f"{called(node)} blocks in `async def {function.name}`",
                    "everything else of the plugin waits meanwhile: await something instead, or make it a plain `def`",
                )


def _run_at_import(tree):
    """Nodes that run when the file is loaded: not bodies of functions, nor of `if __name__ == "__main__"`."""
    todo = list(ast.iter_child_nodes(tree))
    while todo:
        node = todo.pop(0)
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
            continue
        todo = list(ast.iter_child_nodes(node)) + todo


def _variable(node):
    from ..env import _read, _text

    key, _ = _read(node)
    return _text(key, {}) if key is not None else None


def called(node):
    """The dotted name of what is called."""
    parts, function = [], node.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    parts.append(getattr(function, "id", "?"))
    return ".".join(reversed(parts))


def own_nodes(function):
    """The nodes of a function's own body, without those of functions inside it."""
    todo = list(function.body)
    while todo:
        node = todo.pop(0)
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            todo = list(ast.iter_child_nodes(node)) + todo


def classes(tree):
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def lineage(node, known):
    """A class and those of its bases that the file defines, nearest first, and the names of the others."""
    inside, outside, todo = [], [], [node]
    while todo:
        each = todo.pop(0)
        if each in inside:
            continue
        inside.append(each)
        for base in each.bases:
            name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
            if name in known:
                todo.append(known[name])
            else:
                outside.append(name)
    return inside, outside


def method(inside, name):
    for each in inside:
        for part in each.body:
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)) and part.name == name:
                return part
    return None


def methods(inside):
    """The names of all methods that a class has in its file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [part.name for each in inside for part in each.body if isinstance(part, functions)]


def gives_something(function):
    """Whether a body can answer anything: a yield, a return with a value, or nothing but a raise."""
    statements = [each for each in function.body if not _is_docstring(each)]
    if statements and all(isinstance(each, ast.Raise) for each in statements):
        return True
    return any(
        isinstance(node, (ast.Yield, ast.YieldFrom)) or (isinstance(node, ast.Return) and node.value is not None)
        for node in own_nodes(function)
    )


def is_empty(function):
    return all(isinstance(each, ast.Pass) or _is_docstring(each) for each in function.body)


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def positional(function):
    """(names without self, how many of them need a value, whether any number is taken)."""
    arguments = function.args
    names = [each.arg for each in arguments.posonlyargs + arguments.args]
    decorators = {getattr(each, "id", "") for each in function.decorator_list}
    if "staticmethod" not in decorators:
        names = names[1:]
    return names, len(names) - len(arguments.defaults), arguments.vararg is not None


def constant(inside, name):
    """(line, value) of a class attribute that is set to what a literal says; (line, None) of others."""
    for each in inside:
        for part in each.body:
            targets = (
                part.targets
                if isinstance(part, ast.Assign)
                else [part.target]
                if isinstance(part, ast.AnnAssign)
                else []
            )
            if any(getattr(target, "id", None) == name for target in targets) and part.value is not None:
                try:
                    return part.lineno, ast.literal_eval(part.value)
                except ValueError:
                    return part.lineno, None
    return None
