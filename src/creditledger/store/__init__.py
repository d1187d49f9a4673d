"""The store layer: ordered tables, their engines, the writer's lock, the last signed head, and private content.

    port            what an engine offers: named ordered tables of bytes, snapshots, one atomic batch
    memory          an engine in memory, for tests, demonstrations and short-lived ledgers
    lmdb_engine     the default engine on disk; its transactions are in lmdb_transaction
    lock            one writer per ledger
    head            the last signed head, kept outside the ledger directory
    private         encrypted, erasable content, outside the engine

No layer above this one knows which engine it runs on.
"""
