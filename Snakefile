from snakemake.utils import min_version

min_version("9.27")


report: "rules/report/workflow.rst"


include: "rules/common.smk"
include: "rules/tables.smk"
include: "rules/corpora.smk"
include: "rules/tokens.smk"
include: "rules/encoders.smk"
include: "rules/information.smk"
include: "rules/weights.smk"
include: "rules/correlations.smk"


if config["pairs"]:

    include: "rules/pairs.smk"


include: "rules/reports.smk"
include: "rules/exports.smk"


if ATLASES:

    include: "rules/atlas.smk"


if BAGS:

    include: "rules/bags.smk"


if config["theory"]:

    include: "rules/theory.smk"


rule all:
    default_target: True
    input:
        ALL_TABLES,
        ALL_FIGURES,
        ALL_EXPORTS,
        ALL_PAGES,
        "<results>/explorer.html",
        "<results>/summary.md",
