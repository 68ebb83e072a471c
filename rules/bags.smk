rule evaluate_weights:
    input:
        **script_of("evaluate_weights"),
        encoder="<results>/encoders/{encoder}",
        corpus=lambda w: f"<results>/corpora/{config['evaluation']['corpus']}.parquet",
        # of tokens, also where the comparison is of words
        information=lambda w: "<results>/information/{}/{}.parquet".format(
            counts_of(w)[0], root_of(config, w.encoder)
        ),
        weights=lambda w: [
            f"<results>/weights/{method}/{w.encoder}/{corpus}.parquet"
            for name, corpus, method in weighed()
            if name == w.comparison
        ],
    output:
        bags="<results>/correlations/{comparison}/{encoder}.bags.parquet",
    log:
        "<logs>/evaluate_weights/{comparison}.{encoder}.log",
    benchmark:
        "<benchmarks>/evaluate_weights/{comparison}.{encoder}.tsv"
    params:
        names=lambda w: options(
            {}, comparison=w.comparison, name=w.encoder, corpus_name=config["evaluation"]["corpus"]
        ),
        settings=options(
            ANALYSIS,
            "confidence",
            draws=ANALYSIS["bootstrap_draws"],
            seed=seed_for("bootstrap", "bags"),
        ),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script:q} {input.encoder:q} {input.corpus:q}"
        " --information {input.information:q} --weights {input.weights:q}"
        " --output-bags {output.bags:q} {params.names} {params.settings} 2>&1 | tee {log:q}"


use rule gather_tables as gather_bags with:
    input:
        **script_of("gather_tables"),
        tables=[
            f"<results>/correlations/{name}/{encoder}.bags.parquet"
            for name, comparison in COMPARISONS.items()
            for encoder in comparison["encoders"]
        ],
    output:
        table="<results>/tables/weighted_bags.parquet",
    log:
        "<logs>/gather_tables/weighted_bags.log",
    benchmark:
        "<benchmarks>/gather_tables/weighted_bags.tsv"
    params:
        table="weighted_bags",
