"""Texts that steer a terminal or a page, and records that hold them everywhere."""

import json
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "data" / "hostile-names.json"
HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m\r\x08\u202egpj.exe\u2066x\u2069\u200b\u2028<script>{{ 7*7 }}%s{0}\x7f"
)
LONG = "\x1b[2J" + "n" * 5000


def hostile_records() -> list[dict[str, Any]]:
    """Records whose texts steer a terminal: sound ones, failed ones, and some that are quarantined."""
    records: list[dict[str, Any]] = json.loads(EXAMPLES.read_text(encoding="utf-8"))["operation_logs"]
    sound = records[0]
    for number, text in enumerate((HOSTILE, LONG)):
        for status in ("success", "failed", "running"):
            one = json.loads(json.dumps(sound))
            one |= {
                "id": f"{number}{status}{text}",
                "status": status,
                "vault_name": text,
                "vault_id": text[:9],
            }
            one["created_at"] = f"2026-11-26T0{number + 4}:00:00"
            one["error_info"] = {"code": text, "message": text} if status == "failed" else {}
            one["extra_info"]["resource"] |= {"id": f"{text[:30]}{number}", "name": text}
            one["extra_info"]["backup"]["backup_name"] = text
            one["extra_info"][text] = text
            if status == "running":
                one["ended_at"] = None
            records.append(one)
        records.append({"id": text, "created_at": text, text: text})
    return records
