"""The one name for a JSON object."""

from typing import Any

Json = dict[str, Any]
