"""The clauses that controls support, and what each demands; the header of a control says which and why."""

CLAUSES = {
    "DORA Art. 12(1)(a)": (
        "Backup policies and procedures specify the scope of the data that are subject to the backup "
        "and the minimum frequency of the backup."
    ),
    "DORA Art. 12(2)": (
        "Backup systems can be activated; backup procedures and restoration and recovery procedures "
        "and methods are tested periodically."
    ),
    "DORA Art. 12(6)": (
        "Recovery time and recovery point objectives are determined for each function, such that the "
        "agreed service levels are met."
    ),
    "NIS2 Art. 21(2)(b)": "Incident handling.",
    "NIS2 Art. 21(2)(c)": (
        "Business continuity, such as backup management and disaster recovery, and crisis management."
    ),
    "NIS2 Art. 21(2)(f)": (
        "Policies and procedures to assess the effectiveness of cybersecurity risk-management measures."
    ),
    "ISO 27001 A.8.13": (
        "Information backup: backup copies of information, software and systems are maintained and "
        "regularly tested in accordance with the agreed topic-specific policy on backup."
    ),
    "NIST CP-9 a, b": (
        "Conduct backups of user-level and system-level information at a frequency consistent with "
        "recovery time and recovery point objectives."
    ),
    "NIST CP-9 d": ("Protect the confidentiality, integrity, and availability of backup information."),
    "NIST CP-9(1)": (
        "Test backup information at a defined frequency to verify media reliability and information "
        "integrity."
    ),
    "NIST CP-9(2)": (
        "Use a sample of backup information in the restoration of selected system functions as part "
        "of contingency plan testing."
    ),
    "NIST CP-9(3)": (
        "Store backup copies of critical information in a separate facility, or in a fire-rated "
        "container that is not collocated."
    ),
    "NIST CP-9(5)": (
        "Transfer system backup information to the alternate storage site in a time and at a rate "
        "consistent with the recovery time and recovery point objectives."
    ),
    "SOC 2 A1.2": (
        "The entity implements, operates, maintains and monitors data backup processes and recovery "
        "infrastructure to meet its objectives."
    ),
}
"""What each clause demands, in short, in the order of the index: DORA (Regulation (EU) 2022/2554), NIS2
(Directive (EU) 2022/2555), ISO/IEC 27001:2022 Annex A, NIST SP 800-53 revision 5, and the AICPA's trust
services criteria of 2017 with the points of focus of 2022.
"""
