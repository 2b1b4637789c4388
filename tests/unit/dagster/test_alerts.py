"""Each failure, planted, reaches a real HTTP receiver and a real mail server once, and so does its end."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import dagster as dg
import duckdb
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin

from cbr_warehouse.alerts.log import parse_log
from cbr_warehouse.warehouse import conditions
from support.alert_receivers import HttpReceiver, SmtpReceiver, receive_http, receive_mail
from support.dagster_deployment import Deployment, begin_elsewhere, day
from support.present import now

Install = Callable[..., Deployment]


def changes() -> dict[str, str]:
    """The statements that make a check fail, by its name."""
    third = f"DATE '{day(3)}'"
    return {
        "coverage:days_complete": "UPDATE coverage SET state = 'incomplete', reason = 'source_has_more' "
        f"WHERE day = {third}",
        "coverage:no_gaps": "UPDATE coverage SET state = 'unverified', reason = 'not_looked_at', "
        f"checked_at = NULL WHERE day = {third}",
        "coverage:verified_in_time": "UPDATE coverage SET state = 'unverified', reason = 'no_count' "
        f"WHERE day = DATE '{day(6)}'",
        "coverage:retention_clock": "INSERT INTO coverage BY NAME SELECT * REPLACE (day - 20 AS day, "
        f"0 AS held, 'unverified' AS state, 'no_count' AS reason) FROM coverage WHERE day = DATE '{day(8)}'",
        "coverage:raw_undamaged": "UPDATE coverage SET state = 'unverified', reason = 'damaged_raw' "
        f"WHERE day = {third}",
        "tasks:newest_task_age": "UPDATE tasks SET created_at = created_at - INTERVAL 3 DAY",
        "tasks:schema_unchanged": 'UPDATE tasks SET extra = \'{"extra_info": {"new_key": 1}}\' '
        f"WHERE day = DATE '{day(0)}'",
        "quarantine:quarantine_short": "INSERT INTO quarantine BY NAME "
        "SELECT 'prod' AS source, 'x' AS record_text, "
        "'no id' AS reason, now() AS last_seen_at, "
        f"TIMESTAMPTZ '{now() - timedelta(days=2)}' AS first_seen_at",
        "loads:conservation": "UPDATE loads SET records = records + 1",
        "tasks:unique_key": "INSERT INTO tasks FROM tasks LIMIT 1",
    }


@pytest.fixture
def hook() -> Iterator[HttpReceiver]:
    with receive_http() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[SmtpReceiver]:
    with receive_mail() as receiver:
        yield receiver


@pytest.fixture
def place(install: Install, hook: HttpReceiver, mail: SmtpReceiver) -> Deployment:
    settings = {
        "webhook": "env:HOOK",
        "mail_to": ["ops@example.com", "night@example.com"],
        "mail_from": "cbr@example.com",
        "smtp_host": "127.0.0.1",
        "smtp_port": mail.port,
        "smtp_security": "none",
        "smtp_username": "sender",
        "smtp_password": "env:MAIL_PASSWORD",
    }
    place = install("prod", alerts=settings)
    place.installation.environ.update({"HOOK": hook.url, "MAIL_PASSWORD": "a-secret-word"})  # type: ignore[attr-defined]
    for ago in (0, 2, 8):
        place.apis["prod"].add(day(ago))
    return place


class Sensor:
    """A sensor as the daemon runs it: each tick with the cursor of the one before."""

    def __init__(self, place: Deployment, name: str) -> None:
        self.place, self.name, self.cursor = place, name, None
        self.repository = place.defs.get_repository_def()

    def tick(self) -> str:
        """Evaluates the sensor; gives what the tick says."""
        with dg.build_sensor_context(
            instance=self.place.instance, repository_def=self.repository, cursor=self.cursor
        ) as context:
            found = self.repository.get_sensor_def(self.name).evaluate_tick(context)
        self.cursor = found.cursor
        return str(found.skip_message)


class Checks:
    """The checks of the published warehouse, run by themselves: the conditions, or those of keys."""

    def __init__(self, place: Deployment) -> None:
        self.instance = place.instance
        found = place.defs.resolve_asset_graph().asset_check_keys
        keys = [key for key in found if key.asset_key.path[0] == "warehouse"]
        parts = {
            "conditions": [key for key in keys if key.name in conditions.CONDITIONS],
            "keys": [key for key in keys if key.name not in conditions.CONDITIONS],
        }
        jobs = [dg.define_asset_job(name, dg.AssetSelection.checks(*part)) for name, part in parts.items()]
        defs = dg.Definitions.merge(place.defs, dg.Definitions(jobs=jobs))
        self.jobs = {name: defs.resolve_job_def(name) for name in parts}

    def run(self, name: str) -> None:
        """Runs those among which the named one is."""
        job = self.jobs["conditions" if name in conditions.CONDITIONS else "keys"]
        job.execute_in_process(instance=self.instance, raise_on_error=False)


def change(place: Deployment, sql: str) -> None:
    with duckdb.connect(str(place.installation.load_context.directory.warehouse)) as connection:
        connection.execute(sql)


def test_each_failed_check_is_reported_once_and_so_is_its_end(
    place: Deployment, hook: HttpReceiver, mail: SmtpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place.tick("prod").success
    assert place.publish(analytics=False).success
    sensor, checks = Sensor(place, "failed_checks_sensor"), Checks(place)
    assert sensor.tick() == "0 alerts delivered."
    sound = place.installation.load_context.directory.warehouse.read_bytes()
    for name, sql in changes().items():
        planted = name.partition(":")[2]
        change(place, sql)
        checks.run(planted)
        sensor.tick()
        told = [post for post in hook.posted if post["key"] == f"check warehouse/{name}"]
        assert [post["state"] for post in told] == ["failing"], (name, hook.posted)
        if planted in conditions.CONDITIONS:
            assert "prod" in told[0]["text"]
            assert conditions.CONDITIONS[planted].remedy in told[0]["text"]
        posted, mailed = len(hook.posted), len(mail.mails)
        checks.run(planted)
        assert sensor.tick() == "0 alerts delivered."
        assert (len(hook.posted), len(mail.mails)) == (posted, mailed)
        place.installation.load_context.directory.warehouse.write_bytes(sound)
        checks.run(planted)
        sensor.tick()
        told = [post for post in hook.posted if post["key"] == f"check warehouse/{name}"]
        assert [post["state"] for post in told] == ["failing", "recovered"], name
    monkeypatch.setattr(conditions, "SPARE_BYTES", 1 << 62)
    checks.run("free_disk")
    sensor.tick()
    assert hook.posted[-1]["key"] == "check warehouse/loads:free_disk"
    assert len(mail.mails) == len(hook.posted)
    newest = mail.mails[-1]
    assert newest["To"] == "ops@example.com, night@example.com"
    assert newest["Subject"] == "[cbr-warehouse] check warehouse/loads:free_disk fails"
    assert "bytes are free" in newest.get_content()
    assert set(mail.signed_in) == {("sender", "a-secret-word")}
    assert len({message["Message-ID"] for message in mail.mails}) == len(mail.mails)


def test_a_failed_run_is_reported_once_though_the_next_fails_likewise(
    place: Deployment, hook: HttpReceiver, mail: SmtpReceiver
) -> None:
    sensor = Sensor(place, "failed_runs_sensor")
    place.apis["prod"].status = 403
    failed = place.tick("prod")
    sensor.tick()
    (alert,) = hook.posted
    assert alert["title"] == "load of prod failed"
    assert "prod: the load failed: " in alert["text"]
    assert alert["facts"] == {"run_id": failed.run_id, "job": "load", "source": "prod"}
    place.tick("prod")
    assert sensor.tick() == "0 alerts delivered."
    # Another reason is reported, and in the end that it is over.
    place.apis["prod"].status = 503
    place.tick("prod")
    sensor.tick()
    place.apis["prod"].status = 200
    assert place.tick("prod").success
    sensor.tick()
    assert [post["state"] for post in hook.posted] == ["failing", "failing", "recovered"]
    assert [str(one["Subject"]) for one in mail.mails] == [
        f"[cbr-warehouse] {post['title']}" for post in hook.posted
    ]
    assert sensor.tick() == "0 alerts delivered."


def test_an_incomplete_day_is_reported_by_its_run_and_by_its_check(
    place: Deployment, hook: HttpReceiver
) -> None:
    place.apis["prod"].hidden.add(f"{day(2)}-0")
    assert not place.tick("prod").success
    Sensor(place, "failed_runs_sensor").tick()
    Sensor(place, "failed_checks_sensor").tick()
    assert [post["key"] for post in hook.posted] == ["load of prod", "check raw/prod:nothing_missing"]
    assert all(str(day(2)) in post["text"] for post in hook.posted)


def test_a_run_of_a_dead_process_is_reported(place: Deployment, hook: HttpReceiver) -> None:
    run = place.instance.create_run_for_job(
        place.defs.resolve_job_def("load"), tags={"cbr-warehouse/source": "prod"}
    )
    place.instance.report_run_failed(run, "The process of this run ended without a word.")
    Sensor(place, "failed_runs_sensor").tick()
    assert "ended without a word" in hook.posted[0]["text"]


def test_runs_of_others_and_runs_that_are_started_again_are_not_reported(
    place: Deployment, hook: HttpReceiver
) -> None:
    @dg.op
    def fail() -> None:
        raise dg.Failure("not ours")

    @dg.job
    def orders() -> None:
        fail()

    orders.execute_in_process(instance=place.instance, raise_on_error=False)
    again = place.instance.create_run_for_job(
        place.defs.resolve_job_def("load"), tags={"dagster/will_retry": "true"}
    )
    place.instance.report_run_failed(again, "The process crashed.")
    assert Sensor(place, "failed_runs_sensor").tick() == "0 alerts delivered."
    assert hook.posted == []


def test_nothing_is_lost_while_a_receiver_is_down(
    place: Deployment, hook: HttpReceiver, mail: SmtpReceiver
) -> None:
    sensor = Sensor(place, "failed_runs_sensor")
    mail.refuses = True
    place.apis["prod"].status = 403
    place.tick("prod")
    said = sensor.tick()
    assert re.search(r"1 alerts are delivered later\. 127\.0\.0\.1:\d+ did not take a mail: .*451", said)
    assert "a-secret-word" not in said
    hook.status = 500
    place.apis["prod"].status = 200
    assert place.tick("prod").success
    assert "status 500" in sensor.tick()
    assert (len(hook.posted), len(mail.mails)) == (1, 0)
    mail.refuses, hook.status = False, 204
    sensor.tick()
    # Both get both, each once, the oldest first; the webhook had the first already.
    assert [post["state"] for post in hook.posted] == ["failing", "recovered"]
    assert [str(one["Subject"])[:26] for one in mail.mails] == [
        "[cbr-warehouse] load of pr",
        "[cbr-warehouse] Recovered:",
    ]
    assert parse_log(sensor.cursor).undelivered == ()


def test_a_failure_that_lasts_is_reported_again_after_a_day(place: Deployment, hook: HttpReceiver) -> None:
    from cbr_warehouse.alerts.log import AlertLog, Problem

    problem, log = Problem("a check", "It fails", "Do this.", "one"), AlertLog()
    for hours in range(49):
        log = log.failing(problem, now() + timedelta(hours=hours), timedelta(hours=24), ("webhook",))
    assert len(log.undelivered) == 3


def test_without_a_receiver_there_is_no_sensor(install: Install) -> None:
    assert [one.name for one in install("prod").defs.sensors or ()] == ["publish_sensor"]


def test_a_missing_secret_fails_the_tick_with_its_remedy(place: Deployment) -> None:
    place.installation.environ.pop("HOOK")  # type: ignore[attr-defined]
    with pytest.raises(Exception, match=r"alerts\.webhook: the environment variable HOOK is not set"):
        Sensor(place, "failed_runs_sensor").tick()


def test_a_failed_run_of_another_code_location_is_not_reported_as_ours(
    place: Deployment, hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = RegisteredCodeLocationOrigin("ours")
    monkeypatch.setattr(dg.SensorEvaluationContext, "code_location_origin", here)
    begin_elsewhere(place.instance, "load", dg.DagsterEventType.PIPELINE_FAILURE)
    assert Sensor(place, "failed_runs_sensor").tick() == "0 alerts delivered."
    assert hook.posted == []
