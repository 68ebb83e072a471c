from snakemake.utils import min_version

min_version("9.27")

if not workflow.configfiles:

    configfile: "config.yaml"


report: "rules/report/workflow.rst"


include: "rules/common.smk"
include: "rules/corpora.smk"
include: "rules/encoders.smk"
include: "rules/information.smk"
include: "rules/weights.smk"
include: "rules/correlations.smk"
include: "rules/theory.smk"
include: "rules/reports.smk"


rule all:
    default_target: True
    input:
        all_tables(),
        all_figures(),
        results("explorer.html"),
        results("summary.md"),
