rule count_tokens:
    input:
        script="scripts/count_tokens.py",
        modules=modules(
            "tokens/corpus_blocks",
            "tokens/counted_types",
            "tokens/independent_pieces",
            "tokens/pair_counts",
            "tokens/sentences",
            "tokens/words",
        ),
        corpus=results("corpora/{corpus}.parquet"),
        tokenizer=lambda w: tokenizer_of(w.tokenizer),
        checks=lambda w: tokenizer_checks(w.tokenizer),
    output:
        tokens=temp(results("shards/counts/{corpus}/{tokenizer}/{shard}/tokens.parquet")),
        pairs=temp(results("shards/counts/{corpus}/{tokenizer}/{shard}/pairs.parquet")),
        lengths=temp(results("shards/counts/{corpus}/{tokenizer}/{shard}/lengths.parquet")),
    log:
        results("logs/count_tokens/{corpus}.{tokenizer}.{shard}.log"),
    benchmark:
        results("benchmarks/count_tokens/{corpus}.{tokenizer}.{shard}.tsv")
    params:
        settings=options(config["information"], "block", "pairs_in_memory", unit=ANALYSIS["unit"]),
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script} {input.corpus:q} {input.tokenizer:q}"
        " --output-tokens {output.tokens:q} --output-pairs {output.pairs:q}"
        " --output-lengths {output.lengths:q} --shard {wildcards.shard}"
        " {params.settings} 2>&1 | tee {log:q}"


rule merge_counts:
    input:
        script="scripts/merge_counts.py",
        modules=modules(
            "tokens/counted_types",
            "tokens/independent_pieces",
            "tokens/pair_counts",
            "tokens/words",
        ),
        tokens=counts_of_shards("tokens"),
        pairs=counts_of_shards("pairs"),
        lengths=counts_of_shards("lengths"),
    output:
        tokens=results("counts/{corpus}/{tokenizer}/tokens.parquet"),
        pairs=results("counts/{corpus}/{tokenizer}/pairs.parquet"),
        lengths=results("counts/{corpus}/{tokenizer}/lengths.parquet"),
    log:
        results("logs/merge_counts/{corpus}.{tokenizer}.log"),
    benchmark:
        results("benchmarks/merge_counts/{corpus}.{tokenizer}.tsv")
    params:
        settings=options(config["information"], "pairs_in_memory"),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script} --tokens {input.tokens:q} --pairs {input.pairs:q}"
        " --lengths {input.lengths:q} --output-tokens {output.tokens:q}"
        " --output-pairs {output.pairs:q} --output-lengths {output.lengths:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule estimate_information:
    input:
        script="scripts/estimate_information.py",
        modules=modules(
            "information/plug_in",
            "information/empirical_bayes",
            "tokens/pair_counts",
            "information/word_coordinates",
        ),
        tokens=results("counts/{corpus}/{tokenizer}/tokens.parquet"),
        pairs=results("counts/{corpus}/{tokenizer}/pairs.parquet"),
        lengths=results("counts/{corpus}/{tokenizer}/lengths.parquet"),
        exact=lambda w: (
            results("corpora/{corpus}.exact.parquet")
            if has_exact(config, w.corpus, w.tokenizer)
            else []
        ),
    output:
        information=results("information/{corpus}/{tokenizer}.parquet"),
    log:
        results("logs/estimate_information/{corpus}.{tokenizer}.log"),
    benchmark:
        results("benchmarks/estimate_information/{corpus}.{tokenizer}.tsv")
    params:
        settings=options(ANALYSIS, "confidence"),
        exact=lambda w, input: options({}, exact=input.exact or None),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} {input.tokens:q} {input.pairs:q} {input.lengths:q}"
        " --output-information {output.information:q}"
        " {params.settings} {params.exact} 2>&1 | tee {log:q}"


rule score_surprisal:
    input:
        script="scripts/score_surprisal.py",
        modules=modules("information/masked_surprisal", "tokens/sentences", "tokens/words"),
        masked_lm=lambda w: masked_lm_of(w.masked_lm),
        corpus=results("corpora/{corpus}.parquet"),
        checks=lambda w: tokenizer_checks(w.masked_lm),
    output:
        surprisal=temp(results("shards/surprisal/{masked_lm}/{corpus}/{shard}.parquet")),
    log:
        results("logs/score_surprisal/{masked_lm}.{corpus}.{shard}.log"),
    benchmark:
        results("benchmarks/score_surprisal/{masked_lm}.{corpus}.{shard}.tsv")
    params:
        settings=options(config["surprisal"], memory=WEIGHTS["memory"]),
        device=config["device"],
    threads: 1
    resources:
        mem_mb=growing(int(1024 * WEIGHTS["memory"])),
        runtime=growing(240),
        gpu=GPUS,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script} {input.masked_lm:q} {input.corpus:q} --shard {wildcards.shard}"
        " --output-surprisal {output.surprisal:q}"
        " {params.settings} --device {params.device} 2>&1 | tee {log:q}"
