rule generate_corpus:
    input:
        **script_of("generate_corpus"),
        lexicon=f"{SCRIPTS}/common/corpora/lexicon.yaml",
    output:
        corpus="<results>/corpora/{corpus}.parquet",
        exact="<results>/corpora/{corpus}.exact.parquet",
    log:
        "<logs>/generate_corpus/{corpus}.log",
    benchmark:
        "<benchmarks>/generate_corpus/{corpus}.tsv"
    wildcard_constraints:
        corpus=of_source(CORPORA, "generated"),
    params:
        settings=lambda w: options(
            CORPORA[w.corpus],
            *("form", "size", "sentences", "burstiness"),
            seed=seed_for("corpus", w.corpus),
        ),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script:q} --output-corpus {output.corpus:q} --output-exact {output.exact:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule download_dataset:
    input:
        **script_of("download_dataset"),
    output:
        rows="<results>/datasets/{corpus}.parquet",
    log:
        "<logs>/download_dataset/{corpus}.log",
    benchmark:
        "<benchmarks>/download_dataset/{corpus}.tsv"
    wildcard_constraints:
        corpus=of_source(CORPORA, "hub"),
    params:
        repository=lambda w: CORPORA[w.corpus]["repository"],
        settings=lambda w: options(
            CORPORA[w.corpus],
            *("revision", "subset", "splits", "data_files", "rows"),
            columns=columns_of(CORPORA[w.corpus]),
        ),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    conda:
        "../envs/training.yaml"
    shell:
        "HF_HUB_OFFLINE=$asked python {input.script:q} {params.repository:q}"
        " --output-rows {output.rows:q} {params.settings} 2>&1 | tee {log:q}"


rule download_corpus:
    input:
        **script_of("download_corpus"),
        files=lambda w: files_of(w.corpus),
    output:
        corpus="<results>/corpora/{corpus}.parquet",
    log:
        "<logs>/download_corpus/{corpus}.log",
    benchmark:
        "<benchmarks>/download_corpus/{corpus}.tsv"
    wildcard_constraints:
        corpus=of_source(CORPORA, "file", "hub"),
    params:
        settings=lambda w: options(
            {"documents": "line"} | CORPORA[w.corpus],
            *("documents", "segment", "detokenize"),
            *("text_columns", "score_column", "label_column", "id_column"),
            separator=CORPORA[w.corpus].get("separator"),
            encoding=CORPORA[w.corpus].get("encoding"),
            numbered=numbered(CORPORA[w.corpus]),
        ),
    threads: 1
    resources:
        mem_mb=growing(lambda w: memory_for(w.corpus)),
        runtime=growing(60),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script:q} {input.files:q} --output-corpus {output.corpus:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule select_sentences:
    input:
        **script_of("select_sentences"),
        corpora=lambda w: corpora_of(*CORPORA[w.corpus]["corpora"]),
    output:
        corpus="<results>/corpora/{corpus}.parquet",
    log:
        "<logs>/select_sentences/{corpus}.log",
    benchmark:
        "<benchmarks>/select_sentences/{corpus}.tsv"
    wildcard_constraints:
        corpus=of_source(CORPORA, "selection"),
    params:
        settings=lambda w: options(
            CORPORA[w.corpus], "sentences", "max_words", seed=seed_for("corpus", w.corpus)
        ),
    threads: 1
    resources:
        mem_mb=growing(lambda w: memory_for(*CORPORA[w.corpus]["corpora"])),
        runtime=growing(30),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script:q} {input.corpora:q} --output-corpus {output.corpus:q}"
        " {params.settings} 2>&1 | tee {log:q}"
