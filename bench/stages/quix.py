"""The counting stage on Quix Streams, exactly once. Runs in an environment of its own.

``python quix.py BOOTSTRAP GROUP SOURCE OUT STATE_DIR``
"""

import sys
from typing import Any

# not installed where the rest is checked
from quixstreams import Application, State  # type: ignore[import-not-found, unused-ignore]


def main() -> None:
    """Run the worker."""
    bootstrap, group, source, out, state_dir = sys.argv[1:6]
    app = Application(
        broker_address=bootstrap,
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        state_dir=state_dir,
        loglevel="WARNING",
    )

    def count(event: dict[str, Any], state: State) -> dict[str, Any]:
        known = state.get("sum", default=[0, 0])
        state.set("sum", [known[0] + 1, known[1] + event["seq"]])
        return {"id": event["event_id"], "count": known[0] + 1}

    topic = app.topic(source, key_deserializer="str", value_deserializer="json")
    frame = app.dataframe(topic)
    frame.apply(count, stateful=True).to_topic(
        app.topic(out, key_serializer="str", value_serializer="json")
    )
    app.run()


if __name__ == "__main__":
    main()
