PYTHON ?= python3
CORES ?= 2
CONFIG ?= config.yaml
RUN = PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: run install test check check-envs format docs

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
	$(RUN) mypy scripts
	$(RUN) snakemake --lint

# each environment of envs/ must be resolvable on its own from PyPI
check-envs: install
	for env in envs/*.yaml; do \
		echo $$env; \
		$(RUN) python -c "import sys, yaml; print(*yaml.safe_load(sys.stdin)['dependencies'][-1]['pip'], sep='\n')" < $$env > .venv/environment.txt \
		&& .venv/bin/pip install --quiet --dry-run --ignore-installed --requirement .venv/environment.txt || exit 1; \
	done

format: install
	$(RUN) ruff check --fix .
	$(RUN) ruff format .
	$(RUN) snakefmt Snakefile rules

# the pictures of the README; needs Graphviz and Chromium
docs: run
	cp results/default/figures/changes.svg docs/figure_1.svg
	cp results/default/figures/theory.svg docs/theory.svg
	$(RUN) snakemake --rulegraph | dot -Tsvg > docs/rulegraph.svg
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,860 \
		--screenshot=docs/explorer.png file://$(CURDIR)/results/default/explorer.html
	$(RUN) python -c "from PIL import Image; p = 'docs/explorer.png'; Image.open(p).convert('RGB').quantize(256, 1).save(p, optimize=True)"
