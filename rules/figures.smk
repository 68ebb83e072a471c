rule plot_regressions:
    input:
        script="scripts/plot_regressions.py",
        modules=modules("relation", "statistics", "style"),
        before=weights_of("before"),
        after=weights_of("after"),
        information=information_of,
        surprisal=surprisal_of,
        regression=results("tables/regression.parquet"),
    output:
        svg=results("figures/regressions.{comparison}.{corpus}.{method}.svg"),
        pdf=results("figures/regressions.{comparison}.{corpus}.{method}.pdf"),
    log:
        results("logs/plot_regressions/{comparison}.{corpus}.{method}.log"),
    benchmark:
        results("benchmarks/plot_regressions/{comparison}.{corpus}.{method}.tsv")
    params:
        names=lambda w: options(dict(w)),
        settings=options(ANALYSIS, "quantities", "minimum_count"),
        surprisal=lambda w, input: options({}, surprisal=input.surprisal or None),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} --before {input.before:q} --after {input.after:q}"
        " --information {input.information:q} {params.surprisal}"
        " --regression {input.regression:q}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"


rule plot_changes:
    input:
        script="scripts/plot_changes.py",
        modules=modules("statistics", "style"),
        regression=results("tables/regression.parquet"),
        change=results("tables/change.parquet"),
    output:
        svg=results("figures/changes.svg"),
        pdf=results("figures/changes.pdf"),
    log:
        results("logs/plot_changes/changes.log"),
    benchmark:
        results("benchmarks/plot_changes/changes.tsv")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} --regression {input.regression:q} --change {input.change:q}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"


rule plot_training:
    input:
        script="scripts/plot_training.py",
        modules=modules("statistics", "style"),
        trainings=[results(f"training/{encoder}.parquet") for encoder in trained_encoders()],
    output:
        svg=results("figures/training.svg"),
        pdf=results("figures/training.pdf"),
    log:
        results("logs/plot_training/training.log"),
    benchmark:
        results("benchmarks/plot_training/training.tsv")
    params:
        names=options({}, names=trained_encoders()),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} {input.trainings:q} {params.names}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"


rule plot_surprisal:
    input:
        script="scripts/plot_surprisal.py",
        modules=modules("relation", "statistics", "style"),
        surprisal=results("surprisal/{masked_lm}/{corpus}.parquet"),
        information=information_beside_surprisal,
    output:
        svg=results("figures/surprisal.{masked_lm}.{corpus}.svg"),
        pdf=results("figures/surprisal.{masked_lm}.{corpus}.pdf"),
    log:
        results("logs/plot_surprisal/{masked_lm}.{corpus}.log"),
    benchmark:
        results("benchmarks/plot_surprisal/{masked_lm}.{corpus}.tsv")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} --surprisal {input.surprisal:q} --information {input.information:q}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"
