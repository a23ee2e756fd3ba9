/* The editors' panel: what readers are told, as a list, a form for one record, its preview and its history. */
document.currentScript.panel = (desk) => {
'use strict';
const { $, words, say, lang, el, show, fill, on, onSubmit, when, clock, status, alarm, outcome, twice, table, call, calmly } = desk;
const LANGUAGES = ['en', 'cy'], ROOT = '/v1/desk/content';

// ---- how each field is written: a record of a kind that is not named here is shown field by field, as it comes

const AUDIENCE = ['own-behaviour', 'someone-else', 'young-person', 'child-at-risk', 'survivor', 'professional'];
const TOPICS = ['stopping', 'self-help', 'emotional-support', 'worried-about-someone', 'young-people', 'protecting-children',
  'recovery', 'reporting', 'online-safety', 'professionals', 'emergency'];
const FORMS = {
  signpost: {
    name: 'texts', summary: 'texts', url: 'line', phones: 'phones', hours: 'texts', schedules: 'schedules', organization: 'named',
    audience: AUDIENCE, topics: TOPICS, regions: 'list', languages: 'list', minimum_age: 'number', maximum_age: 'number',
    anonymous: 'flag', status: 'status', source: 'line', assured_date: 'date', review_days: 'number', licence: 'line',
  },
  organization: { name: 'line', description: 'texts', website: 'line' },
  campaign: {
    name: 'texts', code: 'line', starts_on: 'date', ends_on: 'date', regions: 'list', partners: 'list', summary: 'texts', headline: 'texts',
    message: 'series', sms: 'series', signposts: 'list', source: 'line',
  },
  session: { title: 'texts', summary: 'texts', hosts: 'hosts', opens_at: 'line', starts_at: 'line', ends_at: 'line', campaign: 'line' },
};
// What the house itself writes into a record is in no form.
const OURS = ['id', 'last_modified'];
const OF = { boolean: 'flag', number: 'number', string: 'line' };
const kindOf = (value) => OF[typeof value] ?? (value && LANGUAGES.some((each) => each in value) ? 'texts'
  : Array.isArray(value) && value.every((each) => typeof each === 'string') ? 'list' : 'json');
const formOf = (kind, record) => FORMS[kind] ?? Object.fromEntries(
  Object.entries(record).filter(([name]) => !OURS.includes(name)).map(([name, value]) => [name, kindOf(value)]));

const lines = (text) => text.split('\n').map((each) => each.trim()).filter(Boolean);
const WRITTEN = {
  list: { print: (value) => value.join('\n'), read: lines },
  json: { print: (value) => JSON.stringify(value, null, 1), read: (text) => JSON.parse(text) },
  hosts: {
    print: (value) => value.map(({ name, role }) => LANGUAGES.flatMap((each) => [name?.[each], role?.[each]]).join(' | ')).join('\n'),
    read: (text) => lines(text).map((line) => {
      const [name, role, enw, rol] = line.split('|').map((each) => each.trim());
      return { name: { en: name, cy: enw }, role: { en: role, cy: rol } };
    }),
  },
  phones: {
    print: (value) => value.map((each) => [each.number, each.e164, each.free ? 'free' : 'paid'].filter(Boolean).join(', ')).join('\n'),
    read: (text) => lines(text).map((line) => {
      const [number, ...more] = line.split(',').map((each) => each.trim()), free = more.pop();
      return { number, ...(more.length && { e164: more.join(',') }), free: free === 'free' ? true : free === 'paid' ? false : null };
    }),
  },
  schedules: {
    print: (value) => value.map((each) => `${each.days.join(' ')} ${each.opens_at}-${each.closes_at}`).join('\n'),
    read: (text) => lines(text).map((line) => {
      const [, days, opens_at, closes_at] = line.match(/^([a-z ]+?) +([\d:]+) *[-–] *([\d:]+)$/) ?? [];
      return { days: days?.split(/ +/) ?? [], opens_at, closes_at };
    }),
  },
};

// ---- one field: what it shows, what it reads, where its errors stand

const label = (name) => words.get(`field-${name}`) ?? name;
function hinted(id, name) {
  const text = words.get(`hint-${name}`);
  return text ? el('p.hint', { id: `${id}-hint` }, text) : null;
}
function input(tag, id, name, more = {}) {
  const described = [words.has(`hint-${name}`) && `${id}-hint`, `${id}-wrong`].filter(Boolean).join(' ');
  return el(tag, { id, name: id, 'aria-describedby': described, ...more });
}
const wrongAt = (id) => el('p.problem', { id: `${id}-wrong` });

// Each maker gives the element, and how to set and read its value; an empty one is left out of the record.
const MAKERS = {
  line(id, name, more = {}) {
    const box = input('input', id, name, { type: 'text', ...more });
    return { box, set: (value) => { box.value = value ?? ''; }, get: () => box.value.trim() || undefined };
  },
  date: (id, name) => MAKERS.line(id, name, { type: 'date' }),
  number(id, name) {
    const made = MAKERS.line(id, name, { inputmode: 'numeric' });
    return { ...made, get: () => (made.get() === undefined ? undefined : /^\d+$/.test(made.get()) ? Number(made.get()) : made.get()) };
  },
  named(id, name) {
    const made = MAKERS.line(id, name);
    return { ...made, set: (value) => made.set(value?.name), get: () => made.get() && { name: made.get() } };
  },
  lines(id, name, how) {
    const box = input('textarea', id, name, { rows: 3, spellcheck: 'false' });
    return { box, set: (value) => { box.value = value === undefined ? '' : WRITTEN[how].print(value); },
      get: () => (box.value.trim() ? WRITTEN[how].read(box.value) : undefined) };
  },
  status(id, name) {
    const box = input('select', id, name);
    box.append(...['active', 'inactive', 'temporarily closed', 'defunct'].map((each) => el('option', { value: each }, say(`status-${each.replace(' ', '-')}`))));
    return { box, set: (value) => { box.value = value ?? 'active'; }, get: () => box.value };
  },
};

// *read* and *print* are for texts that are several, one a line.
function texts(id, name, read = (text) => text.trim(), print = (value) => value ?? '') {
  const boxes = LANGUAGES.map((tongue) => input('textarea', `${id}-${tongue}`, name, { lang: tongue, rows: name === 'name' ? 1 : 4 }));
  return {
    place: el('fieldset', el('legend', label(name)), hinted(id, name), wrongAt(id), el('div.pair', ...boxes.map((box, at) => el('div.field',
      el('label', { for: box.id }, say(`tongue-${LANGUAGES[at]}`)), box, wrongAt(box.id))))),
    set: (value) => boxes.forEach((box) => { box.value = print(value?.[box.lang]); }),
    get: () => {
      const given = Object.fromEntries(boxes.map((box) => [box.lang, read(box.value)]).filter(([, text]) => text.length));
      return Object.keys(given).length ? given : undefined;
    },
  };
}
function choices(id, name, values) {
  const boxes = values.map((value) => el('input', { type: 'checkbox', name: id, value }));
  return {
    place: el('fieldset', { id, tabindex: '-1' }, el('legend', label(name)), wrongAt(id),
      el('div.choices', ...boxes.map((box) => el('label.option', box, box.value.replaceAll('-', ' '))))),
    set: (value) => boxes.forEach((box) => { box.checked = value?.includes(box.value) ?? false; }),
    get: () => { const given = boxes.filter((box) => box.checked).map((box) => box.value); return given.length ? given : undefined; },
  };
}
function flag(id, name) {
  const box = input('input', id, name, { type: 'checkbox' });
  return { place: el('div.field', el('label.option', box, label(name)), wrongAt(id)), set: (value) => { box.checked = value === true; }, get: () => box.checked };
}
function field(name, how) {
  const id = `content-f-${name}`;
  const made = Array.isArray(how) ? choices(id, name, how) : how === 'texts' ? texts(id, name) : how === 'series' ? texts(id, name, lines, (value) => (value ?? []).join('\n')) : how === 'flag' ? flag(id, name)
    : (MAKERS[how] ?? ((at, named) => MAKERS.lines(at, named, how)))(id, name);
  const place = made.place ?? el('div.field', el('label', { for: id }, label(name)), hinted(id, name), made.box, wrongAt(id));
  const theirs = el('div.theirs');
  place.append(theirs);
  return { ...made, place, id, name, theirs };
}

// ---- the record on the screen: *base* is what it was when it was read, as it stands in the form

let kind = null, opened = null, fields = [], base = {};
const path = () => `${ROOT}/${kind}/${opened.id}`;
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const changed = () => Boolean(opened) && fields.some((each) => !same(typed(each), base[each.name]));
function typed(each) {
  try { return each.get(); } catch { return undefined; }
}
// What no field of the form is for travels along untouched.
function record() {
  const whole = { ...opened.record, id: opened.id };
  for (const each of fields) {
    const value = each.get();
    if (value === undefined) delete whole[each.name]; else whole[each.name] = value;
  }
  return whole;
}

function draw(answer) {
  opened = answer;
  fields = Object.entries(formOf(kind, answer.record)).map(([name, how]) => field(name, how));
  fill('content-fields', ...fields.map((each) => each.place));
  for (const each of fields) each.set(answer.record[each.name]);
  stands(answer);
}
function stands(answer) {
  opened = answer;
  base = Object.fromEntries(fields.map((each) => [each.name, typed(each)]));
  told(answer);
  const { draft } = answer;
  show('content-ending', answer.ends.length && answer.out);
  fill('content-end', ...answer.ends.map((each) => el('option', { value: each }, say(`status-${each.replace(' ', '-')}`))));
  fill('content-ends', twice(say('do-take-down'), say('do-take-down-sure'), () => act('POST', '/take-down', { status: $('content-end').value })));
  const does = [el('button.go', say('do-save')), button('do-preview', preview), twice(say('do-publish'), say('do-publish-sure'), publish),
    draft && twice(say('do-discard'), say('do-discard-sure'), discard)];
  ['save', 'preview', 'publish', 'discard'].forEach((name, at) => does[at]?.setAttribute('data-do', name));
  fill('content-does', ...does);
  show('content-meanwhile', false); show('content-shown', false);
  for (const each of fields) each.theirs.replaceChildren();
  right();
  $('content-past').open = false;
}
function told({ draft, published, fresh, ...answer }) {
  const latest = draft ?? published;
  fill('content-title', titleOf(answer));
  fill('content-stands', say(draft ? 'stands-draft' : published ? 'stands-published' : fresh ? 'stands-new' : 'stands-packaged',
    latest ? { by: latest.by, at: when(latest.at) } : {}));
}
function button(key, act_) {
  const made = el('button.go.quiet', { type: 'button' }, say(key));
  on(made, 'click', act_);
  return made;
}
const titleOf = (each) => (typeof each.title === 'string' ? each.title : each.title?.en) ?? say('new-record', each);

// ---- errors, each at its field

function right() {
  show('content-errors', false);
  for (const each of $('content-form').querySelectorAll('[aria-invalid]')) each.removeAttribute('aria-invalid');
  for (const each of $('content-fields').querySelectorAll('.problem')) each.textContent = '';
}
function placed({ pointer, code }) {
  const [name, step, row] = pointer.replace(/^\/record/, '').split('/').slice(1);
  const text = words.get(`code-${code}`) ?? say('code-invalid'), id = `content-f-${name}`;
  if (step && $(`${id}-${step}`)) return { id: `${id}-${step}`, text: row ? say('row', { n: Number(row) + 1, text }) : text };
  return { id: $(id) || $(`${id}-wrong`) ? id : null, text: /^\d+$/.test(step) ? say('row', { n: Number(step) + 1, text }) : text, name };
}
function wrong(errors) {
  right();
  const found = errors.map(placed), list = el('ul');
  for (const { id, text, name } of found) {
    if (!id) { list.append(el('li', text)); continue; }
    const at = $(`${id}-wrong`), target = $(id);
    at.textContent = [at.textContent, text].filter(Boolean).join(' ');
    target?.setAttribute('aria-invalid', 'true');
    const go = el('button.plain', { type: 'button' }, `${label(name ?? id.split('-')[2])}: ${text}`);
    on(go, 'click', () => (target ?? at.parentElement.querySelector('input, textarea')).focus());
    list.append(el('li', go));
  }
  fill('content-errors', el('p', say('wrong-count', { n: found.length })), list);
  show('content-errors', true);
  $('content-errors').focus();
}

// ---- what two people do to one record at once

// Field by field: what only they changed is taken over, what only I changed stays, and where both did theirs is shown.
async function meanwhile() {
  const theirs = await call('GET', path()), mine = new Map(fields.map((each) => [each.name, typed(each)]));
  const latest = theirs.draft ?? theirs.published;
  const before = base;
  for (const each of fields) each.set(theirs.record[each.name]);
  const now = new Map(fields.map((each) => [each.name, typed(each)]));
  opened = theirs;
  told(theirs);
  base = Object.fromEntries(now);
  right();
  for (const each of fields) {
    const [my, their, was] = [mine.get(each.name), now.get(each.name), before[each.name]];
    const untouched = same(my, was);
    if (!untouched) each.set(my);
    each.theirs.replaceChildren();
    if (!untouched && !same(their, was) && !same(their, my)) {
      each.theirs.append(el('p.hint', say('theirs')), el('p.said.notice', inWords(their)));
    }
  }
  fill('content-meanwhile', say('meanwhile', { by: latest?.by ?? say('somebody') }));
  show('content-meanwhile', true);
  outcome($('content-form'), '');
  $('content-meanwhile').scrollIntoView({ block: 'nearest' });
}
const inWords = (value) => (value === undefined ? '–' : typeof value === 'string' ? value : Array.isArray(value)
  ? value.map(inWords).join('\n') : typeof value === 'object' ? Object.values(value).map(inWords).join('\n') : String(value));

// ---- what an editor does

// Everything is sent on condition that the record is still as it was read; what was refused leaves all that was typed.
async function send(method, verb, body) {
  const held = opened.fresh ? { 'If-None-Match': '*' } : { 'If-Match': `"${opened.revision}"` };
  try {
    return await call(method, path() + verb, body, undefined, held);
  } catch (refused) {
    outcome($('content-form'), refused.message);
    if (refused.code === 'edited-meanwhile') await calmly(meanwhile());
    else if (refused.code === 'invalid') wrong(refused.errors ?? []);
    throw refused;
  }
}
let busy = false;
async function once(work) {
  if (busy) return;
  busy = true;
  outcome($('content-form'), ''); // what was said of the last press is no answer to this one, and nobody reads out the same words twice
  $('content-does').setAttribute('aria-busy', 'true');
  try { await calmly(work()); } finally { busy = false; $('content-does').removeAttribute('aria-busy'); }
}
async function saved() {
  let body;
  try { body = { record: record() }; } catch {
    wrong(fields.filter((each) => { try { each.get(); return false; } catch { return true; } }).map((each) => ({ pointer: `/record/${each.name}`, code: 'unreadable' })));
    throw new Error('unreadable');
  }
  if (!changed() && !opened.fresh) return false;
  stands(await send('PUT', '', body));
  return true;
}
const save = () => once(async () => { outcome($('content-form'), say(await saved() ? 'saved' : 'unchanged'), false); });
const preview = () => once(async () => {
  if (changed() || opened.fresh) await saved();
  const { shown } = await call('GET', `${path()}/preview`).catch((refused) => { if (refused.errors) wrong(refused.errors); throw refused; });
  fill('content-preview', ...LANGUAGES.map((tongue) => el('article.card', { lang: tongue }, ...cardOf(shown[tongue]))));
  show('content-shown', true);
  $('content-shown-title').focus();
});
const publish = () => once(async () => { if (changed() || opened.fresh) await saved(); await out('POST', '/publish'); });
const discard = () => once(async () => {
  await send('DELETE', '/draft');
  status(say('discarded'));
  if (opened.published || opened.out) draw(await call('GET', path())); else await back();
});
const act = (method, verb, body) => once(() => out(method, verb, body));
async function out(method, verb, body) {
  const answer = await send(method, verb, body);
  draw(answer);
  outcome($('content-form'), say('published', { at: clock(answer.published.shown_from) }), false);
  $('content-title').focus();
}

// Of a campaign, what its page says and what its text messages cost.
const campaignOf = (shown) => [
  el('h4', shown.headline), ...shown.message.map((each) => el('p', each)), el('p.soft', shown.notice),
  ...shown.pack.sms.flatMap((each) => [el('p.said.notice', each.text), el('p.hint', say('sms-costs', each))]),
  el('p', shown.pack.email.subject),
];
const sessionOf = (shown) => [
  el('h4', shown.title), el('p', el('strong', shown.local)), el('p.soft', { lang }, say(`session-${shown.state}`)), el('p', shown.summary),
  el('ul', ...shown.hosts.map((each) => el('li', `${each.name}, ${each.role}`))),
];
// As the signposts of the helpline's own pages are set; what is no signpost is shown as it is handed on.
function cardOf(shown) {
  if (shown.pack) return campaignOf(shown);
  if (shown.hosts) return sessionOf(shown);
  if (!shown.summary) return [el('dl', ...Object.entries(shown).flatMap(([name, value]) => [el('dt', label(name)), el('dd', inWords(value))]))];
  return [
    el('h4', shown.name), el('p', shown.summary), shown.hours && el('p', shown.hours),
    ...(shown.phones ?? []).map((each) => el('p', el('strong', each.number), each.free ? ` (${say('free')})` : '')), el('p.soft', shown.url),
  ].filter(Boolean);
}

on($('content-past'), 'toggle', () => {
  if (!$('content-past').open || !opened || opened.fresh) return;
  calmly((async () => {
    const { versions, packaged } = await call('GET', `${path()}/history`);
    const named = (said) => ({ ...opened, title: said?.title ?? said?.name }); // a session has a title
    const undo = (revision) => twice(say('do-undo'), say('do-undo-sure'), () => act('POST', '/roll-back', { revision }));
    const rows = versions.map((each) => [when(each.at), each.by, titleOf(named(each.record)), undo(each.revision)]);
    if (packaged) rows.push([say('delivered'), '', titleOf(named(packaged)), undo(0)]);
    table('content-history', 'when by title undo', rows);
  })());
});

// ---- the list

async function open(id) {
  try {
    draw(await call('GET', `${ROOT}/${kind}/${id}`));
    editing(true);
  } catch (refused) { alarm(refused.message); }
}
function editing(on_) {
  show('content-editor', on_); show('content-records', !on_);
  outcome($('content-form'), '');
  $(on_ ? 'content-title' : 'content-kind').focus();
}
async function back() {
  opened = null;
  editing(false);
  await refresh();
}
on($('content-back'), 'click', () => {
  const leave = $('content-back');
  if (changed() && leave.textContent !== say('do-leave')) { leave.dataset.label ??= leave.textContent; leave.textContent = say('do-leave'); return; }
  leave.textContent = leave.dataset.label ?? leave.textContent;
  calmly(back());
});
on($('content-back'), 'blur', ({ target }) => { target.textContent = target.dataset.label ?? target.textContent; });
onSubmit($('content-form'), save);
onSubmit($('content-new'), (form) => {
  const id = form.elements.id.value;
  draw({ id, record: { id, ...(kind === 'signpost' && { review_days: 180, regions: ['UK'], languages: ['en'] }) },
    revision: 0, draft: null, published: null, out: null, ends: [], title: null, fresh: true });
  form.reset();
  editing(true);
});
on($('content-kind'), 'change', ({ target }) => { kind = target.value; fill('content-list'); calmly(refresh()); });

function listed(records) {
  const focused = document.activeElement?.dataset.at;
  table('content-list', 'title state review', records.map((each) => {
    const go = el('button.plain', { type: 'button', 'data-at': each.id }, titleOf(each));
    on(go, 'click', () => open(each.id));
    const problems = each.problems.filter((one) => one.severity === 'error').length;
    return [go, el('span', say(`state-${each.state}`), each.status !== 'active' && each.status !== null && ` · ${say(`status-${each.status.replace(' ', '-')}`)}`,
      problems > 0 && el('span', ' ', el('span.tag', say('broken')))),
    el('span', each.review_on ?? '–', each.overdue && el('span', ' ', el('span.tag', say('to-check'))))];
  }));
  if (focused) $('content-list').querySelector(`[data-at="${focused}"]`)?.focus();
}
async function refresh() {
  if (opened) return;
  const { kinds } = await call('GET', ROOT);
  kind ??= kinds[0].kind;
  const options = kinds.map((each) => {
    const key = `content-kind-${each.kind}`, name = words.has(key) ? say(key, each) : `${each.kind} (${each.records})`;
    return el('option', { value: each.kind, ...(each.kind === kind && { selected: '' }) }, name + (each.overdue ? say('content-kind-waits', each) : ''));
  });
  if (document.activeElement !== $('content-kind')) fill('content-kind', ...options);
  const asked = kind, { records } = await call('GET', `${ROOT}/${asked}`);
  if (asked === kind) listed(records);
}

return { refresh, unsent: changed };
};
