"""What `sign` and `append` share."""

from __future__ import annotations

import pytest

from cli.bench import Bench
from creditledger.acts.kinds import ActRef
from creditledger.cli.authoring import act_at
from creditledger.errors import UsageError
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import decode_entry, entry_hash


def test_an_act_is_found_where_it_is_displayed(demo: Bench) -> None:
    with Ledger.open(demo.ledger) as reader:
        for seq in (0, 1, reader.size - 1):
            data = reader.record(seq).entry
            last = len(decode_entry(data).acts) - 1
            assert act_at(reader, seq, last) == ActRef(entry_hash(data), last)
            with pytest.raises(UsageError, match=f"there is no {seq}.{last + 1}"):
                act_at(reader, seq, last + 1)
        with pytest.raises(UsageError, match="there is no record"):
            act_at(reader, reader.size, 0)
