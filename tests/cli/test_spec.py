"""`spec`: the packaged documents and vectors, byte for byte."""

from __future__ import annotations

import json
from importlib.resources import files

from cli.bench import Bench
from cli.program import plain
from creditledger import spec


def test_every_document_is_printed_as_it_is(demo: Bench) -> None:
    listed = demo.run("spec", "--list", "--json").json
    assert listed["documents"] == spec.documents()
    for name in listed["documents"]:
        done = demo.run("spec", name)
        assert (done.code, done.err) == (0, "")
        assert done.out == spec.read(name)
    assert demo.run("spec", name, "--json").json["text"] == spec.read(name)


def test_every_set_of_vectors_is_printed_as_it_is(demo: Bench) -> None:
    names = demo.run("spec", "--json").json["vectors"]
    stored = files(spec).joinpath("vectors")
    assert names == sorted(one.name.removesuffix(".json") for one in stored.iterdir() if one.name.endswith(".json"))
    for name in names:
        done = demo.run("spec", "--vectors", name)
        assert done.code == 0
        assert done.out == stored.joinpath(f"{name}.json").read_text(encoding="utf-8")
        assert json.loads(done.out)


def test_a_list_says_how_to_go_on(demo: Bench) -> None:
    listed = demo.run("spec").out
    assert "creditledger spec format-v1" in listed
    assert "creditledger spec --vectors codec" in listed


def test_a_terminal_has_the_pager(demo: Bench) -> None:
    code, shown = demo.run.on_terminal("spec", "threat-model")
    assert code == 0
    assert plain(shown).startswith(spec.read("threat-model").partition("\n")[0])


def test_names_that_are_none(demo: Bench) -> None:
    for arguments in (
        ["nothing"],
        ["../errors"],
        ["--vectors", "../rules-1"],
        ["--vectors", "x"],
        ["rules-1", "--list"],
    ):
        done = demo.run("spec", *arguments)
        assert done.code == 2, arguments
        assert done.out == ""
