rule count_tokens:
    input:
        script="scripts/count_tokens.py",
        modules=modules("information"),
        corpus=results("corpora/{corpus}.parquet"),
        tokenizer=lambda w: beside_encoder("tokenizers", w.tokenizer),
    output:
        tokens=results("counts/{corpus}/{tokenizer}/tokens.parquet"),
        pairs=results("counts/{corpus}/{tokenizer}/pairs.parquet"),
        lengths=results("counts/{corpus}/{tokenizer}/lengths.parquet"),
    log:
        results("logs/count_tokens/{corpus}.{tokenizer}.log"),
    benchmark:
        results("benchmarks/count_tokens/{corpus}.{tokenizer}.tsv")
    threads: 1
    resources:
        mem_mb=8000,
        runtime=120,
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script} {input.corpus:q} {input.tokenizer:q}"
        " --output-tokens {output.tokens:q} --output-pairs {output.pairs:q}"
        " --output-lengths {output.lengths:q} 2>&1 | tee {log:q}"


rule estimate_information:
    input:
        script="scripts/estimate_information.py",
        modules=modules("information"),
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
        settings=lambda w: options(
            config["information"], seed=seed_for("information", w.corpus, w.tokenizer)
        ),
        exact=lambda w, input: options({}, exact=input.exact or None),
    threads: 1
    resources:
        mem_mb=8000,
        runtime=120,
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} {input.tokens:q} {input.pairs:q} {input.lengths:q}"
        " --output-information {output.information:q}"
        " {params.settings} {params.exact} 2>&1 | tee {log:q}"


rule score_surprisal:
    input:
        script="scripts/score_surprisal.py",
        masked_lm=lambda w: beside_encoder("masked_lms", w.masked_lm),
        corpus=results("corpora/{corpus}.parquet"),
    output:
        surprisal=results("surprisal/{masked_lm}/{corpus}.parquet"),
    log:
        results("logs/score_surprisal/{masked_lm}.{corpus}.log"),
    benchmark:
        results("benchmarks/score_surprisal/{masked_lm}.{corpus}.tsv")
    params:
        device=config["device"],
    threads: 1
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=1,
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script} {input.masked_lm:q} {input.corpus:q}"
        " --output-surprisal {output.surprisal:q} --device {params.device} 2>&1 | tee {log:q}"
