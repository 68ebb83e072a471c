"""What sentences are made of: tokens and words, and how often they occur."""
