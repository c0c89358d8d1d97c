"""An evaluation on a Ray cluster, in parts of one clip: OUT CORPUS MODEL ADDRESS."""

import sys
from pathlib import Path

from gridkit.compute.choose import Where
from gridkit.evaluation import elsewhere
from gridkit.evaluation.options import Options
from gridkit.evaluation.run import evaluate
from gridkit.evaluation.subset import open_subset
from gridkit.evaluation.systems.spec import parse_model
from gridkit.store.reader import open_corpus

SPLIT = "synthetic-seen:train"


def main() -> None:
    out, corpus, model, address = sys.argv[1:]
    elsewhere.FEWEST = elsewhere.SCORED_AT_A_TIME = 1
    subset = open_subset(open_corpus(Path(corpus)), SPLIT)
    options = Options(timed=False, workers=1, where=Where("ray", address))
    evaluate(parse_model(model), subset, Path(out), options)


if __name__ == "__main__":
    main()
