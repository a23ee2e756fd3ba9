/* Where a sign-in ends: hands what the service said to the desk's page that began it, and closes. */
(() => {
'use strict';
const said = Object.fromEntries(new URLSearchParams(location.search)), channel = new BroadcastChannel('quietline-desk');
history.replaceState(null, '', location.pathname); // a code is worth nothing once it was used, and yet it does not stay
const show = (id) => { document.getElementById(id).hidden = false; };
const patience = setTimeout(() => show('nobody'), 5000);
channel.addEventListener('message', ({ data }) => {
  if (data.taken !== said.state) return;
  clearTimeout(patience);
  show('done');
  window.close();
});
channel.postMessage({ signedIn: said });
})();
