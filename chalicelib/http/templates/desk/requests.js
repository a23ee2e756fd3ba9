/* The practitioner's panel: the queue, one request in hand, its lease, and what is done with it. */
document.currentScript.panel = (desk) => {
'use strict';
const { $, words, say, lang, el, show, fill, on, onSubmit, spoken, when, clock, minutes, tongues, laneOf, status, alarm, outcome, call, calmly, keyFor, sent } = desk;
// In milliseconds.
const WARN = 180000, RETRY = 10000;
// In sight whatever is scrolled.
$('now').prepend($('lease'));

// ---- the queue

const refresh = () => desk.freshly('queue-age', async () => {
  const { lanes, rung_at: rung } = await call('GET', '/v1/desk/queue');
  desk.lanes('queue', lanes);
  return rung && say('doorbell', { time: clock(rung) });
});
const lookAgain = () => { calmly(refresh()); listHeld(); };

async function listHeld() {
  const found = await calmly(call('GET', '/v1/desk/claims'));
  if (!found) return;
  const focused = document.activeElement.dataset.id;
  fill('held', ...found.claims.map((held) => {
    const name = spoken(held.reference), button = el('button.quiet', { type: 'button', 'data-id': held.request_id, 'aria-label': say('open-named', { name }) }, say('open'));
    const left = say('held-for', { minutes: minutes(held.lease_seconds * 1000) });
    on(button, 'click', () => take({ reference: held.reference }, button));
    const shown = open && !open.lost && open.claim.request_id === held.request_id;
    return el('li', el('span', el('strong', name), el('br'), `${laneOf(held)} ${left}`), shown ? el('span.soft', say('on-screen')) : button);
  }));
  show('held-empty', !found.claims.length);
  if (focused) $('held').querySelector(`[data-id="${focused}"]`)?.focus();
}

// ---- taking a request

// What is on the screen: { claim, request, sentAt, lease, ... }
let open = null;
// One thing at a time: an answer must meet the request that it was asked for.
let busy = false;
// How far the helpline's clock is ahead of this computer's; every hold tells.
let ahead = 0;
// The forms of each request, with what was typed into them.
const begun = new Map();

async function take(asked, button, form) {
  const answer = (text) => (form ? outcome(form, text) : alarm(text));
  if (busy) return answer(say('busy'));
  if (open?.lost && form?.id !== 'lost') return answer(say('copy-first'));
  const key = keyFor('claim', asked), sentAt = moment();
  await during(button, async () => {
    try {
      const taken = await call('POST', '/v1/desk/claims', asked, key);
      sent('claim');
      if (!taken) return answer(say(open?.lost ? 'lost-nobody' : asked.reference ? 'reference-unknown' : 'nothing-suits'));
      if (form?.id === 'quote') form.reset();
      present(taken, sentAt);
    } catch (refused) {
      if (!refused.unsure) sent('claim');
      answer(refused.message);
    }
  });
  lookAgain();
}
// What was written meanwhile is shown at once.
async function reread(at) {
  const sentAt = moment(), { reference } = at.request, taken = await calmly(call('POST', '/v1/desk/claims', { reference }));
  if (!taken || open !== at || at.lost) return;
  present(taken, sentAt);
  alarm(say('read-first'));
}
async function during(button, act) {
  busy = true;
  button.setAttribute('aria-busy', 'true');
  try { await act(); } finally { busy = false; button.removeAttribute('aria-busy'); }
}
onSubmit($('take'), (form, button) => {
  const asked = new FormData(form);
  take({ kinds: asked.getAll('kinds'), languages: asked.getAll('languages') }, button, form);
});
onSubmit($('quote'), (form, button) => take({ reference: $('reference').value.trim() }, button, form));

// ---- the request on the screen

function present(taken, sentAt) {
  const { claim, request } = taken, rung = request.kind !== 'information';
  // What came in another form than ours is shown as text, and nothing of it is taken for what somebody agreed to.
  const odd = request.unreadable === 'invalid', details = odd ? {} : request.details ?? {};
  const again = open?.claim.request_id === claim.request_id ? open : null;
  open = { claim, request, tongue: readerOf(request), read: again?.read, tried: new Set() };
  hold(open, claim, sentAt);
  for (const id of ['request', 'content', 'lease']) show(id, true);
  show('nothing-open', false); show('lost', false);
  for (const id of ['take', 'quote']) outcome($(id), '');
  for (const id of ['lease-reference', 'request-title']) fill(id, spoken(request.reference));
  fill('request-kind', laneOf(request), request.overdue && ' ', request.overdue && el('strong.tag', say('overdue')));
  show('unreadable', request.unreadable);
  fill('unreadable', request.unreadable && (words.get(`unreadable-${request.unreadable}`) ?? say('unreadable-other')));
  show('contract', rung && request.details && !odd);
  show('script', false);
  if (rung && request.details && !odd) agreed(details);
  facts(request, details);
  if (odd) fill('message', el('dl', ...Object.entries(request.details ?? {}).flatMap(([name, value]) => [el('dt', name), el('dd.said', value)])));
  letters('letters', request.messages);
  letters('notes', request.notes);
  lay(claim.request_id, rung, details);
  tick();
  status('');
  $('request-title').focus();
  $('request').scrollIntoView();
}

// Everybody who does not read Welsh is answered in English, or through an interpreter.
const readerOf = (request) => (request.language.split('-')[0] === 'cy' ? 'cy' : 'en');

// Each request has forms of its own: nothing typed for one person is ever sent to another.
function lay(id, rung, details) {
  if (!begun.has(id)) {
    const forms = $('forms').content.cloneNode(true);
    for (const group of forms.querySelectorAll('.signposts')) group.hidden = true;
    forms.querySelector('.attempt').hidden = !rung;
    forms.querySelector('.by-email').hidden = !details.email;
    // A referral has no mailbox: there is nowhere to write to.
    for (const each of forms.querySelectorAll('.reply, .in-mailbox')) each.hidden = Boolean(open.request.referral);
    forms.querySelector(rung ? '.note' : '.reply').open = true;
    begun.set(id, el('div', forms));
  }
  fill('work', begun.get(id));
  if (!open.request.referral) for (const group of $('work').querySelectorAll('.signposts')) offerSignposts(group, details.concern, open.tongue);
}
const fields = () => [...$('work').querySelectorAll('textarea')];
const unsent = (besides) => fields().some((each) => each.value.trim() && each.form !== besides);

// What is not known is read as the strictest answer: a mistake here rings in somebody's kitchen.
function agreed(details) {
  const safety = details.safety ?? {}, values = { name: details.name, word: safety.code_word, reference: spoken(open.request.reference) };
  const strictly = (prefix, value, strictest) => say(words.has(prefix + value) ? prefix + value : prefix + strictest, values);
  const nobody = safety.if_someone_else_answers === 'ask-for-name' && !details.name;
  const points = [
    ['voicemail', strictly('voicemail-', safety.voicemail, 'never')],
    ['someone-else', nobody ? say('someone-else-ask-for-nobody') : strictly('someone-else-', safety.if_someone_else_answers, 'hang-up')],
    ['caller-id', strictly('caller-id-', safety.caller_id, 'withheld')],
    safety.text_first && ['text-first', say('text-first-yes')],
    safety.code_word && ['code-word', say('code-word-is', values)],
  ].filter(Boolean);
  fill('contract-points', ...points.map(([title, text]) => el('li', el('strong', say(title)), text)));
  // Somebody who was referred was never told the two words.
  const referred = open.request.referral, known = referred ? [] : ['step-reference'];
  const recognise = safety.code_word ? ['step-code', ...known] : [...known, referred ? 'step-expecting' : 'step-recognised'];
  const steps = [details.name && safety.if_someone_else_answers === 'ask-for-name' ? 'step-hello-name' : 'step-hello', ...recognise, 'step-doubt'];
  fill('script-steps', ...steps.map((step) => el('li', say(step, values))));
  fill('script-sure', say(safety.code_word ? 'sure-code' : referred ? 'sure-expecting' : 'sure-reference'));
  show('script-sure', true); show('script-after', false);
  reveal(open.read);
}
function reveal(read) {
  open.read = read;
  show('contract-read', !read); show('phone', read); show('script', read);
  if (read) phone();
}
on($('contract-read'), 'click', () => { reveal(true); $('phone').focus(); });
on($('script-sure'), 'click', () => { show('script-sure', false); show('script-after', true); $('script-after').focus(); });

// The desk said whether ringing is allowed; while the page stays open, the agreed window may open or close.
function mayRing() {
  const { slot, may_ring_now: said } = open.request, now = Date.now() + ahead;
  return slot ? now >= Date.parse(slot.starts_at) && now < Date.parse(slot.ends_at) : said;
}
function phone() {
  const { slot, details } = open.request, number = String(details.phone), allowed = open.ring = mayRing();
  const verdict = say(`ring-${allowed ? 'now' : 'not'}${slot ? '-slot' : ''}`, { until: slot && clock(slot.ends_at), slot: slot?.local });
  fill('phone', el(allowed ? 'p.notice' : 'p.warning', verdict),
    allowed && el('p', say('number'), el('br'), el('span.number', number)), allowed && dial(number, details.safety?.caller_id === 'shown'));
}
// A link that shows our number to somebody who asked us to withhold it would be a trap: it carries 141, or there is none.
function dial(number, mayShow) {
  const digits = number.replace(/\(0\)|[^\d+]/g, ''), national = digits.replace(/^(\+|00)44/, '0');
  if (!mayShow && !/^0[1-9]\d+$/.test(national)) return el('p', say('dial-by-hand'));
  const href = `tel:${mayShow ? digits : `141${national}`}`;
  return el('p', el('a.dial', { href }, say(mayShow ? 'dial' : 'dial-withheld', { number: mayShow ? number : national })));
}

function facts(request, details) {
  const given = request.referral?.consent;
  const all = {
    due: request.due.local,
    language: request.interpreter && say('interpreter', { language: tongues.of(request.language) }),
    concern: details.concern && (words.get(`concern-${details.concern}`) ?? details.concern),
    name: details.name,
    access: details.access_needs?.map((need) => words.get(`access-${need}`) ?? need).join(', '),
    email: details.email && say('email-given'),
    attempts: request.attempts,
    lapses: request.lapses,
    partner: given && [request.referral.partner, ...Object.values(details.referrer ?? {})].join(', '),
    consent: given && say('consent-given', { ...given, how: given.how.replace('-', ' '), language: tongues.of(given.language) }),
  };
  fill('facts', ...Object.entries(all).filter(([, value]) => value).flatMap(([name, value]) => [el('dt', say(`fact-${name}`)), el('dd', value)]));
  // What was agreed to, in the words of then: whoever rings keeps to them.
  fill('consent', given?.title && el('details', { lang: given.language }, el('summary', given.title), ...given.text.map((each) => el('p', each))));
  fill('message', details.message ? el('p.said', { lang: request.language }, details.message) : request.details && el('p.soft', say('no-message')));
}
function letters(id, all) {
  fill(id, ...all.map(letter));
  show(`${id}-section`, all.length);
}
function letter(each) {
  const extra = [...each.agreed_actions ?? [], ...(each.signposts ?? []).map((link) => link.name)];
  return el(`li.${each.author}`,
    el('p.hint', say(`author-${each.author}`, { time: each.at ? when(each.at) : say('just-now') })),
    each.code === 'invalid' && el('p.hint', say('letter-invalid')),
    each.code && each.code !== 'invalid' ? el('p', say('letter-unreadable')) : el('p.said', { lang: each.author === 'requester' ? open.request.language : '' }, each.text ?? ''),
    extra.length ? el('ul', ...extra.map((text) => el('li', text))) : null);
}
// An answer may come when the request is in hand no more: then nothing of it is shown again.
function add(id, each, at) { if (open !== at || at.lost) return; $(id).append(letter(each)); show(`${id}-section`, true); }

// ---- the lease

let active = 0;
for (const kind of ['keydown', 'pointerdown', 'input', 'wheel', 'touchmove']) on(document, kind, () => { active = performance.now(); });

// By two clocks, of which the one that has gone further counts: one may be set back, the other stand still in a sleeping computer.
const moment = () => [Date.now(), performance.now()];
const passed = (since) => Math.max(...moment().map((now, each) => now - since[each]));

// Counted from when it was asked for, which is never too long, whatever the clocks say.
function hold(at, claim, sentAt) {
  const lease = claim.lease_seconds * 1000;
  Object.assign(at, { lease, sentAt, warned: false });
  ahead = Date.parse(claim.lease_until) - sentAt[0] - lease;
}

function tick() {
  if (!open || open.lost) return;
  const now = performance.now(), left = open.lease - passed(open.sentAt), soon = left <= Math.min(WARN, open.lease / 3);
  if (left <= 0) return lose('lost-lapsed');
  const time = `${Math.floor(left / 60000)}:${String(Math.floor(left / 1000) % 60).padStart(2, '0')}`;
  fill('lease-left', say('left', { time }));
  $('lease').classList.toggle('soon', soon);
  // Whoever works on it keeps it: often enough that nobody loses it, seldom enough that the trail stays readable.
  const since = Math.max(open.sentAt[1], open.triedAt ?? 0);
  if (desk.signedIn() && active > since && now - since > (soon ? RETRY : open.lease / 4)) renew();
  else if (soon && !open.warned) {
    open.warned = true;
    alarm(say('lease-warning', { minutes: minutes(left), reference: spoken(open.request.reference) }));
  }
  if (open.read && mayRing() !== open.ring) phone();
}
setInterval(tick, 1000);

async function renew() {
  const at = open, sentAt = moment();
  at.triedAt = sentAt[1];
  try {
    const { claim } = await call('POST', `/v1/desk/claims/${at.claim.request_id}/renew`, { number: at.claim.number });
    const { warned } = at;
    hold(at, claim, sentAt);
    if (warned) status(say('renewed', { minutes: minutes(at.lease), reference: spoken(at.request.reference) }));
  } catch (refused) {
    if (open !== at) return;
    if (refused.code === 'claim-lost') lose('lost-taken');
    else if (refused.unsure) alarm(say('renew-failed'));
  }
  tick();
}
on($('lease-renew'), 'click', () => { open.warned = true; renew(); });

// Content belongs on the screen of who holds the request. What was typed belongs to who typed it, and stays.
function lose(why) {
  if (open.lost) return;
  open.lost = true;
  forget();
  show('lost', true);
  fill('lost-why', say(why));
  outcome($('lost'), '');
  offerCopy();
  alarm(say(why));
  listHeld();
}
const offerCopy = () => { for (const id of ['lost-kept', 'lost-copy']) show(id, unsent()); };
function forget() {
  for (const id of ['contract-points', 'phone', 'script-steps', 'facts', 'consent', 'message', 'letters', 'notes']) fill(id);
  show('content', false); show('lease', false);
  open.request = { reference: open.request.reference };
  open.read = false;
}
function putAway(text) {
  forget();
  begun.delete(open.claim.request_id);
  fill('work');
  open = null;
  show('request', false); show('nothing-open', true);
  status(text);
  $('take').querySelector('button').focus();
  lookAgain();
}
// Everything typed, under the names of its fields: to be taken along, or told to whoever has the request now.
on($('lost-copy'), 'click', async () => {
  const kept = fields().filter((each) => each.value.trim()), text = kept.map((each) => `${each.labels[0].textContent}:\n${each.value.trim()}`).join('\n\n');
  try {
    await navigator.clipboard.writeText(text);
    outcome($('lost'), say('copied'), false);
  } catch {
    kept[0].closest('details').open = true;
    kept[0].select();
    outcome($('lost'), say('copy-by-hand'));
  }
});
on($('lost-again'), 'click', ({ target }) => take({ reference: open.request.reference }, target, $('lost')));
on($('lost-away'), 'click', () => (busy ? outcome($('lost'), say('busy')) : putAway('')));

// ---- what a practitioner does

const wrong = (key, field) => Object.assign(new Error(say(key)), { field });
function written(field, limit) {
  const text = field.value.trim();
  if (!text && field.required) throw wrong('needed', field);
  if ([...text].length > limit) throw wrong('too-long', field);
  return text;
}
function chosen(form, name) {
  const value = new FormData(form).get(name);
  if (!value) throw wrong('needed', form.elements[name][0]);
  return value;
}
function ticked(form) {
  const ids = new FormData(form).getAll('signposts');
  if (ids.length > 10) throw wrong('too-many-signposts', form.elements.signposts[0]);
  return ids;
}

const verbs = {
  attempts: {
    ends: true,
    read: (form) => ({ result: chosen(form, 'result') }),
    done: (answer) => (answer.status === 'closed' ? 'attempted-closed' : 'attempted'),
  },
  replies: {
    read: (form) => ({
      text: written(form.elements.text, 3000), signposts: ticked(form), by_email: form.elements.by_email.checked,
    }),
    done: async (answer, body, at) => {
      const offered = await signpostsIn(at.tongue);
      add('letters', { author: 'helpline', text: body.text, signposts: offered.filter(({ id }) => body.signposts.includes(id)) }, at);
      return { true: 'replied-emailed', false: 'replied-not-emailed' }[answer.emailed] ?? 'replied';
    },
  },
  notes: {
    read: (form) => ({ text: written(form.elements.text, 3000) }),
    done: (answer, body, at) => { add('notes', { author: 'colleague', text: body.text }, at); return 'noted'; },
  },
  close: {
    ends: true,
    read: (form) => {
      const field = form.elements.agreed_actions, actions = field.value.split('\n').map((line) => line.trim()).filter(Boolean);
      if (actions.length > 10 || actions.some((line) => [...line].length > 300)) throw wrong('too-many-actions', field);
      return { outcome: chosen(form, 'outcome'), agreed_actions: actions, signposts: ticked(form) };
    },
    done: () => 'closed',
  },
  release: {
    ends: true,
    read: (form) => ({ reason: written(form.elements.reason, 500) || null }),
    done: () => 'released',
  },
};

async function act(form, button) {
  const name = form.dataset.verb, verb = verbs[name], at = open;
  if (busy) return outcome(form, say('busy'));
  if (at.lost) return outcome(form, $('lost-why').textContent);
  let body;
  try { body = verb.read(form); } catch ({ field, message }) {
    field.setAttribute('aria-invalid', 'true');
    field.focus();
    return outcome(form, message);
  }
  // Closing would put away a half-written reply: say so once, then believe them.
  if (verb.ends && unsent(form) && !form.dataset.warned) {
    form.dataset.warned = 'yes';
    return outcome(form, say('unsent'));
  }
  // Without the claim's number: what was written is the same letter when its answer was lost and it is sent under a later claim.
  const what = `${name} ${at.claim.request_id}`, key = keyFor(what, body);
  await during(button, async () => {
    try {
      const answer = await call('POST', `/v1/desk/claims/${at.claim.request_id}/${name}`, { number: at.claim.number, ...body }, key);
      sent(what);
      const done = say(await verb.done(answer, body, at), { reference: spoken(at.request.reference), slot: answer.due.local });
      if (open !== at) return status(done);
      if (verb.ends) return putAway(done);
      form.reset();
      offerCopy();
      outcome(form, done, false);
    } catch (refused) {
      if (refused.code === 'claim-lost' && open === at) lose(verb.ends && at.tried.has(name) ? 'lost-maybe-done' : 'lost-taken');
      if (refused.unsure) at.tried.add(name);
      outcome(form, refused.message);
      if (refused.code === 'unread-message') await reread(at);
    }
  });
}
onSubmit($('work'), act);
on($('work'), 'input', ({ target }) => target.removeAttribute('aria-invalid'));

// The directory, once for each language in which somebody is to read it.
const directory = new Map();
function signpostsIn(language) {
  if (!directory.has(language)) {
    directory.set(language, call('GET', `/v1/desk/signposts?language=${language}`).then((found) => found.signposts, () => {
      directory.delete(language);
      return [];
    }));
  }
  return directory.get(language);
}
async function offerSignposts(group, concern, language) {
  const signposts = await signpostsIn(language);
  group.hidden = !signposts.length;
  if (group.hidden || group.querySelector('.list')) return;
  const list = el('div.list', ...signposts.map((each) => el('label.option', { lang: language, 'data-for': each.audience.join(' ') },
    el('input', { type: 'checkbox', name: 'signposts', value: each.id }), el('span', each.name))));
  const audiences = [...words.keys()].filter((key) => key.startsWith('concern-'));
  const select = el('select', el('option', { value: '' }, say('signposts-all')),
    ...audiences.map((key) => el('option', { value: key.slice(8), ...key === `concern-${concern}` && { selected: '' } }, say(key))));
  // What is ticked stays in sight whatever the filter says: nothing is sent unseen.
  const filter = () => {
    for (const each of list.children) each.hidden = !(`${each.dataset.for} `.includes(`${select.value} `) || !select.value || each.firstChild.checked);
  };
  on(select, 'change', filter);
  filter();
  group.append(el('label', say('signposts-for'), select), list);
}

return { refresh: () => Promise.all([refresh(), listHeld()]), unsent };
};
