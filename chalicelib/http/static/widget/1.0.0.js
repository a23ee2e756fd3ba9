/*
 * Quietline's widget for partner sites, 1.0.0: where to get help, and a way out. It asks the helpline that serves it for
 * the list and nobody else for anything; it sets no cookie, stores nothing, tells nobody who looked or what they chose.
 * What the page says in its element stays on top, whatever happens here. A published version never changes.
 */
(() => {
  'use strict';
  const home = document.currentScript.src.replace(/\/widget\/[^/]*$/, '');
  const EXIT = 'https://www.bbc.co.uk/weather';
  const WORDS = {
    en: {
      title: 'Get help', exit: 'Exit this page', callback: 'Ask for a call back', information: 'Write without giving your name',
      who: 'What brings you here?', all: 'Anything', where: 'Where', everywhere: 'Anywhere in the UK', list: 'Where there is help',
      count: (n) => (n === 1 ? '1 place' : n + ' places'), more: 'More places, and answers to questions',
      danger: 'If somebody is in danger now, ring 999.',
      audiences: {
        'own-behaviour': 'Worried about my own thoughts or behaviour', 'someone-else': 'Worried about another adult',
        'young-person': "A young person, or worried about a young person's behaviour",
        'child-at-risk': 'Worried that a child may be at risk', survivor: 'A survivor of abuse', professional: 'Asking as a professional',
      },
      nations: { England: 'England', Wales: 'Wales', Scotland: 'Scotland', 'Northern Ireland': 'Northern Ireland' },
    },
    cy: {
      title: 'Cael cymorth', exit: 'Gadael y dudalen', callback: 'Gofyn am alwad yn ôl', information: 'Ysgrifennu heb roi eich enw',
      who: 'Beth sy’n dod â chi yma?', all: 'Unrhyw beth', where: 'Ble', everywhere: 'Unrhyw le yn y DU', list: 'Ble mae cymorth',
      count: (n) => n + ' lle', more: 'Rhagor o leoedd, ac atebion i gwestiynau',
      danger: 'Os oes rhywun mewn perygl nawr, ffoniwch 999.',
      audiences: {
        'own-behaviour': 'Poeni am fy meddyliau neu fy ymddygiad fy hun', 'someone-else': 'Poeni am oedolyn arall',
        'young-person': "Person ifanc, neu'n poeni am ymddygiad person ifanc",
        'child-at-risk': 'Poeni y gallai plentyn fod mewn perygl', survivor: 'Wedi goroesi camdriniaeth', professional: 'Gofyn fel gweithiwr proffesiynol',
      },
      nations: { England: 'Lloegr', Wales: 'Cymru', Scotland: 'Yr Alban', 'Northern Ireland': 'Gogledd Iwerddon' },
    },
  };
  // Fonts and colours are the page's own: what is readable there is readable here, on light and on dark.
  const STYLE = `
    :host { display: block; border: 1px solid; border-radius: .5em; padding: 1em; overflow-wrap: break-word; text-align: start }
    * { box-sizing: border-box }
    header { display: flex; flex-wrap: wrap; gap: .25em 1em; align-items: center; justify-content: space-between }
    .title, .list, .name { margin: 0; font: inherit; font-weight: 700 }
    .title { font-size: 1.3em } .list { font-size: 1.1em }
    p { margin: .25em 0 } p.danger { margin-top: 1em }
    ul { list-style: none; margin: 0; padding: 0 }
    .places > li { border-top: 1px solid; border-color: color-mix(in srgb, currentColor 35%, transparent); margin-top: .75em; padding-top: .75em }
    a { display: inline-block; min-height: 44px; padding: .55em 0; margin-inline-end: 1em; color: inherit; text-decoration: underline; text-underline-offset: .15em }
    a:hover { text-decoration-thickness: .15em }
    a.exit { margin: 0; padding: .45em .9em; border: 2px solid; border-radius: .35em; font-weight: 700; text-decoration: none }
    label { display: block; margin-top: .75em; font-weight: 700 }
    select { display: block; width: 100%; min-height: 44px; margin-top: .25em; padding: .4em; border: 1px solid; border-radius: .35em; background: transparent; color: inherit; font: inherit; font-weight: 400 }
    option { background: Canvas; color: CanvasText }
    section section { margin-top: 1.25em }
    :focus-visible { outline: 3px solid; outline-offset: 2px }`;

  function make(tag, attributes, ...inside) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  }

  const link = (href, text, more) => make('a', { href, rel: 'noreferrer', ...more }, text);

  function leave(event) {
    event.preventDefault();
    document.head.append(make('meta', { name: 'referrer', content: 'no-referrer' }));
    document.documentElement.style.display = 'none'; // at once, however long the other page takes
    location.replace(EXIT); // and "back" does not come back here
  }

  function chooser(label, all, choices, chosen) {
    const select = make('select', {}, make('option', { value: '' }, all));
    for (const [value, text] of Object.entries(choices)) select.append(make('option', { value }, text));
    select.addEventListener('change', chosen);
    return [make('label', {}, label, select), select];
  }

  function place(signpost, level) {
    const item = make('li', {}, make(level, { class: 'name' }, signpost.name), make('p', {}, signpost.summary));
    if (signpost.hours) item.append(make('p', {}, signpost.hours));
    const ways = make('p', {});
    for (const phone of signpost.phones || []) {
      ways.append(link('tel:' + (phone.e164 || phone.number).replace(/[^\d+]/g, ''), phone.number));
    }
    const address = new URL(signpost.url);
    if (address.protocol === 'https:') ways.append(link(address.href, address.host.replace(/^www\./, '')));
    item.append(ways);
    return item;
  }

  function list(frame, words, host, language, level) {
    const { audience, region } = host.dataset;
    const limit = Number(host.dataset.limit) || 6;
    const asked = new URLSearchParams({ language, ...(audience && { audience }), ...(region && { region }) });
    fetch(`${home}/v1/signposts?${asked}`, { credentials: 'omit', referrerPolicy: 'no-referrer' })
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
      .then(({ signposts }) => {
        const [who, audiences] = chooser(words.who, words.all, words.audiences, () => show());
        const [where, nations] = chooser(words.where, words.everywhere, words.nations, () => show());
        const status = make('p', { role: 'status' });
        const places = make('ul', { class: 'places' });
        const more = make('p', {});
        const show = (first) => {
          // What somebody chooses is looked up here, in what is here already: it never leaves the browser.
          const suit = signposts.filter((each) => (!audiences.value || each.audience.includes(audiences.value))
            && (!nations.value || each.regions.includes(nations.value) || each.regions.includes('UK')));
          places.replaceChildren(...suit.slice(0, limit).map((each) => place(each, 'h' + (level + 2))));
          const about = audience || audiences.value;
          more.replaceChildren(link(about ? `${home}/help/${about}?lang=${language}` : `${home}/?lang=${language}`, words.more));
          if (!first) status.textContent = words.count(Math.min(suit.length, limit));
        };
        const title = make('h' + (level + 1), { class: 'list', id: 'list' }, words.list);
        const section = make('section', { 'aria-labelledby': 'list' }, title);
        if (!audience) section.append(who);
        if (!region && signposts.some((each) => !each.regions.includes('UK'))) section.append(where);
        show(true);
        section.append(status, places, more);
        frame.querySelector('.danger').before(section);
      })
      .catch(() => {}); // what the page itself says, the two links and the way out are there all the same
  }

  function build(host) {
    if (host.shadowRoot) return;
    const said = host.dataset.lang || (host.closest('[lang]') || {}).lang || 'en';
    const language = said.toLowerCase().startsWith('cy') ? 'cy' : 'en';
    const words = WORDS[language];
    const level = Math.min(Math.max(Number(host.dataset.level) || 2, 1), 4);
    const root = host.attachShadow({ mode: 'open' });
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet]; // which needs no "unsafe-inline" in the page's policy
    } catch {
      root.append(make('style', {}, STYLE));
    }
    const exit = link(EXIT, words.exit, { class: 'exit' });
    exit.addEventListener('click', leave);
    const ask = (kind) => make('li', {}, link(`${home}/request?kind=${kind}&lang=${language}`, words[kind]));
    const frame = make('section', { lang: language, 'aria-labelledby': 'title' },
      make('header', {}, make('h' + level, { class: 'title', id: 'title' }, words.title), exit),
      make('slot', {}), make('ul', {}, ask('callback'), ask('information')), make('p', { class: 'danger' }, words.danger));
    root.append(frame);
    list(frame, words, host, language, level);
  }

  const start = () => document.querySelectorAll('[data-quietline]').forEach(build);
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();
