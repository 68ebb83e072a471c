rule compare_encoders:
    input:
        **script_of("compare_encoders"),
        weights=weights_of(config["replicates"]),
        information=information_of,
    output:
        agreement="<results>/correlations/{comparison}/{corpus}/{method}/agreement.parquet",
    log:
        "<logs>/compare_encoders/{comparison}.{corpus}.{method}.log",
    benchmark:
        "<benchmarks>/compare_encoders/{comparison}.{corpus}.{method}.tsv"
    params:
        names=names_of,
        settings=bootstrap_options(),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --weights {input.weights:q} --information {input.information:q}"
        " --output-agreement {output.agreement:q} {params.names} {params.settings}"
        " 2>&1 | tee {log:q}"


use rule gather_tables as gather_agreement with:
    input:
        **script_of("gather_tables"),
        tables=[
            f"<results>/correlations/{'/'.join(parts)}/agreement.parquet"
            for parts in weighed()
            if parts[0] in ATLASES
        ],
    output:
        table="<results>/tables/agreement.parquet",
    log:
        "<logs>/gather_tables/agreement.log",
    benchmark:
        "<benchmarks>/gather_tables/agreement.tsv"
    params:
        table="agreement",


rule rank_encoders:
    input:
        **script_of("rank_encoders"),
        regression="<results>/tables/regression.parquet",
        within_sentence="<results>/tables/within_sentence.parquet",
        encoders="<results>/tables/encoders.parquet",
    output:
        ranking="<results>/tables/ranking.parquet",
    log:
        "<logs>/rank_encoders/ranking.log",
    benchmark:
        "<benchmarks>/rank_encoders/ranking.tsv"
    params:
        settings=options({}, comparisons=ATLASES),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} --regression {input.regression:q}"
        " --within-sentence {input.within_sentence:q} --encoders {input.encoders:q}"
        " --output-ranking {output.ranking:q} {params.settings} 2>&1 | tee {log:q}"


rule plot_atlas:
    input:
        **script_of("plot_atlas"),
        agreement="<results>/tables/agreement.parquet",
        regression="<results>/tables/regression.parquet",
        encoders="<results>/tables/encoders.parquet" if config["evaluation"] else [],
    output:
        svg=reported(
            "<results>/figures/atlas.{comparison}.{corpus}.{method}.svg",
            "atlas",
            "encoders",
            result="encoders side by side: {comparison}, {corpus}",
            method="{method}",
        ),
        pdf="<results>/figures/atlas.{comparison}.{corpus}.{method}.pdf",
    log:
        "<logs>/plot_atlas/{comparison}.{corpus}.{method}.log",
    benchmark:
        "<benchmarks>/plot_atlas/{comparison}.{corpus}.{method}.tsv"
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
        "python {input.script:q} {input.agreement:q} --regression {input.regression:q}"
        " {params.encoders} --output-svg {output.svg:q} --output-pdf {output.pdf:q}"
        " {params.names} 2>&1 | tee {log:q}"
