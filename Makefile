# The two commands of the README: `make demo` and `make test`. Everything else is for those who change something.
# All of it happens in .venv; nothing is installed outside, except mosquitto by `make test` where it may (see broker).

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .constraints.txt
# Many tests wait for a broker or a meter: one worker more than the two processors of a small machine.
JOBS   ?= 3

.PHONY: help demo test check conformance bench fuzz soak lint build dist deb site broker reference constraints clean
help:            ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/demo.stamp   ## four simulated meters, a broker, the bridge, a live table; Ctrl-C ends it
	@$(BIN)/ciibridge demo $(ARGS)

test: $(VENV)/dev.stamp broker   ## all tests (captures of real meters: CII_CAPTURES, default ../shared/captures)
	@$(BIN)/pytest -n $(JOBS) --dist loadfile $(ARGS)

check: lint      ## linters, types, import directions, and that generated/ is what the schema says
	@$(BIN)/ciigen check

conformance: $(VENV)/dev.stamp broker   ## prove it on the real mosquitto, Home Assistant, ioBroker … (installed once, kept in ~/.cache)
	@$(BIN)/python tests/conformance $(ARGS)

fuzz: $(VENV)/dev.stamp   ## coverage-guided fuzzing with atheris (ARGS="--runs N --seconds S TARGET …"); its short form is a test
	@$(PIP) '.[fuzz]'
	@cd tests && ../$(BIN)/python -m fuzz $(ARGS)

bench: $(VENV)/dev.stamp broker   ## what a telegram costs here, beside other readers on the same octets
	@cd tests && PYTHONPATH=bridge/service ../$(BIN)/python -m bench

soak: $(VENV)/dev.stamp broker   ## kill, cut and tear away, and count what is lost (PART=broker COUNT=200 ARGS="--seed N …"; docs/soak.md)
	@cd tests && PYTHONPATH=bridge/service ../$(BIN)/python -m chaos $(if $(COUNT),--count $(COUNT)) $(ARGS) $(PART)

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --config pyproject.toml

build: $(VENV)/dev.stamp   ## write generated/ anew from schema/
	@$(BIN)/ciigen build

site: $(VENV)/dev.stamp   ## the documentation as one site, in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --config-file docs/site/mkdocs.yml
	@echo "look at it:  python3 -m http.server --directory build/site"

broker:          # the tests want a real mosquitto; without one they use amqtt and say so
	@PATH="$$PATH:/usr/sbin"; command -v mosquitto >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing mosquitto for the tests"; \
	    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y mosquitto; } >/dev/null 2>&1 \
	      || echo "mosquitto could not be installed: the tests use amqtt"; \
	  else echo "mosquitto is missing (apt install mosquitto): the tests use amqtt"; fi; }

# A venv without pip is what a bare Debian leaves behind when python3-venv is missing: say so instead of failing later.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: $$($(PYTHON) --version) found (PYTHON=… chooses another)"; exit 2; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 \
	  || { rm -rf $(VENV); \
	       if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	         echo "installing python3-venv"; \
	         { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv; } >/dev/null \
	           && $(PYTHON) -m venv $(VENV); \
	       else echo "the venv module of Python is missing: sudo apt install python3-venv"; exit 2; fi; }

$(VENV)/demo.stamp: $(VENV)/bin/python pyproject.toml .constraints.txt
	@echo "installing ciigen into $(VENV) (once, a minute or two)"
	@$(PIP) --editable '.[demo]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/bin/python pyproject.toml .constraints.txt
	@echo "installing ciigen and its test tools into $(VENV) (once, two or three minutes)"
	@$(PIP) --editable '.[demo,dev,docs]'
	@touch $@ $(VENV)/demo.stamp

dist: $(VENV)/dev.stamp   ## wheel and sdist in dist/, for pip and pipx
	@rm -rf dist && $(BIN)/hatchling build

deb:             ## Debian package of the service in dist/, for the Debian that this is
	@integrations/debian/build dist

reference: $(VENV)/dev.stamp   ## write docs/reference anew from --help
	@$(BIN)/python tests/docs/reference_pages.py docs/reference

constraints: $(VENV)/dev.stamp   ## pin what is installed now
	@{ echo "# Exact versions of everything that \`make\` installs; made by \`make constraints\`."; \
	   $(BIN)/python -m pip freeze --exclude-editable | grep -v '@' | sort -f; } > .constraints.txt

clean:           ## remove .venv and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
