rule generate_corpus:
    input:
        script="scripts/generate_corpus.py",
        modules=modules("corpora/grammar"),
        lexicon="scripts/common/corpora/lexicon.yaml",
    output:
        corpus=results("corpora/{corpus}.parquet"),
        exact=results("corpora/{corpus}.exact.parquet"),
    log:
        results("logs/generate_corpus/{corpus}.log"),
    benchmark:
        results("benchmarks/generate_corpus/{corpus}.tsv")
    wildcard_constraints:
        corpus=of_source(CORPORA, "generated"),
    params:
        settings=lambda w: options(
            CORPORA[w.corpus], "form", "size", "sentences", seed=seed_for("corpus", w.corpus)
        ),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script} --output-corpus {output.corpus:q} --output-exact {output.exact:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule download_dataset:
    input:
        script="scripts/download_dataset.py",
    output:
        rows=results("datasets/{corpus}.parquet"),
    log:
        results("logs/download_dataset/{corpus}.log"),
    benchmark:
        results("benchmarks/download_dataset/{corpus}.tsv")
    wildcard_constraints:
        corpus=of_source(CORPORA, "hub"),
    params:
        repository=lambda w: CORPORA[w.corpus]["repository"],
        settings=lambda w: options(
            CORPORA[w.corpus],
            *("revision", "subset", "splits", "data_files", "rows"),
            columns=columns_of(w.corpus),
        ),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    conda:
        "../envs/training.yaml"
    shell:
        "HF_HUB_OFFLINE=$asked python {input.script} {params.repository:q}"
        " --output-rows {output.rows:q} {params.settings} 2>&1 | tee {log:q}"


rule download_corpus:
    input:
        script="scripts/download_corpus.py",
        modules=modules("corpora/sources", "corpora/text"),
        files=lambda w: files_of(w.corpus),
    output:
        corpus=results("corpora/{corpus}.parquet"),
    log:
        results("logs/download_corpus/{corpus}.log"),
    benchmark:
        results("benchmarks/download_corpus/{corpus}.tsv")
    wildcard_constraints:
        corpus=of_source(CORPORA, "file", "hub"),
    params:
        settings=lambda w: options(
            {"documents": "line"} | CORPORA[w.corpus],
            *("documents", "segment", "detokenize"),
            *("text_columns", "score_column", "label_column"),
        ),
    threads: 1
    resources:
        mem_mb=growing(lambda w: memory_for(w.corpus)),
        runtime=growing(60),
    conda:
        "../envs/data.yaml"
    shell:
        "python {input.script} {input.files:q} --output-corpus {output.corpus:q}"
        " {params.settings} 2>&1 | tee {log:q}"


rule select_sentences:
    input:
        script="scripts/select_sentences.py",
        corpora=lambda w: [results(f"corpora/{c}.parquet") for c in CORPORA[w.corpus]["corpora"]],
    output:
        corpus=results("corpora/{corpus}.parquet"),
    log:
        results("logs/select_sentences/{corpus}.log"),
    benchmark:
        results("benchmarks/select_sentences/{corpus}.tsv")
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
        "python {input.script} {input.corpora:q} --output-corpus {output.corpus:q}"
        " {params.settings} 2>&1 | tee {log:q}"
