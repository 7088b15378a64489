# One-word tasks. `make demo` and `make test` do all the set-up on a fresh Debian machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(shell cat apt.txt)
XVFB := xvfb-run -a -s "-screen 0 1600x1000x24" env QT_QPA_PLATFORM=xcb

.PHONY: demo test test-core test-plugin test-interop lint types contracts docs bench check lock clean

demo: $(VENV)/core.ok
	$(BIN)/ifspace demo -o demo-report --overwrite

test: test-core test-plugin

# Without napari: in an environment of its own, so that nothing in src/ can lean on it.
test-core: $(VENV)/dev.ok $(VENV)/apt.ok
	$(BIN)/python -m pytest tests --ignore=tests/plugin --ignore=tests/interop -p no:napari -n 2 -q \
	  --cov=ifspace.geometry --cov=ifspace.model --cov=ifspace.measurement --cov=ifspace.evidence \
	  --cov-branch --cov-fail-under=95 --cov-report=

test-plugin: $(VENV)-napari/napari.ok $(VENV)/apt.ok
	$(XVFB) $(VENV)-napari/bin/python -m pytest tests/plugin -q

# Our objects in programs that are not ours: validators, dcmtk, Orthanc, the OHIF viewer.
test-interop: $(VENV)/dev.ok $(VENV)/apt.ok
	PYTHON=$(BIN)/python sh tests/interop/setup.sh || echo "Not everything installed; what needs it is skipped."
	$(BIN)/python -m pytest tests/interop -q -rs

lint: $(VENV)/dev.ok
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.ok $(VENV)-napari/napari.ok
	$(BIN)/mypy
	$(VENV)-napari/bin/python -m mypy -p napari_ifspace

contracts: $(VENV)/dev.ok
	$(BIN)/lint-imports

docs: $(VENV)/dev.ok
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

check: test lint types contracts docs

bench: $(VENV)/dev.ok
	$(BIN)/python benchmarks/run.py

# ------------------------------------------------------------------------------------ set-up
# uv installs an order of magnitude faster; pip alone does it where uv cannot.
# Debian splits venv off its Python; where it is missing, root gets it and anybody else is told.
define install
	test -x $(1)/bin/python || $(PYTHON) -m venv $(1) \
	  || { rm -rf $(1); apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(1); }
	$(1)/bin/python -m pip install --quiet --upgrade uv \
	  && $(1)/bin/uv pip install --quiet --python $(1) --constraint constraints.txt --editable '.$(2)' \
	  || $(1)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.$(2)'
endef

$(VENV)/core.ok: pyproject.toml constraints.txt
	$(call install,$(VENV),)
	touch $@

$(VENV)/dev.ok: pyproject.toml constraints.txt
	$(call install,$(VENV),[dev$(comma)cluster])
	touch $@ $(VENV)/core.ok

$(VENV)-napari/napari.ok: pyproject.toml constraints.txt
	$(call install,$(VENV)-napari,[dev$(comma)napari$(comma)cluster])
	touch $@

comma := ,

# The system libraries that a window needs, and the programs that judge our DICOM objects.
$(VENV)/apt.ok: apt.txt
	@mkdir -p $(VENV)
	@if dpkg --status $(PACKAGES) >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES); \
	else \
	  echo "These Debian packages are needed: $(PACKAGES)"; echo "Install them as root, then call make again."; exit 1; \
	fi
	touch $@

# Pin what was tested, for this version of Python only: others resolve on their own.
lock: $(VENV)-napari/napari.ok
	$(VENV)-napari/bin/uv pip freeze --python $(VENV)-napari --exclude-editable \
	  | sed "s/$$/ ; python_version == '3.11'/" > constraints.txt

clean:
	rm -rf $(VENV) $(VENV)-napari .cache site demo-report
