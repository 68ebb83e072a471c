rule integrate_gradients:
    input:
        script="scripts/integrate_gradients.py",
        modules=modules(
            "weights/weights_table",
            "encoders/encoder",
            "weights/gradient_engines",
            "weights/integration",
            "weights/intervals",
            "weights/path_integral",
            "weights/refinement",
            "weights/steep_paths",
            "weights/quadrature",
            "tokens/sentences",
            "weights/tangents",
            "tokens/words",
        ),
        encoder=results("encoders/{encoder}"),
        corpus=results("corpora/{corpus}.parquet"),
        checks=lambda w: tokenizer_checks(w.encoder),
    output:
        weights=temp(
            results("shards/weights/integrated_gradients/{encoder}/{corpus}/{shard}.parquet")
        ),
    log:
        results("logs/integrate_gradients/{encoder}.{corpus}.{shard}.log"),
    benchmark:
        results("benchmarks/integrate_gradients/{encoder}.{corpus}.{shard}.tsv")
    params:
        settings=lambda w: weighing_options("integrated_gradients", w.corpus),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=growing(int(1024 * WEIGHTS["memory"])),
        runtime=growing(480),
        gpu=GPUS,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script} {input.encoder:q} {input.corpus:q} --shard {wildcards.shard}"
        " --output-weights {output.weights:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"


rule estimate_shapley:
    input:
        script="scripts/estimate_shapley.py",
        modules=modules(
            "weights/weights_table",
            "weights/coalition_designs",
            "weights/coalitions",
            "encoders/encoder",
            "weights/shapley_engines",
            "tokens/sentences",
            "weights/token_games",
            "tokens/words",
        ),
        encoder=results("encoders/{encoder}"),
        corpus=results("corpora/{corpus}.parquet"),
        checks=lambda w: tokenizer_checks(w.encoder),
    output:
        weights=temp(results("shards/weights/shapley/{encoder}/{corpus}/{shard}.parquet")),
    log:
        results("logs/estimate_shapley/{encoder}.{corpus}.{shard}.log"),
    benchmark:
        results("benchmarks/estimate_shapley/{encoder}.{corpus}.{shard}.tsv")
    params:
        settings=lambda w: weighing_options("shapley", w.corpus),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=growing(int(1024 * WEIGHTS["memory"])),
        runtime=growing(480),
        gpu=GPUS,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script} {input.encoder:q} {input.corpus:q} --shard {wildcards.shard}"
        " --output-weights {output.weights:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"
