rule integrate_gradients:
    input:
        script="scripts/integrate_gradients.py",
        modules=modules("attribution", "encoders", "path_integral", "quadrature"),
        encoder=results("encoders/{encoder}"),
        corpus=results("corpora/{corpus}.parquet"),
    output:
        weights=results("weights/integrated_gradients/{encoder}/{corpus}.parquet"),
    log:
        results("logs/integrate_gradients/{encoder}.{corpus}.log"),
    benchmark:
        results("benchmarks/integrate_gradients/{encoder}.{corpus}.tsv")
    params:
        settings=options(WEIGHTS.get("integrated_gradients", {}), normalize=WEIGHTS["normalize"]),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=8000,
        runtime=480,
        gpu=1,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script} {input.encoder:q} {input.corpus:q}"
        " --output-weights {output.weights:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"


rule estimate_shapley:
    input:
        script="scripts/estimate_shapley.py",
        modules=modules("attribution", "coalitions", "encoders"),
        encoder=results("encoders/{encoder}"),
        corpus=results("corpora/{corpus}.parquet"),
    output:
        weights=results("weights/shapley/{encoder}/{corpus}.parquet"),
    log:
        results("logs/estimate_shapley/{encoder}.{corpus}.log"),
    benchmark:
        results("benchmarks/estimate_shapley/{encoder}.{corpus}.tsv")
    params:
        settings=lambda w: options(
            WEIGHTS["shapley"], normalize=WEIGHTS["normalize"], seed=seed_for("shapley", w.corpus)
        ),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=8000,
        runtime=480,
        gpu=1,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script} {input.encoder:q} {input.corpus:q}"
        " --output-weights {output.weights:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"
