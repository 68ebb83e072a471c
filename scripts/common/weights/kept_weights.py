"""What a weighing job has done so far, kept so that it goes on from there after a kill."""

import hashlib
import logging
import os
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

import common
from common.command import provenance
from common.encoders.encoder import Encoder
from common.tables import whole
from common.tokens.sentences import Sentence

OF_TOKENS = ("weight", "error", "word_weight", "vectors")


class KeptWeights:
    """A folder of files, one of sentences that were done together; none is kept without a folder.

    What other settings, inputs, processors or code have left there is not taken.
    """

    def __init__(self, folder: Path | None, encoder: Encoder, vectors: bool) -> None:
        self.folder, self.vectors = folder, vectors
        self.files: list[Path] = []
        if folder is not None:
            settings = provenance().get("config_hash", "")
            behind = [settings, encoder.directory.name, _parameters(encoder), encoder.device]
            behind += [_code(), str(vectors)]
            self.folder = folder / hashlib.sha256(" ".join(behind).encode()).hexdigest()[:16]

    def load(self, sentences: list[Sentence]) -> int:
        """Give sentences the weights that are kept of them; how many have some now."""
        known = {sentence.number: sentence for sentence in sentences}
        found = 0
        for file in sorted(self.folder.glob("*.npz")) if self.folder else ():
            try:
                with np.load(file) as arrays:
                    part = {name: arrays[name] for name in arrays.files}
            except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
                logging.info("%s: not readable (%s), weighed anew", file, error)
                continue
            ends = np.cumsum(part["tokens"])[:-1]
            of_tokens = {name: np.split(part[name], ends) for name in OF_TOKENS if name in part}
            costs = [name for name in part if name.startswith("cost_")]
            if not known.keys().isdisjoint(part["number"].tolist()):
                self.files.append(file)
            for k, number in enumerate(part["number"].tolist()):
                if (sentence := known.get(number)) is None:
                    continue
                for name, values in of_tokens.items():
                    setattr(sentence, name, values[k])
                sentence.completeness = float(part["completeness"][k])
                sentence.cost = {name[5:]: float(part[name][k]) for name in costs}
                found += 1
        return found

    def save(self, done: list[Sentence]) -> None:
        """Keep the weights of sentences, which lose the vectors that are not asked for."""
        for sentence in () if self.vectors else done:
            sentence.vectors = None
        if self.folder is None or not done:
            return
        names = [name for name in OF_TOKENS if getattr(done[0], name) is not None]
        part = {name: np.concatenate([getattr(s, name) for s in done]) for name in names}
        for name in done[0].cost:
            part[f"cost_{name}"] = np.array([float(s.cost[name]) for s in done])
        part["number"] = np.array([s.number for s in done])
        part["tokens"] = np.array([len(s.ids) for s in done])
        part["completeness"] = np.array([s.completeness for s in done])
        self.files.append(self.folder / f"{done[0].number}.npz")
        with whole(self.files[-1]) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **part)

    def forget(self) -> None:
        """Remove what is kept of these sentences, as the table is written; not of other shards."""
        for file in self.files:
            file.unlink(missing_ok=True)
        if self.folder is not None:
            with suppress(OSError):
                os.removedirs(self.folder)


def _parameters(encoder: Encoder) -> str:
    """A checksum of the encoder itself, which not every directory has a record of."""
    found = 0
    for module in encoder.modules:
        for parameter in module.parameters():
            numbers = parameter.detach().cpu().contiguous().view(torch.uint8).numpy()
            found = zlib.crc32(numbers.tobytes(), found)
    return str(found)


def _code() -> str:
    """A hash of all modules that scripts share, so that other code begins anew."""
    home = Path(common.__path__[0])
    files = sorted(home.rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
