# All that the workflow needs, at the versions it was tested with. From the project's root:
#   docker build -t word-weighting . && docker run --rm -v "$PWD":/work word-weighting snakemake --cores 8
#   apptainer build word-weighting.sif docker-daemon:word-weighting:latest      # for clusters without Docker
FROM python:3.11.7-slim-bookworm

COPY requirements.txt /tmp/requirements.txt
RUN sed '/^# what its tests/,$d' /tmp/requirements.txt > /tmp/run.txt \
    && pip install --no-cache-dir --requirement /tmp/run.txt

# a user of any number may run it: caches go where all may write
ENV HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /work
