"""Prints the scalars of an event file (or of a directory of them) as TensorBoard's own reader finds them.

    python tensorboard_check.py FILE|DIR

One JSON object a line: {"tag", "step", "value", "wall_time"}. Exit status 1 when there is none.
"""
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import SCALARS, TENSORS, EventAccumulator
from tensorboard.util.tensor_util import make_ndarray


def main(path):
    events = EventAccumulator(path, size_guidance={SCALARS: 0, TENSORS: 0}).Reload()
    tags, count = events.Tags(), 0
    for tag in sorted(tags["scalars"]):
        for event in events.Scalars(tag):
            print(json.dumps({"tag": tag, "step": event.step, "value": event.value, "wall_time": event.wall_time}))
            count += 1
    for tag in sorted(tags["tensors"]):
        for event in events.Tensors(tag):
            value = make_ndarray(event.tensor_proto).item()
            print(json.dumps({"tag": tag, "step": event.step, "value": value, "wall_time": event.wall_time}))
            count += 1
    return 0 if count else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
