rule estimate_information:
    input:
        **script_of("estimate_information"),
        tokens="<results>/counts/{corpus}/{tokenizer}/tokens.parquet",
        pairs="<results>/counts/{corpus}/{tokenizer}/pairs.parquet",
        lengths="<results>/counts/{corpus}/{tokenizer}/lengths.parquet",
        exact=lambda w: (
            "<results>/corpora/{corpus}.exact.parquet"
            if has_exact(config, w.corpus, w.tokenizer)
            else []
        ),
    output:
        information="<results>/information/{corpus}/{tokenizer}.parquet",
    log:
        "<logs>/estimate_information/{corpus}.{tokenizer}.log",
    benchmark:
        "<benchmarks>/estimate_information/{corpus}.{tokenizer}.tsv"
    params:
        settings=options(ANALYSIS, "confidence"),
        exact=given("exact"),
    threads: 2
    resources:
        mem_mb=by_types(1000, 100),
        runtime=by_types(10, 4),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script:q} {input.tokens:q} {input.pairs:q} {input.lengths:q}"
        " --output-information {output.information:q}"
        " {params.settings} {params.exact} 2>&1 | tee {log:q}"


rule score_surprisal:
    input:
        **script_of("score_surprisal"),
        masked_lm=lambda w: (
            "<results>/masked_lms/{masked_lm}"
            if ENCODERS[w.masked_lm]["source"] == "pretrained"
            else source_of(w.masked_lm)
        ),
        corpus="<results>/corpora/{corpus}.parquet",
        checks=lambda w: tokenizer_checks(w.masked_lm),
    output:
        surprisal=temp("<results>/shards/surprisal/{masked_lm}/{corpus}/{shard}.parquet"),
    log:
        "<logs>/score_surprisal/{masked_lm}.{corpus}.{shard}.log",
    benchmark:
        "<benchmarks>/score_surprisal/{masked_lm}.{corpus}.{shard}.tsv"
    params:
        settings=options(
            config["surprisal"], memory=WEIGHTS["memory"], segmenter=ANALYSIS["segmenter"]
        ),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=growing(int(1024 * WEIGHTS["memory"])),
        runtime=growing(240),
        gpu=GPUS,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script:q} {input.masked_lm:q} {input.corpus:q} --shard {wildcards.shard}"
        " --output-surprisal {output.surprisal:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"


use rule gather_tables as gather_surprisal with:
    input:
        **script_of("gather_tables"),
        tables=gather.shards(
            "<results>/shards/surprisal/{{masked_lm}}/{{corpus}}/{scatteritem}.parquet"
        ),
    output:
        table="<results>/surprisal/{masked_lm}/{corpus}.parquet",
    log:
        "<logs>/gather_tables/surprisal.{masked_lm}.{corpus}.log",
    benchmark:
        "<benchmarks>/gather_tables/surprisal.{masked_lm}.{corpus}.tsv"
    params:
        table="surprisal",
