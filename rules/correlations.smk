rule correlate_weights:
    input:
        **script_of("correlate_weights"),
        weights=weights_of(config["replicates"]),
        information=information_of,
        surprisal=surprisal_of,
    output:
        regression="<results>/correlations/{comparison}/{corpus}/{method}/regression.parquet",
        change="<results>/correlations/{comparison}/{corpus}/{method}/change.parquet",
    log:
        "<logs>/correlate_weights/{comparison}.{corpus}.{method}.log",
    benchmark:
        "<benchmarks>/correlate_weights/{comparison}.{corpus}.{method}.tsv"
    params:
        names=names_of,
        settings=bootstrap_options("quantities", "minimum_count", "permutations"),
        surprisal=given("surprisal"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --weights {input.weights:q} --information {input.information:q}"
        " {params.surprisal} --output-regression {output.regression:q} --output-change {output.change:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"


rule correlate_shares:
    input:
        **script_of("correlate_shares"),
        weights=weights_of(config["replicates"]),
        information=information_of,
        surprisal=surprisal_of,
    output:
        within_sentence="<results>/correlations/{comparison}/{corpus}/{method}/within_sentence.parquet",
    log:
        "<logs>/correlate_shares/{comparison}.{corpus}.{method}.log",
    benchmark:
        "<benchmarks>/correlate_shares/{comparison}.{corpus}.{method}.tsv"
    params:
        names=names_of,
        settings=bootstrap_options("quantities", "minimum_count", "permutations"),
        surprisal=given("surprisal"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --weights {input.weights:q} --information {input.information:q}"
        " {params.surprisal} --output-within-sentence {output.within_sentence:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"


rule partition_variance:
    input:
        **script_of("partition_variance"),
        weights=weights_of(config["replicates"]),
        information=information_of,
        surprisal=surprisal_of,
    output:
        partial="<results>/correlations/{comparison}/{corpus}/{method}/partial.parquet",
    log:
        "<logs>/partition_variance/{comparison}.{corpus}.{method}.log",
    benchmark:
        "<benchmarks>/partition_variance/{comparison}.{corpus}.{method}.tsv"
    params:
        names=names_of,
        settings=bootstrap_options("quantities", "minimum_count", "permutations"),
        surprisal=given("surprisal"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --weights {input.weights:q} --information {input.information:q}"
        " {params.surprisal} --output-partial {output.partial:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"


rule average_weights:
    input:
        **script_of("average_weights"),
        weights=weights_of(config["replicates"]),
        information=information_of,
        exact=exact_of,
    output:
        classes="<results>/correlations/{comparison}/{corpus}/{method}/classes.parquet",
    log:
        "<logs>/average_weights/{comparison}.{corpus}.{method}.log",
    benchmark:
        "<benchmarks>/average_weights/{comparison}.{corpus}.{method}.tsv"
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
        "python {input.script:q} --weights {input.weights:q} --information {input.information:q}"
        " {params.exact} --output-classes {output.classes:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"
