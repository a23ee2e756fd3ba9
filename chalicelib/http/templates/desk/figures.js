/* The supervisors' figures: waiting times and what became of requests, by lane and month. */
document.currentScript.panel = (desk) => {
'use strict';
const { $, say, on, lang, laneOf, alarm, table, call } = desk;

const month = (text) => new Date(`${text}-15T12:00Z`).toLocaleString(lang, { month: 'long', year: 'numeric' });
const part = (count, all) => (all ? say('part-of', { count, percent: String(Math.round((100 * count) / all)) }) : '–');

async function refresh() {
  const { lanes } = await call('GET', '/v1/desk/figures');
  table('figures-table', 'month lane taken waited finished timely unreachable agreed', lanes.map((each) => [
    month(each.month), laneOf(each), each.taken, each.median_within ? say(`within-${each.median_within}`) : '–', each.closed,
    part(each.in_time, each.closed), part(each.outcomes.unreachable, each.closed), part(each.agreed_actions, each.closed)]));
}
on($('figures-refresh'), 'click', () => refresh().catch((refused) => alarm(refused.message)));

return { refresh };
};
