rule integrate_gradients:
    input:
        **script_of("integrate_gradients"),
        encoder="<results>/encoders/{encoder}",
        corpus="<results>/corpora/{corpus}.parquet",
        checks=lambda w: tokenizer_checks(w.encoder),
    output:
        weights=temp(
            "<results>/shards/weights/integrated_gradients/{encoder}/{corpus}/{shard}.parquet"
        ),
    log:
        "<logs>/integrate_gradients/{encoder}.{corpus}.{shard}.log",
    benchmark:
        "<benchmarks>/integrate_gradients/{encoder}.{corpus}.{shard}.tsv"
    params:
        checkpoints=f"results/{config['run']}/checkpoints/{{encoder}}.integrated_gradients.{{corpus}}",
        settings=weighing_options("integrated_gradients"),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=growing(int(1024 * WEIGHTS["memory"])),
        runtime=growing(480),
        gpu=GPUS,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script:q} {input.encoder:q} {input.corpus:q} --shard {wildcards.shard}"
        " --output-weights {output.weights:q} --output-checkpoints {params.checkpoints:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"


rule integrate_layers:
    input:
        **script_of("integrate_layers"),
        encoders=lambda w: [f"<results>/encoders/{one}" for one in LAYERED[w.encoder, w.corpus]],
        corpus="<results>/corpora/{corpus}.parquet",
        checks=lambda w: tokenizer_checks(w.encoder),
    output:
        layers=temp(directory("<results>/shards/layers/{encoder}/{corpus}/{shard}")),
    log:
        "<logs>/integrate_layers/{encoder}.{corpus}.{shard}.log",
    benchmark:
        "<benchmarks>/integrate_layers/{encoder}.{corpus}.{shard}.tsv"
    params:
        checkpoints=f"results/{config['run']}/checkpoints/{{encoder}}.layers.{{corpus}}",
        settings=weighing_options("integrated_gradients"),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=growing(int(1024 * WEIGHTS["memory"])),
        runtime=growing(960),
        gpu=GPUS,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script:q} {input.encoders:q} --corpus {input.corpus:q}"
        " --shard {wildcards.shard} --output-layers {output.layers:q}"
        " --output-checkpoints {params.checkpoints:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"


rule estimate_shapley:
    input:
        **script_of("estimate_shapley"),
        encoder="<results>/encoders/{encoder}",
        corpus="<results>/corpora/{corpus}.parquet",
        checks=lambda w: tokenizer_checks(w.encoder),
    output:
        weights=temp("<results>/shards/weights/shapley/{encoder}/{corpus}/{shard}.parquet"),
    log:
        "<logs>/estimate_shapley/{encoder}.{corpus}.{shard}.log",
    benchmark:
        "<benchmarks>/estimate_shapley/{encoder}.{corpus}.{shard}.tsv"
    params:
        checkpoints=f"results/{config['run']}/checkpoints/{{encoder}}.shapley.{{corpus}}",
        settings=weighing_options("shapley"),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=growing(int(1024 * WEIGHTS["memory"])),
        runtime=growing(480),
        gpu=GPUS,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script:q} {input.encoder:q} {input.corpus:q} --shard {wildcards.shard}"
        " --output-weights {output.weights:q} --output-checkpoints {params.checkpoints:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"


rule occlude_tokens:
    input:
        **script_of("occlude_tokens"),
        encoder="<results>/encoders/{encoder}",
        corpus="<results>/corpora/{corpus}.parquet",
        checks=lambda w: tokenizer_checks(w.encoder),
    output:
        weights=temp("<results>/shards/weights/occlusion/{encoder}/{corpus}/{shard}.parquet"),
    log:
        "<logs>/occlude_tokens/{encoder}.{corpus}.{shard}.log",
    benchmark:
        "<benchmarks>/occlude_tokens/{encoder}.{corpus}.{shard}.tsv"
    params:
        checkpoints=f"results/{config['run']}/checkpoints/{{encoder}}.occlusion.{{corpus}}",
        settings=weighing_options("occlusion"),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=growing(int(1024 * WEIGHTS["memory"])),
        runtime=growing(240),
        gpu=GPUS,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script:q} {input.encoder:q} {input.corpus:q} --shard {wildcards.shard}"
        " --output-weights {output.weights:q} --output-checkpoints {params.checkpoints:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"


use rule gather_tables as gather_weights with:
    input:
        **script_of("gather_tables"),
        tables=shards_of_weights,
    output:
        table="<results>/weights/{method}/{encoder}/{corpus}.parquet",
    log:
        "<logs>/gather_tables/weights.{method}.{encoder}.{corpus}.log",
    benchmark:
        "<benchmarks>/gather_tables/weights.{method}.{encoder}.{corpus}.tsv"
    params:
        table=lambda w: (
            f"weights --encoder {w.encoder}"
            if (w.method, w.encoder, w.corpus) in WHOLES
            else "weights"
        ),
