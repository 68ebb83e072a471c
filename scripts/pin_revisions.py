"""Write the commits of hub encoders and corpora into a config."""

import logging
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import yaml
from huggingface_hub import HfApi

from common.command import InputError, run
from common.corpora.hub import from_hub
from common.tables import whole

COMMIT = re.compile("[0-9a-f]{40}")
KINDS = {"corpora": "dataset", "encoders": "model"}


def unpinned(text: str) -> Iterator[tuple[str, str, yaml.ScalarNode]]:
    """Kind, repository and the place of the revision of every entry of a config without a commit.

    Raises
    ------
    InputError
        An entry has no repository or no revision.
    """
    for section, entries in _mapping(yaml.compose(text)).items():
        if section not in KINDS:
            continue
        for name, entry in _mapping(entries).items():
            settings = _mapping(entry)
            if "source" not in settings or settings["source"].value != "hub":
                continue
            for key in ("repository", "revision"):
                if not isinstance(settings.get(key), yaml.ScalarNode):
                    raise InputError(f"{section}.{name}: {key} is missing; give it (or null)")
            if not COMMIT.fullmatch(settings["revision"].value):
                yield KINDS[section], settings["repository"].value, settings["revision"]


def _mapping(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in node.value}


def main(config: Path) -> None:
    """Write the commits of hub encoders and corpora into a config; needs the network.

    `revision: null` becomes the newest commit of the main branch, the name of a branch or tag its
    commit; what is a commit already stays. Nothing else in the file is touched.

    Example: python scripts/pin_revisions.py experiments/paper.yaml

    Parameters
    ----------
    config
        The config (YAML).
    """
    text = config.read_text()
    try:
        places = list(unpinned(text))
    except yaml.YAMLError as error:
        raise InputError(f"{config}: not YAML ({error})") from error
    except InputError as error:
        raise InputError(f"{config}: {error}") from error
    # from the end, so that what stands before stays in its place
    for kind, repository, place in reversed(places):
        name = None if place.tag.endswith(":null") else place.value
        commit = from_hub(
            f"{kind} {repository}@{name or 'main'}",
            partial(HfApi().repo_info, repository, repo_type=kind, revision=name),
        ).sha
        assert commit
        text = text[: place.start_mark.index] + commit + text[place.end_mark.index :]
        logging.info("%s %s: %s", kind, repository, commit)
    with whole(config) as partial_file:
        partial_file.write_text(text)
    logging.info("%s: %d revisions pinned", config, len(places))


if __name__ == "__main__":
    run(main)
