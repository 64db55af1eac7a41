"""Prints every sample of an MDS data set as the original library reads it, one JSON object a line.

    python mds_samples.py DIRECTORY > mds_fixtures.jsonl

Arrays become nested lists, bytes and images {"base64": ...}. Needs mds_requirements.txt.
"""
import base64
import json
import sys
from decimal import Decimal

import numpy as np
from streaming.base.format import reader_from_json
from streaming.base.format.mds.encodings import mds_decode


def show(encoding, data):
    if encoding in ("bytes", "pil", "png", "list[png]", "jpeg", "pkl"):
        return {"base64": base64.b64encode(data).decode()}
    value = mds_decode(encoding, data)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return str(value) if isinstance(value, Decimal) else value


def main(directory):
    index = json.load(open(f"{directory}/index.json"))
    for shard in index["shards"]:
        shard = dict(shard)
        reader = reader_from_json(directory, "", shard)
        for number in range(reader.samples):
            data = reader.get_sample_data(number)
            variable = sum(size is None for size in reader.column_sizes)
            sizes = iter(np.frombuffer(data[: 4 * variable], np.uint32))
            offset = 4 * variable
            sample = {}
            for name, encoding, size in zip(reader.column_names, reader.column_encodings, reader.column_sizes):
                size = int(next(sizes)) if size is None else size
                sample[name] = show(encoding, data[offset : offset + size])
                offset += size
            print(json.dumps(sample))


main(sys.argv[1])
