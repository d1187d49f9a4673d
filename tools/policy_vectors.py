"""The cases of policies: what is one, and whether enough have cosigned; `make_tlog_vectors.py` writes them."""

from __future__ import annotations

from collections.abc import Iterator

from nacl.signing import SigningKey

from note_writer import LOG, Item, public, text_of, vkey
from tlog_writer import KEY3, ROOT, SIGNED, V1, V1_RENAMED, V2, V3, VLOG, VLOG2, W3, cosigned, pq_cosigned

MIXED_WITNESSES = f"witness a {V1}\nwitness b {V2} https://w2.example/\nwitness c {V3}\n"
V4 = vkey("w4.example", b"\x04" + bytes(SigningKey(bytes([25]) * 32).verify_key))
WITNESSES = f"witness a {V1}\nwitness b {V4} https://w4.example/\nwitness c {V3}\n"


def policies() -> Iterator[Item]:
    """What is a policy and what is not."""
    some = [vkey(f"x{n}.example", b"\x04" + bytes(SigningKey(bytes([n + 1]) * 32).verify_key)) for n in range(65)]
    many = "".join(f"witness w{n} {key}\n" for n, key in enumerate(some[:64]))
    chain = "".join(f"group g{n} any {f'g{n - 1}' if n else 'a'}\n" for n in range(65))
    unknown = vkey("u.example", b"\x05" + bytes(32))
    for desc, text, code in (
        ("no quorum asked for", "quorum none\n", 0),
        ("one witness", f"witness a {V1}\nquorum a\n", 0),
        ("witnesses that are not asked for", WITNESSES + "quorum none\n", 0),
        ("two of three", MIXED_WITNESSES + "group g 2 a b c\nquorum g\n", 0),
        ("tabs, spaces, comments, empty lines", f"# x\n\n \t# y\n\twitness \t a  {V1} \nquorum\ta\t\n \n", 0),
        ("a log, with its URL, last", f"witness a {V1}\nquorum a\nlog {VLOG} https://log.example/\n", 0),
        ("a log of type 06 beside its other key", f"log {VLOG}\nlog {VLOG2}\nquorum none\n", 0),
        ("names that are keywords and numbers",
            f"witness all {V1}\nwitness 2 {V3}\ngroup any 2 all 2\nquorum any\n", 0),
        ("names that look alike", f"witness \u212a {V1}\nwitness K {V3}\nquorum K\n", 0),
        ("octets that are not UTF-8", f"# \u00e9\nwitness \u00ff {V1}\nquorum \u00ff\n".encode("latin-1"), 0),
        ("64 witnesses", many + "quorum w63\n", 0),
        ("64 groups, each in the next", f"witness a {V1}\n" + chain.split("group g64")[0] + "quorum g63\n", 0),
        ("65 witnesses", many + f"witness w64 {some[64]}\nquorum w64\n", 1),
        ("65 groups", f"witness a {V1}\n{chain}quorum g64\n", 1),
        ("65 logs", "".join(f"log {vkey(f'l{n}', public(SigningKey(bytes([n + 1]) * 32)))}\n" for n in range(65))
            + "quorum none\n", 1),
        ("524,289 bytes", "#" * (524_288 - 12) + "\nquorum none\n", 1),
        ("524,288 bytes", "#" * (524_288 - 13) + "\nquorum none\n", 0),
        ("nothing", "", 1),
        ("no quorum", WITNESSES, 1),
        ("two quorums", WITNESSES + "quorum a\nquorum b\n", 1),
        ("the same quorum twice", "quorum none\nquorum none\n", 1),
        ("a quorum that is not defined", WITNESSES + "quorum d\n", 1),
        ("a quorum that is defined later", f"quorum a\nwitness a {V1}\n", 1),
        ("a comment after a line", "quorum none # x\n", 1),
        ("a last line that does not end", "quorum none", 1),
        ("CR LF", "quorum none\r\n", 1),
        ("a form feed as a space", "quorum\x0cnone\n", 1),
        ("DELETE", "# \x7f\nquorum none\n", 1),
        ("NUL", "# \0\nquorum none\n", 1),
        ("a no-break space as a space", "quorum\u00a0none\n", 1),
        ("a BOM", "\ufeffquorum none\n", 1),
        ("an unknown line", "threshold 2\nquorum none\n", 1),
        ("a witness called none", f"witness none {V1}\nquorum none\n", 1),
        ("a group called none", WITNESSES + "group none any a\nquorum none\n", 1),
        ("none as a member", WITNESSES + "group g any a none\nquorum g\n", 1),
        ("a name twice", f"witness a {V1}\nwitness a {V3}\nquorum a\n", 1),
        ("a group called as a witness", WITNESSES + "group a any b\nquorum a\n", 1),
        ("a key twice", f"witness a {V1}\nwitness b {V1}\nquorum a\n", 1),
        ("a key twice under two names",
            f"witness a {V1}\nwitness b {V1_RENAMED}\nquorum a\n", 1),
        ("a log twice", f"log {VLOG}\nlog {VLOG}\nquorum none\n", 1),
        ("a log key twice under two names", f"log {VLOG}\nlog {vkey('other', public(LOG))}\nquorum none\n", 1),
        ("a log that is its own witness", f"log {VLOG2}\nwitness a {VLOG2}\nquorum a\n", 1),
        ("a log key for a witness", f"witness a {VLOG}\nquorum a\n", 1),
        ("a witness key for a log", f"log {V1}\nquorum none\n", 1),
        ("a member that is not defined", WITNESSES + "group g any a d\nquorum g\n", 1),
        ("a member that is defined later", WITNESSES + "group g any a h\ngroup h any b\nquorum g\n", 1),
        ("a group in itself", WITNESSES + "group g any a g\nquorum g\n", 1),
        ("a member twice", WITNESSES + "group g 2 a a\nquorum g\n", 1),
        ("a member of two groups", WITNESSES + "group g any a b\ngroup h all a c\nquorum g\n", 1),
        ("a group without members", WITNESSES + "group g all\nquorum a\n", 1),
        ("none of two", WITNESSES + "group g 0 a b\nquorum g\n", 1),
        ("three of two", WITNESSES + "group g 3 a b\nquorum g\n", 1),
        ("a number with a zero before it", WITNESSES + "group g 02 a b\nquorum g\n", 1),
        ("a number with a sign", WITNESSES + "group g +2 a b\nquorum g\n", 1),
        ("a number in other digits", WITNESSES + "group g \u0662 a b\nquorum g\n", 1),
        ("two URLs", f"witness a {V1} https://a https://b\nquorum a\n", 1),
        ("a URL of 2,049 characters", f"witness a {V1} {'u' * 2049}\nquorum a\n", 1),
        ("a name of 256 characters", f"witness {'x' * 256} {V1}\nquorum none\n", 1),
        ("a key that is not UTF-8", b"witness a \xff+00000000+AA==\nquorum a\n", 1),
        ("a key of an unknown type", f"witness a {unknown}\nquorum a\n", 13),
        ("a key of an unknown type before a malformed line", f"witness a {unknown}\nquorum\n", 1),
        ("a key of an unknown type without a quorum", f"witness a {unknown}\n", 1),
    ):  # fmt: skip
        data = text if isinstance(text, bytes) else text.encode()
        if len(data) > 100_000:
            # Whoever reads the vectors fills it up: so many `#` come first.
            rest = data.lstrip(b"#")
            yield {
                "kind": "policy", "desc": desc, "fill": len(data) - len(rest), "policy_hex": rest.hex(), "exit": code,
            }  # fmt: skip
        else:
            yield {"kind": "policy", "desc": desc, "fill": 0, "policy_hex": data.hex(), "exit": code}


def quorums() -> Iterator[Item]:
    """Whether enough have cosigned."""
    one, two, three = SIGNED + cosigned(), SIGNED + pq_cosigned(), SIGNED + cosigned(key=KEY3, name=W3)
    every = SIGNED + cosigned() + pq_cosigned() + cosigned(key=KEY3, name=W3)
    wrong = cosigned(text_of(8, ROOT), key=KEY3, name=W3)
    nested = "group g any b c\ngroup h all a g\nquorum h\n"
    for desc, rule, data, code in (
        ("nobody is asked, nobody cosigned", "quorum none\n", SIGNED, 0),
        ("one witness cosigned", "quorum a\n", one, 0),
        ("another witness cosigned", "quorum a\n", two, 4),
        ("nobody cosigned", "quorum a\n", SIGNED, 4),
        ("any of three: the last", "group g any a b c\nquorum g\n", three, 0),
        ("all of three: one", "group g all a b c\nquorum g\n", one, 4),
        ("all of three", "group g all a b c\nquorum g\n", every, 0),
        ("two of three: one", "group g 2 a b c\nquorum g\n", two, 4),
        ("two of three: two", "group g 2 a b c\nquorum g\n", one + pq_cosigned(), 0),
        ("the first, and one of the others: the first", nested, one, 4),
        ("the first, and one of the others: the others", nested, two + cosigned(key=KEY3, name=W3), 4),
        ("the first, and one of the others", nested, one + cosigned(key=KEY3, name=W3), 0),
        ("a group that is not asked is not met", "group g all b c\nquorum a\n", one, 0),
        ("a name of a witness with another key", "quorum a\n", SIGNED + cosigned(key=KEY3), 4),
        ("enough, but one is wrong", "quorum a\n", one + wrong, 3),
        ("a witness without a time", "quorum b\n", SIGNED + pq_cosigned(0), 3),
    ):
        yield {
            "kind": "quorum", "desc": desc, "policy": MIXED_WITNESSES + rule, "logs": [VLOG], "note": data.decode(),
            "exit": code,
        }  # fmt: skip
