"""What people read: figures, summary, explorer."""
