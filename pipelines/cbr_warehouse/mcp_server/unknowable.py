"""What the task log cannot say, so that no number is given for it: why, and where else to look."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Unknowable:
    """A subject that the data has nothing on.

    Attributes:
        subject: What is asked for.
        words: What a question about it contains, as a regular expression.
        why: Why there is no answer, and where to look instead.
        inventory_view: The view that has the answer where an inventory is loaded; "" for none.
    """

    subject: str
    words: str
    why: str
    inventory_view: str = ""


UNKNOWABLE = (
    Unknowable(
        "sizes, capacity and throughput",
        r"sizes?|bytes|[kmgt]i?b|gigabytes?|terabytes?|capacity|storage used?|how (big|large)"
        r"|volume of data|throughput|bandwidth|space|compression|dedup\w*",
        "The task log has no sizes: no task says how many bytes it read, wrote or stored. Where the "
        "inventory of a source is loaded, analytics.vault_usage has size and use of each vault; the "
        "console and the billing of the cloud have them too.",
    ),
    Unknowable(
        "users who did something",
        r"who|whom|whose account|users?|operators?|persons?|people|employee|administrator|login|ip address",
        "The task log names no user. The cloud's trace service (CTS) does: look there for the request_id of "
        "the task, which analytics.deletion_audit has.",
    ),
    Unknowable(
        "cost",
        r"costs?|prices?|billing|bills?|invoices?|euros?|dollars?|expensive|cheap\w*|spend|budget|money",
        "The task log has no prices and no quantities that are billed. The billing of the cloud has them.",
    ),
    Unknowable(
        "resources that were never enrolled",
        r"never enrolled|not enrolled|unenrolled|without (a )?(vault|policy)|outside (of )?backup|shadow it",
        "The task log names only resources that a task was about. One that was never put into a vault is in "
        "no task. Where the inventory of a source is loaded, analytics.unprotected_resources lists them; "
        "the compute and volume services of the cloud list all there are.",
        inventory_view="analytics.unprotected_resources",
    ),
    Unknowable(
        "contents of backups",
        r"contents?|which files|files? (in|of)|infected|malware|ransomware|encrypt\w*|virus\w*|corrupt\w*",
        "The task log says that a task ended with success, not what is in the backup. Only a restore that "
        "is checked shows that; analytics.restore_evidence lists the restores there were.",
    ),
)
"""The subjects, in the order in which they are looked for."""


def find_unknowable(question: str) -> Unknowable | None:
    """The subject of a question that the data cannot answer; None if it names none of them.

    >>> find_unknowable("How many GB does vault A use?").subject
    'sizes, capacity and throughput'
    >>> find_unknowable("Who deleted the backups?").subject
    'users who did something'
    >>> find_unknowable("How many backups failed?")

    Args:
        question: A question, or the name of a figure.
    """
    text = question.lower().replace("_", " ")
    return next((one for one in UNKNOWABLE if re.search(rf"\b({one.words})\b", text)), None)
