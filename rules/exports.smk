CSV = [f"<results>/tables/{name}.csv" for name in TABLES]
ALL_EXPORTS = CSV + ["<results>/tables/regression.tex", "<results>/codebook.md"]


rule export_tables:
    input:
        **script_of("export_tables"),
        tables=ALL_TABLES,
    output:
        csv=CSV,
    log:
        "<logs>/export_tables/tables.log",
    benchmark:
        "<benchmarks>/export_tables/tables.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.tables:q} --output-csv {output.csv:q} 2>&1 | tee {log:q}"


rule render_pages:
    input:
        **script_of("render_pages"),
        tables=ALL_TABLES,
        summary="<results>/summary.md",
    output:
        pages=ALL_PAGES,
    log:
        "<logs>/render_pages/pages.log",
    benchmark:
        "<benchmarks>/render_pages/pages.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.tables:q} --summary {input.summary:q}"
        " --output-pages {output.pages:q} 2>&1 | tee {log:q}"


rule typeset_regression:
    input:
        **script_of("typeset_regression"),
        regression="<results>/tables/regression.parquet",
    output:
        latex="<results>/tables/regression.tex",
    log:
        "<logs>/typeset_regression/regression.log",
    benchmark:
        "<benchmarks>/typeset_regression/regression.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.regression:q} --output-latex {output.latex:q}"
        " 2>&1 | tee {log:q}"


rule write_codebook:
    input:
        **script_of("write_codebook"),
    output:
        codebook="<results>/codebook.md",
    log:
        "<logs>/write_codebook/codebook.log",
    benchmark:
        "<benchmarks>/write_codebook/codebook.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --output-codebook {output.codebook:q} 2>&1 | tee {log:q}"
