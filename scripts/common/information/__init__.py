"""What words carry: information gain and surprisal."""
