"""Where sentences come from: the generated language, files, the hub."""
