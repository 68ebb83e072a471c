rule pretrain_encoder:
    input:
        **script_of("pretrain_encoder"),
        corpus=lambda w: f"<results>/corpora/{ENCODERS[w.encoder]['corpus']}.parquet",
        tokenizer=lambda w: f"<results>/tokenizers/{first_of(w.encoder)}",
    output:
        encoder=directory("<results>/encoders/{encoder}"),
        masked_lm=directory("<results>/masked_lms/{encoder}"),
        training="<results>/training/{encoder}.parquet",
    log:
        "<logs>/pretrain_encoder/{encoder}.log",
    benchmark:
        "<benchmarks>/pretrain_encoder/{encoder}.tsv"
    wildcard_constraints:
        encoder=of_source(ENCODERS, "pretrained"),
    params:
        checkpoints=f"results/{config['run']}/checkpoints/{{encoder}}",
        settings=lambda w: options(
            ENCODERS[w.encoder]["architecture"]
            | ENCODERS[w.encoder]["training"]
            | {key: ENCODERS[w.encoder][key] for key in ("pooling", "checkpoints")},
            seed=seed_for("encoder", w.encoder),
        ),
        device=config["device"],
    threads: training_threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
        gpu=GPUS,
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script:q} {input.corpus:q} {input.tokenizer:q}"
        " --output-encoder {output.encoder:q} --output-masked-lm {output.masked_lm:q}"
        " --output-training {output.training:q} --output-checkpoints {params.checkpoints:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"


rule finetune_encoder:
    input:
        **script_of("finetune_encoder"),
        base=lambda w: f"<results>/encoders/{ENCODERS[w.encoder]['base']}",
        corpus=lambda w: f"<results>/corpora/{ENCODERS[w.encoder]['corpus']}.parquet",
        development=lambda w: corpora_of(ENCODERS[w.encoder]["development"]),
    output:
        encoder=directory("<results>/encoders/{encoder}"),
        training="<results>/training/{encoder}.parquet",
    log:
        "<logs>/finetune_encoder/{encoder}.log",
    benchmark:
        "<benchmarks>/finetune_encoder/{encoder}.tsv"
    wildcard_constraints:
        encoder=of_source(ENCODERS, "finetuned"),
    params:
        checkpoints=f"results/{config['run']}/checkpoints/{{encoder}}",
        recipe=lambda w: options(
            ENCODERS[w.encoder],
            *("positives", "minimum_score", "shuffle_positives", "pooling", "head", "checkpoints"),
        ),
        settings=lambda w: options(
            ENCODERS[w.encoder]["training"], seed=seed_for("encoder", w.encoder)
        ),
        development=given("development"),
        device=config["device"],
    threads: training_threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
        gpu=GPUS,
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script:q} {input.base:q} {input.corpus:q}"
        " --output-encoder {output.encoder:q} --output-training {output.training:q}"
        " --output-checkpoints {params.checkpoints:q}"
        " {params.recipe} {params.settings} {params.development}"
        " --device {params.device} 2>&1 | tee {log:q}"


rule randomize_encoder:
    input:
        **script_of("randomize_encoder"),
        base=lambda w: f"<results>/encoders/{ENCODERS[w.encoder]['base']}",
    output:
        encoder=directory("<results>/encoders/{encoder}"),
    log:
        "<logs>/randomize_encoder/{encoder}.log",
    benchmark:
        "<benchmarks>/randomize_encoder/{encoder}.tsv"
    wildcard_constraints:
        encoder=of_source(ENCODERS, "random"),
    params:
        settings=lambda w: options({}, seed=seed_for("encoder", w.encoder)),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(30),
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script:q} {input.base:q} --output-encoder {output.encoder:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule take_checkpoint:
    input:
        **script_of("take_checkpoint"),
        trained=lambda w: f"<results>/encoders/{ENCODERS[w.encoder]['base']}",
    output:
        encoder=directory("<results>/encoders/{encoder}"),
    log:
        "<logs>/take_checkpoint/{encoder}.log",
    benchmark:
        "<benchmarks>/take_checkpoint/{encoder}.tsv"
    wildcard_constraints:
        encoder=of_source(ENCODERS, "checkpoint"),
    params:
        settings=lambda w: options(ENCODERS[w.encoder], "place"),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script:q} {input.trained:q} --output-encoder {output.encoder:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule truncate_encoder:
    input:
        **script_of("truncate_encoder"),
        trained=lambda w: f"<results>/encoders/{ENCODERS[w.encoder]['base']}",
    output:
        encoder=directory("<results>/encoders/{encoder}"),
    log:
        "<logs>/truncate_encoder/{encoder}.log",
    benchmark:
        "<benchmarks>/truncate_encoder/{encoder}.tsv"
    wildcard_constraints:
        encoder=of_source(ENCODERS, "layer"),
    params:
        settings=lambda w: options(ENCODERS[w.encoder], "layers"),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(30),
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script:q} {input.trained:q} --output-encoder {output.encoder:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule download_snapshot:
    input:
        **script_of("download_snapshot"),
    output:
        snapshot=directory("<results>/snapshots/{encoder}"),
    log:
        "<logs>/download_snapshot/{encoder}.log",
    benchmark:
        "<benchmarks>/download_snapshot/{encoder}.tsv"
    wildcard_constraints:
        encoder=of_source(ENCODERS, "hub"),
    params:
        repository=lambda w: ENCODERS[w.encoder]["repository"],
        revision=lambda w: options(ENCODERS[w.encoder], "revision"),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    conda:
        "../envs/training.yaml"
    shell:
        "HF_HUB_OFFLINE=$asked python {input.script:q} {params.repository:q}"
        " {params.revision} --output-snapshot {output.snapshot:q} 2>&1 | tee {log:q}"


rule import_encoder:
    input:
        **script_of("import_encoder"),
        source=lambda w: source_of(w.encoder),
    output:
        encoder=directory("<results>/encoders/{encoder}"),
    log:
        "<logs>/import_encoder/{encoder}.log",
    benchmark:
        "<benchmarks>/import_encoder/{encoder}.tsv"
    wildcard_constraints:
        encoder=of_source(ENCODERS, "path", "hub"),
    params:
        settings=lambda w: options(ENCODERS[w.encoder], "pooling", "prompt"),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script:q} {input.source:q} --output-encoder {output.encoder:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule evaluate_encoder:
    input:
        **script_of("evaluate_encoder"),
        encoder="<results>/encoders/{encoder}",
        corpus=lambda w: f"<results>/corpora/{config['evaluation']['corpus']}.parquet",
    output:
        evaluation="<results>/evaluations/{encoder}.parquet",
    log:
        "<logs>/evaluate_encoder/{encoder}.log",
    benchmark:
        "<benchmarks>/evaluate_encoder/{encoder}.tsv"
    params:
        settings=lambda w: options(
            config["evaluation"],
            "positive_score",
            name=w.encoder,
            corpus_name=config["evaluation"]["corpus"],
        ),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
        gpu=GPUS,
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script:q} {input.encoder:q} {input.corpus:q}"
        " --output-evaluation {output.evaluation:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"


rule measure_similarity:
    input:
        **script_of("measure_similarity"),
        encoder="<results>/encoders/{encoder}",
        corpus="<results>/corpora/{corpus}.parquet",
    output:
        similarities="<results>/similarities/{encoder}/{corpus}.parquet",
    log:
        "<logs>/measure_similarity/{encoder}.{corpus}.log",
    benchmark:
        "<benchmarks>/measure_similarity/{encoder}.{corpus}.tsv"
    params:
        device=config["device"],
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
        gpu=GPUS,
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script:q} {input.encoder:q} {input.corpus:q}"
        " --output-similarities {output.similarities:q} --device {params.device}"
        " 2>&1 | tee {log:q}"


use rule gather_tables as gather_encoders with:
    input:
        **script_of("gather_tables"),
        tables=[f"<results>/evaluations/{encoder}.parquet" for encoder in ENCODERS],
    output:
        table="<results>/tables/encoders.parquet",
    log:
        "<logs>/gather_tables/encoders.log",
    benchmark:
        "<benchmarks>/gather_tables/encoders.tsv"
    params:
        table="encoders",
