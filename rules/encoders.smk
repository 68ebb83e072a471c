rule train_tokenizer:
    input:
        script="scripts/train_tokenizer.py",
        corpus=lambda w: results(f"corpora/{ENCODERS[w.tokenizer]['corpus']}.parquet"),
    output:
        tokenizer=directory(results("tokenizers/{tokenizer}")),
    log:
        results("logs/train_tokenizer/{tokenizer}.log"),
    benchmark:
        results("benchmarks/train_tokenizer/{tokenizer}.tsv")
    wildcard_constraints:
        tokenizer=of_source(ENCODERS, "pretrained"),
    params:
        settings=lambda w: options(
            ENCODERS[w.tokenizer]["tokenizer"],
            positions=ENCODERS[w.tokenizer]["architecture"]["positions"],
        ),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script} {input.corpus:q} --output-tokenizer {output.tokenizer:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule pretrain_encoder:
    input:
        script="scripts/pretrain_encoder.py",
        modules=modules("encoders/masked_lm", "encoders/training"),
        corpus=lambda w: results(f"corpora/{ENCODERS[w.encoder]['corpus']}.parquet"),
        tokenizer=results("tokenizers/{encoder}"),
    output:
        encoder=directory(results("encoders/{encoder}")),
        masked_lm=directory(results("masked_lms/{encoder}")),
        training=results("training/{encoder}.parquet"),
    log:
        results("logs/pretrain_encoder/{encoder}.log"),
    benchmark:
        results("benchmarks/pretrain_encoder/{encoder}.tsv")
    wildcard_constraints:
        encoder=of_source(ENCODERS, "pretrained"),
    params:
        checkpoints=results("checkpoints/{encoder}"),
        settings=lambda w: options(
            ENCODERS[w.encoder]["architecture"]
            | ENCODERS[w.encoder]["training"]
            | {"pooling": ENCODERS[w.encoder]["pooling"]},
            seed=seed_for("encoder", w.encoder),
        ),
        device=config["device"],
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
        gpu=GPUS,
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script} {input.corpus:q} {input.tokenizer:q}"
        " --output-encoder {output.encoder:q} --output-masked-lm {output.masked_lm:q}"
        " --output-training {output.training:q} --output-checkpoints {params.checkpoints:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"


rule finetune_encoder:
    input:
        script="scripts/finetune_encoder.py",
        modules=modules(
            "encoders/contrastive",
            "encoders/positives",
            "corpora/scored_pairs",
            "encoders/training",
        ),
        base=base_of,
        corpus=lambda w: results(f"corpora/{ENCODERS[w.encoder]['corpus']}.parquet"),
        development=development_of,
    output:
        encoder=directory(results("encoders/{encoder}")),
        training=results("training/{encoder}.parquet"),
    log:
        results("logs/finetune_encoder/{encoder}.log"),
    benchmark:
        results("benchmarks/finetune_encoder/{encoder}.tsv")
    wildcard_constraints:
        encoder=of_source(ENCODERS, "finetuned"),
    params:
        checkpoints=results("checkpoints/{encoder}"),
        recipe=lambda w: options(
            ENCODERS[w.encoder],
            *("positives", "minimum_score", "shuffle_positives", "pooling", "head"),
        ),
        settings=lambda w: options(
            ENCODERS[w.encoder]["training"], seed=seed_for("encoder", w.encoder)
        ),
        development=lambda w, input: options({}, development=input.development or None),
        device=config["device"],
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
        gpu=GPUS,
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script} {input.base:q} {input.corpus:q}"
        " --output-encoder {output.encoder:q} --output-training {output.training:q}"
        " --output-checkpoints {params.checkpoints:q}"
        " {params.recipe} {params.settings} {params.development}"
        " --device {params.device} 2>&1 | tee {log:q}"


rule randomize_encoder:
    input:
        script="scripts/randomize_encoder.py",
        base=base_of,
    output:
        encoder=directory(results("encoders/{encoder}")),
    log:
        results("logs/randomize_encoder/{encoder}.log"),
    benchmark:
        results("benchmarks/randomize_encoder/{encoder}.tsv")
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
        "python {input.script} {input.base:q} --output-encoder {output.encoder:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule download_snapshot:
    input:
        script="scripts/download_snapshot.py",
        modules=modules("encoders/model_files"),
    output:
        snapshot=directory(results("snapshots/{encoder}")),
    log:
        results("logs/download_snapshot/{encoder}.log"),
    benchmark:
        results("benchmarks/download_snapshot/{encoder}.tsv")
    wildcard_constraints:
        encoder=of_source(ENCODERS, "hub"),
    params:
        repository=lambda w: ENCODERS[w.encoder]["repository"],
        revision=lambda w: ENCODERS[w.encoder]["revision"],
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    conda:
        "../envs/training.yaml"
    shell:
        "HF_HUB_OFFLINE=$asked python {input.script} {params.repository:q}"
        " --revision {params.revision} --output-snapshot {output.snapshot:q} 2>&1 | tee {log:q}"


rule import_encoder:
    input:
        script="scripts/import_encoder.py",
        modules=modules("encoders/model_files"),
        source=lambda w: source_of(w.encoder),
    output:
        encoder=directory(results("encoders/{encoder}")),
    log:
        results("logs/import_encoder/{encoder}.log"),
    benchmark:
        results("benchmarks/import_encoder/{encoder}.tsv")
    wildcard_constraints:
        encoder=of_source(ENCODERS, "path", "hub"),
    params:
        settings=lambda w: options(ENCODERS[w.encoder], "pooling"),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    conda:
        "../envs/training.yaml"
    shell:
        "python {input.script} {input.source:q} --output-encoder {output.encoder:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule compare_tokenizers:
    input:
        script="scripts/compare_tokenizers.py",
        encoders=lambda w: [results(f"encoders/{e}") for e in FOREIGN_TOKENIZERS[w.comparison]],
        corpora=lambda w: [
            results(f"corpora/{c}.parquet") for c in COMPARISONS[w.comparison]["weighed"]
        ],
    output:
        comparison=results("comparisons/{comparison}.txt"),
    log:
        results("logs/compare_tokenizers/{comparison}.log"),
    benchmark:
        results("benchmarks/compare_tokenizers/{comparison}.tsv")
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script} {input.encoders:q} --corpora {input.corpora:q}"
        " --output-comparison {output.comparison:q} 2>&1 | tee {log:q}"


rule evaluate_encoder:
    input:
        script="scripts/evaluate_encoder.py",
        modules=modules("corpora/scored_pairs"),
        encoder=results("encoders/{encoder}"),
        corpus=results(f"corpora/{config['evaluation']['corpus']}.parquet"),
    output:
        evaluation=results("evaluations/{encoder}.parquet"),
    log:
        results("logs/evaluate_encoder/{encoder}.log"),
    benchmark:
        results("benchmarks/evaluate_encoder/{encoder}.tsv")
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
        "python {input.script} {input.encoder:q} {input.corpus:q}"
        " --output-evaluation {output.evaluation:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"
