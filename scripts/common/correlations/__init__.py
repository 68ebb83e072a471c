"""How weights follow what words carry."""
