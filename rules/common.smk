import glob
import os
import shlex
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))
from common.workflow.configuration import (
    ConfigError,
    derive_seed,
    foreign_tokenizers,
    has_exact,
    refuse_repeated_keys,
    root_of,
    unpinned,
    validated,
)
from common.workflow.submission import NO_SLURM, refusals

CONFIG_FILES = " ".join(os.path.relpath(file) for file in workflow.configfiles)

try:
    for file in workflow.configfiles:
        refuse_repeated_keys(Path(file))
    config = validated(config)
except ConfigError as error:
    print(f"{CONFIG_FILES}: {error}", file=sys.stderr)
    sys.exit(1)


def on_slurm():
    return workflow.executor_plugin.name == "slurm"


onstart:
    if unpinned(config):
        print(
            f"{CONFIG_FILES}: {', '.join(unpinned(config))}: no commit yet; run once, online: "
            f"python scripts/pin_revisions.py {CONFIG_FILES}",
            file=sys.stderr,
        )
        sys.exit(1)
    if on_slurm():
        refused = refusals(workflow) if shutil.which("sbatch") else [NO_SLURM]
        if refused:
            print(*refused, sep="\n", file=sys.stderr)
            sys.exit(1)
    folder = Path(f"results/{config['run']}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = os.access(folder, os.W_OK)
    except OSError:
        written = False
    if not written:
        print(
            f"{folder} cannot be written; see who may, and whether its disk can",
            file=sys.stderr,
        )
        sys.exit(1)


onerror:
    if on_slurm():
        for refusal in refusals(workflow):
            print(refusal, file=sys.stderr)


# Downloads alone may reach the hub, as far as the user's HF_HUB_OFFLINE lets them. Snakemake itself
# sets the threads of numerical libraries (OMP_NUM_THREADS and its like), not of these. A job
# computes on one GPU: the first that it may see.
shell.prefix(
    "set -euo pipefail; asked=${{HF_HUB_OFFLINE:-0}}; export HF_HUB_OFFLINE=1"
    " POLARS_MAX_THREADS=$OMP_NUM_THREADS RAYON_NUM_THREADS=$OMP_NUM_THREADS"
    " CUDA_VISIBLE_DEVICES=${{CUDA_VISIBLE_DEVICES-0}}; "
)

# Idle threads that spin slow jobs on a shared machine tenfold.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

CORPORA = config["corpora"]
ENCODERS = config["encoders"]
COMPARISONS = config["comparisons"]
WEIGHTS = config["weights"]
ANALYSIS = config["analysis"]
THEORY = config["theory"]
FOREIGN_TOKENIZERS = foreign_tokenizers(config)
GPUS = int(config["device"] != "cpu")
METHODS = [method for method in ("integrated_gradients", "shapley") if method in WEIGHTS]


NAME = "[a-z0-9][a-z0-9_-]*"


wildcard_constraints:
    corpus=NAME,
    encoder=NAME,
    tokenizer=NAME,
    masked_lm=NAME,
    comparison=NAME,
    method="integrated_gradients|shapley",
    shard=r"\d+-of-\d+",
    cooccurrence="adjacent|sentence",
    pairs="exact|sampled",


# Compute nodes seldom reach the network.
localrules:
    download_dataset,
    download_snapshot,


scattergather:
    shards=WEIGHTS["shards"],
    counts=config["information"]["shards"],


def modules(*names):
    """Modules whose change changes what a script computes; a test holds them against its imports."""
    return [f"scripts/common/{name}.py" for name in names]


def results(path):
    return f"results/{config['run']}/{path}"


def of_source(entries, *sources):
    """Pattern of the names of the entries with one of these sources."""
    return "|".join(n for n, entry in entries.items() if entry["source"] in sources) or "(?!)"


def options(settings, *keys, **more):
    """Settings as the options of a script, by the same names; null is left out, true is a flag."""
    words = []
    for key, value in ({key: settings[key] for key in keys or settings} | more).items():
        if value is not None and value is not False:
            option = f"--{key.replace('_', '-')}"
            values = value if isinstance(value, list) else [] if value is True else [value]
            if any(str(one).startswith("-") for one in values):
                words += [f"{option}={one}" for one in values]
            else:
                words += [option, *map(str, values)]
    return shlex.join(words)


def seed_for(*use):
    return derive_seed(config["seed"], *use)


def as_path(name):
    """A path of the user that no command takes for an option."""
    return f"./{name}" if name.startswith("-") else name


def files_of(corpus):
    """The files that a corpus is read from, none of which looks like an option."""
    named = CORPORA[corpus].get("files")
    return [as_path(name) for name in named] if named else results(f"datasets/{corpus}.parquet")


def growing(amount):
    """A resource, or a function of wildcards to it, that grows each time a job is tried again."""

    def grown(wildcards, attempt):
        return attempt * (amount(wildcards) if callable(amount) else amount)

    return grown


def memory_for(*corpora):
    """MB to read corpora whole: those of the hub may hold ten million sentences."""
    return 16000 if any(CORPORA[corpus]["source"] == "hub" for corpus in corpora) else 4000


def columns_of(corpus):
    """The columns of a dataset that are read."""
    named = [CORPORA[corpus][key] for key in ("score_column", "label_column")]
    return CORPORA[corpus]["text_columns"] + [column for column in named if column]


def source_of(encoder):
    """The checkpoint that an encoder made elsewhere is taken from."""
    path = ENCODERS[encoder].get("path")
    return as_path(path) if path else results(f"snapshots/{encoder}")


def tokenizer_of(encoder):
    """Where an encoder's tokenizer lies: apart if pre-trained here, else within it."""
    own = ENCODERS[encoder]["source"] == "pretrained"
    return results(f"{'tokenizers' if own else 'encoders'}/{encoder}")


def masked_lm_of(encoder):
    """Where its masked language model lies: the encoder itself has lost the output layer."""
    own = ENCODERS[encoder]["source"] == "pretrained"
    return results(f"masked_lms/{encoder}") if own else source_of(encoder)


def tokenizer_checks(encoder):
    """Where it says that all encoders compared with this one have its tokenizer."""
    return [
        results(f"comparisons/{name}.txt")
        for name, encoders in FOREIGN_TOKENIZERS.items()
        if root_of(config, encoder) in encoders
    ]


def base_of(wildcards):
    return results(f"encoders/{ENCODERS[wildcards.encoder]['base']}")


def development_of(wildcards):
    """The scored pairs that pick a fine-tuned encoder's checkpoint, if it is asked for."""
    corpus = ENCODERS[wildcards.encoder]["development"]
    return results(f"corpora/{corpus}.parquet") if corpus else []


def names_of(wildcards):
    """The comparison, as the options of scripts that fill a table."""
    comparison = COMPARISONS[wildcards.comparison]
    encoders = {f"{stage}_encoder": comparison[stage] for stage in ("before", "after")}
    return options(dict(wildcards), **encoders)


def bootstrap_options(*keys):
    """Settings of the analysis, and those of the bootstrap; one seed for all tables of a corpus."""
    return lambda wildcards: options(
        ANALYSIS,
        *keys,
        "confidence",
        draws=ANALYSIS["bootstrap_draws"],
        seed=seed_for("bootstrap", wildcards.corpus),
    )


def weighing_options(method, corpus):
    return options(
        WEIGHTS[method],
        seed=seed_for(method, corpus),
        normalize=WEIGHTS["normalize"],
        dtype=WEIGHTS["dtype"],
        memory=WEIGHTS["memory"],
    )


def weighed():
    """Comparison, corpus and method of every correlation."""
    return [
        (name, corpus, method)
        for name, comparison in COMPARISONS.items()
        for corpus in comparison["weighed"]
        for method in comparison["methods"] or METHODS
    ]


def scored_surprisals():
    """Masked language model and corpus of every table of surprisals."""
    return sorted(
        {
            (comparison["surprisal_by"], corpus)
            for comparison in COMPARISONS.values()
            for corpus in comparison["weighed"]
            if comparison["surprisal_by"] and "surprisal" in ANALYSIS["quantities"]
        }
    )


def weights_of(stage):
    """The table of weights of the encoder before or after, for a comparison, corpus and method."""

    def find(wildcards):
        encoder = COMPARISONS[wildcards.comparison][stage]
        return results(f"weights/{wildcards.method}/{encoder}/{wildcards.corpus}.parquet")

    return find


def information_table(comparison):
    root = root_of(config, comparison["before"])
    return results(f"information/{comparison['counted_on']}/{root}.parquet")


def information_of(wildcards):
    return information_table(COMPARISONS[wildcards.comparison])


def surprisal_of(wildcards):
    """The table of surprisals of a comparison and corpus, if it is asked for."""
    masked_lm = COMPARISONS[wildcards.comparison]["surprisal_by"]
    if (masked_lm, wildcards.corpus) not in scored_surprisals():
        return []
    return results(f"surprisal/{masked_lm}/{wildcards.corpus}.parquet")


def exact_of(wildcards):
    """The exact values of the generated language that a comparison's tokens are of, if any."""
    comparison = COMPARISONS[wildcards.comparison]
    counted_on = comparison["counted_on"]
    exact = has_exact(config, counted_on, comparison["before"])
    return results(f"corpora/{counted_on}.exact.parquet") if exact else []


def information_beside_surprisal(wildcards):
    """The information table of the first comparison that uses these surprisals."""
    for comparison in COMPARISONS.values():
        if (
            comparison["surprisal_by"] == wildcards.masked_lm
            and wildcards.corpus in comparison["weighed"]
        ):
            return information_table(comparison)
    raise WorkflowError(f"no comparison scores surprisal by {wildcards.masked_lm}")


def weighed_tables(find):
    """What `find` gives for the wildcards of every correlation, in order."""
    names = ("comparison", "corpus", "method")
    return [find(SimpleNamespace(**dict(zip(names, parts)))) for parts in weighed()]


def trained_encoders():
    return [name for name, encoder in ENCODERS.items() if "training" in encoder]


QUESTIONS = {
    "information": "1. Does fine-tuning make weights follow information?",
    "tokens": "2. What does each token weigh?",
    "encoders": "3. How good are the encoders?",
    "context": "4. What does context tell of a token?",
    "theory": "5. Do norms of word vectors approximate information gain?",
}
"""Groups of the report, which lists them in order of their names."""
TABLES = {
    "regression": "information",
    "change": "information",
    "within_sentence": "information",
    "partial": "information",
    "classes": "tokens",
    "encoders": "encoders",
    **dict.fromkeys(["theory", "theory_words", "embedding_norms"] if THEORY else [], "theory"),
}
"""Tables of the whole run, and the question that each is about."""
SUMMARISED = [name for name in TABLES if name not in ("theory_words", "embedding_norms")]


def reported_table(name):
    """A table of the whole run, with its place in the report."""
    path = results(f"tables/{name}.parquet")
    labels = {"result": f"table: {name}"}
    caption = f"rules/report/{name}.rst"
    return report(path, caption=caption, category=QUESTIONS[TABLES[name]], labels=labels)


def all_tables():
    return [reported_table(name) for name in TABLES]


def information_of_theory():
    """The information table that static encoders are held against."""
    root = root_of(config, THEORY["tokenizer"])
    return results(f"information/{THEORY['counted_on']}/{root}.parquet")


def counts_of_theory(kind):
    """Counts of the tokens that static encoders learn from, or of their pairs."""
    root = root_of(config, THEORY["tokenizer"])
    return results(f"cooccurrences/{THEORY['corpus']}/{root}/{kind}.parquet")


def static_encoders():
    """The tables of vectors of static encoders; exact pairs are those of the generated language."""
    exact = all(
        has_exact(config, THEORY[corpus], THEORY["tokenizer"])
        for corpus in ("corpus", "counted_on")
    )
    return [
        results(f"theory/{cooccurrence}.{pairs}.parquet")
        for cooccurrence in ("adjacent", "sentence")
        for pairs in ["sampled"] + ["exact"] * exact
    ]


def all_figures():
    names = [".".join(("regressions", *parts)) for parts in weighed()]
    names += [".".join(("surprisal", *parts)) for parts in scored_surprisals()]
    names += sorted({".".join(("classes", *parts[:2])) for parts in weighed()})
    names += ["changes", "partials"] + (["training"] if trained_encoders() else [])
    names += ["theory"] if THEORY else []
    return [results(f"figures/{name}.{kind}") for name in names for kind in ("svg", "pdf")]


def counts_of_shards(kind):
    path = results(f"shards/counts/{{{{corpus}}}}/{{{{tokenizer}}}}/{{scatteritem}}/{kind}.parquet")
    return gather.counts(path)


def gathered(wildcards):
    """The pieces of a table of the whole run, or the shards of another."""
    kind, _, rest = wildcards.path.partition("/")
    if kind != "tables":
        return gather.shards(results(f"shards/{kind}/{rest}/{{scatteritem}}.parquet"))
    if rest == "encoders":
        return [results(f"evaluations/{encoder}.parquet") for encoder in ENCODERS]
    return [results(f"correlations/{'/'.join(parts)}/{rest}.parquet") for parts in weighed()]


def kind_of_table(path):
    kind, _, rest = path.partition("/")
    return rest if kind == "tables" else kind
