"""The transparency log: Merkle tree, tiles, signed notes and checkpoints, byte for byte as C2SP has them.

    tree        hashes, frontier, proofs and their checkers             RFC 9162, draft-ietf-plants-merkle-tree-certs
    tiles       the tree cut into immutable files, and read from them   c2sp.org/tlog-tiles
    note        a text signed by one or more keys                       c2sp.org/signed-note
    checkpoint  the signed head of a log                                c2sp.org/tlog-checkpoint

Everything here is pure: no file, clock, socket or randomness. Import the module you need.
"""
