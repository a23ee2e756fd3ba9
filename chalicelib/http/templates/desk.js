/* The desk, without a framework. Whatever comes from people is set as text, never as markup. */
(() => {
'use strict';

// ---- words and small parts

const $ = (id) => document.getElementById(id);
const words = new Map([...$('words').content.children].map((each) => [each.value, each.textContent]));
const say = (key, values = {}) => (words.get(key) ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');

const zone = document.body.dataset.zone, lang = document.documentElement.lang;
const REFRESH = 15000, PATIENCE = 15000, RETRY = 10000, WARN = 180000, PAGE = 50; // ms, and entries

// el('p.hint', {lang}, 'text', child): properties may be left out; null children are skipped.
function el(kind, ...parts) {
  const [tag, ...classes] = kind.split('.'), element = document.createElement(tag);
  element.className = classes.join(' ');
  if (parts[0]?.constructor === Object) {
    for (const [name, value] of Object.entries(parts.shift())) element.setAttribute(name, value);
  }
  element.append(...parts.filter((part) => part !== null && part !== undefined));
  return element;
}
const show = (id, on) => { $(id).hidden = !on; };
const fill = (id, ...parts) => $(id).replaceChildren(...parts.filter(Boolean));
const on = (target, event, act) => target.addEventListener(event, act);
function onSubmit(target, act) {
  on(target, 'submit', (event) => { event.preventDefault(); act(event.target, event.submitter); });
}
const spoken = (reference) => reference.replaceAll('-', ' ');
const when = (iso) => new Date(iso).toLocaleString('en-GB', {
  timeZone: zone, weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit',
});
const clock = (at) => new Date(at).toLocaleTimeString('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' });
const minutes = (span) => Math.max(1, Math.round(span / 60000));
const tongues = new Intl.DisplayNames([lang], { type: 'language' });
const laneOf = (each) => `${say(`kind-${each.kind}`)}, ${tongues.of(each.language)}`;

// A live region speaks when its text changes; emptied first, it says the same words again.
function tell(region, text, wrong) {
  region.textContent = '';
  region.classList.toggle('wrong', Boolean(wrong));
  clearTimeout(region.due);
  region.due = setTimeout(() => { region.textContent = text; }, 50);
}
const status = (text) => { tell($('alert'), ''); tell($('status'), text); };
const alarm = (text) => { tell($('status'), ''); tell($('alert'), text); };
const outcome = (form, text, wrong = true) => tell(form.querySelector('.outcome'), text, wrong);

// What touches other people's work is pressed twice: the second label says what will happen.
function twice(label, sure, act) {
  const button = el('button.quiet', { type: 'button' }, label);
  const arm = (armed) => { button.classList.toggle('armed', armed); button.textContent = armed ? sure : label; };
  on(button, 'blur', () => arm(false));
  on(button, 'click', () => {
    const armed = button.classList.contains('armed');
    arm(!armed);
    if (armed) act();
  });
  return button;
}

// Roles are spelt out: a browser drops a table's own when its rows become cards on a narrow screen.
function table(id, columns, rows) {
  const names = columns.split(' ').map((name) => say(`column-${name}`));
  const head = names.map((name) => el('th', { role: 'columnheader', scope: 'col' }, name));
  const body = rows.map((cells) => el('tr', { role: 'row' }, ...cells.map((cell, at) => (at
    ? el('td', { role: 'cell', 'data-label': names[at] }, cell ?? '')
    : el('th', { role: 'rowheader', scope: 'row' }, cell)))));
  fill(id, rows.length ? el('table.cards', { role: 'table', 'aria-labelledby': `${id}-title` },
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, ...head)), el('tbody', { role: 'rowgroup' }, ...body)) : say('none'));
}

// ---- the API

// The token lives in this closure alone: no cookie, no storage. Closing the page forgets it.
let token = '';

class Refused extends Error {
  constructor(code, text) { super(text); this.code = code; }
  // Nobody knows whether the desk did it.
  get unsure() { return this.code === 'offline' || this.code === 'failed'; }
}

async function call(method, path, body, key) {
  const headers = { 'Accept-Language': lang, 'Content-Type': 'application/json', Authorization: `Bearer ${token}` };
  if (key) headers['Idempotency-Key'] = key;
  let answer, content = null;
  try {
    answer = await fetch(path, {
      method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE), credentials: 'omit', redirect: 'error',
    });
    if (answer.status !== 204) content = await answer.json();
  } catch {
    throw new Refused('offline', say('offline'));
  }
  if (answer.ok) return content;
  if (answer.status === 401) {
    askToSignIn(say(signedIn ? 'sign-in-again' : 'ticket-spent'));
    throw new Refused('signed-out', say('sign-in-again'));
  }
  const down = answer.status >= 500 && content.code !== 'key-missing';
  throw new Refused(down ? 'failed' : content.code, down ? say('failed') : content.detail ?? content.title);
}

// The same sent again after a lost answer carries the same key, so that it is done once; other content, a new key.
const sending = new Map();
function keyFor(what, body) {
  const text = JSON.stringify(body);
  if (sending.get(what)?.text !== text) sending.set(what, { text, key: crypto.randomUUID() });
  return sending.get(what).key;
}

// ---- signing in

let signedIn = false, backTo = null;

function askToSignIn(why) {
  if (!$('sign-in').hidden) return;
  const here = document.activeElement;
  if (here !== document.body) backTo = here;
  token = '';
  fill('sign-in-why', why);
  show('sign-in', true);
  if (why) alarm(why);
  // Somebody in mid-sentence is left there, to finish it.
  if (!here.matches('textarea')) $('token').focus();
}

async function signIn(given) {
  token = given;
  show('sign-in', false);
  try { // for the eye only: whether it is true, the desk decides
    const claims = atob(given.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'));
    fill('person-name', JSON.parse(new TextDecoder().decode(Uint8Array.from(claims, (c) => c.charCodeAt(0)))).sub);
  } catch { fill('person-name'); }
  if (!await arrive()) return;
  $('sign-in-form').reset();
  outcome($('sign-in-form'), '');
  show('person', true);
  status(say(signedIn ? 'signed-in-again' : 'signed-in'));
  if (signedIn) backTo?.focus();
  signedIn = true;
}

async function arrive() {
  try {
    await refresh();
  } catch (refused) {
    if (refused.code === 'scope-missing') return trailOnly();
    askToSignIn(refused.message);
    return false;
  }
  show('requests', $('supervision').hidden); show('views', true);
  listHeld(); loadSignposts(); supervise();
  return true;
}

// A ticket works once, and yet it has no business in the address bar or the history.
function takeTicket() {
  const ticket = location.hash.slice(1);
  if (ticket !== 'main') history.replaceState(null, '', location.pathname);
  if (!/^[\w-]{32}$/.test(ticket)) return false;
  status(say('signing-in'));
  call('POST', '/desk/sign-in', { ticket }).then((given) => signIn(given.token), (refused) => askToSignIn(refused.message));
  return true;
}

onSubmit($('sign-in-form'), (form) => {
  const given = $('token').value.trim();
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(given)) signIn(given); else outcome(form, say('token-odd'));
});
on($('sign-out'), 'click', () => location.reload());

// ---- the queue

async function refresh() {
  try {
    const { lanes, rung_at: rung } = await call('GET', '/v1/desk/queue');
    table('queue', 'lane waiting oldest soon overdue claimed parked', lanes.map((lane) => [
      laneOf(lane), lane.waiting, lane.oldest_wait_hours === null ? '–' : say('hours', { n: lane.oldest_wait_hours }), lane.due_soon,
      lane.overdue ? el('strong.late', lane.overdue) : 0, lane.claimed, lane.parked,
    ]));
    fill('queue-age', say('queue-age', { time: clock(Date.now()) }), rung ? ` ${say('doorbell', { time: clock(rung) })}` : '');
  } catch (refused) {
    fill('queue-age', say('queue-stale'));
    throw refused;
  }
}
const calmly = (promise) => promise.catch(() => {});
const lookAgain = () => { if (token && !document.hidden && !$('requests').hidden) { calmly(refresh()); listHeld(); } };
setInterval(lookAgain, REFRESH);
on(document, 'visibilitychange', lookAgain);

async function listHeld() {
  const found = await calmly(call('GET', '/v1/desk/claims'));
  if (!found) return;
  const focused = document.activeElement.dataset.id;
  fill('held', ...found.claims.map((held) => {
    const name = spoken(held.reference), button = el('button.quiet', { type: 'button', 'data-id': held.request_id, 'aria-label': say('open-named', { name }) }, say('open'));
    const left = say('held-for', { minutes: minutes(held.lease_seconds * 1000) });
    on(button, 'click', () => take({ reference: held.reference }, button));
    return el('li', el('span', el('strong', name), el('br'), `${laneOf(held)} ${left}`), button);
  }));
  show('held-empty', !found.claims.length);
  if (focused) $('held').querySelector(`[data-id="${focused}"]`)?.focus();
}

// ---- taking a request

let open = null;   // what is on the screen: { claim, request, until, work, ... }
let busy = false;  // one thing at a time: an answer must meet the request that it was asked for
let ahead = 0;     // how far the helpline's clock is ahead of this computer's; every hold tells
const begun = new Map(); // the forms of each request, with what was typed into them

async function take(asked, button, form) {
  const answer = (text) => (form ? outcome(form, text) : alarm(text));
  if (busy) return answer(say('busy'));
  if (open?.lost && form?.id !== 'lost') return answer(say('copy-first'));
  const key = keyFor('claim', asked), sentAt = Date.now();
  await during(button, async () => {
    try {
      const taken = await call('POST', '/v1/desk/claims', asked, key);
      sending.delete('claim');
      if (!taken) return answer(say(open?.lost ? 'lost-nobody' : asked.reference ? 'reference-unknown' : 'nothing-suits'));
      present(taken, sentAt);
    } catch (refused) {
      if (!refused.unsure) sending.delete('claim');
      answer(refused.message);
    }
  });
  lookAgain();
}
// What was written meanwhile is shown at once.
async function reread(at) {
  const sentAt = Date.now(), { reference } = at.request, taken = await calmly(call('POST', '/v1/desk/claims', { reference }));
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
  const { claim, request } = taken, callback = request.kind === 'callback';
  // What came in another form than ours is shown as text, and nothing of it is taken for what somebody agreed to.
  const odd = request.unreadable === 'invalid', details = odd ? {} : request.details ?? {};
  const again = open?.claim.request_id === claim.request_id ? open : null;
  open = { claim, request, read: again?.read, tried: new Set() };
  hold(open, claim, sentAt);
  for (const id of ['request', 'content', 'lease']) show(id, true);
  show('nothing-open', false); show('lost', false);
  for (const id of ['take', 'quote']) outcome($(id), '');
  for (const id of ['lease-reference', 'request-title']) fill(id, spoken(request.reference));
  fill('request-kind', laneOf(request), request.overdue && ' ', request.overdue && el('strong.tag', say('overdue')));
  show('unreadable', request.unreadable);
  fill('unreadable', request.unreadable && (words.get(`unreadable-${request.unreadable}`) ?? say('unreadable-other')));
  show('contract', callback && request.details && !odd);
  show('script', false);
  if (callback && request.details && !odd) agreed(details);
  facts(request, details);
  if (odd) fill('message', el('dl', ...Object.entries(request.details ?? {}).flatMap(([name, value]) => [el('dt', name), el('dd.said', value)])));
  letters('letters', request.messages);
  letters('notes', request.notes);
  if (!again) lay(claim.request_id, callback, details);
  tick();
  status('');
  $('request-title').focus();
  $('request').scrollIntoView();
}

// Each request has forms of its own: nothing typed for one person is ever sent to another.
function lay(id, callback, details) {
  if (!begun.has(id)) {
    const forms = $('forms').content.cloneNode(true);
    for (const group of forms.querySelectorAll('.signposts')) offerSignposts(group, details.concern);
    forms.querySelector('.attempt').hidden = !callback;
    forms.querySelector('.by-email').hidden = !details.email;
    forms.querySelector(callback ? '.note' : '.reply').open = true;
    begun.set(id, el('div', forms));
  }
  fill('work', begun.get(id));
}
const unsent = (besides) => [...$('work').querySelectorAll('textarea')].some((each) => each.value.trim() && each.form !== besides);

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
  const steps = [details.name ? 'step-hello-name' : 'step-hello', 'step-reference', safety.code_word ? 'step-code' : 'step-recognised', 'step-doubt'];
  fill('script-steps', ...steps.map((step) => el('li', say(step, values))));
  fill('script-sure', say(safety.code_word ? 'sure-code' : 'sure-reference'));
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
    el('p', say('number'), el('br'), el('span.number', number)), allowed && dial(number, details.safety?.caller_id === 'shown'));
}
// A link that shows our number to somebody who asked us to withhold it would be a trap: it carries 141, or there is none.
function dial(number, mayShow) {
  const digits = number.replace(/\(0\)|[^\d+]/g, ''), national = digits.replace(/^(\+|00)44/, '0');
  if (!mayShow && !/^0[1-9]\d+$/.test(national)) return el('p', say('dial-by-hand'));
  const href = `tel:${mayShow ? digits : `141${national}`}`;
  return el('p', el('a.dial', { href }, say(mayShow ? 'dial' : 'dial-withheld', { number: mayShow ? number : national })));
}

function facts(request, details) {
  const all = {
    due: request.due.local,
    language: request.interpreter && say('interpreter', { language: tongues.of(request.language) }),
    concern: details.concern && (words.get(`concern-${details.concern}`) ?? details.concern),
    name: details.name,
    access: details.access_needs?.map((need) => words.get(`access-${need}`) ?? need).join(', '),
    email: details.email && say('email-given'),
    attempts: request.attempts,
    lapses: request.lapses,
  };
  fill('facts', ...Object.entries(all).filter(([, value]) => value).flatMap(([name, value]) => [el('dt', say(`fact-${name}`)), el('dd', value)]));
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
function add(id, each) { $(id).append(letter(each)); show(`${id}-section`, true); }

// ---- the lease

let active = 0;
for (const kind of ['keydown', 'pointerdown', 'input', 'wheel', 'touchmove']) on(document, kind, () => { active = Date.now(); });

// Counted from when it was asked for, which is never too long, whatever the clocks say.
function hold(at, claim, sentAt) {
  const lease = claim.lease_seconds * 1000;
  Object.assign(at, { lease, until: sentAt + lease, renewedAt: sentAt, warned: false });
  ahead = Date.parse(claim.lease_until) - at.until;
}

function tick() {
  if (!open || open.lost) return;
  const now = Date.now(), left = open.until - now, soon = left <= Math.min(WARN, open.lease / 3);
  if (left <= 0) return lose('lost-lapsed');
  const time = `${Math.floor(left / 60000)}:${String(Math.floor(left / 1000) % 60).padStart(2, '0')}`;
  fill('lease-left', say('left', { time }));
  $('lease').classList.toggle('soon', soon);
  // Whoever works on it keeps it: often enough that nobody loses it, seldom enough that the trail stays readable.
  const since = Math.max(open.renewedAt, open.triedAt ?? 0);
  if (token && active > since && now - since > (soon ? RETRY : open.lease / 4)) renew();
  else if (soon && !open.warned) {
    open.warned = true;
    alarm(say('lease-warning', { minutes: minutes(left), reference: spoken(open.request.reference) }));
  }
  if (open.read && mayRing() !== open.ring) phone();
}
setInterval(tick, 1000);

async function renew() {
  const at = open, sentAt = at.triedAt = Date.now();
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
  alarm(say(why));
  listHeld();
}
function forget() {
  for (const id of ['contract-points', 'phone', 'script-steps', 'facts', 'message', 'letters', 'notes']) fill(id);
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
on($('lost-again'), 'click', ({ target }) => take({ reference: open.request.reference }, target, $('lost')));
on($('lost-away'), 'click', () => putAway(''));

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
    done: (answer, body) => {
      add('letters', { author: 'helpline', text: body.text, signposts: signposts.filter(({ id }) => body.signposts.includes(id)) });
      return { true: 'replied-emailed', false: 'replied-not-emailed' }[answer.emailed] ?? 'replied';
    },
  },
  notes: {
    read: (form) => ({ text: written(form.elements.text, 3000) }),
    done: (answer, body) => { add('notes', { author: 'colleague', text: body.text }); return 'noted'; },
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
  const what = `${name} ${at.claim.request_id} ${at.claim.number}`, key = keyFor(what, body);
  await during(button, async () => {
    try {
      const answer = await call('POST', `/v1/desk/claims/${at.claim.request_id}/${name}`, { number: at.claim.number, ...body }, key);
      sending.delete(what);
      const done = say(verb.done(answer, body), { reference: spoken(at.request.reference), slot: answer.due.local });
      if (verb.ends) return putAway(done);
      form.reset();
      outcome(form, done, false);
    } catch (refused) {
      if (refused.code === 'claim-lost') lose(verb.ends && at.tried.has(name) ? 'lost-maybe-done' : 'lost-taken');
      if (refused.unsure) at.tried.add(name);
      outcome(form, refused.message);
      if (refused.code === 'unread-message') await reread(at);
    }
  });
}
onSubmit($('work'), act);
on($('work'), 'input', ({ target }) => target.removeAttribute('aria-invalid'));

// Signposts belong to the public face; a desk that is served alone does without the list.
let signposts = [];
async function loadSignposts() {
  signposts = (await calmly(call('GET', `/v1/signposts?language=${lang}`)))?.signposts ?? signposts;
}
function offerSignposts(group, concern) {
  group.hidden = !signposts.length;
  const list = el('div.list', ...signposts.map((each) => el('label.option', { 'data-for': each.audience.join(' ') },
    el('input', { type: 'checkbox', name: 'signposts', value: each.id }), each.name)));
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

// ---- supervision

async function supervise() {
  const aside = await calmly(call('GET', '/v1/desk/parked'));
  if (!aside) return; // a door that is not theirs is not shown
  show('to-supervision', true);
  const move = (each, path, label, sure) => {
    const reference = spoken(each.reference);
    return twice(say(label), say(sure, { reference, person: each.claimed_by }), async () => {
      try { await call('POST', path); status(say('released', { reference })); } catch (refused) { alarm(refused.message); }
      supervise();
    });
  };
  const rows = (heads, cells) => heads.map((each) => [spoken(each.reference), laneOf(each), ...cells(each)]);
  table('parked', 'reference lane due lapses do', rows(aside.parked, (each) => [each.due.local, each.lapses,
    move(each, `/v1/desk/parked/${each.request_id}/release`, 'put-back', 'put-back-sure')]));
  table('missed', 'reference lane due attempts', rows(aside.missed, (each) => [each.due.local, each.attempts]));
  table('claims', 'reference lane person until do', rows(aside.claims, (each) => [each.claimed_by, when(each.lease_until),
    move(each, `/v1/desk/claims/${each.request_id}/force-release`, 'take-back', 'take-back-sure')]));
  table('people', 'person opened released closed', aside.people.map((each) => [each.person, each.opened, each.released, each.closed]));
  listClosures(aside.closures);
}
on($('aside-refresh'), 'click', supervise);

function listClosures(all) {
  const same = (one, other) => one.starts_at === other.starts_at && one.ends_at === other.ends_at;
  fill('closures', ...all.map((each) => el('li', el('span', say('closure', { from: when(each.starts_at), until: when(each.ends_at) })),
    twice(say('closure-remove'), say('closure-remove-sure'), () => setClosures((now) => now.filter((other) => !same(each, other)))))));
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

// ---- the audit trail

let first = null; // the earliest entry on the screen
async function trail(after, limit) {
  const page = await call('GET', `/v1/desk/audit?after=${after}&limit=${limit}`);
  $('audit-verified').className = page.verified ? 'notice' : 'warning';
  fill('audit-verified', say(page.verified ? 'audit-sound' : 'audit-broken', { count: page.count, at: page.broken_at }));
  return page;
}
async function showTrail(before) {
  try {
    const end = before ?? (await trail(0, 1)).count + 1, after = Math.max(0, end - 1 - PAGE);
    const { entries } = await trail(after, Math.max(1, end - 1 - after));
    table('audit', 'seq at person verb request number', entries.reverse().map((each) => [
      each.seq, when(each.at), each.actor, each.verb, each.request_id?.slice(0, 8), each.number]));
    first = after + 1;
    show('audit-earlier', after);
  } catch (refused) { alarm(refused.message); }
}
on($('audit-newest'), 'click', () => showTrail());
on($('audit-earlier'), 'click', () => showTrail(first));

// Whoever may read only the trail sees only the trail.
async function trailOnly() {
  const allowed = await calmly(trail(0, 1));
  if (!allowed) askToSignIn(say('not-yours'));
  show('supervision', allowed); show('aside', false);
  return allowed;
}

// ---- views, leaving, arriving

on($('views'), 'click', ({ target }) => {
  if (!target.dataset.view) return;
  for (const button of $('views').children) {
    button.setAttribute('aria-current', button === target);
    show(button.dataset.view, button === target);
  }
  if (target.dataset.view === 'supervision') supervise(); else lookAgain();
});

on(window, 'beforeunload', (event) => { if (unsent()) event.preventDefault(); });
// A page brought back from the browser's memory would show what was held then.
on(window, 'pageshow', (event) => { if (event.persisted) location.reload(); });
on(window, 'hashchange', takeTicket);
if (!takeTicket()) askToSignIn('');
})();
