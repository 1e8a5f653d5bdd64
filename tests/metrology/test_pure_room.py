"""The room an assessor reads: standard library and numpy, no clock, no I/O, decimals unless float is meant."""

import ast
import re
from pathlib import Path

import pytest

import lims.metrology

ROOM = Path(lims.metrology.__file__).parent
MODULES = sorted(ROOM.glob("*.py"))
ALLOWED_IMPORTS = {
    "collections.abc",
    "dataclasses",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "graphlib",
    "itertools",
    "math",
    "operator",
    "re",
    "statistics",
    "typing",
    "unicodedata",
}
#: Modules that say so in their first lines may compute in floats, with numpy.
FLOAT_IS_MEANT = "float is meant here"
FLOAT_IMPORTS = {"numpy", "numpy.typing", "numpy.polynomial.legendre"}
FORBIDDEN_CALLS = {"float", "round", "eval", "exec", "compile", "open", "print", "input", "__import__"}


def computes_in_floats(path):
    return FLOAT_IS_MEANT in path.read_text(encoding="utf-8").partition("\nfrom ")[0]


def trees():
    return [(path.name, ast.parse(path.read_text(encoding="utf-8"))) for path in MODULES]


def test_the_room_is_found():
    assert len(MODULES) > 10


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_imports_nothing_that_knows_a_clock_a_file_or_a_framework(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            imported = [node.module]
        foreign = [name for name in imported if name.partition(".")[0] != "lims"]
        assert set(foreign) <= ALLOWED_IMPORTS | (FLOAT_IMPORTS if computes_in_floats(path) else set())
        assert all(name.startswith("lims.metrology") for name in imported if name not in foreign)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_never_leaves_decimals_or_evaluates_text(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & FORBIDDEN_CALLS - ({"float"} if computes_in_floats(path) else set())
    literals = {type(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert not literals & ({complex} if computes_in_floats(path) else {float, complex})


def sentences():
    """First sentence argument of every error this room raises, and of sentences handed to a helper."""
    found = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.match(r"^[A-Z%].* .*\.$", node.value)
            ):
                found.add(node.value)
    docstrings = {
        ast.get_docstring(node, clean=False)
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    }
    return found - docstrings


def catalogue():
    text = (ROOM / "translations/zh_CN/LC_MESSAGES/messages.po").read_text(encoding="utf-8")
    pairs = re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', text, re.MULTILINE)
    return {key.replace('\\"', '"'): value.replace('\\"', '"') for key, value in pairs}


def test_every_refusal_has_a_chinese_sentence_with_the_same_facts():
    translated = catalogue()
    assert len(sentences()) > 30
    for sentence in sentences():
        assert translated.get(sentence), f"not translated: {sentence}"
        facts = set(re.findall(r"%\((\w+)\)s", sentence))
        assert set(re.findall(r"%\((\w+)\)s", translated[sentence])) == facts
