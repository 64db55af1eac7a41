"""Writes mds_epochs.json: the ids that the original's StreamingDataset yields over two shuffled epochs of a real data set.

    python mds_epochs.py DIRECTORY > mds_epochs.json      DIRECTORY = ../shared/data/mds-real

Needs mosaicml-streaming (requirements.txt).
"""
import hashlib
import json
import sys
import tempfile
import warnings

from streaming import StreamingDataset

warnings.simplefilter("ignore")

with tempfile.TemporaryDirectory() as local:
    data = StreamingDataset(remote=sys.argv[1], local=local, batch_size=4, shuffle=True, shuffle_seed=9176,
                            num_canonical_nodes=4, shuffle_algo="py1e", shuffle_block_size=1000)
    epochs = []
    for _ in range(2):
        ids = [sample["id"] for sample in data]
        epochs.append({"count": len(ids), "first": ids[:8],
                       "digest": hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()})
    print(json.dumps(epochs))
