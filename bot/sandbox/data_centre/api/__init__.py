"""CloudDC's calls, answers, errors and limits."""
