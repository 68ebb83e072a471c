rule correlate_weights:
    input:
        script="scripts/correlate_weights.py",
        modules=modules("relation", "statistics"),
        before=weights_of("before"),
        after=weights_of("after"),
        information=information_of,
        surprisal=surprisal_of,
    output:
        regression=results("correlations/{comparison}/{corpus}/{method}/regression.parquet"),
        change=results("correlations/{comparison}/{corpus}/{method}/change.parquet"),
    log:
        results("logs/correlate_weights/{comparison}.{corpus}.{method}.log"),
    benchmark:
        results("benchmarks/correlate_weights/{comparison}.{corpus}.{method}.tsv")
    params:
        names=lambda w: options(
            dict(w),
            before_encoder=COMPARISONS[w.comparison]["before"],
            after_encoder=COMPARISONS[w.comparison]["after"],
        ),
        settings=lambda w: options(
            ANALYSIS,
            *("quantities", "minimum_count", "confidence"),
            draws=ANALYSIS["bootstrap_draws"],
            seed=seed_for("bootstrap", w.corpus),
        ),
        surprisal=lambda w, input: options({}, surprisal=input.surprisal or None),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} --before {input.before:q} --after {input.after:q}"
        " --information {input.information:q} {params.surprisal}"
        " --output-regression {output.regression:q} --output-change {output.change:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"


rule gather_tables:
    input:
        script="scripts/gather_tables.py",
        tables=gathered,
    output:
        table=results("{path}.parquet"),
    log:
        results("logs/gather_tables/{path}.log"),
    benchmark:
        results("benchmarks/gather_tables/{path}.tsv")
    wildcard_constraints:
        path="tables/(regression|change|encoders)|weights/[^/]+/[^/]+/[^/]+|surprisal/[^/]+/[^/]+",
    params:
        kind=lambda w: kind_of_table(w.path),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} {input.tables:q} --output-table {output.table:q}"
        " --table {params.kind} 2>&1 | tee {log:q}"
