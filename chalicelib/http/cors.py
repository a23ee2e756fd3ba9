"""What other sites' pages may read of us, told to their browsers."""

from __future__ import annotations

from functools import cached_property

from chalice.app import CORSConfig


class AnySite(CORSConfig):
    """Chalice's own, which sorts and joins the same names with every answer; here once."""

    @cached_property
    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = super().get_access_control_headers()
        return headers

    def get_access_control_headers(self) -> dict[str, str]:
        """Give the headers; Chalice copies them one by one."""
        return self._headers
