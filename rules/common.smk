import os
import re
import shlex
import sys
import time
from pathlib import Path
from types import SimpleNamespace

HOME = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
SCRIPTS = os.path.relpath(HOME / "scripts") if HOME == Path.cwd() else str(HOME / "scripts")
sys.path.insert(0, str(HOME / "scripts"))
from common.corpora.files import at_home, find_files
from common.workflow.configuration import ConfigError, add_replicates, check_yaml, columns_of
from common.workflow.configuration import counted_in, derive_seed, foreign_tokenizers, has_exact
from common.workflow.configuration import (
    OF_WORDS,
    is_atlas,
    may_have_pairs,
    numbered,
    pair_methods,
    replicate,
    root_of,
    segmented,
    unit_of,
    validated,
)
from common.workflow.costs import lines_of
from common.workflow.ending import errors_of, results_of
from common.workflow.imports import modules_of
from common.workflow.series import weighed_together
from common.workflow.shards import shards_of
from common.workflow.start import lift_rate_limit, refuse_to_start
from common.workflow.submission import refusals


def tell(lines):
    for line in lines:
        print(line, file=sys.stderr)


def exit_with(lines):
    tell(lines)
    sys.exit(1)


def check_all(files):
    """Stop at a file that is no YAML, or gives a key twice."""
    try:
        for file in files:
            check_yaml(Path(file))
    except ConfigError as error:
        exit_with(f"{os.path.relpath(file)}: {fault}" for fault in error.faults)


if not workflow.configfiles and "corpora" not in config:
    ours = Path("config.yaml")
    if not ours.exists():
        ours = HOME / ours
        print(f"no config.yaml here and no --configfile: taking {ours}", file=sys.stderr)
    check_all([ours])

    configfile: str(ours)


check_all(workflow.configfiles)
CONFIG_FILES = " ".join(os.path.relpath(file) for file in workflow.configfiles) or "config"

try:
    config = validated(config, workflow.config_settings.config)
    add_replicates(config)
except ConfigError as error:
    exit_with(f"{CONFIG_FILES}: {fault}" for fault in error.faults)


pathvars:
    results=f"results/{config['run']}",
    logs=f"results/{config['run']}/logs",
    benchmarks=f"results/{config['run']}/benchmarks",


FOLDER = Path("results") / config["run"]
BEGAN = time.time()


onstart:
    refuse_to_start(workflow, config, CONFIG_FILES)
    lift_rate_limit(workflow)
    (FOLDER / "shards.txt").write_text(f"{SHARDS}\n")
    tell(lines_of(config, FOLDER, COSTLY_TABLES))


onsuccess:
    tell(results_of(FOLDER))


onerror:
    if workflow.executor_plugin.name == "slurm":
        tell(refusals(workflow))
    tell(errors_of(FOLDER / "logs", BEGAN))


# Downloads alone may reach the hub, as far as the user's HF_HUB_OFFLINE lets them. Snakemake itself
# sets the threads of numerical libraries (OMP_NUM_THREADS and its like), not of these. A job
# computes on one GPU: the first that it may see. Logs are no place for the bars of libraries.
shell.prefix(
    "set -euo pipefail; asked=${{HF_HUB_OFFLINE:-0}}; export HF_HUB_OFFLINE=1 TQDM_DISABLE=1"
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
PAIRS = config["pairs"]
GPUS = int(config["device"] != "cpu")
FOREIGN_TOKENIZERS = foreign_tokenizers(config)
METHODS = [m for m in ("integrated_gradients", "shapley", "occlusion") if m in WEIGHTS]
ATLASES = [name for name in COMPARISONS if is_atlas(COMPARISONS[name])]
"""Comparisons whose encoders are compared with each other."""
BAGS = bool(config["evaluation"] and config["evaluation"]["bags"])
"""Whether weights of types are evaluated alone."""
NAME = "[a-z0-9][a-z0-9_-]*"


wildcard_constraints:
    corpus=NAME,
    counted_on=NAME,
    encoder=rf"{NAME}(@[a-z]+\d+)?(\.\d+)?",
    tokenizer=f"{NAME}({OF_WORDS})?",
    masked_lm=NAME,
    comparison=NAME,
    method="integrated_gradients|shapley|occlusion",
    shard=r"\d+-of-\d+",
    cooccurrence="adjacent|sentence",
    pairs="exact|sampled",


# Compute nodes seldom reach the network.
localrules:
    download_dataset,
    download_snapshot,


def script_of(rule):
    """The script of a rule and the modules it is made of, as inputs."""
    modules = modules_of(HOME / "scripts" / f"{rule}.py")
    return {
        "script": f"{SCRIPTS}/{rule}.py",
        "modules": [f"{SCRIPTS}/{path.relative_to(HOME / 'scripts')}" for path in modules],
    }


def of_source(entries, *sources):
    """Pattern of the names of the entries with one of these sources."""
    names = [re.escape(n) for n, entry in entries.items() if entry["source"] in sources]
    return "|".join(names) or "(?!)"


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


def given(name):
    """An input that may be missing, as an option of the script by the same name."""
    return lambda wildcards, input: options({}, **{name: getattr(input, name) or None})


def reported(path, caption, question, **labels):
    """An output with its caption, and its place among the questions of the report."""
    category = QUESTIONS[question]
    # a whole path: Snakemake takes others from the folder of the file that uses the output
    caption = str(HOME / "rules" / "report" / f"{caption}.rst")
    return report(path, caption=caption, category=category, labels=labels)


def first_of(encoder):
    """The first training of an encoder, whose tokenizer the others share."""
    return encoder.partition(".")[0]


def seed_for(*use):
    return derive_seed(config["seed"], *use)


def as_path(name):
    """A path of the user that no command takes for an option."""
    return f"./{name}" if name.startswith("-") else name


def growing(amount):
    """A resource, or a function of wildcards to it, that grows each time a job is tried again."""

    def grown(wildcards, attempt):
        return attempt * (amount(wildcards) if callable(amount) else amount)

    return grown


def thousand_types(wildcards):
    """Thousands of types that are counted; of a vocabulary that the config does not tell, many."""
    if wildcards.tokenizer.endswith(OF_WORDS):
        return 100
    tokenizer = ENCODERS[wildcards.tokenizer].get("tokenizer") or {}
    return tokenizer.get("vocabulary", 32_000) / 1000


def by_types(least, each):
    """An amount that follows the vocabulary, so much for each thousand types."""
    return growing(lambda wildcards: round(least + each * thousand_types(wildcards)))


def training_threads(wildcards):
    """Threads of a training: small encoders, of some million parameters, gain nothing by a second."""
    shape = ENCODERS[root_of(config, wildcards.encoder)].get("architecture")
    return 1 if shape and shape["width"] * shape["layers"] <= 512 else 2


def weighed():
    """Comparison, corpus and method of every correlation."""
    return [
        (name, corpus, method)
        for name, comparison in COMPARISONS.items()
        for corpus in comparison["weighed"]
        for method in comparison["methods"] or METHODS
    ]


def trainings_of(comparison, replicates):
    """Encoders of a comparison, so many trainings of each that is trained here."""
    return [
        replicate(config, encoder, number + 1)
        for number in range(replicates)
        for encoder in COMPARISONS[comparison]["encoders"]
    ]


def counts_of(wildcards):
    """The corpus and the types, of a tokenizer or words, that a comparison's quantities are of."""
    comparison = COMPARISONS[wildcards.comparison]
    weighed = getattr(wildcards, "corpus", comparison["weighed"][0])
    return comparison["counted_on"] or weighed, counted_in(config, comparison)


def information_of(wildcards):
    """The table of the quantities that a comparison regresses on."""
    return "<results>/information/{}/{}.parquet".format(*counts_of(wildcards))


def surprisal_of(wildcards):
    """The table of surprisals of a comparison and corpus, if it is asked for."""
    masked_lm = COMPARISONS[wildcards.comparison]["surprisal_by"]
    if masked_lm is None or "surprisal" not in ANALYSIS["quantities"]:
        return []
    return f"<results>/surprisal/{masked_lm}/{wildcards.corpus}.parquet"


def similarities_of(wildcards):
    """Tables of the similarity of pairs by the encoders of a comparison, if there may be pairs."""
    if not may_have_pairs(config["corpora"][wildcards.corpus]):
        return []
    return [
        f"<results>/similarities/{encoder}/{wildcards.corpus}.parquet"
        for encoder in COMPARISONS[wildcards.comparison]["encoders"]
    ]


def weights_of(replicates=1):
    """Tables of weights of the encoders of a comparison, for a corpus and method."""

    def find(wildcards):
        return [
            f"<results>/weights/{wildcards.method}/{name}/{wildcards.corpus}.parquet"
            for name in trainings_of(wildcards.comparison, replicates)
        ]

    return find


def memory_for(*corpora):
    """MB to read corpora whole: those of the hub may hold ten million sentences."""
    return 16000 if any(CORPORA[corpus]["source"] == "hub" for corpus in corpora) else 4000


def files_of(corpus):
    """The files that a corpus is read from, none of which looks like an option."""
    named = CORPORA[corpus].get("files")
    if not named:
        return f"<results>/datasets/{corpus}.parquet"
    return list(dict.fromkeys(as_path(str(file)) for name in named for file in find_files(name)))


def tellers_of(types):
    """The encoder whose tokenizer tells the types that are counted; none tells words of ICU."""
    return [] if types == segmented(config) else [types.removesuffix(OF_WORDS)]


def tokenizer_of(encoder):
    """Where an encoder's tokenizer lies: apart if pre-trained here, else within it."""
    own = ENCODERS[encoder]["source"] == "pretrained"
    return f"<results>/{'tokenizers' if own else 'encoders'}/{encoder}"


def tokenizer_checks(encoder):
    """Where it says that all encoders compared with this one have its tokenizer."""
    return [
        f"<results>/comparisons/{name}.txt"
        for name, encoders in FOREIGN_TOKENIZERS.items()
        if root_of(config, encoder) in encoders
    ]


def source_of(encoder):
    """The model files that an encoder made elsewhere is taken from."""
    path = ENCODERS[encoder].get("path")
    return as_path(str(at_home(path))) if path else f"<results>/snapshots/{encoder}"


def weighing_options(method, changed=lambda wildcards: {}):
    """Settings of a method, and those of all of them, with what is changed or added."""
    return lambda wildcards: options(
        {
            **WEIGHTS[method],
            "seed": seed_for(method, wildcards.corpus),
            "normalize": WEIGHTS["normalize"],
            "dtype": WEIGHTS["dtype"],
            "segmenter": ANALYSIS["segmenter"],
            "memory": WEIGHTS["memory"],
        }
        | changed(wildcards)
    )


def names_of(wildcards):
    """The comparison, as the options of scripts that fill a table."""
    return options(dict(wildcards), encoders=COMPARISONS[wildcards.comparison]["encoders"])


def bootstrap_options(*keys):
    """Settings of the analysis, and those of the bootstrap; one seed for all tables of a corpus."""
    return lambda wildcards: options(
        ANALYSIS,
        *keys,
        "confidence",
        draws=ANALYSIS["bootstrap_draws"],
        seed=seed_for("bootstrap", wildcards.corpus),
        largest_error=largest_error(wildcards),
    )


def largest_error(wildcards):
    """Above which sentences are left out, if any: standard errors of samples are no bias."""
    return ANALYSIS["largest_error"] if wildcards.method == "integrated_gradients" else None


def exact_of(wildcards):
    """The exact values of the generated language that a comparison's tokens are of, if any."""
    counted_on, tokenizer = counts_of(wildcards)
    exact = has_exact(config, counted_on, tokenizer)
    return f"<results>/corpora/{counted_on}.exact.parquet" if exact else []


def corpora_of(*names):
    """The tables of corpora by their names, of which any may be null."""
    return [f"<results>/corpora/{name}.parquet" for name in names if name is not None]


PAIRED = [
    (name, corpus, method)
    for corpus in (PAIRS or {"corpora": []})["corpora"]
    for name in PAIRS["comparisons"] or COMPARISONS
    for method in pair_methods(config, name)
]
"""Comparison, corpus and method whose attributions of similarity are described."""
OF_TYPES = [quantity for quantity in ANALYSIS["quantities"] if quantity != "surprisal"]
"""What a word tells wherever it stands."""
ATTRIBUTED = "<results>/shards/pairs/{}/{{encoder}}/{{corpus}}/{{shard}}.{}.parquet"


def paired_options(method):
    """Settings of a method that weighs the sentences of pairs, which are to have vectors.

    Snakemake takes no change of params that are made of `output` for a reason to run.
    """
    vectors = ATTRIBUTED.format(method, "vectors").replace("<results>", f"results/{config['run']}")

    start = {"baseline": PAIRS["baseline"]} if method == "integrated_gradients" else {}
    return weighing_options(
        method, lambda w: {**start, "output_vectors": vectors.format(**dict(w))}
    )


def contributions_of(kind):
    """Tables of vectors, or weights, of all methods and shards, of an encoder and corpus of pairs."""

    def find(wildcards):
        methods = {
            method
            for name, corpus, method in PAIRED
            if corpus == wildcards.corpus
            and wildcards.encoder in trainings_of(name, config["replicates"])
        }
        return [
            path
            for method in sorted(methods)
            for path in gather.shards(
                ATTRIBUTED.format(method, kind).format(**dict(wildcards), shard="{scatteritem}")
            )
        ]

    return find


def attributions_of(replicates=1):
    """Tables of the attributions of pairs by the encoders of a comparison."""

    def find(wildcards):
        return [
            f"<results>/pairs/{encoder}/{wildcards.corpus}.parquet"
            for encoder in trainings_of(wildcards.comparison, replicates)
        ]

    return find


# Method, encoder and corpus of every table of weights.
WEIGHT_TABLES = list(
    dict.fromkeys(
        (method, encoder, corpus)
        for name, corpus, method in weighed()
        for encoder in trainings_of(name, config["replicates"])
    )
)
LAYERED = weighed_together(config, WEIGHT_TABLES)
WHOLES = {
    ("integrated_gradients", name, corpus): whole
    for (whole, corpus), names in LAYERED.items()
    for name in names
}
"""The encoder in whose job a table of weights is made, where that weighs by layers of it too."""
COSTLY_TABLES = [table for table in WEIGHT_TABLES if WHOLES.get(table, table[1]) == table[1]]
SHARDS = shards_of(
    WEIGHTS["shards"],
    FOLDER / "shards.txt",
    workflow.global_resources["_cores"].value or workflow.global_resources["_nodes"].value,
    len(COSTLY_TABLES),
)


scattergather:
    shards=SHARDS,
    counts=config["information"]["shards"],


def shards_of_weights(wildcards):
    """Tables of weights of all shards, or folders that hold those of all layers of an encoder."""
    method, encoder, corpus = wildcards.method, wildcards.encoder, wildcards.corpus
    if whole := WHOLES.get((method, encoder, corpus)):
        return gather.shards(f"<results>/shards/layers/{whole}/{corpus}/{{scatteritem}}")
    return gather.shards(
        f"<results>/shards/weights/{method}/{encoder}/{corpus}/{{scatteritem}}.parquet"
    )


if workflow.output_settings.dryrun:
    tell(lines_of(config, FOLDER, COSTLY_TABLES))
