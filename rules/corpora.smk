def memory_for(*corpora):
    """MB to read corpora whole: those of the hub may hold ten million sentences."""
    return 16000 if any(CORPORA[corpus]["source"] == "hub" for corpus in corpora) else 4000


def files_of(corpus):
    """The files that a corpus is read from, none of which looks like an option."""
    named = CORPORA[corpus].get("files")
    return [as_path(name) for name in named] if named else f"<results>/datasets/{corpus}.parquet"


def columns_of(corpus):
    """The columns of a dataset that are read."""
    named = [CORPORA[corpus][key] for key in ("score_column", "label_column")]
    return CORPORA[corpus]["text_columns"] + [column for column in named if column]


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
            CORPORA[w.corpus], "form", "size", "sentences", seed=seed_for("corpus", w.corpus)
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
            columns=columns_of(w.corpus),
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
            *("text_columns", "score_column", "label_column"),
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
        corpora=lambda w: [f"<results>/corpora/{c}.parquet" for c in CORPORA[w.corpus]["corpora"]],
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
