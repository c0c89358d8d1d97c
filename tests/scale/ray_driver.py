"""A run of prepare on a Ray cluster, in batches of one clip: FOLDER SOURCE ADDRESS."""

import sys
from pathlib import Path

from support.slow_work import slow_work

from gridkit.compute.ray_cluster import RayCluster
from gridkit.prepare import pipeline, plan
from gridkit.prepare.request import make_settings


def main() -> None:
    folder, source, address = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    plan.CLIPS_PER_SHARD = 1
    pipeline.work = slow_work
    request = pipeline.Request(folder, source, "talking", make_settings(()))
    with RayCluster(address) as cluster:
        pipeline.prepare_corpus(request, executor=cluster)


if __name__ == "__main__":
    main()
