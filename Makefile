# One-word tasks. `make demo` and `make test` do all the set-up on a fresh Debian machine.
PYTHON ?= python3
# Another interpreter gets an environment of its own: `make test-core PYTHON=python3.12`.
VENV := .venv$(if $(filter-out python3 python python3.11,$(notdir $(PYTHON))),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
PACKAGES := $(shell cat apt.txt)
# Without napari: in an environment of its own, so that nothing in src/ can lean on it. The tests of
# one file share what they need, so they stay together.
CORE := $(BIN)/python -m pytest tests --ignore=tests/plugin --ignore=tests/interop \
  -p no:napari -n 2 --dist loadscope -q
# Each of the two processes starts an X server of its own.
WINDOWS := env -u DISPLAY QT_QPA_PLATFORM=xcb $(VENV)-napari/bin/python -m pytest tests/plugin \
  -n 2 --dist loadscope -q

.PHONY: demo test test-core test-plugin test-slow test-all coverage test-interop fuzz lint types contracts docs bench check dist sbom licences lock clean

demo: $(VENV)/core.ok
	$(BIN)/ifspace demo -o demo-report --overwrite

# What a developer runs before every commit; the long ones are marked slow and left out.
test: test-core test-plugin

test-core: $(VENV)/dev.ok $(VENV)/apt.ok
	$(CORE) -m "not slow"

test-plugin: $(VENV)-napari/napari.ok $(VENV)/apt.ok
	$(WINDOWS) -m "not slow"

test-slow: $(VENV)/dev.ok $(VENV)-napari/napari.ok $(VENV)/apt.ok
	$(CORE) -m slow
	$(WINDOWS) -m slow

test-all: coverage $(VENV)-napari/napari.ok $(VENV)/apt.ok
	$(WINDOWS)

# All tests of the library, with what they reach: of everything, and of what makes the millimetres.
coverage: $(VENV)/dev.ok $(VENV)/apt.ok
	$(CORE) --cov=ifspace --cov-branch --cov-report=
	$(BIN)/coverage report --skip-covered --skip-empty --sort=cover --fail-under=80
	$(BIN)/coverage report --fail-under=95 \
	  --include='*/geometry.py,*/ifspace/model/*,*/ifspace/measurement/*,*/ifspace/evidence/*'

# Our objects in programs that are not ours: validators, dcmtk, Orthanc, the OHIF viewer.
test-interop: $(VENV)/dev.ok $(VENV)/apt.ok
	PYTHON=$(BIN)/python sh tests/interop/setup.sh || echo "Not everything installed; what needs it is skipped."
	$(BIN)/python -m pytest tests/interop -q -rs

# A million damaged files for every reader; some hours.
fuzz: $(VENV)/dev.ok
	$(BIN)/python -m tests.fuzz.run --count 1000000

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

check: test-all lint types contracts docs

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

# Pin what was tested, for this version of Python only: others resolve on their own. Then lock every
# version of Python with the hashes of all files. Qt has no wheel for 3.11 below glibc 2.34.
HASHED := --generate-hashes --no-header --no-annotate --no-emit-index-url --constraint constraints.txt \
  --python-platform x86_64-manylinux_2_34
lock: $(VENV)-napari/napari.ok
	$(VENV)-napari/bin/uv pip freeze --python $(VENV)-napari --exclude-editable \
	  | sed "s/$$/ ; python_version == '3.11'/" > constraints.txt
	for v in 3.11 3.12 3.13; do \
	  $(VENV)-napari/bin/uv pip compile -q --upgrade pyproject.toml $(HASHED) --python-version $$v \
	    -o requirements/lock-$$v.txt \
	  && $(VENV)-napari/bin/uv pip compile -q --upgrade pyproject.toml $(HASHED) --python-version $$v \
	    --extra napari -o requirements/lock-napari-$$v.txt || exit 1; \
	done
	touch $(VENV)-napari/napari.ok  # it holds what was just pinned
	$(MAKE) licences

# The licences of what is locked, as the packages state them.
licences: $(VENV)-napari/napari.ok
	$(VENV)-napari/bin/python docs/scripts/licences.py > docs/licences.md

# The wheel, and what it installs: a new environment from the hashed lock, described in CycloneDX
# (which takes the version from a pyproject.toml only where it is written there).
dist:
	rm -rf dist
	$(MAKE) sbom

sbom: $(VENV)/dev.ok
	$(BIN)/hatchling build -t sdist -t wheel
	$(BIN)/uv venv -q --clear --python $(BIN)/python $(VENV)-wheel
	$(BIN)/uv pip install -q --python $(VENV)-wheel --require-hashes \
	  -r requirements/lock-$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt
	$(BIN)/uv pip install -q --python $(VENV)-wheel --no-deps \
	  dist/ifspace-$$($(BIN)/hatchling version)-py3-none-any.whl
	sed "s/^dynamic = .*/version = \"$$($(BIN)/hatchling version)\"/" pyproject.toml > $(VENV)-wheel/pyproject.toml
	$(BIN)/cyclonedx-py environment --pyproject $(VENV)-wheel/pyproject.toml --output-reproducible \
	  -o dist/ifspace-$$($(BIN)/hatchling version).cdx.json $(VENV)-wheel

clean:
	rm -rf $(VENV) $(VENV)-napari $(VENV)-wheel dist .cache site demo-report
