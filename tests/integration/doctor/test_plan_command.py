"""``cbr-warehouse plan`` as a user runs it: it asks nothing, and a load is compared with it."""

import json

from support.command_line import Workplace
from support.emulator_server import Emulated


def test_a_plan_asks_nothing_and_is_compared_with_the_load(workplace: Workplace, telling: Emulated) -> None:
    workplace.configure(telling.url, history="10d")
    first = json.loads(workplace.run("plan", "--json").out)[0]
    assert first["expected_records"] is None
    printed = workplace.run("plan").out
    assert "unknown" in printed
    assert f"  settle 2d: {first['settle_reason']}\n" in printed
    assert first["settle"] == "2d"
    assert telling.lists == []

    done = workplace.run("load")
    assert done.status == 0, done.err
    assert "could not know" in done.out

    asked = len(telling.lists)
    plan = json.loads(workplace.run("plan", "--json").out)[0]
    assert len(telling.lists) == asked
    parts = [*plan["sweeps"], plan["by_id"], plan["counts"]]
    assert plan["expected_records"] == sum(part["expected_records"] for part in parts)
    assert plan["expected_requests"] == sum(part["expected_requests"] for part in parts)
    assert {part["basis"] for part in parts} <= {"held", "rate"}

    done = workplace.run("load")
    assert f"expected about {plan['expected_records']:,} records" in done.out
    row = workplace.sql("SELECT * FROM loads ORDER BY load_id DESC LIMIT 1")[0]
    assert row["expected_records"] == plan["expected_records"]
    assert row["expected_requests"] == plan["expected_requests"]
    assert abs(row["records"] - row["expected_records"]) <= 10
    assert abs(row["requests"] - row["expected_requests"]) <= 10
