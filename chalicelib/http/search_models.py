"""What a search for signposts may say: a model of its own, so that a GET of signposts does not load pydantic."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints


class SignpostSearch(BaseModel):
    """What somebody looks for, in their own words; in a body, so that no address and no log holds it."""

    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True, cache_strings="none")

    q: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    language: Literal["en", "cy"] | None = None
    audience: (
        Literal["own-behaviour", "someone-else", "young-person", "child-at-risk", "survivor", "professional"] | None
    ) = None
    region: Annotated[str, StringConstraints(max_length=20)] | None = None
