"""What an operator needs: checks, the manifest, health, metrics, redaction."""
