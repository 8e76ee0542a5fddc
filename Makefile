# make lab     opens the course.   make help     lists the rest.
# Plain make syntax: GNU make and BSD make both read it.

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8888
LAB_FLAGS ?=
PYTEST_FLAGS ?=
NBVAL_FLAGS ?=

PY = $(VENV)/bin/python
LAB_STAMP = $(VENV)/.installed-lab
FULL_STAMP = $(VENV)/.installed-full

# Makes the virtual environment when there is none. One line when Python is too old.
MAKE_VENV = test -x $(PY) || { \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
		echo "error: Python 3.10 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1 | head -n 1): try 'make PYTHON=python3.12 ...'" >&2; exit 1; }; \
	echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); }

# Installs the package with the extras that follow, and shows large downloads and pip's last step only.
# pip's errors go to the terminal as they are; the stamp is written when pip succeeded.
INSTALL = echo "installing $(VENV) (minutes the first time, seconds afterwards)"; rm -f $(VENV)/.pip-ok; \
	{ $(PY) -m pip install --disable-pip-version-check --progress-bar off -c constraints.txt -e "$$extras" \
	&& : > $(VENV)/.pip-ok; } \
	| awk '/Downloading .*([0-9][0-9]([.][0-9])?|[0-9][0-9][0-9]([.][0-9])?) [MG]B/ { sub(/^ */, "  "); print; fflush() } \
	       /^Installing collected/ { print "  installing " NF - 3 " packages"; fflush() }'; \
	test -f $(VENV)/.pip-ok || { echo "error: the installation failed, see above; the next make tries again" >&2; exit 1; }

.PHONY: help lab test test-slow check notebooks publish figures bench

help:
	@echo "make lab        install the course, open notebooks/00_start_here.ipynb    PORT=8888 LAB_FLAGS='--no-browser'"
	@echo "make test       unit tests, then every notebook against its stored outputs  PYTEST_FLAGS='-k dct' NBVAL_FLAGS='-x'"
	@echo "make test-slow  the tests that take minutes"
	@echo "make check      ruff and mypy"
	@echo "make notebooks  run every notebook and store its outputs in place"
	@echo "make publish    stamp the address of the published copy into lessons and README  REPO=OWNER/NAME"
	@echo "make figures    the READMEs' pictures, from a run on MixLite"
	@echo "make bench      every script in benchmarks/, results in benchmarks/results/"
	@echo "All of them create $(VENV) with PYTHON=$(PYTHON) (3.10 or newer) when it is missing."

# The full set contains what the course needs, so it satisfies 'make lab' too.
$(LAB_STAMP): pyproject.toml constraints.txt
	@$(MAKE_VENV)
	@extras='.[lab,course,baselines]'; $(INSTALL)
	@touch $(LAB_STAMP)

$(FULL_STAMP): pyproject.toml constraints.txt
	@$(MAKE_VENV)
	@extras='.[lab,course,baselines,test,dev]'; $(INSTALL)
	@touch $(LAB_STAMP) $(FULL_STAMP)

lab: $(LAB_STAMP)
	$(PY) -m jupyter lab --port=$(PORT) --ServerApp.root_dir="$$(pwd)" \
		$$(test "$$(id -u)" != 0 || echo --allow-root) $(LAB_FLAGS) notebooks/00_start_here.ipynb

# Two notebooks at a time, one thread each: two threads in each of two processes wait for one another on two cores.
test: $(FULL_STAMP)
	$(PY) -m pytest tests -q $(PYTEST_FLAGS)
	unset MMSNET_DATA; MMSNET_STATIC=1 OMP_NUM_THREADS=1 \
		$(PY) -m pytest --nbval notebooks -q -n 2 --dist loadscope $(NBVAL_FLAGS)

test-slow: $(FULL_STAMP)
	$(PY) -m pytest tests -q -m slow $(PYTEST_FLAGS)

check: $(FULL_STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy mmsnet_lite

notebooks: $(FULL_STAMP)
	$(PY) -m mmsnet_lite.course.build

publish: $(FULL_STAMP)
	@$(PY) -m mmsnet_lite.course.publish "$(REPO)"

bench: $(FULL_STAMP)
	@for script in benchmarks/*.py; do echo "$$script"; $(PY) "$$script" || exit 1; done

# The READMEs' pictures, from a fresh default run on MixLite.
figures: $(FULL_STAMP)
	test -f runs/mmsnet-mixlite-96-seed0/test.json || $(PY) -m mmsnet_lite train --mix mixlite \
		$$(test ! -d runs/mmsnet-mixlite-96-seed0 || echo --resume)
	$(PY) -m mmsnet_lite.course.overview runs/mmsnet-mixlite-96-seed0 figures
	$(PY) -m mmsnet_lite data report --mix mixlite --out runs/report-mixlite
	cp runs/report-mixlite/report.png figures/mixlite.png
