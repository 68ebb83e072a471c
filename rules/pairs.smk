rule select_pairs:
    input:
        **script_of("select_pairs"),
        corpus="<results>/corpora/{corpus}.parquet",
    output:
        pairs="<results>/corpora/{corpus}.pairs.parquet",
        sentences=temp("<results>/shards/pairs/{corpus}.parquet"),
    log:
        "<logs>/select_pairs/{corpus}.log",
    benchmark:
        "<benchmarks>/select_pairs/{corpus}.tsv"
    params:
        settings=lambda w: options(PAIRS, "pairs", seed=seed_for("pairs", w.corpus)),
    threads: 1
    resources:
        mem_mb=growing(lambda w: memory_for(w.corpus)),
        runtime=growing(10),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script:q} {input.corpus:q} --output-pairs {output.pairs:q}"
        " --output-sentences {output.sentences:q} {params.settings} 2>&1 | tee {log:q}"


use rule integrate_gradients as integrate_gradients_of_pairs with:
    input:
        **script_of("integrate_gradients"),
        encoder="<results>/encoders/{encoder}",
        corpus="<results>/shards/pairs/{corpus}.parquet",
        checks=lambda w: tokenizer_checks(w.encoder),
    output:
        weights=temp(ATTRIBUTED.format("integrated_gradients", "weights")),
        vectors=temp(ATTRIBUTED.format("integrated_gradients", "vectors")),
    log:
        "<logs>/integrate_gradients/pairs.{encoder}.{corpus}.{shard}.log",
    benchmark:
        "<benchmarks>/integrate_gradients/pairs.{encoder}.{corpus}.{shard}.tsv"
    params:
        checkpoints=f"results/{config['run']}/checkpoints/pairs.{{encoder}}.integrated_gradients.{{corpus}}",
        settings=paired_options("integrated_gradients"),
        device=config["device"],


use rule estimate_shapley as estimate_shapley_of_pairs with:
    input:
        **script_of("estimate_shapley"),
        encoder="<results>/encoders/{encoder}",
        corpus="<results>/shards/pairs/{corpus}.parquet",
        checks=lambda w: tokenizer_checks(w.encoder),
    output:
        weights=temp(ATTRIBUTED.format("shapley", "weights")),
        vectors=temp(ATTRIBUTED.format("shapley", "vectors")),
    log:
        "<logs>/estimate_shapley/pairs.{encoder}.{corpus}.{shard}.log",
    benchmark:
        "<benchmarks>/estimate_shapley/pairs.{encoder}.{corpus}.{shard}.tsv"
    params:
        checkpoints=f"results/{config['run']}/checkpoints/pairs.{{encoder}}.shapley.{{corpus}}",
        settings=paired_options("shapley"),
        device=config["device"],


rule attribute_pairs:
    input:
        **script_of("attribute_pairs"),
        encoder="<results>/encoders/{encoder}",
        corpus="<results>/corpora/{corpus}.pairs.parquet",
        vectors=contributions_of("vectors"),
        weights=contributions_of("weights"),
    output:
        pairs="<results>/pairs/{encoder}/{corpus}.parquet",
    log:
        "<logs>/attribute_pairs/{encoder}.{corpus}.log",
    benchmark:
        "<benchmarks>/attribute_pairs/{encoder}.{corpus}.tsv"
    params:
        settings=options(
            PAIRS, "similarity", **{k: WEIGHTS[k] for k in ("normalize", "dtype", "memory")}
        ),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=growing(int(1024 * WEIGHTS["memory"])),
        runtime=growing(60),
        gpu=GPUS,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script:q} {input.encoder:q} {input.corpus:q} --vectors {input.vectors:q}"
        " --weights {input.weights:q} --output-pairs {output.pairs:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"


rule describe_pairs:
    input:
        **script_of("describe_pairs"),
        pairs=attributions_of(config["replicates"]),
        exact=exact_of,
    output:
        shares="<results>/correlations/{comparison}/{corpus}/{method}/pair_shares.parquet",
    log:
        "<logs>/describe_pairs/{comparison}.{corpus}.{method}.log",
    benchmark:
        "<benchmarks>/describe_pairs/{comparison}.{corpus}.{method}.tsv"
    params:
        names=names_of,
        settings=bootstrap_options(),
        exact=given("exact"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --pairs {input.pairs:q} {params.exact}"
        " --output-shares {output.shares:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"


rule regress_pairs:
    input:
        **script_of("regress_pairs"),
        pairs=attributions_of(config["replicates"]),
        information=information_of,
    output:
        regression="<results>/correlations/{comparison}/{corpus}/{method}/pair_regression.parquet",
    log:
        "<logs>/regress_pairs/{comparison}.{corpus}.{method}.log",
    benchmark:
        "<benchmarks>/regress_pairs/{comparison}.{corpus}.{method}.tsv"
    params:
        names=names_of,
        settings=bootstrap_options("minimum_count"),
        quantities=options({"quantities": OF_TYPES or ["self_information"]}),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --pairs {input.pairs:q} --information {input.information:q}"
        " --output-regression {output.regression:q}"
        " {params.quantities} {params.names} {params.settings} 2>&1 | tee {log:q}"


use rule gather_tables as gather_pairs with:
    input:
        **script_of("gather_tables"),
        tables=lambda w: [
            f"<results>/correlations/{'/'.join(parts)}/{w.table}.parquet" for parts in PAIRED
        ],
    wildcard_constraints:
        table="pair_shares|pair_regression",
