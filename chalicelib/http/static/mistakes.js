/*
 * What the server says about a form that is not filled in, said here before anything is sealed: the server cannot look
 * into what is. The words are the page's own, in its language, and stand where the server would have put them.
 */

/** Tell whether a number could be one, as the server does: by its length, in the United Kingdom unless it says where. */
export function possible(phone) {
  const digits = phone.replace(/\s*(x|ext\.?)\s*\d+\s*$/i, '').replace(/[^\d+]/g, '').replace(/^00/, '+');
  const home = digits.startsWith('+44') ? digits.slice(3) : digits.startsWith('+') ? null : digits;
  if (home === null) return digits.length >= 6 && digits.length <= 16;
  return home.length >= 4 && home.replace(/^0+/, '').length <= 10;
}

function ofField(field) {
  const { missing, invalid } = field.dataset;
  if (field.matches('[role=radiogroup]')) return missing && !field.querySelector(':checked') ? missing : null;
  if (field.type === 'checkbox') return missing && !field.checked ? missing : null;
  if (missing && !field.value) return missing;
  if (!invalid || !field.value) return null;
  return (field.type === 'tel' ? possible(field.value) : field.validity.valid) ? null : invalid;
}

let blank = null; // the summary as the server makes it: in its place where it found something, else in a template

function summary() {
  const there = document.querySelector('div.errors') ?? document.getElementById('mistakes')?.content.firstElementChild;
  if (there) blank = there.cloneNode(true);
  blank.querySelector('ul').replaceChildren();
  return blank.cloneNode(true);
}

function forget(form) {
  for (const each of document.querySelectorAll('.errors')) each.remove();
  for (const each of form.querySelectorAll('.mistake')) each.remove();
  for (const each of form.querySelectorAll('.wrong')) each.classList.remove('wrong');
  for (const each of form.querySelectorAll('[aria-invalid]')) {
    each.removeAttribute('aria-invalid');
    describe(each, (ids) => ids.filter((id) => !id.endsWith('-mistake')));
  }
}

function describe(field, change) {
  const ids = change((field.getAttribute('aria-describedby') || '').split(' ').filter(Boolean));
  if (ids.length) field.setAttribute('aria-describedby', ids.join(' '));
  else field.removeAttribute('aria-describedby');
}

function mark(field, name, words) {
  const place = field.closest('.field');
  const says = document.createElement('p');
  Object.assign(says, { id: `${name}-mistake`, className: 'mistake', textContent: words });
  place.querySelector('.option, input, textarea').before(says);
  place.classList.add('wrong');
  field.setAttribute('aria-invalid', 'true');
  describe(field, (ids) => [...ids, says.id]);
}

/** Say what is wrong, in a summary that takes the focus and beside each field; tell whether nothing is. */
export function isFilledIn(form) {
  for (const each of form.querySelectorAll('textarea, input[type=text], input[type=tel], input[type=email]')) {
    each.value = each.value.trim();
  }
  const found = summary();
  const list = found.querySelector('ul');
  forget(form);
  for (const field of form.querySelectorAll('[data-missing], [data-invalid]')) {
    const words = ofField(field);
    if (!words) continue;
    const { name } = field.matches('[role=radiogroup]') ? field.querySelector('input') : field;
    mark(field, name, words);
    const link = document.createElement('a');
    Object.assign(link, { href: `#${name}`, textContent: words });
    list.append(document.createElement('li'));
    list.lastChild.append(link);
  }
  if (!list.children.length) return true;
  document.querySelector('h1').after(found);
  found.focus();
  return false;
}
