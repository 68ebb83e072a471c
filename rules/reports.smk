ASSETS = HOME / "scripts" / "explorer"
SERIES = [name for name, comparison in COMPARISONS.items() if "series" in comparison]
"""Comparisons of checkpoints or layers."""
QUESTIONS = {
    "data": "0. What data does the run stand on?",
    "information": "1. Do weights follow information?",
    "tokens": "2. What does each token weigh?",
    "encoders": "3. How good are the encoders?",
    "context": "4. What does context tell of a token?",
    "theory": "5. Do norms of word vectors approximate information gain?",
    "pairs": "6. Which words make sentences similar?",
}
"""Groups of the report, which lists them in order of their names."""
TABLES = {
    "data": "data",
    "regression": "information",
    "change": "information",
    "within_sentence": "information",
    "partial": "information",
    "classes": "tokens",
    **({"encoders": "encoders"} if config["evaluation"] else {}),
    **({"series": "encoders"} if SERIES else {}),
    **({"weighted_bags": "encoders"} if BAGS else {}),
    **({"agreement": "encoders"} if ATLASES else {}),
    **({"ranking": "encoders"} if ATLASES and config["evaluation"] else {}),
    **dict.fromkeys(["pair_shares", "pair_regression"] if PAIRS else [], "pairs"),
    **dict.fromkeys(["theory", "theory_words", "embedding_norms"] if THEORY else [], "theory"),
}
"""Tables of the whole run, and the question that each is about."""
SUMMARISED = [name for name in TABLES if name not in ("series", "theory_words", "embedding_norms")]
ALL_TABLES = [f"<results>/tables/{name}.parquet" for name in TABLES]
ALL_PAGES = [
    reported(f"<results>/pages/{name}.html", name, question, result=f"table: {name}")
    for name, question in TABLES.items()
] + [reported("<results>/pages/summary.html", "summary", "information", result="summary")]
TRAINED = [
    name for name, encoder in ENCODERS.items() if "training" in encoder and name == first_of(name)
]
SCORED = {
    (comparison["surprisal_by"], corpus, comparison["counted_on"] or corpus): name
    for name, comparison in COMPARISONS.items()
    for corpus in comparison["weighed"]
    if comparison["surprisal_by"] and "surprisal" in ANALYSIS["quantities"]
}
"""Comparisons whose quantities stand beside surprisals; those of one key have one tokenizer."""
FIGURES = [".".join(("regressions", *parts)) for parts in weighed() if parts[0] not in SERIES]
FIGURES += [".".join(("surprisal", *parts)) for parts in sorted(SCORED)]
FIGURES += sorted({".".join(("classes", *parts[:2])) for parts in weighed()})
FIGURES += [f"series.{name}.{corpus}" for name in SERIES for corpus in COMPARISONS[name]["weighed"]]
FIGURES += [".".join(("atlas", *parts)) for parts in weighed() if parts[0] in ATLASES]
FIGURES += ["changes", "partials"] + ["training"] * bool(TRAINED) + ["theory"] * bool(THEORY)
FIGURES += sorted({".".join(("pairs", *parts[:2])) for parts in PAIRED})
ALL_FIGURES = [f"<results>/figures/{name}.{kind}" for name in FIGURES for kind in ("svg", "pdf")]


rule describe_data:
    input:
        **script_of("describe_data"),
        weights=lambda w: weights_of()(
            SimpleNamespace(**dict(w), method=(COMPARISONS[w.comparison]["methods"] or METHODS)[0])
        )[0],
        integrated=lambda w: (
            weights_of(config["replicates"])(
                SimpleNamespace(**dict(w), method="integrated_gradients")
            )
            if "integrated_gradients" in (COMPARISONS[w.comparison]["methods"] or METHODS)
            else []
        ),
        information=information_of,
        lengths=lambda w: "<results>/counts/{}/{}/lengths.parquet".format(*counts_of(w)),
        tokenizer=lambda w: tokenizer_of(root_of(config, COMPARISONS[w.comparison]["encoders"][0])),
    output:
        data="<results>/correlations/{comparison}/{corpus}/data.parquet",
    log:
        "<logs>/describe_data/{comparison}.{corpus}.log",
    benchmark:
        "<benchmarks>/describe_data/{comparison}.{corpus}.tsv"
    params:
        names=lambda w: options(dict(w)),
        settings=options(ANALYSIS, "minimum_count", "largest_error", **ANALYSIS["warnings"]),
        integrated=given("integrated"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script:q} {input.weights:q} --information {input.information:q}"
        " --lengths {input.lengths:q} --tokenizer {input.tokenizer:q} {params.integrated}"
        " --output-data {output.data:q} {params.names} {params.settings} 2>&1 | tee {log:q}"


use rule gather_tables as gather_data with:
    input:
        **script_of("gather_tables"),
        tables=[
            f"<results>/correlations/{name}/{corpus}/data.parquet"
            for name, comparison in COMPARISONS.items()
            for corpus in comparison["weighed"]
        ],
    output:
        table="<results>/tables/data.parquet",
    log:
        "<logs>/gather_tables/data.log",
    benchmark:
        "<benchmarks>/gather_tables/data.tsv"
    params:
        table="data",


rule plot_regressions:
    input:
        **script_of("plot_regressions"),
        weights=weights_of(config["replicates"]),
        information=information_of,
        surprisal=surprisal_of,
        regression="<results>/tables/regression.parquet",
    output:
        svg=reported(
            "<results>/figures/regressions.{comparison}.{corpus}.{method}.svg",
            "regressions",
            "information",
            result="weight on quantities: {comparison}, {corpus}",
            method="{method}",
        ),
        pdf="<results>/figures/regressions.{comparison}.{corpus}.{method}.pdf",
    log:
        "<logs>/plot_regressions/{comparison}.{corpus}.{method}.log",
    benchmark:
        "<benchmarks>/plot_regressions/{comparison}.{corpus}.{method}.tsv"
    params:
        names=names_of,
        settings=lambda w: options(
            ANALYSIS, "quantities", "minimum_count", largest_error=largest_error(w)
        ),
        surprisal=given("surprisal"),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --weights {input.weights:q} --information {input.information:q}"
        " {params.surprisal} --regression {input.regression:q}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"


rule plot_changes:
    input:
        **script_of("plot_changes"),
        regression="<results>/tables/regression.parquet",
        change="<results>/tables/change.parquet",
    output:
        svg=reported(
            "<results>/figures/changes.svg",
            "changes",
            "information",
            result="correlation by each encoder",
        ),
        pdf="<results>/figures/changes.pdf",
    log:
        "<logs>/plot_changes/changes.log",
    benchmark:
        "<benchmarks>/plot_changes/changes.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --regression {input.regression:q} --change {input.change:q}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"


rule plot_partials:
    input:
        **script_of("plot_partials"),
        partial="<results>/tables/partial.parquet",
    output:
        svg=reported(
            "<results>/figures/partials.svg",
            "partial",
            "information",
            result="partial correlation by each encoder",
        ),
        pdf="<results>/figures/partials.pdf",
    log:
        "<logs>/plot_partials/partials.log",
    benchmark:
        "<benchmarks>/plot_partials/partials.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.partial:q}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"


rule plot_classes:
    input:
        **script_of("plot_classes"),
        classes="<results>/tables/classes.parquet",
    output:
        svg=reported(
            "<results>/figures/classes.{comparison}.{corpus}.svg",
            "classes",
            "tokens",
            result="weight by class and frequency: {comparison}, {corpus}",
        ),
        pdf="<results>/figures/classes.{comparison}.{corpus}.pdf",
    log:
        "<logs>/plot_classes/{comparison}.{corpus}.log",
    benchmark:
        "<benchmarks>/plot_classes/{comparison}.{corpus}.tsv"
    params:
        names=lambda w: options(dict(w)),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.classes:q} {params.names}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"


rule describe_series:
    input:
        **script_of("describe_series"),
        encoder=lambda w: f"<results>/encoders/{COMPARISONS[w.comparison]['series'][1]}",
    output:
        series="<results>/series/{comparison}.parquet",
    log:
        "<logs>/describe_series/{comparison}.log",
    benchmark:
        "<benchmarks>/describe_series/{comparison}.tsv"
    params:
        names=names_of,
        settings=lambda w: options(
            {"kind": COMPARISONS[w.comparison]["series"][0]},
            layers=[
                ENCODERS[e].get("layers", 0) for e in COMPARISONS[w.comparison]["encoders"][:-1]
            ],
        ),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script:q} {input.encoder:q} --output-series {output.series:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"


use rule gather_tables as gather_series with:
    input:
        **script_of("gather_tables"),
        tables=[f"<results>/series/{name}.parquet" for name in SERIES],
    output:
        table="<results>/tables/series.parquet",
    log:
        "<logs>/gather_tables/series.log",
    benchmark:
        "<benchmarks>/gather_tables/series.tsv"
    params:
        table="series",


rule plot_series:
    input:
        **script_of("plot_series"),
        series="<results>/tables/series.parquet",
        regression="<results>/tables/regression.parquet",
        within_sentence="<results>/tables/within_sentence.parquet",
        classes="<results>/tables/classes.parquet",
        encoders="<results>/tables/encoders.parquet" if config["evaluation"] else [],
    output:
        svg=reported(
            "<results>/figures/series.{comparison}.{corpus}.svg",
            "series",
            "information",
            result="along the series: {comparison}, {corpus}",
        ),
        pdf="<results>/figures/series.{comparison}.{corpus}.pdf",
    log:
        "<logs>/plot_series/{comparison}.{corpus}.log",
    benchmark:
        "<benchmarks>/plot_series/{comparison}.{corpus}.tsv"
    params:
        names=lambda w: options(dict(w)),
        encoders=given("encoders"),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.series:q} --regression {input.regression:q}"
        " --within-sentence {input.within_sentence:q} --classes {input.classes:q}"
        " {params.encoders} --output-svg {output.svg:q} --output-pdf {output.pdf:q}"
        " {params.names} 2>&1 | tee {log:q}"


rule plot_training:
    input:
        **script_of("plot_training"),
        trainings=[f"<results>/training/{encoder}.parquet" for encoder in TRAINED],
    output:
        svg=reported(
            "<results>/figures/training.svg",
            "training",
            "encoders",
            result="training",
        ),
        pdf="<results>/figures/training.pdf",
    log:
        "<logs>/plot_training/training.log",
    benchmark:
        "<benchmarks>/plot_training/training.tsv"
    params:
        names=options({}, names=TRAINED),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.trainings:q} {params.names}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"


rule plot_surprisal:
    input:
        **script_of("plot_surprisal"),
        surprisal="<results>/surprisal/{masked_lm}/{corpus}.parquet",
        information=lambda w: information_of(
            SimpleNamespace(
                comparison=SCORED[w.masked_lm, w.corpus, w.counted_on], corpus=w.corpus
            )
        ),
    output:
        svg=reported(
            "<results>/figures/surprisal.{masked_lm}.{corpus}.{counted_on}.svg",
            "surprisal",
            "context",
            result="surprisal by {masked_lm}, {corpus} beside {counted_on}",
        ),
        pdf="<results>/figures/surprisal.{masked_lm}.{corpus}.{counted_on}.pdf",
    log:
        "<logs>/plot_surprisal/{masked_lm}.{corpus}.{counted_on}.log",
    benchmark:
        "<benchmarks>/plot_surprisal/{masked_lm}.{corpus}.{counted_on}.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --surprisal {input.surprisal:q} --information {input.information:q}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"


rule plot_pairs:
    input:
        **script_of("plot_pairs"),
        shares="<results>/tables/pair_shares.parquet",
    output:
        svg=reported(
            "<results>/figures/pairs.{comparison}.{corpus}.svg",
            "pairs",
            "pairs",
            result="what makes sentences similar: {comparison}, {corpus}",
        ),
        pdf="<results>/figures/pairs.{comparison}.{corpus}.pdf",
    log:
        "<logs>/plot_pairs/{comparison}.{corpus}.log",
    benchmark:
        "<benchmarks>/plot_pairs/{comparison}.{corpus}.tsv"
    params:
        names=lambda w: options(dict(w)),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.shares:q} {params.names}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"


rule collect_tokens:
    input:
        **script_of("collect_tokens"),
        texts="<results>/corpora/{corpus}.parquet",
        weights=weights_of(),
        information=information_of,
        surprisal=surprisal_of,
        similarities=similarities_of,
        regression="<results>/correlations/{comparison}/{corpus}/{method}/regression.parquet",
    output:
        tokens="<results>/correlations/{comparison}/{corpus}/{method}/tokens.json",
    log:
        "<logs>/collect_tokens/{comparison}.{corpus}.{method}.log",
    benchmark:
        "<benchmarks>/collect_tokens/{comparison}.{corpus}.{method}.tsv"
    params:
        names=lambda w: options(dict(w), largest_error=largest_error(w)),
        surprisal=given("surprisal"),
        similarities=given("similarities"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --texts {input.texts:q} --weights {input.weights:q}"
        " --information {input.information:q} {params.surprisal} {params.similarities}"
        " --regression {input.regression:q} {params.names}"
        " --output-tokens {output.tokens:q} 2>&1 | tee {log:q}"


rule collect_pairs:
    input:
        **script_of("collect_pairs"),
        texts="<results>/corpora/{corpus}.pairs.parquet",
        pairs=attributions_of(),
    output:
        pairs="<results>/correlations/{comparison}/{corpus}/{method}/pairs.json",
    log:
        "<logs>/collect_pairs/{comparison}.{corpus}.{method}.log",
    benchmark:
        "<benchmarks>/collect_pairs/{comparison}.{corpus}.{method}.tsv"
    params:
        names=names_of,
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --texts {input.texts:q} --pairs {input.pairs:q}"
        " --output-pairs {output.pairs:q} {params.names} 2>&1 | tee {log:q}"


rule build_explorer:
    input:
        **script_of("build_explorer"),
        assets=[f"{SCRIPTS}/explorer/{path.name}" for path in sorted(ASSETS.iterdir())],
        tokens=[f"<results>/correlations/{'/'.join(parts)}/tokens.json" for parts in weighed()],
        pairs=[f"<results>/correlations/{'/'.join(parts)}/pairs.json" for parts in PAIRED],
        data="<results>/tables/data.parquet",
    output:
        page=reported(
            "<results>/explorer.html",
            "explorer",
            "tokens",
            result="explorer",
        ),
    log:
        "<logs>/build_explorer/explorer.log",
    benchmark:
        "<benchmarks>/build_explorer/explorer.tsv"
    params:
        settings=options(ANALYSIS, "minimum_count", run_name=config["run"]),
        pairs=given("pairs"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.tokens:q} {params.pairs} --data {input.data:q}"
        " --output-page {output.page:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule plot_theory:
    input:
        **script_of("plot_theory"),
        theory="<results>/tables/theory.parquet",
        words="<results>/tables/theory_words.parquet",
    output:
        svg=reported(
            "<results>/figures/theory.svg",
            "theory_figure",
            "theory",
            result="norms of static encoders on information gain",
        ),
        pdf="<results>/figures/theory.pdf",
    log:
        "<logs>/plot_theory/theory.log",
    benchmark:
        "<benchmarks>/plot_theory/theory.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --theory {input.theory:q} --words {input.words:q}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"


rule summarize_run:
    input:
        **{table: f"<results>/tables/{table}.parquet" for table in SUMMARISED},
        **script_of("summarize_run"),
    output:
        summary="<results>/summary.md",
    log:
        "<logs>/summarize_run/summary.log",
    benchmark:
        "<benchmarks>/summarize_run/summary.tsv"
    params:
        tables=lambda w, input: options({table: input[table] for table in SUMMARISED}),
        about=options(ANALYSIS, "confidence", name=config["run"]),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {params.tables} {params.about}"
        " --output-summary {output.summary:q} 2>&1 | tee {log:q}"
