"""The architecture, as a test: layers import downwards only, and the pure core touches nothing outside itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import creditledger

PACKAGE = Path(creditledger.__file__).parent

# From the ground up; a module imports from its own layer or from those before it.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "_version", "spec"}),
    frozenset({"codec"}),
    frozenset({"keys"}),
    frozenset({"tlog"}),
    frozenset({"acts"}),
    frozenset({"record"}),
    frozenset({"rules"}),
    frozenset({"store", "workers"}),
    frozenset({"web"}),
    frozenset({"witness"}),
    frozenset({"ledger", "audit"}),
    frozenset({"publish"}),
    frozenset({"client"}),
    frozenset({"receipts"}),
    frozenset({"transfer"}),
    frozenset({"watch"}),
    frozenset({"demo"}),
    frozenset({"cli", "__main__"}),
)
PURE = ("codec", "tlog", "acts", "record", "rules")
WORLD = {
    "os", "io", "pathlib", "time", "socket", "random", "secrets", "subprocess", "threading", "tempfile", "shutil",
    "sys", "logging", "asyncio", "urllib", "http", "multiprocessing", "lmdb", "getpass",
}  # fmt: skip


def layer_of(name: str) -> int:
    for number, layer in enumerate(LAYERS):
        if name in layer:
            return number
    raise AssertionError(f"{name} belongs to no layer; give it one in this test")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",):
            yield parts[0], path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""


@pytest.mark.parametrize(
    ("layer", "path"), [pytest.param(*found, id=str(found[1].relative_to(PACKAGE))) for found in modules()]
)
def test_layers_import_downwards_only(layer: str, path: Path) -> None:
    own = layer_of(layer)
    for name in imports(path):
        if name.startswith("creditledger."):
            other = name.split(".")[1]
            assert layer_of(other) <= own, f"{path} (layer {layer}) imports {name} from above"


def test_the_pure_core_knows_no_file_clock_socket_or_environment() -> None:
    for layer, path in modules():
        if layer in PURE:
            found = {name.split(".")[0] for name in imports(path)} & WORLD
            assert not found, f"{path} is part of the pure core and imports {found}"


def test_every_module_says_what_it_is_for() -> None:
    for _, path in modules():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no docstring"
