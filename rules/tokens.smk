COUNTS = "<results>/shards/counts/{{{{corpus}}}}/{{{{tokenizer}}}}/{{scatteritem}}/{}.parquet"


rule train_tokenizer:
    input:
        **script_of("train_tokenizer"),
        corpus=lambda w: f"<results>/corpora/{ENCODERS[w.tokenizer]['corpus']}.parquet",
    output:
        tokenizer=directory("<results>/tokenizers/{tokenizer}"),
    log:
        "<logs>/train_tokenizer/{tokenizer}.log",
    benchmark:
        "<benchmarks>/train_tokenizer/{tokenizer}.tsv"
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
        "python {input.script:q} {input.corpus:q} --output-tokenizer {output.tokenizer:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule compare_tokenizers:
    input:
        **script_of("compare_tokenizers"),
        encoders=lambda w: [f"<results>/encoders/{e}" for e in FOREIGN_TOKENIZERS[w.comparison]],
        corpora=lambda w: corpora_of(*COMPARISONS[w.comparison]["weighed"]),
    output:
        comparison="<results>/comparisons/{comparison}.txt",
    log:
        "<logs>/compare_tokenizers/{comparison}.log",
    benchmark:
        "<benchmarks>/compare_tokenizers/{comparison}.tsv"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script:q} {input.encoders:q} --corpora {input.corpora:q}"
        " --output-comparison {output.comparison:q} 2>&1 | tee {log:q}"


rule count_tokens:
    input:
        **script_of("count_tokens"),
        corpus="<results>/corpora/{corpus}.parquet",
        tokenizer=lambda w: [tokenizer_of(name) for name in tellers_of(w.tokenizer)],
        checks=lambda w: [c for name in tellers_of(w.tokenizer) for c in tokenizer_checks(name)],
    output:
        tokens=temp("<results>/shards/counts/{corpus}/{tokenizer}/{shard}/tokens.parquet"),
        pairs=temp("<results>/shards/counts/{corpus}/{tokenizer}/{shard}/pairs.parquet"),
        lengths=temp("<results>/shards/counts/{corpus}/{tokenizer}/{shard}/lengths.parquet"),
    log:
        "<logs>/count_tokens/{corpus}.{tokenizer}.{shard}.log",
    benchmark:
        "<benchmarks>/count_tokens/{corpus}.{tokenizer}.{shard}.tsv"
    params:
        settings=lambda w: options(
            config["information"],
            *("block", "pairs_in_memory"),
            unit="word" if w.tokenizer.endswith(OF_WORDS) else "token",
        ),
    threads: 1
    resources:
        mem_mb=by_types(1500, 20),
        runtime=growing(480),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script:q} {input.corpus:q} {input.tokenizer:q}"
        " --output-tokens {output.tokens:q} --output-pairs {output.pairs:q}"
        " --output-lengths {output.lengths:q} --shard {wildcards.shard}"
        " {params.settings} 2>&1 | tee {log:q}"


rule merge_counts:
    input:
        **script_of("merge_counts"),
        tokens=gather.counts(COUNTS.format("tokens")),
        pairs=gather.counts(COUNTS.format("pairs")),
        lengths=gather.counts(COUNTS.format("lengths")),
    output:
        tokens="<results>/counts/{corpus}/{tokenizer}/tokens.parquet",
        pairs="<results>/counts/{corpus}/{tokenizer}/pairs.parquet",
        lengths="<results>/counts/{corpus}/{tokenizer}/lengths.parquet",
    log:
        "<logs>/merge_counts/{corpus}.{tokenizer}.log",
    benchmark:
        "<benchmarks>/merge_counts/{corpus}.{tokenizer}.tsv"
    params:
        settings=options(config["information"], "pairs_in_memory"),
    threads: 1
    resources:
        mem_mb=by_types(1500, 20),
        runtime=by_types(10, 4),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script:q} --tokens {input.tokens:q} --pairs {input.pairs:q}"
        " --lengths {input.lengths:q} --output-tokens {output.tokens:q}"
        " --output-pairs {output.pairs:q} --output-lengths {output.lengths:q}"
        " {params.settings} 2>&1 | tee {log:q}"
