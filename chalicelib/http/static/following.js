/*
 * Follows a live session: asks every few seconds for what is new after the last answer that stands here, and puts it on
 * top. Nothing is stored and nothing is told: every reader asks the same. Where this does not run, the page has a link.
 */
const place = document.querySelector('.follow');
const PAUSE = 4000;
const LONGEST = 60000;
let wait = PAUSE;
let tag = null;

function put({ id, seq, language, question, answer, host, local, retracted }) {
  document.getElementById(`a-${id}`)?.remove();
  const made = document.getElementById('entry').content.querySelector('li').cloneNode(true);
  made.id = `a-${id}`;
  if (retracted) {
    const gone = document.createElement('p');
    gone.className = 'soft';
    gone.textContent = document.getElementById('gone').textContent;
    made.replaceChildren(gone);
  } else {
    for (const [part, words] of [['h3', question], ['.said', answer]]) {
      const element = made.querySelector(part);
      element.lang = language;
      element.textContent = words;
    }
    made.querySelector('.host').textContent = host.name;
    made.querySelector('.at').textContent = local;
  }
  document.getElementById('entries').prepend(made);
  document.getElementById('none')?.remove();
  place.dataset.last = seq;
}

async function look() {
  const headers = tag ? { 'If-None-Match': tag } : {};
  const address = `${place.dataset.from}&after=${place.dataset.last}`;
  const answer = await fetch(address, { credentials: 'omit', cache: 'no-store', headers });
  if (answer.status === 304) return 0;
  if (!answer.ok) throw new Error(String(answer.status));
  const { state, answers, more } = await answer.json();
  tag = answers.length ? null : answer.headers.get('ETag');
  answers.forEach(put);
  if (answers.length) document.getElementById('news').textContent = place.dataset.more.replace('{count}', answers.length);
  if (state === 'live') document.getElementById('state').textContent = place.dataset.live;
  if (['ended', 'cancelled'].includes(state) && !more) location.reload();
  return more ? 1 : 0;
}

async function turn() {
  if (document.getElementById('follow').checked && !document.hidden) {
    try {
      wait = (await look()) ? 100 : PAUSE;
    } catch {
      wait = Math.min(wait * 2, LONGEST); // a server in trouble is not asked more often
    }
  }
  setTimeout(turn, wait + Math.random() * 1000);
}

if (place) {
  place.hidden = false;
  document.getElementById('again').hidden = true;
  turn();
}
