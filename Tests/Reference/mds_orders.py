"""Writes mds_orders.json: shuffled and dealt orders as the original library makes them.

    python mds_orders.py > mds_orders.json

Needs mds_requirements.txt.
"""
import hashlib
import json
import warnings

import numpy as np
from streaming.base.partition.orig import get_partitions_orig
from streaming.base.shuffle import get_shuffle

warnings.simplefilter("ignore")


PLANS = [(9176, 0, 1, 1 << 18), (9176, 3, 4, 64), (2**40 + 7, 1, 2, 500), (0, 2, 8, 1000)]  # seed, epoch, nodes, block


def digest(ids):
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()


def main():
    shuffles, deals = [], []
    rng = np.random.default_rng(1)
    shard_lists = [[10] * 4, [7, 0, 5, 13, 1], [167] * 12 + [35], rng.integers(1, 400, 60).tolist(), [5000, 40, 3000]]
    for sizes in shard_lists:
        for algorithm in ["py1e", "py1br", "py1s", "py2s", "naive"]:
            for seed, epoch, nodes, block in PLANS:
                try:
                    ids = get_shuffle(algorithm, np.array(sizes), nodes, seed, epoch, block)
                except ValueError:
                    continue
                ids = [int(i) for i in ids]
                shuffles.append({"sizes": sizes, "algorithm": algorithm, "seed": seed, "epoch": epoch, "nodes": nodes,
                                 "block": block, "first": ids[:12], "digest": digest(ids)})
    for samples, canonical, nodes, ranks, batch, drop in [
        (100, 1, 1, 1, 8, 0), (103, 4, 2, 3, 5, 0), (103, 2, 4, 2, 4, 0), (17, 3, 6, 4, 2, 0), (1001, 8, 2, 8, 16, 64),
        (5, 8, 4, 2, 3, 0), (9, 1, 1, 8, 2, 0), (64, 2, 8, 1, 1, 8), (3, 2, 1, 8, 1, 0), (8, 8, 8, 1, 1, 0)]:
        try:
            ids = get_partitions_orig(samples, canonical, nodes, ranks, 1, batch, drop)
        except Exception as error:
            print(samples, canonical, nodes, ranks, batch, drop, error, file=__import__("sys").stderr)
            continue
        deals.append({"samples": samples, "canonical": canonical, "nodes": nodes, "ranks": ranks, "batch": batch,
                      "drop": drop, "ids": ids.reshape(nodes, ranks, -1).tolist()})
    print(json.dumps({"shuffles": shuffles, "deals": deals}))


main()
