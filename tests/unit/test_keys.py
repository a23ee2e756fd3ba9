"""The desk's keys rotate under running servers, an offline key can open what the desk cannot, and damage is told."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading

import pytest

from chalicelib.adapters.hpke import HpkeOpener, HpkeSealer
from chalicelib.adapters.keyfiles import KeyFiles, read_recovery_key
from chalicelib.config import Settings
from chalicelib.domain.envelope import RECOVERY
from chalicelib.domain.errors import Unavailable
from chalicelib.local.keys import main, recovery_warning
from chalicelib.ports import Unreadable
from chalicelib.wiring import House

CONTENT = b"bluebell"


def seal(keys: KeyFiles):
    """Seal something to whoever is current."""
    return HpkeSealer(keys.recipients, keys.retired).seal(CONTENT, kind="callback", request_id="r1")


def opened(keys: KeyFiles, envelope) -> bytes:
    """Open at the desk."""
    return HpkeOpener(keys.private_key, keys.recipients).open(envelope, kind="callback", request_id="r1")


def recovered(path, keys: KeyFiles, envelope) -> bytes:
    """Open with the recovery key in a file."""
    mine = read_recovery_key(path)
    return HpkeOpener(lambda _: mine, keys.recipients).open(envelope, kind="callback", request_id="r1")


def ids(keys: KeyFiles) -> list[str]:
    """Name the current recipients."""
    return [each["key_id"] for each in keys.recipients()]


@pytest.fixture
def keys(tmp_path):
    """A first run."""
    made = KeyFiles(tmp_path)
    made.make()
    return made


# --- the recovery key


def test_the_first_run_makes_a_desk_key_and_a_recovery_key(keys, tmp_path):
    """Everything is sealed to both, the desk's first; each of them opens it alone."""
    desk, recovery = ids(keys)
    assert desk.startswith("desk-")
    assert recovery.startswith(RECOVERY)
    envelope = seal(keys)
    assert [each.key_id for each in envelope.recipients] == [desk, recovery]
    assert opened(keys, envelope) == CONTENT
    assert read_recovery_key(tmp_path / f"{recovery}.pem")[0] == recovery
    assert recovered(tmp_path / f"{recovery}.pem", keys, envelope) == CONTENT


def test_sealing_goes_on_to_a_recovery_key_that_was_moved_away(keys, tmp_path):
    """With the file gone, as it should be, both recipients are sealed to, and the key opens from where it is kept."""
    _, recovery = ids(keys)
    assert keys.recovery_keys_here() == [f"{recovery}.pem"]
    away = tmp_path / "a-drawer"
    away.mkdir()
    (tmp_path / f"{recovery}.pem").rename(away / "key.pem")
    for again in (keys, KeyFiles(tmp_path)):
        assert again.recovery_keys_here() == []
        envelope = seal(again)
        assert len(envelope.recipients) == 2
        assert opened(again, envelope) == CONTENT
        assert recovered(away / "key.pem", again, envelope) == CONTENT


def test_a_recovery_key_that_lies_at_the_desk_opens_nothing_there(keys, tmp_path):
    """A missing desk key fails closed although the recovery key was never moved away."""
    envelope = seal(keys)
    (tmp_path / f"{ids(keys)[0]}.pem").unlink()
    with pytest.raises(Unavailable, match="key-missing"):
        opened(keys, envelope)
    with pytest.raises(Unavailable, match="key-missing"):
        HpkeOpener(keys.private_key, keys.recipients).check()


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_file_that_is_no_recovery_key_is_told(tmp_path, content):
    """Damaged, foreign or not there: `key-missing`, and no other error."""
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unavailable, match="key-missing"):
        read_recovery_key(path)


# --- rotation


def test_a_running_server_seals_to_the_new_key_and_opens_with_the_old(keys, tmp_path):
    """Another process rotates; this one follows at its next request, and what was sealed before still opens."""
    (old_id, recovery), before = ids(keys), seal(keys)
    new_id = KeyFiles(tmp_path, may_make=lambda: False).rotate()
    after = seal(keys)
    assert ids(keys) == [new_id, recovery]
    assert new_id != old_id
    assert [each.key_id for each in after.recipients] == [new_id, recovery]
    assert opened(keys, before) == opened(keys, after) == CONTENT
    HpkeOpener(keys.private_key, keys.recipients).check()


def test_which_key_opens_is_told_by_its_id(keys, tmp_path):
    """Without the old file what was sealed to it does not open; without the new one, what came since does not."""
    before, old_id = seal(keys), ids(keys)[0]
    new_id = keys.rotate()
    after = seal(keys)
    old = (tmp_path / f"{old_id}.pem").rename(tmp_path / "aside")
    with pytest.raises(Unavailable, match="key-missing"):
        opened(keys, before)
    assert opened(keys, after) == CONTENT
    HpkeOpener(keys.private_key, keys.recipients).check()
    old.rename(tmp_path / f"{old_id}.pem")
    (tmp_path / f"{new_id}.pem").write_bytes(b"damaged")
    fresh = KeyFiles(tmp_path)
    with pytest.raises(Unavailable, match="key-missing"):
        opened(fresh, after)
    assert opened(fresh, before) == CONTENT
    with pytest.raises(Unavailable, match="key-missing"):
        HpkeOpener(fresh.private_key, fresh.recipients).check()


def test_what_was_sealed_to_the_key_of_before_is_still_taken(keys, tmp_path):
    """A page that was open during a rotation has the old key; one that names no key of the desk is refused."""
    sealer = HpkeSealer(keys.recipients, keys.retired)
    old_id, recovery = ids(keys)
    new_id = keys.rotate()
    assert sealer.reaches_desk([old_id])
    assert sealer.reaches_desk([new_id, "another"])
    assert not sealer.reaches_desk(["another"])
    assert not sealer.reaches_desk([recovery])
    assert not sealer.reaches_desk([])
    newest = keys.rotate()
    assert list(keys.retired()) == [new_id, old_id]
    assert ids(keys) == [newest, recovery]
    assert len(list(tmp_path.glob("desk-*.pem"))) == 3


def test_nobody_reads_half_a_list(keys, tmp_path):
    """While keys rotate, a reader finds the list of before or of after, each whole, and its keys are there."""
    done, wrong = threading.Event(), []

    def read() -> None:
        reader = KeyFiles(tmp_path)
        while not done.is_set():
            try:
                if opened(reader, seal(reader)) != CONTENT or len(reader.recipients()) != 2:
                    wrong.append("content")
            except (Unavailable, Unreadable) as error:
                wrong.append(repr(error))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(15):
        KeyFiles(tmp_path, may_make=lambda: False).rotate()
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def rotate(folder, start, told):
    """Rotate, as one of several processes."""
    start.wait()
    told.put(KeyFiles(folder, may_make=lambda: False).rotate())


def test_rotations_at_once_are_all_remembered(keys, tmp_path):
    """Two people rotate in the same second: one of the keys is current, and no other is forgotten."""
    spawn = multiprocessing.get_context("spawn")
    start, told = spawn.Barrier(3), spawn.Queue()
    processes = [spawn.Process(target=rotate, args=(tmp_path, start, told)) for _ in range(3)]
    first = ids(keys)[0]
    for process in processes:
        process.start()
    made = {told.get(timeout=200) for _ in processes}
    for process in processes:
        process.join(30)
    assert {ids(keys)[0], *keys.retired()} == {first, *made}


def test_an_installation_from_before_recovery_keys_gets_one_by_rotating(tmp_path):
    """A list of one recipient stays good; the next rotation adds the recovery key."""
    keys = KeyFiles(tmp_path)
    desk = dict(keys.recipients()[0])
    for path in tmp_path.glob(f"{RECOVERY}*"):
        path.unlink()
    (tmp_path / "recipients.json").write_text(json.dumps({"recipients": [desk]}))
    assert ids(keys) == [desk["key_id"]]
    envelope = seal(keys)
    new_id = keys.rotate()
    assert ids(keys)[0] == new_id
    assert ids(keys)[1].startswith(RECOVERY)
    assert len(keys.recovery_keys_here()) == 1
    assert opened(keys, envelope) == CONTENT


# --- damage


def test_a_lost_list_is_made_again_with_every_key(keys, tmp_path):
    """The newest desk key is current, older ones are remembered, the recovery key is sealed to though it is away."""
    old_id, recovery = ids(keys)
    new_id = keys.rotate()
    os.utime(tmp_path / f"{old_id}.pem", (1, 1))
    (tmp_path / f"{recovery}.pem").unlink()
    before = [dict(each) for each in keys.recipients()]
    (tmp_path / "recipients.json").unlink()
    again = KeyFiles(tmp_path, may_make=lambda: False)
    assert [dict(each) for each in again.recipients()] == before
    assert list(again.retired()) == [old_id]
    assert again.recipients()[0]["key_id"] == new_id


@pytest.mark.parametrize("content", [b"", b"nonsense", b'{"recipients": []}'])
def test_a_damaged_list_fails_closed_while_running_too(keys, tmp_path, content):
    """Sealing stops with `keys`, rotating changes nothing, and a list put back is taken up again."""
    path = tmp_path / "recipients.json"
    good, current = path.read_bytes(), ids(keys)
    path.write_bytes(content)
    for attempt in (lambda: seal(keys), keys.rotate):
        with pytest.raises(Unavailable) as refused:
            attempt()
        assert refused.value.code == "keys"
    assert path.read_bytes() == content
    assert len(list(tmp_path.glob("desk-*.pem"))) == 1
    path.write_bytes(good)
    assert ids(keys) == current


def test_a_list_of_recovery_keys_alone_is_damaged(keys, tmp_path):
    """What only the offline key could open must not be accepted in silence."""
    recovery = dict(keys.recipients()[1])
    (tmp_path / "recipients.json").write_text(json.dumps({"recipients": [recovery]}))
    with pytest.raises(Unavailable, match="keys"):
        seal(keys)


def test_every_start_says_where_the_recovery_key_still_lies(tmp_path):
    """Until it is moved away: which file, and where to; afterwards nothing is said."""
    house = House(Settings(home=tmp_path))
    house.keys.make()
    (name,) = house.keys.recovery_keys_here()
    said = recovery_warning(house)
    assert f"{tmp_path}/keys/{name}" in said
    assert "Move that file off this machine" in said
    (tmp_path / "keys" / name).unlink()
    assert recovery_warning(house) == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rotate"], "There are no keys yet: start the server once."),
        (["recover", "--key", "nowhere.pem", "--request", "A", "--by", "sam"], "That file holds no recovery key."),
    ],
)
def test_what_stands_in_the_way_of_a_command_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, says):
    """Exit code 2 and a sentence, and no traceback."""
    monkeypatch.setenv("QUIETLINE_HOME", str(tmp_path / "home"))
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"{says}\n"


def test_a_rotation_that_finds_damage_changes_nothing_and_says_so(tmp_path, monkeypatch, capsys):
    """The command behind `make rotate` ends with one sentence, and the list is as it was."""
    home = tmp_path / "home"
    home.mkdir()
    KeyFiles(home / "keys").make()
    (home / "keys" / "recipients.json").write_text("nonsense")
    monkeypatch.setenv("QUIETLINE_HOME", str(home))
    assert main(["rotate"]) == 2
    assert "nothing was changed" in capsys.readouterr().err
    assert (home / "keys" / "recipients.json").read_text() == "nonsense"
