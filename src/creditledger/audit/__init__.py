"""The audit: a ledger's directory or export file verified against a trust file, by nobody's word but the verifier's.

verify    everything, or what is new since the last audit; see `auditor`
Trust     what the verifier goes by; see `trust`
Report    what was found, what was checked, what was not; see `report`
"""

from creditledger.audit.auditor import verify
from creditledger.audit.findings import FINDINGS, Finding
from creditledger.audit.report import Report
from creditledger.audit.trust import Trust

__all__ = ["FINDINGS", "Finding", "Report", "Trust", "verify"]
