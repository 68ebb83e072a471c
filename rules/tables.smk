rule gather_tables:
    input:
        **script_of("gather_tables"),
        tables=lambda w: [
            f"<results>/correlations/{'/'.join(parts)}/{w.table}.parquet" for parts in weighed()
        ],
    output:
        table="<results>/tables/{table}.parquet",
    log:
        "<logs>/gather_tables/{table}.log",
    benchmark:
        "<benchmarks>/gather_tables/{table}.tsv"
    wildcard_constraints:
        table="regression|change|within_sentence|partial|classes",
    params:
        table=lambda w: w.table,
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.tables:q} --output-table {output.table:q}"
        " --table {params.table} 2>&1 | tee {log:q}"
