"""What each field of an act means, for the help that stands in a draft beside the fields."""

from __future__ import annotations

DOCUMENT_HELP: dict[str, str] = {
    "authority": "the authority that signs, as registered",
    "cosigners": 'who signs the same entry beside it: [{"authority": identifier, "key": "ed25519:..." or hexadecimal}]',
    "acts": "what is done, in order, all or nothing; null says that a field does not apply",
    "contents": 'content that several acts attach, by name: {"decision": {"file": "decision.pdf"}}; may be left out',
    "references": (
        "<entry hash>#<act index>; #<act index> alone is an act of this same draft, counted from 0; 17.0, act 0 of "
        "record 17, can be written where the draft is signed with --ledger"
    ),
}

FIELD_HELP: dict[str, str] = {
    "actions": "what the mandate allows",
    "agency": "the authority that applies the measure",
    "appeal": "the act that lodged the appeal which this rests on or decides",
    "appeal_days": "calendar days within which an appeal can be lodged",
    "area": "the area concerned, such as cn-44; cn-44 contains cn-44-03",
    "areas": "the areas that the mandate covers; none means everywhere",
    "article": "the article of the law",
    "authority": "the authority concerned",
    "case": 'a random mark that keeps apart several cases of one subject; write "new" to draw one',
    "commitments": "the commitments of the content to erase, as the acts show them",
    "consent": "whether a listing needs the countersignature of the acting authority's parent",
    "content": (
        'detached content by label: {"reasons": {"text": "..."}}, {"reasons": {"file": "reasons.pdf"}} (a file in the '
        'draft\'s folder), {"reasons": {"from": a name in contents}}, or a commitment made elsewhere; '
        "personal data belongs here and nowhere else"
    ),
    "dated": "the day on which the source was issued",
    "decide_days": "calendar days within which an appeal is to be decided",
    "decided": "the day of the decision",
    "document": "the decision or instrument that ends it, by its number",
    "effective": "the first day on which it holds",
    "entry": "the entry concerned",
    "filed": "the day on which the appeal was lodged",
    "ground": "the ground, as registered",
    "grounds": "the grounds that a listing may rest on",
    "identity": "the authority's own identifier, where it is public by law",
    "issuer": "the body that made the law",
    "key": "the public key (the text form ed25519:... is accepted too); an added key that signs acts must cosign",
    "law": "the law or instrument, by the identifier under which it is registered",
    "list": "the list, by its identifier",
    "listing": "the act that made the listing",
    "lodgers": "the bodies that lodge appeals for the persons listed",
    "log_keys": "the public keys that sign checkpoints and nothing else",
    "mandate": "the mandate, by its identifier",
    "max_months": "the longest term in months",
    "measure": "the measure, by its identifier",
    "measures": "the measures that a listing carries or may carry",
    "name": "the name as published",
    "nature": "what the ground is about; no restriction rests on a score",
    "notice_days": "calendar days of notice to the person before the listing",
    "number": "the number under which the law was published",
    "origin": "the ledger's name, as its checkpoints carry it",
    "outcome": "how the appeal is decided; vary takes an until date, and nothing else does",
    "parent": "the authority that this one stands under",
    "polarity": "whether it favours, supervises or restricts the person listed",
    "reason": "why",
    "reviewers": "the bodies that decide appeals, independent of those that list",
    "role": "what the key signs: acts about subjects, administration, governance, or checkpoints",
    "root_keys": "the public keys that govern the ledger; all of them sign its founding",
    "rows": "how many rows the source has",
    "rule_set": "the rule set, by its identifier",
    "rule_set_hash": "SHA-256 of the rule set's published text",
    "schemes": "the kinds of subject that the list admits",
    "sha256": "SHA-256 of the source file",
    "source": "where it was transcribed from: for a listing, the source.cite act of this same entry",
    "stands_behind": "the last entry of the key that the authority answers for; null means none. The last one it made, "
    "unless the key was compromised",
    "subject": 'whom it concerns; a natural person is a handle, and "handle:new" draws one for a new listing',
    "successor": "the authority that takes its place",
    "target": "what the measure bears on",
    "threshold": "how many root keys must sign together",
    "title": "the title as published",
    "until": "the first day on which it no longer holds",
    "utc_offset": "the ledger's civil time",
    "withdrawn": "the day on which the appeal was taken back",
}
