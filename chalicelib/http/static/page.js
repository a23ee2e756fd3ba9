/*
 * What the requesters' pages do better with JavaScript: the receipt is made here and what is written is sealed here, so
 * that the server sees neither. Words and layout stay the server's: a form is posted as ever, with `sealed` in the place
 * of the words and `lookup` in the place of the receipt, and the page that comes back takes the place of this one.
 * Nothing is stored. Where this file does not run, or fails before anything was sent, the plain form goes its old way.
 */
import { isFilledIn } from './mistakes.js';
import { derive, openMessage, readReceipt, sealMessage, sealRequest, shown } from './sealing.js';
import { solve } from './solving.js';

const NOBODYS = 'A'.repeat(43);
let holder = null; // {code, lookup, mailboxKey, requestId}: in memory, until the page is left
let attempt = null; // what was sealed last: sent again as it is, so that it counts once
let busy = false;

async function fetched(path) {
  const answer = await fetch(path, { credentials: 'omit', cache: 'no-store' });
  if (!answer.ok) throw new Error(path);
  return answer.json();
}

async function posted(action, fields) {
  const answer = await fetch(action, { method: 'POST', body: fields, headers: { Accept: 'text/html' }, credentials: 'omit' });
  return { status: answer.status, page: new DOMParser().parseFromString(await answer.text(), 'text/html') };
}

function show(page) {
  document.documentElement.lang = page.documentElement.lang;
  document.body.replaceWith(document.adoptNode(page.body));
  scrollTo(0, 0);
  (document.querySelector('.errors') ?? document.querySelector('main')).focus();
}

function alarm() {
  const says = document.createElement('p');
  says.setAttribute('role', 'alert');
  says.className = 'errors';
  says.textContent = document.body.dataset.unsent;
  document.querySelector('main').prepend(says);
  says.scrollIntoView();
}

/* Sealing and the sum take a moment on an old phone. */
function tell(form, words) {
  const says = form.querySelector('[role=status]');
  if (says) says.textContent = words;
}

async function once(of, seal) {
  if (!attempt || attempt.of !== of) attempt = { of, ...(await seal((await fetched('/v1/keys')).keys)) };
  return attempt;
}

/* ---------- asking */

const CHOICES = ['voicemail', 'caller_id', 'code_word', 'if_someone_else_answers'];

function detailsOf(fields, kind) {
  const given = (...names) => Object.fromEntries(names.map((name) => [name, fields.get(name)]).filter(([, value]) => value));
  if (kind === 'question') return { ...given('text'), private: fields.get('private') === 'true' };
  if (kind === 'information') return given('concern', 'message', 'name', 'email');
  const needs = fields.getAll('access_needs');
  const safety = { ...given(...CHOICES), ...(fields.has('text_first') && { text_first: true }) };
  return { ...given('concern', 'phone', 'name', 'message'), safety, ...(needs.length && { access_needs: needs }) };
}

async function proof(requestId) {
  try {
    return await solve(await fetched(`/v1/challenge?for=${requestId}`));
  } catch {
    return null; // without one it is answered all the same, only later
  }
}

async function ask(form) {
  if (!isFilledIn(form)) return;
  tell(form, document.body.dataset.sending);
  const { kind } = form.dataset;
  const fields = new FormData(form);
  const details = detailsOf(fields, kind);
  const around = new URLSearchParams();
  for (const name of ['statement_version', 'language', 'slot', 'also', 'campaign']) {
    for (const value of fields.getAll(name)) if (value) around.append(name, value);
  }
  const { code, requestId, sealed } = await once(`${kind} ${JSON.stringify(details)} ${around}`, (keys) => sealRequest(kind, details, keys));
  around.set('sealed', JSON.stringify(sealed));
  const solved = await proof(requestId);
  if (solved) around.set('altcha', solved);
  const { status, page } = await sent(form.getAttribute('action'), around);
  if (status === 409) attempt = null; // refused as it is, so that it is sealed anew, to the keys of then
  show(page);
  if (status === 201) handOver(code);
  else refill(fields);
}

function handOver(code) {
  attempt = null;
  const place = document.getElementById('receipt');
  shown(code).split('-').forEach((group, at) => place.append(...(at ? ['-', document.createElement('wbr'), group] : [group])));
}

function refill(fields) {
  const places = {};
  for (const each of document.querySelectorAll('form[data-kind] [name]')) {
    if (each.type === 'hidden') continue;
    const values = fields.getAll(each.name);
    if (each.type === 'radio' || each.type === 'checkbox') each.checked = values.includes(each.value) || (each.checked && each.name === 'statement_version');
    else each.value = values[(places[each.name] = (places[each.name] ?? -1) + 1)] ?? '';
  }
}

/* ---------- the mailbox */

async function open(form) {
  const fields = new FormData(form);
  const typed = fields.get('receipt');
  if (typed) {
    const code = readReceipt(typed);
    holder = code && { code, ...(await derive(code)) };
  }
  const around = new URLSearchParams();
  for (const name of ['action', 'slot', 'confirm']) if (fields.get(name)) around.set(name, fields.get(name));
  if (typed || holder) around.set('lookup', holder ? holder.lookup : NOBODYS);
  const words = (fields.get('text') || '').trim();
  if (words) {
    const { message_id, sealed, copy } = await once(`message ${words}`, (keys) => sealMessage(words, holder, keys));
    around.set('sealed', JSON.stringify({ message_id, sealed, copy }));
  }
  const { status, page } = await sent(form.getAttribute('action'), around);
  if (status === 201 || status === 409) attempt = null;
  show(page);
  const writing = document.querySelector('textarea[name=text]');
  if (words && status !== 201 && writing) writing.value = words;
  if (holder) openLetters(); // not waited for: a press meanwhile counts
}

async function openLetters() {
  const mine = holder;
  for (const letter of document.querySelectorAll('[data-sealed]')) {
    try {
      await fill(letter, await openMessage(letter.dataset.id, letter.dataset.sealed, mine));
    } catch {
      letter.querySelector('[data-part=unreadable]').hidden = false;
    }
  }
}

async function fill(letter, { text, agreed_actions: agreed = [], signposts = [] }) {
  letter.querySelector('.said').textContent = text || '';
  list(letter, 'agreed', agreed.map((each) => [each]));
  if (!signposts.length) return;
  // All of them are fetched, so that which ones were meant stays here.
  const all = (await fetched(`/v1/signposts?language=${document.documentElement.lang}`)).signposts;
  list(letter, 'signposts', all.filter((each) => signposts.includes(each.id)).map(placed));
}

function placed({ name, url, phones = [] }) {
  const parts = [/^https:/.test(url) ? link(url, name) : name];
  if (phones.length) parts.push(' ', link(`tel:${phones[0].number.replace(/[^\d+]/g, '')}`, phones[0].number));
  return parts;
}

function link(href, words) {
  const made = document.createElement('a');
  Object.assign(made, { href, rel: 'noreferrer', className: 'away', textContent: words });
  return made;
}

function list(letter, part, items) {
  if (!items.length) return;
  const title = letter.querySelector(`[data-part=${part}]`);
  const made = document.createElement('ul');
  for (const parts of items) {
    const item = document.createElement('li');
    item.append(...parts);
    made.append(item);
  }
  title.hidden = false;
  title.after(made);
}

/* ---------- sending */

let underway = false; // once something may have been sent, the plain form must not send it again

async function sent(action, fields) {
  underway = true;
  return posted(action, fields);
}

async function submit(act, form) {
  busy = true;
  underway = false;
  form.setAttribute('aria-busy', 'true');
  try {
    await act(form);
  } catch {
    if (underway || holder) alarm();
    else form.submit();
  }
  form.removeAttribute('aria-busy');
  tell(form, '');
  busy = false;
}

if (crypto.subtle) {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (form.matches('[data-check]')) return;
    const act = form.dataset.kind ? ask : form.getAttribute('action').startsWith('/mailbox') ? open : null;
    if (!act) return;
    event.preventDefault();
    if (!busy) submit(act, form);
  });
  // Whoever comes back by the browser's button finds an empty form, and nothing that was read.
  addEventListener('pagehide', () => {
    holder = attempt = null;
    document.body.replaceChildren();
  });
  addEventListener('pageshow', (event) => event.persisted && location.reload());
}
