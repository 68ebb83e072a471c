"""Norms of word vectors against information gain."""
