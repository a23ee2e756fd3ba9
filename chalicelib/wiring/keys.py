"""Keys and secrets, and what seals, opens and shreds with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from chalicelib.adapters.keyfiles import KeyFiles
    from chalicelib.adapters.secretsmanager import ManagedSecrets
    from chalicelib.ports import Opener, Sealer
    from chalicelib.usecases.correspondence import Correspondence
    from chalicelib.usecases.partnering import Partnering
    from chalicelib.usecases.recovery import Recovery
    from chalicelib.usecases.shredding import Shredding
    from chalicelib.wiring import House


def keys(house: House) -> KeyFiles:
    """The files that hold keys."""
    from chalicelib.adapters.keyfiles import KeyFiles

    return KeyFiles(house.settings.home / "keys", may_make=lambda: not (house.settings.home / "quietline.db").exists())


def managed_secrets(house: House) -> ManagedSecrets:
    """The secrets that Secrets Manager keeps."""
    from chalicelib.adapters.aws import Client
    from chalicelib.adapters.secretsmanager import ManagedSecrets

    settings = house.settings
    arns = {
        "pepper": settings.pepper_secret,
        "audit.key": settings.audit_secret,
        "doorbell": settings.doorbell_secret_arn,
    }
    return ManagedSecrets(
        Client("secretsmanager", connect=0.5, read=1.0, attempts=2, way=house._way("secretsmanager")),
        {name: arn for name, arn in arns.items() if arn},
    )


def sealer(house: House) -> Sealer:
    """What closes content; public keys only."""
    from chalicelib.adapters.hpke import HpkeSealer

    return HpkeSealer(house.recipients, lambda: () if house.settings.recipients else house.keys.retired())


def opener(house: House) -> Opener:
    """What opens content; the desk's alone."""
    if house.settings.kms_keys:
        from chalicelib.adapters.aws import Client
        from chalicelib.adapters.kms import KmsOpener

        client = Client("kms", connect=1.0, read=2.0, attempts=3, way=house._way("kms"))
        return KmsOpener(client, house.settings.kms_keys, house.recipients)
    from chalicelib.adapters.hpke import HpkeOpener

    return HpkeOpener(house.keys.private_key, house.recipients)


def recovery(house: House, key_file: Path) -> Recovery:
    """What opens requests with a key that was brought from where it is kept."""
    from chalicelib.adapters.hpke import HpkeOpener
    from chalicelib.adapters.keyfiles import read_recovery_key
    from chalicelib.domain.errors import Unavailable
    from chalicelib.usecases.recovery import Recovery

    mine = read_recovery_key(key_file)

    def private_key(key_ids: Sequence[str]) -> tuple[str, EllipticCurvePrivateKey]:
        if mine[0] not in key_ids:
            raise Unavailable("key-missing")
        return mine

    return Recovery(
        store=house.store,
        correspondence=house._correspondence,
        shredding=house._shredding,
        checking=house._checking,
        opener=HpkeOpener(private_key, house.keys.recipients),
        clock=house.clock,
    )


def correspondence(house: House) -> Correspondence:
    """What requester and practitioners write to each other."""
    from chalicelib.adapters.hpke import AesCipher
    from chalicelib.adapters.randomness import SystemRandomness
    from chalicelib.usecases.correspondence import Correspondence

    return Correspondence(sealer=house.sealer, cipher=AesCipher(), randomness=SystemRandomness())


def shredding(house: House) -> Shredding:
    """What makes content unreadable for good, by the end of its key."""
    from chalicelib.adapters.hpke import AesCipher
    from chalicelib.adapters.randomness import SystemRandomness
    from chalicelib.usecases.shredding import Shredding

    return Shredding(
        keys=house.shred_keys,
        cipher=AesCipher(padded=False),
        randomness=SystemRandomness(),
        clock=house.clock,
    )


def partnering(house: House) -> Partnering:
    """Who issues, revokes and recognises partners' keys."""
    from chalicelib.adapters.randomness import SystemRandomness
    from chalicelib.usecases.partnering import Partnering

    return Partnering(
        keys=house.partner_keys, shred_keys=house.shred_keys, clock=house.clock, randomness=SystemRandomness()
    )
