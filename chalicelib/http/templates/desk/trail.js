/* The audit trail, with its verification. */
document.currentScript.panel = (desk) => {
'use strict';
const { $, words, say, show, fill, on, when, alarm, table, call } = desk;
const PAGE = 50; // entries

let first = null; // the earliest entry on the screen
async function verified(after, limit) {
  const page = await call('GET', `/v1/desk/audit?after=${after}&limit=${limit}`);
  $('audit-verified').className = page.verified ? 'notice' : 'warning';
  fill('audit-verified', say(page.verified ? 'audit-sound' : 'audit-broken', { count: page.count, at: page.broken_at }));
  return page;
}
async function showTrail(before) {
  try {
    const end = before ?? (await verified(0, 1)).count + 1, after = Math.max(0, end - 1 - PAGE);
    const { entries } = await verified(after, Math.max(1, end - 1 - after));
    table('audit', 'seq at person verb request number', entries.reverse().map((each) => [
      each.seq, when(each.at), each.actor, words.get(`did-${each.verb}`) ?? each.verb, each.about ?? each.request_id?.slice(0, 8), each.number]));
    first = after + 1;
    show('audit-earlier', after);
  } catch (refused) { alarm(refused.message); }
}
on($('audit-newest'), 'click', () => showTrail());
on($('audit-earlier'), 'click', () => showTrail(first));

// The whole chain is verified for every look at it, so it is not looked at by itself again and again.
return { refresh: () => first ?? showTrail() };
};
