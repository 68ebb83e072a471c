"""What makes two sentences similar."""
