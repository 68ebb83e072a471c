PYTHON ?= python3
CORES ?= 2
CONFIG ?= config.yaml
RUN = PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: run install lock test test-fast benchmark check check-envs format docs pages figures sentence

run: install
	$(RUN) snakemake --cores $(CORES) --configfile $(CONFIG)

install: .venv/installed

# PyTorch's build for CPUs where pip's index or folder of wheels has it, else PyPI's, which on Linux comes with CUDA
.venv/installed: requirements.lock torch-cpu.lock
	$(PYTHON) -m venv .venv
	if .venv/bin/pip install --quiet --dry-run --no-deps --require-hashes --requirement torch-cpu.lock 2> /dev/null; \
	then sed '/^# PyTorch/,/^# what its tests/d' requirements.lock | cat torch-cpu.lock - > .venv/requirements.lock; \
	else cp requirements.lock .venv/requirements.lock; fi
	.venv/bin/pip install --quiet --require-hashes --requirement .venv/requirements.lock
	touch $@

# Versions stay as locked unless requirements.txt asks for others. A marker that holds wherever the workflow runs is
# left out: elsewhere pip would install nothing, and not say so.
LOCK = $(RUN) uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line
MAC = \(platform_machine == 'arm64'[^)]*'darwin'\)
LINUX = \(platform_machine == 'aarch64'[^)]*'linux'\) or \(platform_machine == 'x86_64'[^)]*'linux'\)
TORCH = /^[a-z]/ {torch = /^(torch|triton|cuda-|nvidia-)/}

lock: install
	cp requirements.lock .venv/run.lock
	cp requirements.lock .venv/all.lock
	sed '/^# what its tests/,$$d' requirements.txt > .venv/run.txt
	$(LOCK) .venv/run.txt --output-file .venv/run.lock
	$(LOCK) requirements.txt --constraint .venv/run.lock --output-file .venv/all.lock
	{ \
		echo "# of requirements.txt, by make lock: pip install --require-hashes --requirement requirements.lock"; \
		printf "\n# what the workflow imports\n"; awk '$(TORCH) !torch' .venv/run.lock; \
		printf "\n# PyTorch as PyPI has it, on Linux with CUDA\n"; awk '$(TORCH) torch' .venv/run.lock; \
		printf "\n# what its tests and checks need besides\n"; \
		awk 'NR == FNR {run[$$1]; next} /^[a-z]/ {more = !($$1 in run)} more' .venv/run.lock .venv/all.lock; \
	} | sed -E "s/\.venv\/run\.txt/requirements.txt/; s/ ; python_full_version < '3.14' and \($(MAC) or $(LINUX)\)//; \
		s/python_full_version < '3.14' and \($(LINUX)\)/sys_platform == 'linux'/" > requirements.lock

# one process more than cores: those of clusters, kills and the hub wait much of their time
test: install
	$(RUN) OMP_NUM_THREADS=1 pytest --numprocesses $$(( $(CORES) + 1 )) --dist loadfile --no-loadscope-reorder

# without those marked slow: for the inner loop
test-fast: install
	$(RUN) OMP_NUM_THREADS=1 pytest --numprocesses $(CORES) --dist worksteal -m "not slow and not sweep"

# a small form of every benchmark, on the default run
benchmark: run
	$(RUN) python benchmarks/run_benchmarks.py

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

# the site of docs/ in results/site (with --quiet, mkdocs lets warnings pass); it works without a server and without a network
docs: install
	$(RUN) NO_MKDOCS_2_WARNING=1 mkdocs build

# the pages that are made from the code: configuration, commands, errors, codebook
pages: install
	$(RUN) PYTHONPATH=scripts python documents/write_pages.py
	$(RUN) python scripts/write_codebook.py --output-codebook docs/codebook.md

# the pictures of README and docs; needs Graphviz and Chromium
figures: run
	$(RUN) snakemake --cores $(CORES) --configfile experiments/evidence.yaml
	cp results/evidence/figures/changes.svg docs/figure_1.svg
	cp results/default/figures/theory.svg docs/theory.svg
	$(RUN) snakemake --rulegraph | dot -Tsvg > docs/rulegraph.svg
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,860 \
		--screenshot=docs/explorer.png file://$(CURDIR)/results/default/explorer.html
	$(RUN) python -c "from PIL import Image; p = 'docs/explorer.png'; Image.open(p).convert('RGB').quantize(256, 1).save(p, optimize=True)"

# the sentence of the README, weighed by the encoder in the directory ENCODER and by one of random parameters
sentence: install
	mkdir -p results/sentence
	printf 'The astronomer pointed her old telescope at Saturn and counted the rings.\n' > results/sentence/text.txt
	$(RUN) python scripts/randomize_encoder.py $(ENCODER) --seed 0 --output-encoder results/sentence/random
	for encoder in $(ENCODER) results/sentence/random; do \
		name=$$([ $$encoder = results/sentence/random ] && echo random || echo trained); \
		$(RUN) python scripts/weigh_sentences.py $$encoder results/sentence/text.txt --output-weights results/sentence/$$name.parquet \
			--output-page results/sentence/$$name.html || exit 1; \
	done
	$(RUN) PYTHONPATH=scripts python documents/draw_sentence.py results/sentence/random.parquet results/sentence/trained.parquet \
		--names "random parameters" "all-MiniLM-L6-v2" --output-plot docs/sentence.svg
