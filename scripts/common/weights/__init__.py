"""What tokens weigh: Integrated Gradients and Shapley values."""
