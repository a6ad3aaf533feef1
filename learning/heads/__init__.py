"""Light heads on frozen embeddings: refitted in milliseconds after every few labels."""
