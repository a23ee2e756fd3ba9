/* The hosts' panel: one question after the other, answered for everybody, in the mailbox, or kindly declined. */
document.currentScript.panel = (desk) => {
'use strict';
const { $, say, el, show, fill, on, onSubmit, spoken, clock, tongues, status, alarm, outcome, twice, table, call } = desk;

let sessions = [], held = null; // held: {claim, question, session, until}
const chosen = () => sessions.find((each) => each.id === $('hosting-session').value);
const root = (session = held.session) => `/v1/desk/sessions/${session}`;
const FORMS = ['hosting-public', 'hosting-mailbox', 'hosting-decline'];

const armed = () => $('hosting').querySelector('.armed'); // a button that is about to act is not taken away from under the hand

async function refresh() {
  if (armed()) return;
  await desk.freshly('hosting-age', async () => {
    const all = await call('GET', '/v1/desk/sessions');
    const before = $('hosting-session').value || all.sessions.find((each) => each.state === 'live')?.id;
    sessions = all.sessions;
    fill('hosting-session', ...sessions.map((each) => el('option', { value: each.id }, `${each.title}, ${each.local}`)));
    if (sessions.some((each) => each.id === before)) $('hosting-session').value = before;
    fill('hosting-waiting', sessions.length ? say('hosting-count', { n: all.waiting }) : say('hosting-none'));
    return draw();
  });
}

// What somebody is about to press stays; a list that comes when another session has been chosen is not its own.
async function draw({ anew = false } = {}) {
  const session = chosen();
  if (!session) return;
  fill('hosting-when', session.local);
  fill('hosting-state', say(`hosting-${session.state}`));
  const answers = [];
  for (let after = 0, more = true; more;) {
    const news = await call('GET', `${root(session.id)}/answers?after=${after}`);
    answers.push(...news.answers);
    ({ last: after, more } = news);
  }
  if (session.id !== chosen()?.id || (!anew && armed())) return false;
  table('hosting-said', 'asked said back', answers.reverse().map((each) => (each.retracted ? [say('hosting-retracted'), '', ''] : [
    each.question, each.answer, twice(say('hosting-retract'), say('hosting-retract-sure'), () => retract(session.id, each.id)),
  ])));
}

async function retract(session, entry) {
  try { await call('DELETE', `${root(session)}/answers/${entry}`); status(say('hosting-retracted')); } catch (refused) { alarm(refused.message); }
  await desk.calmly(refresh());
}

function take({ claim, question }, session) {
  held = { claim, question, session: session.id, until: Date.now() + claim.lease_seconds * 1000 };
  const text = question.details?.text ?? Object.values(question.details ?? {}).join('\n');
  for (const each of FORMS) { $(each).reset(); outcome($(each), ''); }
  fill('hosting-words', text);
  $('hosting-asked').value = question.unreadable ? '' : text;
  fill('hosting-from', say('hosting-in', { language: tongues.of(question.language), reference: spoken(question.reference) }));
  fill('hosting-host', ...session.hosts.map((each, at) => el('option', { value: at }, `${each.name}, ${each.role}`)));
  const closed = question.details?.private === true;
  show('hosting-private', closed); show('hosting-odd', question.unreadable); show('hosting-public', !closed && !question.unreadable);
  show('hosting-question', true);
  tick();
  $('hosting-question-title').focus();
}

function tick() {
  if (held) fill('hosting-left', Date.now() < held.until ? say('hosting-lease', { time: clock(held.until) }) : say('hosting-gone'));
}
setInterval(tick, 5000);

onSubmit($('hosting-next'), async (form) => {
  const session = chosen();
  if (!session) return;
  outcome(form, '');
  const what = `next ${session.id}`;
  try {
    const taken = await call('POST', `${root(session.id)}/claims`, null, desk.keyFor(what, Date.now()));
    desk.sent(what);
    if (taken) take(taken, session); else outcome(form, say('hosting-empty'), false);
  } catch (refused) { outcome(form, refused.message); }
});

async function finish(form, verb, body, words) {
  if (!held) return;
  outcome(form, '');
  try {
    await call('POST', `${root()}/questions/${held.claim.request_id}/${verb}`, { number: held.claim.number, ...body });
    held = null;
    show('hosting-question', false);
    status(say(words));
    $('hosting-next').querySelector('button').focus();
    await desk.calmly(refresh());
  } catch (refused) {
    outcome(form, refused.code === 'claim-lost' ? say('hosting-gone') : refused.message);
  }
}

onSubmit($('hosting-public'), (form) => finish(form, 'answer', {
  question: form.elements.question.value, answer: form.elements.answer.value, host: Number(form.elements.host.value),
}, 'hosting-done'));
onSubmit($('hosting-mailbox'), (form) => finish(form, 'answer-privately', { answer: form.elements.answer.value }, 'hosting-done'));
onSubmit($('hosting-decline'), (form) => finish(form, 'decline', { reason: form.elements.reason.value }, 'hosting-done'));
on($('hosting-back'), 'click', () => finish($('hosting-decline'), 'release', {}, 'hosting-put-back'));
on($('hosting-session'), 'change', () => desk.calmly(draw({ anew: true })));

const unsent = () => Boolean(held && ($('hosting-answer').value || $('hosting-letter').value));
return { refresh, unsent };
};
