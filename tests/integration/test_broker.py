"""The embedded broker is a real Apache Kafka, and behaves when it is killed, stopped or started twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from sstl.embedded import EmbeddedKafka
from sstl.embedded.errors import DataInUseError, PortTakenError
from sstl.embedded.jars import broker_lock, cache_directory
from sstl.embedded.ports import answers
from sstl.errors import ExitCode

CLEAN = ".kafka_cleanshutdown"
"""Kafka leaves it where everything was written before the end."""
SSTL = [sys.executable, "-c", "from sstl.cli import main; main()"]


def create_topic(bootstrap: str, name: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(name, 1, 1)])
    admin.close()


def topics(bootstrap: str) -> set[str]:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        return {name for name in admin.list_topics() if not name.startswith("__")}
    finally:
        admin.close()


def write(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for value in values:
        producer.send(topic, value).get(20)
    producer.close()


def read(bootstrap: str, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        enable_auto_commit=False,
        consumer_timeout_ms=2000,
    )
    try:
        return [record.value for record in consumer]
    finally:
        consumer.close()


def gone(pid: int, within: float) -> bool:
    try:
        psutil.Process(pid).wait(within)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def test_a_transaction_is_seen_whole_or_not_at_all(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    topic = f"{topic_prefix}-orders"
    create_topic(kafka.bootstrap, topic)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=topic_prefix)
    producer.init_transactions()
    for value, keep in ((b"kept", True), (b"dropped", False)):
        producer.begin_transaction()
        producer.send(topic, value)
        if keep:
            producer.commit_transaction()
        else:
            producer.flush()
            producer.abort_transaction()
    producer.close()
    assert read(kafka.bootstrap, topic) == [b"kept"]


def test_no_topic_appears_by_itself(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    consumer = KafkaConsumer(
        f"{topic_prefix}-undeclared", bootstrap_servers=kafka.bootstrap, consumer_timeout_ms=500
    )
    assert list(consumer) == []
    consumer.close()
    assert f"{topic_prefix}-undeclared" not in topics(kafka.bootstrap)


def test_the_broker_runs_with_the_settings_of_our_delivery(kafka: EmbeddedKafka) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    broker = ConfigResource(ConfigResourceType.BROKER, "1")
    found = admin.describe_configs([broker], config_filter="all")["broker"]["1"]
    admin.close()
    expected = {
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "offsets.retention.minutes": "525600",
        "transactional.id.expiration.ms": "2147483647",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
    }
    assert {name: found[name]["value"] for name in expected} == expected


def test_nothing_listens_beyond_loopback(kafka: EmbeddedKafka) -> None:
    assert kafka.pid
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(kafka.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


def test_a_second_broker_gets_neither_the_port_nor_the_data(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    with pytest.raises(PortTakenError, match=str(kafka.port)):
        EmbeddedKafka(tmp_path, port=kafka.port).start()
    with pytest.raises(DataInUseError, match=rf"process {os.getpid()}"):
        EmbeddedKafka(kafka.data_dir, fresh=True).start()
    assert answers(kafka.port)


def test_data_survive_kill_stop_and_another_port_but_not_a_fresh_start(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path / "missing" / "data")
    try:
        kafka.start()
        port = kafka.port
        create_topic(kafka.bootstrap, "kept")
        write(kafka.bootstrap, "kept", b"before the kill")
        kafka.kill()
        assert not kafka.running
        assert kafka.pid is None
        kafka.start()
        assert kafka.port == port
        write(kafka.bootstrap, "kept", b"after the kill")
        kafka.stop()
        assert (kafka.data_dir / "logs" / CLEAN).exists()
        with EmbeddedKafka(kafka.data_dir) as elsewhere:
            assert elsewhere.port != port
            assert read(elsewhere.bootstrap, "kept") == [b"before the kill", b"after the kill"]
        with EmbeddedKafka(kafka.data_dir, fresh=True) as fresh:
            assert topics(fresh.bootstrap) == set()
    finally:
        kafka.stop()


def test_a_broker_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path, overrides={"log.dirs": f"{tmp_path}/file/logs"})
    (tmp_path / "sstl-broker.json").write_text('{"format": 1, "kafka": "4.0.0"}')
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(Exception, match=r"the embedded broker could not format .*broker\.log"):
        kafka.start()
    assert not kafka.running


STARTER = """
import sys, threading
from sstl.embedded import EmbeddedKafka
kafka = EmbeddedKafka(sys.argv[1])
thread = threading.Thread(target=kafka.start)
thread.start()
thread.join()
print(kafka.pid, kafka.port, flush=True)
sys.stdin.read()
"""


def test_no_broker_is_left_when_its_program_is_killed(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout
        pid, port = map(int, program.stdout.readline().split())
        assert answers(port), "the broker ended with the thread that had started it"
    finally:
        program.kill()
        program.communicate()
    assert gone(pid, within=15)
    assert not answers(port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_the_command_prints_the_address_and_stops_when_asked(
    tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "elsewhere" / "kafka.log"
    data = tmp_path / "data"
    command = subprocess.Popen(
        [*SSTL, "broker", "--port", "0", "--data-dir", str(data), "--log", str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert command.stdout
        host, _, port = command.stdout.readline().strip().partition(":")
        assert host == "127.0.0.1"
        assert answers(int(port))
        # The whole group, as a terminal does it.
        os.killpg(command.pid, number)
        out, err = command.communicate(timeout=30)
    finally:
        command.kill()
        command.wait()
    assert command.returncode == 0, err
    assert out == ""
    assert "ready in" in err
    assert err.endswith("stopped\n")
    assert (data / "logs" / CLEAN).exists()
    assert "BrokerServer" in log.read_text()
    assert not answers(int(port))


def run_broker(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*SSTL, "broker", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_a_first_start_without_network_is_one_clear_line(tmp_path: Path) -> None:
    begun = time.monotonic()
    done = run_broker(
        *("--port", "0", "--data-dir", str(tmp_path / "data")),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        SSTL_MAVEN_REPOSITORY="",
        HTTPS_PROXY="http://127.0.0.1:1",
        https_proxy="http://127.0.0.1:1",
        NO_PROXY="",
        no_proxy="",
    )
    assert done.returncode == ExitCode.UNREACHABLE, done.stderr
    assert done.stdout == ""
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("sstl: ")]
    assert "the first start has to download Apache Kafka" in line
    assert "Traceback" not in done.stderr
    assert time.monotonic() - begun < 30


def test_a_changed_jar_is_refused_by_the_command(tmp_path: Path, kafka: EmbeddedKafka) -> None:
    assert kafka.running  # so the jars are there
    lock = broker_lock()
    real = cache_directory(os.environ) / f"kafka-{lock.kafka_version}"
    copy = tmp_path / "cache" / "sstl" / real.name
    copy.mkdir(parents=True)
    for jar in lock.jars[1:]:
        (copy / jar.name).symlink_to(real / jar.name)
    content = bytearray((real / lock.jars[0].name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / lock.jars[0].name).write_bytes(content)
    done = run_broker(
        *("--port", "0", "--data-dir", str(tmp_path / "data")),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
    )
    assert done.returncode == ExitCode.UNTRUSTED
    assert lock.jars[0].name in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("taken", ["port", "data"])
def test_what_is_taken_is_one_line_and_an_exit_code(
    kafka: EmbeddedKafka, tmp_path: Path, taken: str
) -> None:
    port = str(kafka.port) if taken == "port" else "0"
    data = str(kafka.data_dir) if taken == "data" else str(tmp_path)
    done = run_broker("--port", port, "--data-dir", data)
    assert done.returncode == ExitCode.IN_USE
    assert done.stderr.startswith("sstl: ")
    assert done.stderr.count("\n") == 1
