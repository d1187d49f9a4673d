"""The public surface: what it promises is there, documented, and costs nothing until it is used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import UnionType
from typing import get_args

import pytest

import creditledger
from creditledger.acts.registry import ACT_TYPES

SOURCE = Path(creditledger.__file__)
NAMES = [name for name in creditledger.__all__ if name != "__version__"]
HEAVY = {"lmdb", "cryptography", "click", "rich", "multiprocessing", "msgpack", "nacl"}


def declared() -> dict[str, tuple[str, str]]:
    """What type checkers are told: public name -> module, name within it."""
    found = {}
    for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            imported: dict[str, tuple[str, str]] = {}
            for one in node.body:
                if isinstance(one, ast.Assign):
                    # A public name of its own: `from m import x as y` is no export to a strict type checker.
                    assert isinstance(one.targets[0], ast.Name)
                    assert isinstance(one.value, ast.Name)
                    found[one.targets[0].id] = imported.pop(one.value.id)
                    continue
                assert isinstance(one, ast.ImportFrom)
                assert one.module is not None
                for alias in one.names:
                    assert alias.asname in (alias.name, None), f"{alias.name} is not re-exported explicitly"
                    assert alias.name not in found, f"{alias.name} is declared twice"
                    (imported if alias.asname is None else found)[alias.name] = (one.module, alias.name)
            assert not imported, f"{sorted(imported)} are not re-exported explicitly"
    return found


def test_type_checkers_and_the_running_program_see_the_same_names() -> None:
    assert sorted(declared()) == NAMES
    assert declared() == {name: creditledger._PUBLIC[name] for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(creditledger, name)
    if name == "Act":
        assert isinstance(value, UnionType)
        return
    documentation = vars(value).get("__doc__") if isinstance(value, type) else value.__doc__
    assert documentation, f"{name} has no docstring of its own"
    assert not documentation.startswith(f"{value.__name__}("), f"{name} has the docstring that named tuples are given"
    assert value.__module__.startswith("creditledger.")


def test_every_act_is_public() -> None:
    classes = {kind.cls for kind in ACT_TYPES.values()}
    assert {getattr(creditledger, cls.__name__) for cls in classes} == classes
    assert set(get_args(creditledger.Act)) == classes


def test_every_error_is_public() -> None:
    def below(error: type[Exception]) -> set[str]:
        return {error.__name__}.union(*(below(one) for one in error.__subclasses__()))

    ours = {name for name in below(creditledger.LedgerError) if hasattr(creditledger.errors, name)}
    assert ours <= set(NAMES)


def test_the_documentation_uses_public_names() -> None:
    mentioned = set(re.findall(r"\bcl\.(\w+)", creditledger.__doc__ or ""))
    assert mentioned
    assert mentioned <= set(NAMES)


def test_other_names_are_not_there() -> None:
    assert dir(creditledger) == creditledger.__all__
    assert creditledger.__all__ == sorted(set(creditledger.__all__))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = creditledger.Nothing


def test_everything_can_be_imported_at_once() -> None:
    namespace: dict[str, object] = {}
    exec("from creditledger import *", namespace)
    assert set(creditledger.__all__) <= set(namespace)


@pytest.mark.parametrize("statement", ["import creditledger", "import creditledger.errors", "import creditledger.spec"])
def test_importing_the_package_loads_nothing_heavy(statement: str) -> None:
    code = f"import sys; {statement}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "creditledger" in loaded
    assert HEAVY.isdisjoint(name.partition(".")[0] for name in loaded)
