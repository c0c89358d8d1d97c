# make demo   synthesise, prepare and look at a small corpus: no data, no network needed
# make test   the tests          make check   style, types, import layers
# make test-scale  faults of a cluster: machines killed and frozen, jobs out of time; minutes
# make results DATA=corpus       measure the recipes that have weights, and keep what they reached
# make bench-prepare             gridkit against the public way, on real clips
# make bench-scale               Ray beside local processes, overhead per batch, bytes that travel
# make bench-evaluate            scoring: the public libraries called plainly, on real clips
# make bench-read BESIDE=GRIDKIT gridkit read, whole commands, beside another gridkit executable
# make bench-train               a training step of LipNet, a plain PyTorch step, steps of the voices
# make bench-speak               voices, frames to sound, beside lipnet-s1 and plain PyTorch
# make bench-publish             crops through `datasets`, and what publishing sends, on real clips
# make bench-leaderboard         the site of 200 systems, and of one more
# make bench-million             a corpus of a million clips, in metadata
PYTHON ?= python3
VENV ?= .venv
DATA ?= corpus
RECIPES ?= lipnet-s1 recogniser-s1 judge-s1
SPLIT ?= s1:test
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-scale check install results bench-prepare bench-scale bench-evaluate bench-read bench-train bench-speak bench-publish bench-leaderboard bench-million

install: $(INSTALLED)

# torch first and pinned: unconstrained, pip takes gigabytes of CUDA
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt torch
	$(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	touch $@

demo: $(INSTALLED)
	$(BIN)/gridkit quickstart demo

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist worksteal

test-scale: $(INSTALLED)
	$(BIN)/python -m pytest -p no:xdist -m scale tests/scale tests/compute

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

results: $(INSTALLED)
	for recipe in $(RECIPES); do for decoding in greedy beam grammar; do \
	  $(BIN)/gridkit evaluate --model recipes/$$recipe --decoding $$decoding --data $(DATA) \
	    --split $(SPLIT) --out $$(mktemp -d)/result --record || exit; done; done

bench-prepare: $(INSTALLED)
	$(BIN)/python benchmarks/bench_prepare.py

bench-scale: $(INSTALLED)
	$(BIN)/python benchmarks/bench_scale.py

bench-evaluate: $(INSTALLED)
	$(BIN)/python benchmarks/bench_evaluate.py

bench-read: $(INSTALLED)
	$(BIN)/python benchmarks/bench_read.py $(CLIPS) $(if $(BESIDE),--beside $(BESIDE))

bench-train: $(INSTALLED)
	$(BIN)/python benchmarks/bench_train.py
	$(BIN)/python benchmarks/bench_train_voices.py

bench-speak: $(INSTALLED)
	$(BIN)/python benchmarks/bench_speak.py

bench-publish: $(INSTALLED)
	$(BIN)/python benchmarks/bench_publish.py

bench-leaderboard: $(INSTALLED)
	$(BIN)/python benchmarks/bench_leaderboard.py

bench-million: $(INSTALLED)
	$(BIN)/python benchmarks/bench_million.py
