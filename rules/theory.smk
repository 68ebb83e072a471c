TYPES_OF = root_of(config, THEORY["tokenizer"])
COOCCURRENCES = f"<results>/cooccurrences/{THEORY['corpus']}/{TYPES_OF}"
EXACT = all(
    has_exact(config, THEORY[corpus], TYPES_OF) and not CORPORA[THEORY[corpus]].get("burstiness")
    for corpus in ("corpus", "counted_on")
)
"""Whether pairs are known exactly, from the grammar of the generated language without bursts."""


rule count_cooccurrences:
    input:
        **script_of("count_cooccurrences"),
        corpus="<results>/corpora/{corpus}.parquet",
        tokenizer=lambda w: tokenizer_of(w.tokenizer),
        checks=lambda w: tokenizer_checks(w.tokenizer),
    output:
        tokens="<results>/cooccurrences/{corpus}/{tokenizer}/tokens.parquet",
        adjacent="<results>/cooccurrences/{corpus}/{tokenizer}/adjacent.parquet",
        sentence="<results>/cooccurrences/{corpus}/{tokenizer}/sentence.parquet",
    log:
        "<logs>/count_cooccurrences/{corpus}.{tokenizer}.log",
    benchmark:
        "<benchmarks>/count_cooccurrences/{corpus}.{tokenizer}.tsv"
    params:
        settings=options(config["information"], "block", "pairs_in_memory"),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    conda:
        "../envs/data.yaml"
    shell:
        "RAYON_NUM_THREADS={threads} python {input.script:q} {input.corpus:q} {input.tokenizer:q}"
        " --output-tokens {output.tokens:q} --output-adjacent {output.adjacent:q}"
        " --output-sentence {output.sentence:q} {params.settings} 2>&1 | tee {log:q}"


rule train_static_encoder:
    input:
        **script_of("train_static_encoder"),
        lexicon=f"{SCRIPTS}/common/corpora/lexicon.yaml",
        counts=lambda w: (
            [f"{COOCCURRENCES}/tokens.parquet", f"{COOCCURRENCES}/{w.cooccurrence}.parquet"]
            if w.pairs == "sampled"
            else []
        ),
    output:
        vectors="<results>/theory/{cooccurrence}.{pairs}.parquet",
    log:
        "<logs>/train_static_encoder/{cooccurrence}.{pairs}.log",
    benchmark:
        "<benchmarks>/train_static_encoder/{cooccurrence}.{pairs}.tsv"
    params:
        counts=lambda w, input: (
            options({}, tokens=input.counts[0], pairs=input.counts[1]) if input.counts else ""
        ),
        settings=options(THEORY, "vectors", "dimensions", "types"),
    # encoders are waited for by more jobs
    priority: -1
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    conda:
        "../envs/training.yaml"
    shell:
        "OMP_NUM_THREADS={threads} python {input.script:q} --cooccurrence {wildcards.cooccurrence}"
        " {params.counts} {params.settings} --output-vectors {output.vectors:q} 2>&1 | tee {log:q}"


rule regress_norms:
    input:
        **script_of("regress_norms"),
        lexicon=f"{SCRIPTS}/common/corpora/lexicon.yaml",
        vectors=[
            f"<results>/theory/{cooccurrence}.{pairs}.parquet"
            for cooccurrence in ("adjacent", "sentence")
            for pairs in ["sampled"] + ["exact"] * EXACT
        ],
        information=f"<results>/information/{THEORY['counted_on']}/{TYPES_OF}.parquet",
        tokens=f"{COOCCURRENCES}/tokens.parquet",
        adjacent=f"{COOCCURRENCES}/adjacent.parquet",
    output:
        theory="<results>/tables/theory.parquet",
        words="<results>/tables/theory_words.parquet",
    log:
        "<logs>/regress_norms/theory.log",
    benchmark:
        "<benchmarks>/regress_norms/theory.tsv"
    params:
        settings=options(ANALYSIS, "minimum_count"),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.vectors:q} --information {input.information:q}"
        " --tokens {input.tokens:q} --adjacent {input.adjacent:q} {params.settings}"
        " --output-theory {output.theory:q} --output-words {output.words:q} 2>&1 | tee {log:q}"


rule measure_embedding_norms:
    input:
        **script_of("measure_embedding_norms"),
        encoders=lambda w: [
            f"<results>/encoders/{name}" for name in COMPARISONS[w.comparison]["encoders"]
        ],
        information=information_of,
    output:
        norms="<results>/correlations/{comparison}/embedding_norms.parquet",
    log:
        "<logs>/measure_embedding_norms/{comparison}.log",
    benchmark:
        "<benchmarks>/measure_embedding_norms/{comparison}.tsv"
    params:
        settings=options(
            ANALYSIS,
            "minimum_count",
            quantities=[q for q in ANALYSIS["quantities"] if q != "surprisal"]
            or ["self_information"],
        ),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script:q} {input.encoders:q}"
        " --information {input.information:q} --comparison {wildcards.comparison}"
        " {params.settings} --output-norms {output.norms:q} 2>&1 | tee {log:q}"


use rule gather_tables as gather_embedding_norms with:
    input:
        **script_of("gather_tables"),
        tables=[
            f"<results>/correlations/{name}/embedding_norms.parquet"
            for name, comparison in COMPARISONS.items()
            if unit_of(config, comparison) == "token"
        ],
    output:
        table="<results>/tables/embedding_norms.parquet",
    log:
        "<logs>/gather_tables/embedding_norms.log",
    benchmark:
        "<benchmarks>/gather_tables/embedding_norms.tsv"
    params:
        table="embedding_norms",
