# All that the workflow needs, at the versions it was tested with. From the project's root:
#   docker build -t word-weighting . && docker run --rm --user "$(id -u)" -v "$PWD":/work word-weighting snakemake --cores 8
#   apptainer build word-weighting.sif docker-daemon:word-weighting:latest      # for clusters without Docker
FROM python:3.11.7-slim-bookworm

COPY requirements.lock /tmp/requirements.lock
RUN sed '/^# what its tests/,$d' /tmp/requirements.lock > /tmp/run.lock \
    && pip install --no-cache-dir --require-hashes --requirement /tmp/run.lock

# a user of any number may run it: Snakemake asks for a name, and caches go where all may write
ENV USER=user HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /work
