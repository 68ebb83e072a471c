rule correlate_weights:
    input:
        script="scripts/correlate_weights.py",
        modules=modules("correlations/weighed_tokens", "correlations/statistics"),
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
        names=names_of,
        settings=bootstrap_options("quantities", "minimum_count"),
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


rule correlate_shares:
    input:
        script="scripts/correlate_shares.py",
        modules=modules(
            "correlations/weighed_tokens",
            "correlations/statistics",
            "correlations/within_sentences",
        ),
        before=weights_of("before"),
        after=weights_of("after"),
        information=information_of,
        surprisal=surprisal_of,
    output:
        within_sentence=results(
            "correlations/{comparison}/{corpus}/{method}/within_sentence.parquet"
        ),
    log:
        results("logs/correlate_shares/{comparison}.{corpus}.{method}.log"),
    benchmark:
        results("benchmarks/correlate_shares/{comparison}.{corpus}.{method}.tsv")
    params:
        names=names_of,
        settings=bootstrap_options("quantities", "minimum_count"),
        surprisal=lambda w, input: options({}, surprisal=input.surprisal or None),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} --before {input.before:q} --after {input.after:q}"
        " --information {input.information:q} {params.surprisal}"
        " --output-within-sentence {output.within_sentence:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"


rule partition_variance:
    input:
        script="scripts/partition_variance.py",
        modules=modules(
            "correlations/nested_models", "correlations/weighed_tokens", "correlations/statistics"
        ),
        before=weights_of("before"),
        after=weights_of("after"),
        information=information_of,
        surprisal=surprisal_of,
    output:
        partial=results("correlations/{comparison}/{corpus}/{method}/partial.parquet"),
    log:
        results("logs/partition_variance/{comparison}.{corpus}.{method}.log"),
    benchmark:
        results("benchmarks/partition_variance/{comparison}.{corpus}.{method}.tsv")
    params:
        names=names_of,
        settings=bootstrap_options("quantities", "minimum_count"),
        surprisal=lambda w, input: options({}, surprisal=input.surprisal or None),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} --before {input.before:q} --after {input.after:q}"
        " --information {input.information:q} {params.surprisal}"
        " --output-partial {output.partial:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"


rule average_weights:
    input:
        script="scripts/average_weights.py",
        modules=modules("correlations/weighed_tokens", "correlations/statistics"),
        before=weights_of("before"),
        after=weights_of("after"),
        information=information_of,
        exact=exact_of,
    output:
        classes=results("correlations/{comparison}/{corpus}/{method}/classes.parquet"),
    log:
        results("logs/average_weights/{comparison}.{corpus}.{method}.log"),
    benchmark:
        results("benchmarks/average_weights/{comparison}.{corpus}.{method}.tsv")
    params:
        names=names_of,
        settings=bootstrap_options(),
        exact=lambda w, input: options({}, exact=input.exact or None),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} --before {input.before:q} --after {input.after:q}"
        " --information {input.information:q} {params.exact}"
        " --output-classes {output.classes:q}"
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
        path=f"tables/({'|'.join(TABLES)})|weights/[^/]+/[^/]+/[^/]+|surprisal/[^/]+/[^/]+",
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


rule summarize_run:
    input:
        **{table: results(f"tables/{table}.parquet") for table in SUMMARISED},
        script="scripts/summarize_run.py",
        modules=modules(
            "correlations/statistics", "reports/style", "reports/summary", "reports/wording"
        ),
    output:
        summary=report(
            results("summary.md"),
            caption="report/summary.rst",
            category=QUESTIONS["information"],
            labels={"result": "summary"},
        ),
    log:
        results("logs/summarize_run/summary.log"),
    benchmark:
        results("benchmarks/summarize_run/summary.tsv")
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
        "python {input.script} {params.tables} {params.about}"
        " --output-summary {output.summary:q} 2>&1 | tee {log:q}"
