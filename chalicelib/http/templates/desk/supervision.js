/* The supervisor's panel: how lanes age, what is parked or missed, who holds what, closed times. */
document.currentScript.panel = (desk) => {
'use strict';
const { $, zone, say, el, fill, onSubmit, spoken, when, laneOf, status, alarm, outcome, twice, table, call } = desk;

// A button that is about to act is not taken away from under the hand.
const armed = () => $('supervision').querySelector('.armed');

async function refresh() {
  if (armed()) return;
  await desk.freshly('aside-age', async () => {
    const [{ lanes }, aside] = await Promise.all([call('GET', '/v1/desk/queue'), call('GET', '/v1/desk/parked')]);
    if (armed()) return false;
    const focused = document.activeElement?.dataset.at;
    draw(lanes, aside);
    if (focused) $('supervision').querySelector(`[data-at="${focused}"]`)?.focus();
  });
}

function draw(lanes, aside) {
  const move = (each, path, label, sure) => {
    const reference = spoken(each.reference);
    const button = twice(say(label), say(sure, { reference, person: each.claimed_by }), async () => {
      try { await call('POST', path); status(say('moved', { reference })); } catch (refused) { alarm(refused.message); }
      await desk.calmly(refresh());
    });
    button.dataset.at = path;
    return button;
  };
  const rows = (heads, cells) => heads.map((each) => [spoken(each.reference), laneOf(each), ...cells(each)]);
  desk.lanes('ageing', lanes);
  table('parked', 'reference lane due lapses do', rows(aside.parked, (each) => [each.due.local, each.lapses,
    move(each, `/v1/desk/parked/${each.request_id}/release`, 'put-back', 'put-back-sure')]));
  table('missed', 'reference lane due attempts', rows(aside.missed, (each) => [each.due.local, each.attempts]));
  table('claims', 'reference lane person until do', rows(aside.claims, (each) => [each.claimed_by, when(each.lease_until),
    move(each, `/v1/desk/claims/${each.request_id}/force-release`, 'take-back', 'take-back-sure')]));
  table('people', 'person opened released closed', aside.people.map((each) => [each.person, each.opened, each.released, each.closed]));
  listClosures(aside.closures);
}

function listClosures(all) {
  const same = (one, other) => one.starts_at === other.starts_at && one.ends_at === other.ends_at;
  fill('closures', ...all.map((each) => {
    const again = twice(say('closure-remove'), say('closure-remove-sure'), () => setClosures((now) => now.filter((other) => !same(each, other))));
    again.dataset.at = each.starts_at;
    return el('li', el('span', say('closure', { from: when(each.starts_at), until: when(each.ends_at) })), again);
  }));
  if (!all.length) fill('closures', el('li', say('closures-none')));
}
// All closures are replaced at once: they are read anew first, so that a colleague's are kept.
async function setClosures(change) {
  try {
    const now = (await call('GET', '/v1/desk/parked')).closures;
    listClosures((await call('PUT', '/v1/desk/closures', { closures: change(now) })).closures);
    $('closure').reset();
    outcome($('closure'), say('closures-set'), false);
  } catch (refused) { outcome($('closure'), refused.message); }
}
// What is typed is the helpline's time, wherever this computer is: read it as UTC, look at the clock there, correct.
function there(local) {
  const wanted = Date.parse(`${local}Z`);
  let at = wanted;
  for (let turn = 0; turn < 2; turn += 1) at += wanted - Date.parse(`${new Date(at).toLocaleString('sv-SE', { timeZone: zone })}Z`);
  return new Date(at).toISOString();
}
onSubmit($('closure'), (form) => {
  const starts_at = there(form.elements.from.value), ends_at = there(form.elements.until.value);
  if (ends_at <= starts_at) return outcome(form, say('closure-backwards'));
  setClosures((now) => [...now, { starts_at, ends_at }]);
});

return { refresh };
};
