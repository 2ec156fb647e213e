"""What people type: verbs, options, mistakes, and lines to copy."""
