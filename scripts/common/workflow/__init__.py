"""A run as Snakemake plans it: its configuration, what reruns, what a cluster would refuse."""
