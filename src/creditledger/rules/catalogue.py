"""Every hard rule of rule set `rules-1`: its stable id and what it demands.

The ids appear in refusals, in audit findings and in the specification. An id is never given another meaning.
"""

from __future__ import annotations

RULES: dict[str, str] = {
    # The entry as a whole.
    "R-ENTRY-LEDGER": "An entry names the ledger it is for.",
    "R-ENTRY-KEY": "The author's key is registered, belongs to the authority named, and is in force.",
    "R-ENTRY-CHAIN": "author_seq follows the key's last entry, and author_prev is that entry's hash.",
    "R-ENTRY-EXPIRED": "An entry is recorded no later than its not_after.",
    "R-ENTRY-SEEN": "seen is a true size and root of this ledger, and no smaller than the key's previous one.",
    "R-ENTRY-COSIGNER": "Every cosigner's key is registered, belongs to the authority named, and is in force.",
    "R-AUTHORITY-CLOSED": "A closed authority does not act, and a closing is not postponed.",
    # Governance.
    "R-GENESIS": "ledger.create is the only act of record 0, signed by every root key, and stands nowhere else.",
    "R-RULE-SET": "A rule set that is activated is known, with its published hash, and not already in force.",
    "R-ROOT": "The act needs signatures of k root keys.",
    "R-ADMIN": "The act needs the admin key of the authority entitled to it, or k root keys.",
    "R-ROLE": "Acts about subjects are signed by act keys, acts of governance by admin or root keys.",
    "R-UNKNOWN": "What an act names is registered before.",
    "R-ID-TAKEN": "An identifier is given once.",
    "R-SELF": "Nobody acts on itself or its parent; lodging an appeal is no such act.",
    "R-KEY-UNIQUE": "A public key has one role and one authority, once, for ever.",
    "R-KEY-FORM": "An added key is a canonical point of prime order.",
    "R-KEY-POSSESSION": "An added key cosigns its own registration (not a log key, which signs checkpoints only).",
    "R-KEY-REVOKED": "A key is revoked once; the last log key and the root keys' quorum stay.",
    "R-KEY-STANDS": "stands_behind names an entry that the key made; its last, unless the key was compromised.",
    "R-CONFIRM": "Only a tainted entry is confirmed, and only by the body that made it, its heir or root for its own.",
    "R-MANDATE": "The authority holds a mandate in force for the action on the list.",
    "R-MANDATE-AREA": "The mandate covers the area.",
    "R-MANDATE-TERM": "A mandate ends after it begins, and is revoked once, by who may.",
    "R-SEPARATION": "One authority does not both decide on a list and lodge or review appeals there.",
    "R-LEGAL-BASIS": "The law that an act rests on is registered and in force.",
    "R-POLARITY": "Grounds and measures have the polarity of their list.",
    "R-SCORE": "No restriction rests on a score.",
    "R-TRANSCRIPT": "A transcript of another body's list carries no measures and is signed by a transcriber.",
    "R-INDEPENDENT": "A restriction has a body independent of its deciders to lodge appeals, and one to review them.",
    "R-LIST-STATE": "A list is defined, opened, closed, in that order; opening balances come before, listings after.",
    # Listings and appeals.
    "R-SCHEME": "The list's definition admits subjects of this kind.",
    "R-GROUND": "The ground is one of the list's grounds.",
    "R-MEASURE": "The measures are among the list's measures.",
    "R-CONSENT": "The parent countersigns a listing where the list demands it; a successor its being named.",
    "R-DATES": "Decided before recorded, effective not before decided, ended after begun.",
    "R-TERM": "A listing ends within its ground's longest term.",
    "R-DUPLICATE": "One active listing for a subject, list and case, and none again in a case quashed on appeal.",
    "R-REFERENCE": "A reference names an act about the same subject on the same list.",
    "R-LISTER": "Only the authority that made a listing, its parents and its successor change or end it.",
    "R-TRANSITION": "The act is a legal step from the state that the listing or appeal is in.",
    "R-EXTENDS": "A correction or a decision on appeal does not lengthen a listing.",
    "R-REASON": "The reason given fits: what rests on an appeal names an appeal so decided.",
    "R-REVIEWER": "Who decides an appeal took no part in the listing and is not subordinate to one who did.",
    "R-ERASE": "What is erased was committed to in an act about the subject, and is not erased yet.",
    "R-SOURCE": "A source is cited earlier in the same entry, for the same list.",
}
