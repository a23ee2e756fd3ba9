/* The desk's shell, without a framework: signing in, tabs, and what every panel needs. What people wrote is text, never markup. */
(() => {
'use strict';

// ---- words and small parts

const $ = (id) => document.getElementById(id);
const words = new Map();
const learn = (within) => {
  for (const each of within.querySelector('template.words').content.children) words.set(each.value, each.textContent);
};
const say = (key, values = {}) => (words.get(key) ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
learn(document);

const zone = document.body.dataset.zone, lang = document.documentElement.lang;
// In milliseconds.
const REFRESH = 15000, PATIENCE = 15000, PASSES = 30000;

// el('p.hint', {lang}, 'text', child): properties may be left out; null children are skipped.
function el(kind, ...parts) {
  const [tag, ...classes] = kind.split('.'), element = document.createElement(tag);
  element.className = classes.join(' ');
  if (parts[0]?.constructor === Object) {
    for (const [name, value] of Object.entries(parts.shift())) element.setAttribute(name, value);
  }
  element.append(...parts.filter((part) => part !== null && part !== undefined && part !== false));
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
// Good news goes by itself; an alarm stays until something else is said.
let passes;
function status(text) {
  tell($('alert'), ''); tell($('status'), text);
  clearTimeout(passes);
  passes = setTimeout(() => tell($('status'), ''), PASSES);
}
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
// Looks anew at what a panel shows, and says under it how old that is.
async function freshly(id, look) {
  try {
    const more = await look();
    if (more === false) return; // what is there stays, and is as old as it says
    fill(id, say('updated-at', { time: clock(Date.now()) }), more ? ` ${more}` : '');
  } catch (refused) {
    fill(id, say('not-updated'));
    throw refused;
  }
}
// How each lane stands, oldest wait included.
const lanes = (id, all) => table(id, 'lane waiting oldest soon overdue claimed parked', all.map((lane) => [
  laneOf(lane), lane.waiting, lane.oldest_wait_hours === null ? '–' : say('hours', { n: lane.oldest_wait_hours }), lane.due_soon,
  lane.overdue ? el('strong.late', lane.overdue) : 0, lane.claimed, lane.parked,
]));

// ---- the API

// The token lives in this closure alone: no cookie, no storage. Closing the page forgets it.
let token = '';
const signedIn = () => Boolean(token);

class Refused extends Error {
  constructor(code, text, errors) { super(text); this.code = code; this.errors = errors; }
  // Nobody knows whether the desk did it.
  get unsure() { return this.code === 'offline' || this.code === 'failed'; }
}

async function call(method, path, body, key, more) {
  const headers = { 'Accept-Language': lang, 'Content-Type': 'application/json', Authorization: `Bearer ${token}`, ...more };
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
    askToSignIn(say(person ? 'sign-in-again' : 'sign-in-refused'));
    throw new Refused('signed-out', say('sign-in-again'));
  }
  const down = answer.status >= 500 && content.code !== 'key-missing';
  throw new Refused(down ? 'failed' : content.code, down ? say('failed') : content.detail ?? content.title, content.errors);
}
const calmly = async (promise) => { try { return await promise; } catch { return undefined; } };

// The same sent again after a lost answer carries the same key, so that it is done once; other content, a new key.
const sending = new Map();
function keyFor(what, body) {
  const text = JSON.stringify(body);
  if (sending.get(what)?.text !== text) sending.set(what, { text, key: crypto.randomUUID() });
  return sending.get(what).key;
}
const sent = (what) => sending.delete(what);

// ---- signing in

let person = null, backTo = null;

function askToSignIn(why) {
  if (!$('sign-in').hidden) return;
  const here = document.activeElement;
  if (here !== document.body) backTo = here;
  token = '';
  fill('sign-in-why', why);
  show('sign-in', true);
  if (why) alarm(why);
  // Somebody in mid-sentence is left there, to finish it.
  if (!here.matches('textarea')) $(service ? 'sign-in-go' : 'token').focus();
}

async function signIn(given, name) {
  token = given;
  show('sign-in', false);
  let found;
  try { found = await call('GET', '/v1/desk/me'); } catch (refused) { return askToSignIn(refused.message); }
  // What is on the screen belongs to whoever opened it.
  if (person && found.subject !== person.subject) return askToSignIn(say('another-person', { name: person.name }));
  const again = Boolean(person), offered = tabs.filter((tab) => found.scopes.includes(tab.dataset.scope));
  person = { ...found, name: name ?? found.subject };
  for (const tab of tabs) tab.hidden = !offered.includes(tab);
  if (!offered.length) return askToSignIn(say('not-yours'));
  $('sign-in-form').reset();
  outcome($('sign-in-form'), '');
  fill('person-name', person.name);
  show('person', true); show('tabs', true);
  status(say(again ? 'signed-in-again' : 'signed-in'));
  if (!current || current.tab.hidden) await open(offered[0]); else await calmly(current.refresh());
  if (again) backTo?.focus();
}

// By authorization code with PKCE, in a window of its own: this page is never left, so that nothing typed is lost and
// what the code is worth something with, the verifier, needs no place but this closure. The window comes back to an
// address of ours, which hands the code over on a channel that only our own pages hear; without the verifier it is worth nothing.
const service = JSON.parse($('sign-in').dataset.service), back = new URL('/desk/signed-in', location.origin).href;
const channel = new BroadcastChannel('quietline-desk');
// The sign-in that is under way.
let asked = null;
show('sign-in-window', service); show('sign-in-none', !service);
show('sign-in-token', !service || service.authorization_endpoint.startsWith('/'));

const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const random = () => encode(crypto.getRandomValues(new Uint8Array(32)));
const claimsOf = (given) => JSON.parse(new TextDecoder().decode(Uint8Array.from(
  atob(given.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')), (each) => each.charCodeAt(0))));

async function openWindow() {
  asked = { state: random(), nonce: random(), verifier: random() };
  const address = new URL(service.authorization_endpoint, location.origin);
  const challenge = encode(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(asked.verifier)));
  for (const [name, value] of Object.entries({
    response_type: 'code', client_id: service.client_id, redirect_uri: back, scope: service.scope, state: asked.state,
    nonce: asked.nonce, code_challenge: challenge, code_challenge_method: 'S256',
  })) address.searchParams.set(name, value);
  if (!window.open(address, '_blank', 'popup,width=480,height=680')) alarm(say('sign-in-blocked'));
}

async function trade({ code, error, iss }, { nonce, verifier }) {
  if (error || !code || (iss ?? service.issuer) !== service.issuer) throw new Error(say('sign-in-failed'));
  const answer = await fetch(service.token_endpoint, {
    method: 'POST', credentials: 'omit', redirect: 'error', signal: AbortSignal.timeout(PATIENCE),
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: back, client_id: service.client_id, code_verifier: verifier }),
  });
  const given = await answer.json(), claims = claimsOf(given.id_token);
  // The id token came from the issuer itself; that it answers this very sign-in, the nonce says (OpenID Connect 3.1.3.7).
  if (claims.nonce !== nonce || claims.iss !== service.issuer || ![claims.aud].flat().includes(service.client_id)) throw new Error(say('sign-in-failed'));
  return [given[service.bearer], claims.name ?? claims.preferred_username ?? claims.email];
}

on($('sign-in-go'), 'click', openWindow);
on(channel, 'message', async ({ data }) => {
  // Another tab's, or nobody's.
  if (!asked || data.signedIn?.state !== asked.state) return;
  const { signedIn: said } = data, mine = asked;
  asked = null;
  channel.postMessage({ taken: said.state });
  try { await signIn(...await trade(said, mine)); } catch { alarm(say('sign-in-failed')); }
});

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

// ---- panels: one for each scope, loaded when it is first opened

const tabs = [...$('tabs').children], loaded = new Map();
let current = null;

// Both checks are the browser's: the address is held to its hash, and a script runs only if the policy knows its hash.
async function load(tab) {
  const { panel: name, integrity } = tab.dataset;
  const answer = await fetch(`/desk/panels/${name}`, { integrity, credentials: 'omit', redirect: 'error', signal: AbortSignal.timeout(PATIENCE) });
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html'), script = document.createElement('script');
  script.textContent = page.querySelector('script').textContent;
  page.querySelector('script').remove();
  learn(page);
  const place = el('div', { id: name, class: 'panel' }, ...page.body.childNodes);
  $('main').append(place);
  document.head.append(script);
  script.remove();
  return { tab, place, ...script.panel(desk) };
}
async function open(tab) {
  if (!loaded.has(tab)) {
    tab.setAttribute('aria-busy', 'true');
    try { loaded.set(tab, await load(tab)); } catch { return alarm(say('panel-failed')); } finally { tab.removeAttribute('aria-busy'); }
  }
  current = loaded.get(tab);
  for (const each of loaded.values()) each.place.hidden = each !== current;
  for (const each of tabs) each.setAttribute('aria-current', each === tab);
  await calmly(current.refresh());
}
on($('tabs'), 'click', ({ target }) => { if (target.dataset.panel) open(target); });

const lookAgain = () => { if (signedIn() && !document.hidden && current) calmly(current.refresh()); };
setInterval(lookAgain, REFRESH);
on(document, 'visibilitychange', lookAgain);

const desk = {
  $, words, say, zone, lang, el, show, fill, on, onSubmit, spoken, when, clock, minutes, tongues, laneOf,
  status, alarm, outcome, twice, table, lanes, freshly, call, calmly, keyFor, sent, signedIn, lookAgain, can: (scope) => person.scopes.includes(scope),
};

// ---- leaving, arriving

on(window, 'beforeunload', (event) => { if ([...loaded.values()].some((each) => each.unsent?.())) event.preventDefault(); });
// A page brought back from the browser's memory would show what was held then.
on(window, 'pageshow', (event) => { if (event.persisted) location.reload(); });
on(window, 'hashchange', takeTicket);
if (!takeTicket()) askToSignIn('');
})();
