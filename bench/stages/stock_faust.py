"""The counting stage as Faust's documentation writes it: a table write and a send per event, at least once.

``python stock_faust.py BOOTSTRAP GROUP SOURCE OUT PARTITIONS DATA_DIR``
"""

import sys
from typing import Any

import faust


def main() -> None:
    """Run the worker."""
    bootstrap, group, source, out_name, partitions, data = sys.argv[1:7]
    app = faust.App(
        group,
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=data,
        web_enabled=False,
        topic_partitions=int(partitions),
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        stream_recovery_delay=0.1,
    )
    out = app.topic(out_name, key_type=str, value_serializer="json", allow_empty=False)
    sums: Any = app.Table("sums", default=lambda: [0, 0], key_type=str)

    @app.agent(app.topic(source, key_type=str, value_serializer="json"))
    async def counting(stream: Any) -> None:
        async for event in stream:
            key = event["key"]
            count, total = sums[key]
            sums[key] = [count + 1, total + event["seq"]]
            await out.send(key=key, value={"id": event["event_id"], "count": count + 1})

    faust.Worker(app, loglevel="WARNING", quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main()
