/* The supervisor's panel for partners' keys: issued, shown once, listed, revoked. */
document.currentScript.panel = (desk) => {
'use strict';
const { $, say, show, fill, on, onSubmit, when, status, alarm, outcome, twice, table, call, calmly } = desk;
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

// A button that is about to act is not taken away from under the hand.
const armed = () => $('partners').querySelector('.armed');

async function refresh() {
  if (armed()) return;
  const { keys } = await call('GET', '/v1/desk/partners'), focused = document.activeElement?.dataset.at;
  if (armed()) return;
  const by = (at, person) => say('key-by', { at: when(at), person });
  // Living keys first: they are what there is something to do about.
  const rows = [...keys.filter((each) => !each.revoked_at), ...keys.filter((each) => each.revoked_at)];
  table('partner-keys', 'key issued revoked action', rows.map((each) => [
    `qlp_${each.id}`, by(each.issued_at, each.issued_by), each.revoked_at ? by(each.revoked_at, each.revoked_by) : '–',
    each.revoked_at ? '–' : revoking(each.id)]));
  if (focused) $('partners').querySelector(`[data-at="${focused}"]`)?.focus();
}
function revoking(id) {
  const key = `qlp_${id}`, button = twice(say('key-revoke'), say('key-revoke-sure', { key }), async () => {
    try { await call('DELETE', `/v1/desk/partners/${id}`); status(say('key-revoked', { key })); } catch (refused) { alarm(refused.message); }
    await calmly(refresh());
  });
  button.dataset.at = id;
  return button;
}

onSubmit($('partner-issue'), async (form, button) => {
  const partner = form.elements.partner.value.trim();
  form.elements.partner.setAttribute('aria-invalid', !NAME.test(partner));
  if (!NAME.test(partner)) { form.elements.partner.focus(); return outcome(form, say('partner-odd')); }
  button.disabled = true;
  try {
    const { key } = await call('POST', '/v1/desk/partners', { partner });
    form.reset();
    outcome(form, '');
    fill('partner-key-title', say('partner-issued', { partner }));
    fill('partner-key-text', key);
    show('partner-issue', false); show('partner-key', true);
    $('partner-key').focus();
  } catch (refused) { outcome(form, refused.message); }
  button.disabled = false;
  await calmly(refresh());
});
on($('partner-key-copy'), 'click', async () => {
  try { await navigator.clipboard.writeText($('partner-key-text').textContent); status(say('key-copied')); } catch { alarm(say('key-by-hand')); }
});
on($('partner-key-away'), 'click', () => {
  fill('partner-key-text');
  show('partner-key', false); show('partner-issue', true);
  $('partner-name').focus();
});

return { refresh, unsent: () => !$('partner-key').hidden };
};
