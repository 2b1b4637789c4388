"""What changed is told in a sentence a kind, so that the figures below it stay in sight."""

from cbr_warehouse.report.changes import ORDER, describe_changes
from cbr_warehouse.report.options import Language
from cbr_warehouse.report.texts import read_texts

ENGLISH = read_texts(Language.EN)


def rows(kind: str, *counts: int) -> list[dict[str, object]]:
    return [{"kind": kind, "what": f"vault-{place}", "n": n} for place, n in enumerate(counts, 1)]


def test_three_are_named_and_the_others_counted() -> None:
    assert describe_changes(rows("enrolled", 4, 3, 2, 1, 1), ENGLISH) == [
        "Resources backed up for the first time: 11 (vault-1 ×4, vault-2 ×3, vault-3 ×2, 2 more)"
    ]
    assert describe_changes(rows("removed", 1), ENGLISH) == ["Resources removed: 1 (vault-1 ×1)"]


def test_failures_come_before_what_is_new() -> None:
    told = describe_changes(rows("enrolled", 1) + rows("new_streak", 1), ENGLISH)
    assert [sentence.split(":")[0] for sentence in told] == [
        "Resources that started failing and still are",
        "Resources backed up for the first time",
    ]


def test_nothing_is_no_sentence() -> None:
    assert describe_changes([], ENGLISH) == []


def test_every_kind_has_its_words_in_both_languages() -> None:
    for language in Language:
        told = describe_changes([row for kind in ORDER for row in rows(kind, 1)], read_texts(language))
        assert len(set(told)) == len(ORDER)
