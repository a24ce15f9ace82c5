'use strict';

const MOST_ROWS = 6, MOST_EVENTS = 200, ROW = 34, PICTURE_EVERY = 100;
const find = (id) => document.getElementById(id);
const streams = [];
let span = 60, ended = false;

function showTime(seconds) {
  const tenths = Math.round(seconds * 10), whole = Math.floor(tenths / 600);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, '0');
  const hours = Math.floor(whole / 60), minutes = whole % 60;
  return hours ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

const showShare = (share) => `${Math.round(100 * share)}%`;

function begin(session) {
  streams.length = 0;
  span = session.span;
  find('streams').replaceChildren();
  find('events').replaceChildren();
  find('none').hidden = false;
  session.sources.forEach((name, number) => {
    const part = find('stream').content.firstElementChild.cloneNode(true);
    part.querySelector('h2').textContent = name;
    find('streams').append(part);
    const stream = { name, number, part, points: [], shown: false, state: 'opening' };
    streams.push(stream);
    followPicture(stream);
    showFacts(stream);
  });
  find('state').textContent = `Live; ${session.sources.length} ` +
    (session.sources.length === 1 ? 'source.' : 'sources.');
}

// The next picture is asked for when the last one has come, so that a slow
// viewer sees fewer of them.
function followPicture(stream) {
  const image = stream.part.querySelector('img');
  const separator = location.search ? '&' : '?';
  let count = 0;
  const next = () => {
    if (ended || streams[stream.number] !== stream) return;
    image.src = `picture/${stream.number}${location.search}${separator}n=${count++}`;
  };
  image.addEventListener('load', () => {
    image.hidden = false;
    image.width = image.naturalWidth;
    image.height = image.naturalHeight;
    setTimeout(next, PICTURE_EVERY);
  });
  image.addEventListener('error', () => setTimeout(next, 1000));
  image.alt = `Newest picture of ${stream.name}`;
  stream.nextPicture = next;
}

function takeScores(scores) {
  const stream = streams[scores.number];
  const { points } = stream;
  points.push(scores);
  while (points[0].seconds < scores.seconds - span) points.shift();
  if (!stream.shown) {
    stream.shown = true;
    stream.nextPicture();
  }
  stream.changed = true;
}

function takeState({ number, state }) {
  streams[number].state = state;
  showFacts(streams[number]);
}

function showFacts({ part, points, state }) {
  const facts = [state], last = points.at(-1);
  if (last) {
    facts.unshift(showTime(last.seconds));
    facts.push(`${last.rate.toFixed(1)} frames/s`, `${Math.round(1000 * last.latency)} ms`,
      `${last.dropped} dropped`);
  }
  part.querySelector('.facts-line').textContent = facts.join(' · ');
}

function drawTop(stream) {
  const last = stream.points.at(-1);
  const lines = last.top.slice(0, 3).map(([name, share]) => {
    const line = document.createElement('li');
    for (const text of [name, showShare(share)]) {
      const part = document.createElement('span');
      part.textContent = text;
      line.append(part);
    }
    return line;
  });
  stream.part.querySelector('.top').replaceChildren(...lines);
}

function chooseRows(points) {
  const most = new Map();
  for (const point of points) {
    for (const [name, share] of point.top) most.set(name, Math.max(share, most.get(name) ?? 0));
  }
  return [...most].sort((a, b) => b[1] - a[1]).slice(0, MOST_ROWS).map(([name]) => name).sort();
}

function drawStrip(stream) {
  const canvas = stream.part.querySelector('canvas'), { points } = stream;
  const rows = chooseRows(points), scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = ROW * rows.length;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext('2d'), style = getComputedStyle(document.body);
  const colour = (name) => style.getPropertyValue(name).trim();
  pen.scale(scale, scale);
  const last = points.at(-1).seconds;
  const place = (seconds) => width * (1 - (last - seconds) / span);
  rows.forEach((name, row) => {
    const floor = ROW * (row + 1) - 4, room = ROW - 18;
    pen.fillStyle = colour('--accent');
    points.forEach((point, index) => {
      const share = point.top.find(([other]) => other === name)?.[1] ?? 0;
      const until = index + 1 < points.length ? points[index + 1].seconds : point.seconds;
      const left = place(point.seconds);
      // A pause is no score.
      const right = Math.min(place(until), left + width / 30);
      pen.fillRect(left, floor - room * share, Math.max(right - left, 1), room * share);
    });
    pen.fillStyle = colour('--grid');
    pen.fillRect(0, floor, width, 1);
    pen.fillStyle = colour('--ink');
    pen.font = `12px ${colour('--font')}`;
    pen.fillText(name, 0, ROW * row + 11, width);
  });
  canvas.setAttribute('aria-label', `Scores of the last ${span} seconds: ${rows.join(', ')}`);
  const [from, to] = stream.part.querySelectorAll('.axis span');
  from.textContent = `${span} s before`;
  to.textContent = showTime(last);
}

function addLine(kind, seconds, name, text) {
  const line = document.createElement('li');
  line.className = kind;
  for (const part of [showTime(seconds), text, name]) {
    const cell = document.createElement('span');
    cell.textContent = part;
    line.append(cell);
  }
  const list = find('events');
  list.prepend(line);
  while (list.children.length > MOST_EVENTS) list.lastElementChild.remove();
  find('none').hidden = true;
}

const takeChange = ({ event, seconds, source, text }) => addLine(event, seconds, source, text);

function draw() {
  for (const stream of streams) {
    if (!stream.changed) continue;
    stream.changed = false;
    showFacts(stream);
    drawTop(stream);
    drawStrip(stream);
  }
  if (!ended || streams.some((stream) => stream.changed)) requestAnimationFrame(draw);
}

const source = new EventSource(`events${location.search}`);
const listen = (kind, take) => source.addEventListener(kind, (event) => take(JSON.parse(event.data)));
listen('session', begin);
listen('scores', takeScores);
listen('state', takeState);
listen('change', takeChange);
listen('note', (note) => addLine('note', note.seconds, streams[note.number].name, note.text));
listen('end', () => {
  ended = true;
  source.close();
  find('state').textContent = 'The session has ended.';
});
source.addEventListener('error', () => {
  if (ended) return;
  find('state').textContent = source.readyState === EventSource.CLOSED ?
    'Not connected: there are eight viewers, or the address is an old one. Reload to try again.' :
    'The connection is lost; trying again.';
});
requestAnimationFrame(draw);
