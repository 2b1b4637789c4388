"""What goes wrong on purpose: refused, delayed, cut or garbled responses, and bad records."""
