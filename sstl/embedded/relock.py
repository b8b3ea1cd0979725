"""Lock the broker's jars anew: ``make lock-broker``, when Apache Kafka is to be another release."""

import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sstl.embedded.jars import LOCK_FILE, LOCK_FORMAT

COORDINATES = (
    "org.apache.kafka:kafka_2.13:4.4.0",
    # Kafka brings log4j, but not what lets its own logging reach it; the version of its log4j-core.
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5",
)


def write_lock(coordinates: Sequence[str], target: Path) -> None:
    """Resolve coordinates anew, download what they need and write the lock (``make lock``).

    Each coordinate is resolved by itself and the first one's choice stands: resolved together, dependency management
    of log4j pulled the Kafka client back to an older release than the broker's.

    Args:
        coordinates: ``group:artifact:version``; the first is the broker, whose version gives the lock its name.
        target: File to write.
    """
    import jgo
    from jgo.maven import MavenContext

    chosen: dict[tuple[str, str], dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as staging:
        context = MavenContext(repo_cache=Path(staging))
        for coordinate in coordinates:
            for artifact in jgo.resolve(coordinate):
                key = (artifact.groupId, artifact.artifactId)
                if key in chosen:
                    continue
                found = context.project(*key).at_version(artifact.version).artifact().resolve()
                content = Path(found).read_bytes()
                chosen[key] = {
                    "coordinate": f"{key[0]}:{key[1]}:{artifact.version}",
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "size": len(content),
                }
    lock = {
        "format": LOCK_FORMAT,
        "kafka": coordinates[0].split(":")[2],
        "jars": list(chosen.values()),
    }
    target.write_text(json.dumps(lock, indent=1) + "\n")


if __name__ == "__main__":
    path = Path(__file__).parent / LOCK_FILE
    write_lock(COORDINATES, path)
    sys.stdout.write(f"{path} written\n")
