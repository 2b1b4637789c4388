"""The kinds of fault that tests name with ``@pytest.mark.fault(kind)``, in the order of docs/reliability.md.

A test with that mark fails if the fault misleads, stops or damages what it is about. ``make docs`` counts
the tests and their cases.
"""

KINDS = {
    "clock faults": "Clocks of loader, API and IAM that are off, jump, or are impossible",
    "liveness": "Sources whose pages, answers or waits never end: every load ends, with bounded requests",
    "isolation of sources": "One source raises anything, anywhere, or hangs, beside healthy ones",
    "vanished projects": "Projects that are gone or disabled, and credentials that no longer name any",
    "locks": "Commands side by side, holders that died, and who is served next",
    "hostile responses": "Bodies, sizes, dates and headers that a client does not expect",
    "refused requests": "Rate limits, refusals and tokens that do not last",
    "damaged files": "A flipped bit, a cut or a missing file, anywhere in the data directory",
    "object stores": "503, lost responses, lists that lag, expired credentials, two copies at once, kills",
    "disk errors": "Any error of the disk, in any write, read, rename or sync",
    "killed processes": "SIGKILL at any step, in loads, rebuilds and publication",
    "simulated lives": "Weeks of loads with outages, kills, full disks, wrong clocks, damaged files",
    "permissions": "Readable by others, and links in place of files",
    "unusual paths": "Folders and sources named like patterns, keys or values",
    "statements that write": "Every kind of statement, table function and pragma of DuckDB",
    "files beside the warehouse": "Logs and folders of other programs beside the published file",
    "forged evidence": "Records, results, SQL and manifests of a pack changed, checksums corrected or not",
    "hostile evidence": "Packs whose SQL reads, writes or reaches out; links, bombs and names that lead out",
    "unreadable warehouse": "A warehouse that is held, damaged, or not a warehouse",
    "attached warehouses": "Every view and macro, from another session, under any name",
    "engine versions": "Every view on two versions of DuckDB, and with the optimizer off, bit by bit",
    "hostile text": "Control characters, markup and formulas in names, wherever they are shown",
    "foreign pages": "Requests of other pages, hosts and methods to the local page",
    "values cut or rounded": "Numbers, times and rates that do not fit, or round to what is not so",
    "several destinations": "Copies to several regions, of which one never arrives",
    "schedules that change": "Policies moved to another hour, slow runs, late runs, summer time",
    "resources that move": "Removal from the vault before, vaults deleted, two vaults at once",
    "bursts of deletions": "Mass deletions by night, in batches, over hours, of unknown birth",
    "time zones of sources": "Sources on different clocks and day anchors",
    "deleted recovery points": "All recovery points gone, the newest gone, the old ones gone",
    "partial success": "Tasks that succeeded with failed parts",
    "few or small cases": "Hourly policies with one success, small vaults, strikes without tries",
    "answers of the report": "Equal names, changes without a past, missing causes, unread periods",
    "configuration mistakes": "Regions, keys and words that a person gets wrong",
}
