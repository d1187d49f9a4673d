"""The transparency log: Merkle tree, tiles, signed notes and checkpoints, byte for byte as C2SP has them.

    tree            hashes, frontier, proofs and their checkers             RFC 9162, MTC draft (see `tree`)
    tiles           the tree cut into immutable files, and read from them   c2sp.org/tlog-tiles
    note            a text signed by one or more keys                       c2sp.org/signed-note
    checkpoint      the signed head of a log                                c2sp.org/tlog-checkpoint
    cosignature     what witnesses, and logs, sign about a head and when    c2sp.org/tlog-cosignature
    policy          which witnesses together suffice                        c2sp.org/tlog-policy
    proof_file      an entry's proof with its checkpoint, in one file       c2sp.org/tlog-proof
    add_checkpoint  what a log sends to a witness                           c2sp.org/tlog-witness
    lines           numbers and hashes as lines of text                     the last two of these

Everything here is pure: no file, clock, socket or randomness. Import the module you need.
"""
