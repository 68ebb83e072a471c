rule count_cooccurrences:
    input:
        script="scripts/count_cooccurrences.py",
        modules=modules(
            "tokens/corpus_blocks",
            "tokens/counted_types",
            "tokens/independent_pieces",
            "tokens/pair_counts",
            "tokens/words",
        ),
        corpus=results("corpora/{corpus}.parquet"),
        tokenizer=lambda w: tokenizer_of(w.tokenizer),
        checks=lambda w: tokenizer_checks(w.tokenizer),
    output:
        tokens=results("cooccurrences/{corpus}/{tokenizer}/tokens.parquet"),
        adjacent=results("cooccurrences/{corpus}/{tokenizer}/adjacent.parquet"),
        sentence=results("cooccurrences/{corpus}/{tokenizer}/sentence.parquet"),
    log:
        results("logs/count_cooccurrences/{corpus}.{tokenizer}.log"),
    benchmark:
        results("benchmarks/count_cooccurrences/{corpus}.{tokenizer}.tsv")
    params:
        settings=options(config["information"], "block", "pairs_in_memory"),
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    conda:
        "../envs/data.yaml"
    shell:
        "RAYON_NUM_THREADS={threads} python {input.script} {input.corpus:q} {input.tokenizer:q}"
        " --output-tokens {output.tokens:q} --output-adjacent {output.adjacent:q}"
        " --output-sentence {output.sentence:q} {params.settings} 2>&1 | tee {log:q}"


rule train_static_encoder:
    input:
        script="scripts/train_static_encoder.py",
        modules=modules(
            *("corpora/grammar", "tokens/pair_counts", "correlations/weighed_tokens"),
            *("static_encoder", "statistics", "word_pairs"),
        ),
        lexicon="scripts/common/corpora/lexicon.yaml",
        counts=lambda w: (
            [counts_of_theory("tokens"), counts_of_theory(w.cooccurrence)]
            if w.pairs == "sampled"
            else []
        ),
    output:
        vectors=results("theory/{cooccurrence}.{pairs}.parquet"),
    log:
        results("logs/train_static_encoder/{cooccurrence}.{pairs}.log"),
    benchmark:
        results("benchmarks/train_static_encoder/{cooccurrence}.{pairs}.tsv")
    params:
        counts=lambda w, input: (
            options({}, tokens=input.counts[0], pairs=input.counts[1]) if input.counts else ""
        ),
        settings=options(THEORY or {}, "vectors", "dimensions", "types") if THEORY else "",
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    conda:
        "../envs/training.yaml"
    shell:
        "OMP_NUM_THREADS={threads} python {input.script} --cooccurrence {wildcards.cooccurrence}"
        " {params.counts} {params.settings} --output-vectors {output.vectors:q} 2>&1 | tee {log:q}"


rule regress_norms:
    input:
        script="scripts/regress_norms.py",
        modules=modules(
            *(
                "theory/embedding_norms",
                "corpora/grammar",
                "information/plug_in",
                "information/empirical_bayes",
            ),
            "pair_counts",
            *("relation", "statistics", "word_coordinates", "word_pairs"),
        ),
        lexicon="scripts/common/corpora/lexicon.yaml",
        vectors=static_encoders() if THEORY else [],
        information=information_of_theory() if THEORY else [],
        tokens=counts_of_theory("tokens") if THEORY else [],
        adjacent=counts_of_theory("adjacent") if THEORY else [],
    output:
        theory=results("tables/theory.parquet"),
        words=results("tables/theory_words.parquet"),
    log:
        results("logs/regress_norms/theory.log"),
    benchmark:
        results("benchmarks/regress_norms/theory.tsv")
    params:
        settings=options(ANALYSIS, "minimum_count"),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    conda:
        "../envs/statistics.yaml"
    shell:
        "python {input.script} {input.vectors:q} --information {input.information:q}"
        " --tokens {input.tokens:q} --adjacent {input.adjacent:q} {params.settings}"
        " --output-theory {output.theory:q} --output-words {output.words:q} 2>&1 | tee {log:q}"


rule measure_embedding_norms:
    input:
        script="scripts/measure_embedding_norms.py",
        modules=modules("theory/embedding_norms", "encoders/encoder", "correlations/statistics"),
        before=[results(f"encoders/{c['before']}") for c in COMPARISONS.values()],
        after=[results(f"encoders/{c['after']}") for c in COMPARISONS.values()],
        information=[information_table(comparison) for comparison in COMPARISONS.values()],
    output:
        norms=results("tables/embedding_norms.parquet"),
    log:
        results("logs/measure_embedding_norms/embedding_norms.log"),
    benchmark:
        results("benchmarks/measure_embedding_norms/embedding_norms.tsv")
    params:
        settings=options(
            ANALYSIS,
            "minimum_count",
            comparisons=list(COMPARISONS),
            quantities=[q for q in ANALYSIS["quantities"] if q != "surprisal"]
            or ["self_information"],
        ),
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    conda:
        "../envs/attribution.yaml"
    shell:
        "python {input.script} --before {input.before:q} --after {input.after:q}"
        " --information {input.information:q} {params.settings}"
        " --output-norms {output.norms:q} 2>&1 | tee {log:q}"
