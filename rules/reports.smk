rule plot_regressions:
    input:
        script="scripts/plot_regressions.py",
        modules=modules("correlations/weighed_tokens", "correlations/statistics", "reports/style"),
        before=weights_of("before"),
        after=weights_of("after"),
        information=information_of,
        surprisal=surprisal_of,
        regression=results("tables/regression.parquet"),
    output:
        svg=report(
            results("figures/regressions.{comparison}.{corpus}.{method}.svg"),
            caption="report/regressions.rst",
            category=QUESTIONS["information"],
            labels={
                "result": "weight on quantities: {comparison}, {corpus}",
                "method": "{method}",
            },
        ),
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
        modules=modules("reports/before_after", "correlations/statistics", "reports/style"),
        regression=results("tables/regression.parquet"),
        change=results("tables/change.parquet"),
    output:
        svg=report(
            results("figures/changes.svg"),
            caption="report/changes.rst",
            category=QUESTIONS["information"],
            labels={"result": "R² before and after"},
        ),
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


rule plot_partials:
    input:
        script="scripts/plot_partials.py",
        modules=modules("reports/before_after", "correlations/statistics", "reports/style"),
        partial=results("tables/partial.parquet"),
    output:
        svg=report(
            results("figures/partials.svg"),
            caption="report/partial.rst",
            category=QUESTIONS["information"],
            labels={"result": "partial R² before and after"},
        ),
        pdf=results("figures/partials.pdf"),
    log:
        results("logs/plot_partials/partials.log"),
    benchmark:
        results("benchmarks/plot_partials/partials.tsv")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} {input.partial:q}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"


rule plot_classes:
    input:
        script="scripts/plot_classes.py",
        modules=modules("reports/before_after", "correlations/statistics", "reports/style"),
        classes=results("tables/classes.parquet"),
    output:
        svg=report(
            results("figures/classes.{comparison}.{corpus}.svg"),
            caption="report/classes.rst",
            category=QUESTIONS["tokens"],
            labels={"result": "weight by class and frequency: {comparison}, {corpus}"},
        ),
        pdf=results("figures/classes.{comparison}.{corpus}.pdf"),
    log:
        results("logs/plot_classes/{comparison}.{corpus}.log"),
    benchmark:
        results("benchmarks/plot_classes/{comparison}.{corpus}.tsv")
    params:
        names=lambda w: options(dict(w)),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} {input.classes:q} {params.names}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"


rule plot_training:
    input:
        script="scripts/plot_training.py",
        modules=modules("correlations/statistics", "reports/style"),
        trainings=[results(f"training/{encoder}.parquet") for encoder in trained_encoders()],
    output:
        svg=report(
            results("figures/training.svg"),
            caption="report/training.rst",
            category=QUESTIONS["encoders"],
            labels={"result": "training"},
        ),
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
        modules=modules("correlations/weighed_tokens", "correlations/statistics", "reports/style"),
        surprisal=results("surprisal/{masked_lm}/{corpus}.parquet"),
        information=information_beside_surprisal,
    output:
        svg=report(
            results("figures/surprisal.{masked_lm}.{corpus}.svg"),
            caption="report/surprisal.rst",
            category=QUESTIONS["context"],
            labels={"result": "surprisal by {masked_lm}, {corpus}"},
        ),
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


rule build_explorer:
    input:
        script="scripts/build_explorer.py",
        modules=modules(
            "reports/page",
            "correlations/weighed_tokens",
            "correlations/statistics",
            "reports/style",
            "reports/token_views",
        ),
        assets=sorted(glob.glob("scripts/explorer/*")),
        texts=weighed_tables(lambda w: results(f"corpora/{w.corpus}.parquet")),
        before=weighed_tables(weights_of("before")),
        after=weighed_tables(weights_of("after")),
        information=weighed_tables(information_of),
        surprisal=[table for table in weighed_tables(surprisal_of) if table],
        regression=results("tables/regression.parquet"),
    output:
        page=report(
            results("explorer.html"),
            caption="report/explorer.rst",
            category=QUESTIONS["tokens"],
            labels={"result": "explorer"},
        ),
    log:
        results("logs/build_explorer/explorer.log"),
    benchmark:
        results("benchmarks/build_explorer/explorer.tsv")
    params:
        names=options(
            {"run_name": config["run"]},
            **dict(zip(("comparisons", "corpora", "methods"), map(list, zip(*weighed())))),
        ),
        settings=options(ANALYSIS, "minimum_count"),
        surprisal=options({}, surprisal=weighed_tables(lambda w: surprisal_of(w) or os.devnull)),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} --texts {input.texts:q} --before {input.before:q}"
        " --after {input.after:q} --information {input.information:q} {params.surprisal}"
        " --regression {input.regression:q} --output-page {output.page:q}"
        " {params.names} {params.settings} 2>&1 | tee {log:q}"


rule plot_theory:
    input:
        script="scripts/plot_theory.py",
        modules=modules("correlations/statistics", "reports/style"),
        theory=results("tables/theory.parquet"),
        words=results("tables/theory_words.parquet"),
    output:
        svg=report(
            results("figures/theory.svg"),
            caption="report/theory_figure.rst",
            category=QUESTIONS["theory"],
            labels={"result": "norms of static encoders on information gain"},
        ),
        pdf=results("figures/theory.pdf"),
    log:
        results("logs/plot_theory/theory.log"),
    benchmark:
        results("benchmarks/plot_theory/theory.tsv")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} --theory {input.theory:q} --words {input.words:q}"
        " --output-svg {output.svg:q} --output-pdf {output.pdf:q} 2>&1 | tee {log:q}"
