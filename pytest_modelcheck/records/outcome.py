"""How a run ended: which checks are bad, what else failed, and whether all of it is red. One answer for page, Markdown,
terminal, annotations and exit statuses, which agrees with pytest's.
"""

from __future__ import annotations

from .types import CheckEntry, FailureEntry, Record

BAD = ("error", "fail")


def shown_outcome(check: CheckEntry) -> str:
    """The outcome as it is shown: a breach at level="warn" is a warning."""
    return "warn" if check["outcome"] == "fail" and check["level"] == "warn" else check["outcome"]


def bad_checks(record: Record) -> list[CheckEntry]:
    """The checks that make the run red."""
    return [check for check in record["checks"] if shown_outcome(check) in BAD]


def lost_checks(record: Record) -> list[CheckEntry]:
    """Those, and what pytest did not come to: a run that somebody ended with exit status 0 is none of success."""
    return [check for check in record["checks"] if shown_outcome(check) in (*BAD, "not run")]


def other_failures(record: Record) -> list[FailureEntry]:
    """What failed without a check that says why: a test's own assertion, its teardown, a file that does not import."""
    told = {check["nodeid"] for check in bad_checks(record)}
    return [
        failure
        for failure in record.get("failures", [])
        if failure["nodeid"] not in told or failure["phase"] not in ("setup", "call", "process")
    ]


def is_red(record: Record) -> bool:
    """Whether the run failed, or lost something: pytest's exit status (5, no tests, is none of success) and ours."""
    run = record["run"]
    return bool(run["exit_status"] or run["no_result"] or lost_checks(record))
