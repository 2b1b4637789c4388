"""Stored results of validation count as long as validation and flattening give the same ones."""

import json

from cbr_warehouse.contract.load_schemas import VALIDATED_ALIKE, VALIDATION_VERSION
from support.validation_outcomes import OUTCOMES, changed_outcomes, columns, outcomes

NOTED = json.loads(OUTCOMES.read_bytes())
WRITE = "and write the outcomes: .venv/bin/python tests/support/validation_outcomes.py"


def test_a_changed_result_of_validation_or_flattening_raises_the_version() -> None:
    """Otherwise records that were stored before keep their old result, and days their old rows."""
    assert changed_outcomes(NOTED["outcomes"]) == [], (
        f"Empty VALIDATED_ALIKE, raise VALIDATION_VERSION {WRITE}"
    )
    assert NOTED["version"] == VALIDATION_VERSION, f"Empty VALIDATED_ALIKE {WRITE}"


def test_contracts_count_as_alike_only_while_every_result_is_the_same() -> None:
    """A column that is added, or read from elsewhere, changes what is left over for ``extra``."""
    if VALIDATED_ALIKE:
        assert columns(outcomes()) == columns(NOTED["outcomes"]), "Empty VALIDATED_ALIKE"
        assert set(VALIDATED_ALIKE) <= set(NOTED["alike"]), f"Show that their outcomes are these {WRITE}"
