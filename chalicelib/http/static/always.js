/*
 * What every page does better with JavaScript: one leaves it at once and no way leads back, and a receipt is copied,
 * printed and checked against the note. Nothing is stored, and nothing is sent.
 */
const ESCAPES = 3;
const WITHIN = 5000; // ms: time enough for slow hands

document.documentElement.classList.add('js');

/* Our pages take each other's place in the browser's history, so that whoever has left finds none of them behind. */
function leave() {
  const exit = document.querySelector('.exit');
  if (!exit) return;
  document.body.replaceChildren();
  location.replace(exit.href);
}

let escapes = [];
addEventListener('keydown', (event) => {
  if (event.repeat) return;
  escapes = event.key === 'Escape' ? [...escapes.filter((at) => event.timeStamp - at < WITHIN), event.timeStamp] : [];
  if (escapes.length === ESCAPES) leave();
});

function follow(event, link) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.matches('.exit')) {
    event.preventDefault();
    leave();
  } else if (link.origin === location.origin) {
    event.preventDefault();
    if (link.getAttribute('href').startsWith('#')) document.getElementById(link.hash.slice(1)).focus();
    else location.replace(link.href);
  }
}

document.addEventListener('click', (event) => {
  const touched = event.target.closest('a[href], button[data-does]');
  if (!touched) return;
  if (touched.matches('a')) follow(event, touched);
  else if (touched.dataset.does === 'print') print();
  else copy(touched);
});

/* ---------- the receipt */

function code() {
  return document.getElementById('receipt').textContent;
}

async function copy(button) {
  const { done, failed } = button.dataset;
  const says = document.getElementById('copied');
  try {
    await navigator.clipboard.writeText(code());
    says.textContent = done;
  } catch {
    getSelection().selectAllChildren(document.getElementById('receipt'));
    says.textContent = failed;
  }
}

/** Read what was typed as the server does: any case, spaces, dashes, O for 0, I and L for 1. */
function plain(typed) {
  return typed.toUpperCase().replace(/[\s\u2010-\u2014-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!form.matches('[data-check]')) return;
  event.preventDefault();
  const field = form.elements.ending;
  const typed = plain(field.value);
  const right = typed.length >= 6 && plain(code()).endsWith(typed);
  const says = document.getElementById('checked');
  says.textContent = right ? form.dataset.right : form.dataset.wrong;
  says.className = right ? 'notice' : 'mistake';
  field.setAttribute('aria-invalid', String(!right));
  if (!right) field.focus();
});
