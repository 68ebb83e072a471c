"""Sentence encoders: taken in, trained, differentiated."""
