import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

if not workflow.configfiles and "corpora" not in config:
    ours = Path("config.yaml")
    if not ours.exists():
        ours = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)) / ours
        print(f"no config.yaml here and no --configfile: taking {ours}", file=sys.stderr)

    configfile: str(ours)


report: "rules/report/workflow.rst"


include: "rules/common.smk"
include: "rules/tables.smk"
include: "rules/corpora.smk"
include: "rules/tokens.smk"
include: "rules/encoders.smk"
include: "rules/information.smk"
include: "rules/weights.smk"
include: "rules/correlations.smk"
include: "rules/reports.smk"


if config["theory"]:

    include: "rules/theory.smk"


rule all:
    default_target: True
    input:
        ALL_TABLES,
        ALL_FIGURES,
        "<results>/explorer.html",
        "<results>/summary.md",
