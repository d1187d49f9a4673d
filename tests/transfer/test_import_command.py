"""The command `import`, as an agency's clerk calls it and reads its answers."""

from __future__ import annotations

from creditledger.ledger.ledger import Ledger
from support.witness import policy_of, witnesses
from transfer.mirror import event, events_file, sdn_file
from transfer.office import FILLED, SDN, Office, fill


class TestTemplate:
    def test_as_it_is_it_is_refused_and_every_blank_is_named(self, office: Office) -> None:
        path = office.place / "template.toml"
        path.write_text(office.run("import", "--template").out)
        before = office.files()
        done = office.first("--transcript", path)
        assert done.code == 2
        assert (
            f"error: {path}: the description of the transcript is not filled in: name is '<fill in: name of" in done.err
        )
        assert all(f"'{blank}'" in done.err for blank in FILLED)
        assert {*office.files()} == {*before, str(office.place / "1.csv")}

    def test_a_file_that_is_refused_sets_nothing_up(self, office: Office) -> None:
        path = sdn_file(office.place / "bad.csv", [[1, "ONE"], ["x", "NO NUMBER"]])
        done = office.imports(path, *SDN, "2025-01-01", "--transcript", office.place / "transcript.toml")
        assert (done.code, "1 row cannot be read" in done.err) == (1, True)
        assert office.ask("log", office.ledger, "--json").out.count("authority.register") == 0
        assert office.ask("members", office.ledger, "sdn").code == 2

    def test_a_single_blank_that_was_overlooked_is_refused(self, office: Office) -> None:
        path = office.place / "transcript.toml"
        path.write_text(path.read_text().replace('"Treasury"', '"<fill in: whose list it is> Treasury"'))
        done = office.first("--transcript", path, "--dry-run")
        assert (done.code, done.err.count("<")) == (2, 1)
        assert "lists[0].source is '<fill in: whose list it is> Treasury'" in done.err

    def test_keys_that_are_missing_are_made(self, office: Office) -> None:
        keys = office.place / "reg-keys"
        for path in keys.glob("transcriber.key*"):
            path.unlink()
        assert office.first("--transcript", office.place / "transcript.toml").code == 0
        assert (keys / "transcriber.key").stat().st_mode & 0o777 == 0o600

    def test_each_prompt_names_the_key_that_it_is_for(self, office: Office) -> None:
        keys = office.place / "reg-keys"
        for path in keys.glob("transcriber*.key*"):
            path.unlink()
        own = [keys / "transcriber.key", keys / "transcriber-admin.key"]
        answers = [
            one
            for path in own
            for one in (
                (f"New passphrase for {path}: ", "secret"),
                ("Once more: ", "secret"),
                (f"Passphrase for {path}: ", "secret"),
            )
        ]
        edition = sdn_file(office.place / "1.csv", [[1, "ONE"]])
        given = ("import", office.ledger, edition, *SDN, "2025-01-01", "--transcript", office.place / "transcript.toml")
        code, shown = office.run.converse(*given, answers=answers)
        assert (code, "secret" in shown) == (0, False), shown

    def test_an_identifier_of_the_authority_is_no_path(self, office: Office) -> None:
        path = office.place / "transcript.toml"
        path.write_text(path.read_text().replace('"transcriber"', '"../../transcriber"'))
        done = office.first("--transcript", path)
        assert done.code == 2
        assert "the authority" in done.err
        assert not (office.place.parent / "transcriber.key").exists()

    def test_lists_that_a_file_names(self, office: Office) -> None:
        history = [event("2024-01-01", "add", "k", list=f"{one}.txt") for one in "BA"]
        path = events_file(office.place / "h.jsonl", history)
        template = office.run("import", "--template", "--map", "list=list", path)
        assert office.run("import", "L", path, "--template", "--map", "list=list").out == template.out
        assert template.out.count("[[lists]]") == 2
        assert template.out.index('value = "A.txt"') < template.out.index('value = "B.txt"')
        (office.place / "transcript.toml").write_text(fill(template.out))
        done = office.imports(path, "--format", "events", "--transcript", office.place / "transcript.toml", "--json")
        assert {name: one["additions"] for name, one in done.json["lists"].items()} == {"a.txt": 1, "b.txt": 1}
        assert office.run("import", "--template", "--map", "list=lsit", path).code == 2


class TestDryRun:
    def test_before_the_list_is_set_up_no_key_is_needed_and_nothing_written(self, office: Office) -> None:
        office.first("--dry-run", "--transcript", office.place / "transcript.toml")
        for key in ("log", "root-1"):
            (office.place / "reg-keys" / f"{key}.key").unlink()
        before = office.files()
        path = office.place / "1.csv"
        done = office.run("import", office.ledger, path, *SDN, "2025-01-01", "--dry-run", "--transcript",
                          office.place / "transcript.toml")  # fmt: skip
        assert done.code == 0, done.err
        assert done.err.splitlines()[-2:] == [
            "Before that, the transcriber and sdn would be set up (--transcript).",
            "Dry run: 40 acts would be recorded. Nothing was written.",
        ]
        assert office.files() == before

    def test_it_says_the_same_as_the_import(self, second: Office) -> None:
        path = sdn_file(second.place / "2.csv", ([one, f"NAME {one % 40}"] for one in range(2, 44)))
        before = second.files()
        dry = second.imports(path, *SDN, "2025-02-01", "--dry-run", "--json").json
        assert second.files() == before
        wet = second.imports(path, *SDN, "2025-02-01", "--json").json
        same = ("lists", "examples", "acts", "goes_on", "bad", "file", "sha256")
        assert [dry[one] for one in same] == [wet[one] for one in same]
        assert (dry["recorded"], wet["recorded"], wet["acts"]) == (0, 5, 5)

    def test_events_of_lists_that_are_not_set_up(self, office: Office) -> None:
        path = events_file(office.place / "h.jsonl", [event("2024-01-01", "add", "k")])
        arguments = ("--format", "events", "--dry-run", "--json")
        done = office.imports(path, *arguments, "--transcript", office.place / "transcript.toml").json
        assert (done["acts"], done["planned"]) == (1, ["sdn"])
        assert office.imports(path, *arguments, "--list", "sdn").code == 2


class TestSummary:
    def test_it_is_read_at_80_columns(self, second: Office) -> None:
        path = sdn_file(second.place / "2.csv", ([one, f"NAME {one % 40}"] for one in range(2, 44)))
        path.write_bytes(path.read_bytes().replace(b'9,"NAME 9"', b'9,"NAME 9', 1))
        done = second.imports(path, *SDN, "2025-02-01", "--skip-bad", 1, terminal=True)
        assert done.code == 0
        shown = done.out.rpartition("\r")[2]
        assert "recording acts: 5 of 5" in done.out
        assert max(map(len, shown.splitlines())) <= 80
        lines = [" ".join(line.split()) for line in shown.splitlines()]
        for line in (
            "additions 3", "corrections 1", "removals 1", "unchanged 37", "held back 1", "skipped rows 1",
            "2.csv: 42 rows", "Recorded 5 acts in 1 record.",
        ):  # fmt: skip
            assert line in lines, shown
        assert "skipped: line 8: a quote is never closed" in lines
        assert "sdn: key 9" in " ".join(lines)

    def test_one_is_not_plural_and_nothing_is_said_to_be_nothing(self, second: Office) -> None:
        path = sdn_file(second.place / "2.csv", ([one, f"NAME {one}"] for one in range(1, 42)))
        said = [second.imports(path, *SDN, "2025-02-01").err.splitlines()[-1] for _ in range(2)]
        assert said == [
            "Recorded 1 act in 1 record.",
            "Nothing to record: the ledger says already what the file says.",
        ]

    def test_a_share_that_is_refused(self, second: Office) -> None:
        path = sdn_file(second.place / "2.csv", ([one, f"NAME {one}"] for one in range(4, 41)))
        done = second.imports(path, *SDN, "2025-02-01")
        assert done.code == 2
        assert "would remove 3 of 40 from sdn, which is 7.50% and more than the share of 5.00%" in done.err
        assert "(for example sdn: key" in done.err
        assert "--confirm-removals 3" in done.err
        assert second.imports(path, *SDN, "2025-02-01", "--confirm-removals", 3).code == 0

    def test_a_resumed_import_says_where_it_goes_on(self, office: Office) -> None:
        """The first run ends in its middle, by a disk that is full."""
        path = sdn_file(office.place / "1.csv", ([one, f"NAME {one}"] for one in range(1, 1001)))
        given = (*SDN, "2025-01-01", "--transcript", office.place / "transcript.toml")
        assert office.imports(path, *given, max_file=300_000).code == 1
        done = office.imports(path, *given)
        resumed, recorded = done.err.splitlines()[-2:]
        before = int(resumed.removeprefix("Resumed: ").partition(" ")[0])
        assert 0 < before < 1000
        assert resumed.endswith(f"acts of this file had been recorded before; it goes on with line {before + 1}.")
        assert recorded.startswith(f"Recorded {1000 - before} acts in ")
        assert office.imports(path, *given, "--json").json["recorded_before"] == 1000

    def test_a_file_of_another_layout(self, second: Office) -> None:
        path = events_file(second.place / "h.jsonl", [event("2024-01-01", "add", "k")] * 3)
        done = second.imports(path, "--format", "events", "--list", "sdn", "--map", "key=KEY")
        assert done.code == 1
        assert "not one row can be read, the first because: the field 'KEY' is missing" in done.err

    def test_lists_that_are_named_twice_or_not_at_all(self, second: Office) -> None:
        path = events_file(second.place / "h.jsonl", [event("2024-01-01", "add", "k", list="x")])
        events = ("--format", "events")
        for arguments, said in (
            (("--list", "sdn", "--map", "list=list"), "--list-for VALUE=LIST"),
            (("--list", "sdn", "--list-for", "x=sdn"), "--list for a file of one list"),
            (("--list", "sdn", "--map", "key=key", "--map", "key=list"), "--map says twice what 'key' is"),
            (("--list", "sdn", "--map", "k=key"), "--map names key"),
        ):
            done = second.imports(path, *events, *arguments)
            assert (done.code, said in done.err) == (2, True), done.err


class TestWitnesses:
    def test_what_was_imported_is_cosigned_and_no_witness_that_is_down_stops_it(self, office: Office) -> None:
        keys = office.place / "reg-keys"
        with witnesses("witness.example/w1") as (one,):
            (office.ledger / "witnesses.policy").write_text(policy_of(one).to_text())
            done = office.first("--transcript", office.place / "transcript.toml", "--log-key", keys / "log.key")
            assert done.code == 0, done
            with Ledger.open(office.ledger) as ledger:
                assert ledger.witnessed() == ledger.log.checkpoint()
            assert office.first("--log-key", keys / "transcriber.key").code == 2, "no log key"
        done = office.first("--json")
        assert done.code == 0, "down is no reason to stop"
        assert "the witness witness.example/w1 could not be asked whether it has seen more" in done.err
        assert "asks the witnesses again" not in done.err, "nothing was recorded, and the last checkpoint is cosigned"
