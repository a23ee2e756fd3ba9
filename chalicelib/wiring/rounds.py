"""What nobody asks for: the hourly round, the watch, queues and doorbells."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.http.triggers import Triggers
    from chalicelib.usecases.believing import Believing
    from chalicelib.usecases.doorbell import Doorkeeping
    from chalicelib.usecases.retention import Retention
    from chalicelib.usecases.watching import Watch
    from chalicelib.wiring import House


def retention(house: House) -> Retention:
    """What runs by the clock."""
    from chalicelib.usecases.retention import Retention

    return Retention(
        store=house.store,
        shred_keys=house.shred_keys,
        transcripts=house._transcripts,
        partner_keys=house.partner_keys,
        clock=house.clock,
        mailer=house._mailer,
        auditing=house._auditing,
        gauges=house._gauges,
        rules=house.rules,
        releasing=house.releasing,
    )


def believing(house: House) -> Believing:
    """What holds this machine's clock against where it was last believed."""
    from chalicelib.adapters.beliefs import FileBeliefs
    from chalicelib.usecases.believing import Believing

    return Believing(
        beliefs=FileBeliefs(house.settings.home / "clock.json"),
        store=house.store,
        shred_keys=house.shred_keys,
        clock=house.clock,
    )


def watch(house: House) -> Watch:
    """What looks at the queue as a whole."""
    from chalicelib.usecases.watching import Watch

    return Watch(store=house.store, clock=house.clock, gauges=house._gauges)


def triggers(house: House) -> Triggers:
    """What arrives by queue and by the clock."""
    from chalicelib.adapters.randomness import SystemRandomness
    from chalicelib.http.triggers import Triggers
    from chalicelib.usecases.overflowing import Overflowing

    return Triggers(
        overflowing=Overflowing(
            store=house.store,
            shredding=house._shredding,
            clock=house.clock,
            randomness=SystemRandomness(),
            words=house.content.reference_words,
        ),
        doorkeeping=house._doorkeeping,
    )


def doorkeeping(house: House) -> Doorkeeping:
    """What rings the doorbells, if somebody waits."""
    from chalicelib.usecases.doorbell import Doorkeeping

    return Doorkeeping(store=house.store, doorbells=house._doorbells, clock=house.clock)
