PYTHON ?= python3
CORES ?= 2
CONFIG ?= config.yaml
RUN = PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: run install test check format docs

run: install
	$(RUN) snakemake --cores $(CORES) --configfile $(CONFIG)

install: .venv/installed

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --requirement requirements.txt
	touch $@

test: install
	$(RUN) OMP_NUM_THREADS=1 pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder

check: install
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile rules
	$(RUN) mypy scripts/common
	$(RUN) snakemake --lint

format: install
	$(RUN) ruff check --fix .
	$(RUN) ruff format .
	$(RUN) snakefmt Snakefile rules

# the pictures of the README; needs Graphviz and Chromium
docs: run
	cp results/default/figures/changes.svg docs/figure_1.svg
	$(RUN) snakemake --rulegraph | dot -Tsvg > docs/rulegraph.svg
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,860 \
		--screenshot=docs/explorer.png file://$(CURDIR)/results/default/explorer.html
	$(RUN) python -c "from PIL import Image; p = 'docs/explorer.png'; Image.open(p).convert('RGB').quantize(256, 1).save(p, optimize=True)"
