"""Fetch an encoder from the hub, as it was at one commit."""

import logging
import shutil
from functools import partial
from pathlib import Path

from huggingface_hub import snapshot_download

from common.command import InputError, run
from common.corpora.hub import from_hub
from common.encoders.model_files import BIN, keep_safetensors, module_folders, refuse_remote_code
from common.encoders.supported import refuse_unsupported
from common.tables import whole, write_provenance

SETTINGS = ("*.json", "*.txt", "*.model")
SAFETENSORS = "model*.safetensors"


def fetch(repository: str, revision: str | None) -> Path:
    """The directory of the hub's cache that holds the encoder, with no more files than it needs.

    It has the name of the commit, the newest if none is given. Settings come first: what asks for
    code of its own is refused before its weights are fetched. Pickled weights come only where a
    module has no others.
    """
    what = f"{repository}@{revision or 'main'}"
    download = partial(snapshot_download, repository, revision=revision)

    def files(*patterns: str) -> Path:
        return Path(from_hub(what, lambda: download(allow_patterns=list(patterns))))

    snapshot = files(*SETTINGS)
    if revision is None:
        return fetch(repository, snapshot.name)
    if not (snapshot / "config.json").is_file() and not (snapshot / "modules.json").is_file():
        raise InputError(f"{what}: neither config.json nor modules.json in it; no encoder")
    refuse_remote_code(snapshot, what)
    refuse_unsupported(snapshot, what)
    folders = module_folders(snapshot, what)

    def weights(pattern: str, of: list[Path]) -> list[str]:
        return [str((folder / pattern).relative_to(snapshot)) for folder in of]

    files(*weights(SAFETENSORS, folders))
    without = [folder for folder in folders if not list(folder.glob(SAFETENSORS))]
    if without:
        files(*weights(BIN, without))
    if not any(file for pattern in (SAFETENSORS, BIN) for file in folders[0].glob(pattern)):
        raise InputError(f"{what}: neither {SAFETENSORS} nor {BIN} in it; nothing to load")
    return snapshot


def main(repository: str, *, revision: str | None = None, output_snapshot: Path) -> None:
    """Fetch an encoder from the hub, as it was at one commit; its weights end up as safetensors.

    Files go through the cache of huggingface_hub (HF_HOME): what has arrived is not fetched again,
    and with HF_HUB_OFFLINE=1 nothing else is looked for. HF_TOKEN opens gated repositories.
    Code of the repository is never run.

    Example: python scripts/download_snapshot.py sentence-transformers/all-MiniLM-L6-v2
    --revision c9745ed1d9f207416be6d2e6f8de32d1f16199bf --output-snapshot minilm

    Parameters
    ----------
    repository
        Owner and name.
    revision
        Commit, 40 hexadecimal digits; the newest, which is logged, if left out.
    output_snapshot
        Directory of its settings, tokenizer and weights.
    """
    snapshot = fetch(repository, revision)
    with whole(output_snapshot) as partial_snapshot:
        for folder in dict.fromkeys([snapshot, *module_folders(snapshot, repository)]):
            here = partial_snapshot / folder.relative_to(snapshot)
            here.mkdir(parents=True)
            patterns = [*SETTINGS, SAFETENSORS]
            patterns += [] if list(folder.glob(SAFETENSORS)) else [BIN]
            for file in [file for pattern in patterns for file in folder.glob(pattern)]:
                shutil.copy(file, here / file.name)
            keep_safetensors(here, f"{repository}@{snapshot.name}")
        write_provenance(partial_snapshot, revision=snapshot.name)
        size = sum(file.stat().st_size for file in partial_snapshot.rglob("*") if file.is_file())
    logging.info("%s@%s: %.1f MB", repository, snapshot.name, size / 1e6)


if __name__ == "__main__":
    run(main)
