"""One stateful stage that counts by key: ours exactly once, stock Faust, Quix Streams, Kafka Streams.

The same events (about 500 bytes, 4 partitions, 10,000 keys) for all, each in one worker process, one after the other:
decode, add to the key's sum, send one message for each event. Events a second and CPU of the worker are taken
between a warm-up after the first output and the end, from the committed end of the output topic. Stock Faust works at
least once; the others exactly once. What is not at hand is said to be not found.
"""

import os
import random
import shutil
import subprocess
import sys
import time
import venv
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jgo
import orjson
import psutil
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from bench import lab
from sstl.embedded.jars import cache_directory

PARTITIONS, KEYS = 4, 10_000
WARM_UP_S = 3.0
STAGES = lab.ROOT / "bench" / "stages"
QUIX = "quixstreams==3.28.1"
KAFKA_STREAMS = "org.apache.kafka:kafka-streams:4.3.0"
FETCH_S = 300


@dataclass(frozen=True, slots=True)
class Figure:
    """What one way of delivery did."""

    events_per_s: float
    cpu_us: float
    broker_us: float
    seconds: float
    """How long it was measured."""
    others: float
    """Cores that everything else on the machine kept busy."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a worker is started."""

    name: str
    command: Sequence[str]
    out: str
    environment: Mapping[str, str]


def events(count: int, topic: str) -> Iterator[tuple[str, int, lab.Record]]:
    """Yield the input, the same at each run."""
    draw = random.Random(1)
    for seq in range(count):
        key = f"SYAU{draw.randrange(KEYS):07d}"
        event = {"event_id": f"event-{seq}", "key": key, "seq": seq, "filler": "x" * 420}
        yield topic, zlib.crc32(key.encode()) % PARTITIONS, (key.encode(), orjson.dumps(event))


def run(lab_: lab.Lab, way: Way, count: int, most_s: float) -> Figure:
    """Run one worker over the input, at most so long."""
    broker = psutil.Process(lab_.broker_pid)
    ends = lab.Ends(lab_.bootstrap, {way.out: PARTITIONS})
    elsewhere = 0.0
    try:
        with lab.process(lab_, way.name.replace(" ", "-"), way.command, way.environment) as worker:
            lab.await_true(lambda: ends.total() > 100, worker, timeout_s=90, what="first output")
            time.sleep(WARM_UP_S)
            samples = []
            others = lab.Others(worker, broker)
            while True:
                now = (time.monotonic(), ends.total(), lab.cpu_s(worker), lab.cpu_s(broker))
                samples.append(now)
                if now[1] >= 0.95 * count or now[0] - samples[0][0] > most_s:
                    break
                lab.alive(worker)
                time.sleep(0.25)
            elsewhere = others.cores()
    finally:
        ends.close()
    (began, first, cpu, broker_cpu), (ended, last, cpu_end, broker_end) = samples[0], samples[-1]
    done = last - first
    if done <= 0:
        raise RuntimeError(f"{way.name}: nothing was left after the warm-up")
    took = ended - began
    per_event = 1e6 / done
    return Figure(
        done / took,
        (cpu_end - cpu) * per_event,
        (broker_end - broker_cpu) * per_event,
        took,
        elsewhere,
    )


def quix_python() -> Path | str:
    """Return a Python with Quix Streams, made on demand; else why there is none."""
    home = cache_directory(os.environ) / "bench" / QUIX.replace("==", "-")
    python = home / "bin" / "python"
    check = [str(python), "-c", "import quixstreams"]
    if (
        python.exists()
        and subprocess.run(check, capture_output=True, timeout=60, check=False).returncode == 0
    ):
        return python
    lab.say(f"   fetching {QUIX} into an environment of its own, once")
    try:
        venv.create(home, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-input", QUIX]
        subprocess.run(pip, capture_output=True, timeout=FETCH_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(home, ignore_errors=True)
        return f"{QUIX} could not be installed ({type(error).__name__})"
    return python


def kafka_streams_classpath(directory: Path) -> str | tuple[str, str]:
    """Return (java, class path) of the compiled Kafka Streams worker; else why there is none."""
    javac = shutil.which("javac")
    if javac is None and os.environ.get("JAVA_HOME"):
        javac = shutil.which("javac", path=str(Path(os.environ["JAVA_HOME"]) / "bin"))
    if javac is None:
        return "no javac on the path or in JAVA_HOME"
    # javac may be a link into the JDK; java is the one beside the real file
    java = Path(javac).resolve().parent / "java"
    try:
        fetched = jgo.build(KAFKA_STREAMS, cache_dir=cache_directory(os.environ) / "bench" / "jgo")
    except Exception as error:  # whatever jgo raises, the other figures are still wanted
        return f"{KAFKA_STREAMS} could not be fetched ({type(error).__name__})"
    jars = ":".join(str(jar) for jar in fetched.all_jars)
    compiled = subprocess.run(
        [javac, "-cp", jars, "-d", str(directory), str(STAGES / "KafkaStreamsCount.java")],
        capture_output=True,
        timeout=120,
        check=False,
    )
    if compiled.returncode:
        return f"javac failed: {compiled.stderr.decode()[:300]}"
    return str(java), f"{directory}:{jars}"


def ways(
    lab_: lab.Lab, source: str, settings: Mapping[str, str]
) -> Iterator[Way | tuple[str, str]]:
    """Yield how each worker is started, or (name, why it cannot be)."""
    plain = {"PATH": os.environ.get("PATH", ""), "HOME": str(lab_.directory)}
    directory = lab_.directory

    def arguments(name: str) -> list[str]:
        return [lab_.bootstrap, name, source, f"{name}-out"]

    yield Way(
        "ours exactly once",
        [sys.executable, str(STAGES / "ours.py")],
        "bench.findings.v1",
        lab_.environment("bench", settings, partitions=PARTITIONS),
    )
    faust = [sys.executable, str(STAGES / "stock_faust.py"), *arguments("faust")]
    yield Way(
        "stock Faust",
        [*faust, str(PARTITIONS), str(directory / "faust")],
        "faust-out",
        plain,
    )
    python = quix_python()
    if isinstance(python, str):
        yield "Quix Streams exactly once", python
    else:
        quix = [str(python), str(STAGES / "quix.py"), *arguments("quix"), str(directory / "quix")]
        yield Way("Quix Streams exactly once", quix, "quix-out", plain)
    found = kafka_streams_classpath(directory)
    if isinstance(found, str):
        yield "Kafka Streams exactly once", found
    else:
        java, classpath = found
        command = [java, "-Xmx1g", "-cp", classpath, "KafkaStreamsCount", *arguments("kstreams")]
        yield Way(
            "Kafka Streams exactly once",
            [*command, str(directory / "kstreams")],
            "kstreams-out",
            plain,
        )


def measure(
    lab_: lab.Lab, count: int, most_s: float, settings: Mapping[str, str]
) -> dict[str, Figure]:
    """Run all that can be run."""
    topics = lab_.topics("bench", PARTITIONS)
    source = topics["journeys"].name
    admin = KafkaAdminClient(bootstrap_servers=lab_.bootstrap)
    admin.create_topics(
        [NewTopic(f"{n}-out", PARTITIONS, 1) for n in ("faust", "quix", "kstreams")]
    )
    admin.close()
    began = time.monotonic()
    lab.write(lab_.bootstrap, events(count, source))
    lab.say(f"   {count:,} events written in {time.monotonic() - began:.1f} s")
    figures = {}
    for way in ways(lab_, source, settings):
        if isinstance(way, tuple):
            lab.say(f"   {way[0]:27} not found: {way[1]}")
            continue
        figure = figures[way.name] = run(lab_, way, count, most_s)
        lab.say(
            f"   {way.name:27} {figure.events_per_s:9,.0f} events/s  worker {figure.cpu_us:7.1f} us/event"
            f"  broker {figure.broker_us:6.1f} us/event"
            f"  over {figure.seconds:4.1f} s, others {figure.others:.2f} cores"
        )
    return figures


def main() -> None:
    """Measure and print the ratios."""
    parser = lab.arguments(__doc__)
    parser.add_argument(
        "--events", type=int, help="input events [default: 2,000,000; quick 400,000]"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of our worker"
    )
    options = parser.parse_args()
    count = options.events or (400_000 if options.quick else 2_000_000)
    settings = dict(item.split("=", 1) for item in options.set)
    lab.title("stage: one counting stage")
    with lab.lab() as lab_:
        figures = measure(lab_, count, 5.0 if options.quick else 20.0, settings)
    ours = figures["ours exactly once"]
    for name, other in figures.items():
        if other is not ours:
            lab.say(
                f"   ours against {name}: {ours.events_per_s / other.events_per_s:.1f} times the events/s,"
                f" 1/{other.cpu_us / ours.cpu_us:.1f} of the worker's CPU"
            )
    faust = figures["stock Faust"]
    lab.goal("20 x stock Faust's events/s", met=ours.events_per_s >= 20 * faust.events_per_s)
    lab.goal("1/20 of stock Faust's CPU", met=ours.cpu_us * 20 <= faust.cpu_us)
    for name, factor in (("Quix Streams exactly once", 2), ("Kafka Streams exactly once", 1)):
        if name in figures:
            met = ours.events_per_s >= factor * figures[name].events_per_s
            lab.goal(f"{factor} x {name}'s events/s", met=met)


if __name__ == "__main__":
    main()
