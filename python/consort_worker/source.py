"""Looks things up in the plugin's source, by syntax tree."""

import ast
import os

from .loading import plugin


def tree():
    with open(plugin.file, "rb") as opened:
        return ast.parse(opened.read(), plugin.file)


def class_line(name):
    for node in ast.walk(tree()):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node.lineno
    return None


def method_line(class_name, name):
    for node in ast.walk(tree()):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for part in node.body:
                if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)) and part.name == name:
                    return part.lineno
    return None


def place(function, line):
    """`file:line` of a function, if it is the plugin's own."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    path = code.co_filename if code is not None else ""
    return f"{os.path.basename(path)}:{line}" if plugin.owns(path) else None
