"""Where things are kept: files in one folder, or the tables of DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb_table import Table
    from chalicelib.adapters.sqlite import SqliteStore
    from chalicelib.ports import Counters, PartnerKeys, Publications, Releases, RequestStore, ShredKeys, Transcripts
    from chalicelib.wiring import House


def store(house: House) -> RequestStore:
    """The queue and the mailboxes."""
    if house.settings.store == "dynamodb":
        from chalicelib.adapters.dynamodb import DynamoStore

        shards = house.settings.queue_shards
        return DynamoStore(_table(house, house.settings.table), audit_key=house.audit_key, shards=shards)
    return house._sqlite


def publications(house: House) -> Publications:
    """What editors write."""
    if house.settings.store == "dynamodb":
        from chalicelib.adapters.dynamodb_publications import DynamoPublications

        return DynamoPublications(_table(house, house.settings.content_table), _table(house, house.settings.table))
    from chalicelib.adapters.sqlite_publications import SqlitePublications

    return SqlitePublications(house._sqlite)


def partner_keys(house: House) -> PartnerKeys:
    """What is kept of partners' keys."""
    if house.settings.store == "dynamodb":
        from chalicelib.adapters.dynamodb_partners import DynamoPartnerKeys

        return DynamoPartnerKeys(_table(house, house.settings.content_table), _table(house, house.settings.table))
    from chalicelib.adapters.sqlite_partners import SqlitePartnerKeys

    return SqlitePartnerKeys(house._sqlite)


def transcripts(house: House) -> Transcripts:
    """What was asked and answered in live sessions."""
    if house.settings.store == "dynamodb":
        from chalicelib.adapters.dynamodb_transcripts import DynamoTranscripts

        return DynamoTranscripts(_table(house, house.settings.table))
    from chalicelib.adapters.sqlite_transcripts import SqliteTranscripts

    return SqliteTranscripts(house._sqlite.database)


def releases(house: House) -> Releases:
    """What has been published of each month."""
    if house.settings.store == "dynamodb":
        from chalicelib.adapters.dynamodb_reach import DynamoReleases

        return DynamoReleases(_table(house, house.settings.table))
    from chalicelib.adapters.sqlite_reach import SqliteReleases

    return SqliteReleases(house.settings.home / "reach.db")


def counters(house: House) -> Counters:
    """Counts of what happened, apart from the requests."""
    if house.settings.store == "dynamodb":
        from chalicelib.adapters.dynamodb_reach import DynamoCounters

        return DynamoCounters(_table(house, house.settings.counters_table))
    from chalicelib.adapters.sqlite_reach import SqliteCounters

    return SqliteCounters(house.settings.home / "counters.db")


def shred_keys(house: House) -> ShredKeys:
    """The keys whose end is the end of what they encrypt; never backed up."""
    if house.settings.store == "dynamodb":
        from chalicelib.adapters.dynamodb_shred import DynamoShredKeys

        return DynamoShredKeys(_table(house, house.settings.shred_table))
    from chalicelib.adapters.sqlite_shred import SqliteShredKeys

    home = house.settings.home
    return SqliteShredKeys(home / "shred.db", may_make=not (home / "quietline.db").exists())


def sqlite(house: House) -> SqliteStore:
    """The file of requests; made, with the keys that it needs, where there is none and none was lost."""
    from chalicelib.adapters.sqlite import SqliteStore
    from chalicelib.adapters.sqlite_whole import is_there
    from chalicelib.domain.errors import Unavailable

    path = house.settings.home / "quietline.db"
    if not is_there(path):
        house.keys.make()
        # Made first: requests without their keys are lost. Names without a file mean that it is; looked for again,
        # since a server that starts beside this one may have made it, and accepted a request, between two looks.
        if house.shred_keys.names(now=house.clock.now()) and not is_there(path):
            raise Unavailable("store-damaged")  # a new file would look as if there were none
    return SqliteStore(path, audit_key=house.audit_key())


def _table(house: House, name: str) -> Table:
    from chalicelib.adapters.dynamodb_table import Table

    return Table(house._dynamodb, name)


def make_tables(house: House) -> None:
    """The tables, where the templates have not made them."""
    from chalicelib.adapters.dynamodb_table import create_tables

    settings = house.settings
    create_tables(
        house._dynamodb,
        requests=settings.table,
        shred_keys=settings.shred_table,
        content=settings.content_table,
        counters=settings.counters_table,
        ttl=True,
    )
