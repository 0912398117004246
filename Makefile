# Needs make and Python 3.11 or newer; everything else is installed from locks/ into .venvs/.
PYTHON ?= python3
KEEP ?=
ARGS ?=
JOBS ?= auto
RUNS ?= 50000
KILLS ?= 500
RACES ?= 10000
DEV := .venvs/dev/bin/python
LINT := .venvs/lint/bin/python
UV := .venvs/installer/bin/uv
GROUPS := installer runtime dev sandbox lint checkov
CODE := $(wildcard layers/core/quittance functions sandbox ops bench tests)
export PYTHONPATH := $(CURDIR)/layers/core
.DELETE_ON_ERROR:
.PHONY: help demo test faults lint docs bench build deploy lock

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## /make \1\t/p' Makefile | expand -t 16

demo: .venvs/sandbox/.stamp ## run the whole world on this machine; KEEP=1 leaves it running
	.venvs/sandbox/bin/python -m sandbox demo $(if $(KEEP),--keep)

test: .venvs/dev/.stamp .venvs/sandbox/.stamp ## run every test; ARGS="-k refund" narrows, JOBS=0 runs in one process
	$(DEV) -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

faults: .venvs/dev/.stamp .venvs/sandbox/.stamp ## run the fault laboratory whole; RUNS=1000000 seeds, SEED=7 tells the story of one
	$(DEV) -m tests.faults.laboratory $(if $(SEED),--seed $(SEED),--runs $(RUNS))
ifndef SEED
	$(DEV) -m pytest tests/model --quiet
	QUITTANCE_FAULTS=all QUITTANCE_PAIRS=all QUITTANCE_GUARDS=all \
	  $(DEV) -m pytest tests/faults --numprocesses $(JOBS) --dist load $(ARGS)
	QUITTANCE_KILLS=$(KILLS) QUITTANCE_RACES=$(RACES) \
	  $(DEV) -m pytest tests/e2e/test_killed_for_real.py tests/faults/test_races.py
endif

lint: .venvs/dev/.stamp .venvs/lint/.stamp .venvs/checkov/.stamp ## format, rules, types, doors, generated pages, template
	$(DEV) -m ruff format --check .
	$(DEV) -m ruff check .
	$(DEV) -m mypy $(CODE)
	.venvs/dev/bin/lint-imports --no-logo
	$(DEV) -m ops.generate --check
	.venvs/lint/bin/cfn-lint template.yaml
	$(LINT) -m samcli validate --lint
	.venvs/checkov/bin/python -m checkov.main --config-file .checkov.yaml
	$(LINT) -m bandit --quiet --configfile pyproject.toml --recursive layers/core/quittance functions ops # what runs elsewhere is judged by ruff's S

docs: .venvs/dev/.stamp ## write the generated pages again
	$(DEV) -m ops.generate

bench: .venvs/sandbox/.stamp ## measure; the results are written by the run
	.venvs/sandbox/bin/python -m bench

build: .venvs/lint/.stamp ## build the functions and layers for AWS
	$(LINT) -m samcli build

deploy: build .venvs/dev/.stamp ## deploy to AWS, then publish the policies
	$(LINT) -m samcli deploy
	$(DEV) -m ops policy publish

lock: $(UV) ## resolve the dependency groups again
	for group in $(GROUPS); do $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	  --group $$group --output-file locks/$$group.txt || exit 1; done
	$(MAKE) -C layers/dependencies requirements.txt

# The installer is the one environment that pip makes; it fills the others five times faster than pip would.
$(UV): locks/installer.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer needed: make PYTHON=python3.13")'
	$(PYTHON) -m venv --clear .venvs/installer
	.venvs/installer/bin/python -m pip install --quiet --require-hashes --requirement $<
	touch $@

# Where uv cannot reach the index that pip is set up for, pip does the work.
.venvs/%/.stamp: locks/%.txt | $(UV)
	$(PYTHON) -m venv --clear --without-pip .venvs/$*
	$(UV) pip install --quiet --python .venvs/$*/bin/python --require-hashes --requirement $< \
	  || .venvs/installer/bin/python -m pip --python .venvs/$*/bin/python install --quiet --require-hashes --requirement $<
	touch $@
