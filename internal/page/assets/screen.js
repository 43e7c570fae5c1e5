// What a screen shows that a phone is to scan. Nothing needs it: there is a button.
(() => {
  'use strict';
  const status = document.getElementById('status');
  const say = text => { status.textContent = ''; setTimeout(() => { status.textContent = text; }, 60); };
  const rest = ms => new Promise(f => setTimeout(f, ms));

  // What comes of the code is told on a stream; where none gets through, the server
  // is asked now and then. The code is renewed a few times.
  const screen = box => {
    const { watch, renew, life } = box.dataset;
    const part = name => box.querySelector(`[data-${name}]`);
    const form = box.querySelector('form:not([data-cancel])'), lost = part('lost');
    let nonce = box.dataset.screen, left = +box.dataset.times, state = 'waiting', until = 0, stop = null;
    const over = () => state !== 'waiting' && state !== 'scanned';
    const begin = () => { until = Date.now() + (life - 5) * 1000; };

    const now = next => {
      if (next === state) return;
      state = next;
      for (const e of box.querySelectorAll('[data-state]')) e.hidden = e.dataset.state !== state;
      part('again').hidden = state !== 'declined' && state !== 'expired';
      const shown = part('state=' + state);
      say(shown.dataset.say || shown.textContent);
      // What was declined has stopped the flow of the page.
      if (state === 'approved' || state === 'declined' && form.elements.challenge) form.requestSubmit();
    };
    // A code that nobody has scanned in time is renewed.
    const heard = next => {
      if (next === 'expired' && state === 'waiting') until = 0;
      else now(next);
    };
    const post = more => fetch(watch, { method: 'POST', body: new URLSearchParams({ screen: nonce, ...more }), signal: stop.signal });
    const fresh = async () => {
      stop = new AbortController();
      const is = (await (await post({ once: 1 })).json()).state;
      heard(is);
      if (state !== 'waiting') return;
      if (left-- < 1) return now('expired');
      const got = await fetch(renew, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' });
      if (!got.ok) return now('expired');
      const next = await got.json();
      const svg = box.querySelector('svg.qr');
      svg.setAttribute('viewBox', `0 0 ${next.size} ${next.size}`);
      svg.querySelector('path').setAttribute('d', next.path);
      box.querySelector('details bdi').textContent = next.code;
      nonce = next.screen;
      for (const field of box.querySelectorAll('[name=screen]')) field.value = nonce;
      begin();
    };

    // Gives how long to wait until it is to be asked again. A line on which nothing
    // comes is given up: the server says something every ten seconds.
    const ask = async once => {
      stop = new AbortController();
      let silence;
      const wait = ms => { clearTimeout(silence); silence = setTimeout(() => stop.abort('silent'), ms); };
      const late = state === 'waiting' && setTimeout(() => stop.abort('late'), until - Date.now());
      try {
        wait(5000);
        const got = await post(once ? { once: 1 } : {});
        if (!got.ok) throw new Error(got.status);
        if (!got.headers.get('Content-Type').startsWith('text/event-stream')) {
          heard((await got.json()).state);
          return 3000;
        }
        const lines = got.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let text = ''; !over(); ) {
          const { value, done } = await lines.read();
          if (done) return 300;
          wait(25000);
          lost.hidden = true;
          const all = (text + value).split('\n\n');
          text = all.pop();
          for (const line of all) if (line.startsWith('data: ')) heard(JSON.parse(line.slice(6)).state);
        }
      } finally {
        clearTimeout(silence);
        clearTimeout(late);
      }
    };
    const follow = async () => {
      for (let misses = 0; !over(); ) {
        if (document.hidden) await new Promise(f => document.addEventListener('visibilitychange', f, { once: true }));
        let pause = 3000;
        try {
          if (state === 'waiting' && Date.now() >= until) await fresh();
          pause = over() ? 0 : await ask(misses % 4 > 0);
          misses = misses && misses + 1;
          lost.hidden = true;
        } catch (e) {
          if (e === 'late') pause = 0;
          else misses++;
          if (e instanceof TypeError && lost.hidden) {
            lost.hidden = false;
            say(lost.textContent);
          }
        }
        if (!over()) await rest(pause);
      }
    };
    document.addEventListener('visibilitychange', () => document.hidden && stop && stop.abort('late'));
    // Who types the code has time for it.
    part('state=waiting').querySelector('details').addEventListener('toggle', e => {
      if (!e.target.open || state !== 'waiting' || until - Date.now() > 40000) return;
      left++;
      until = 0;
      if (stop) stop.abort('late');
    });
    form.querySelector('button').hidden = true;
    begin();
    follow();
  };
  // "This is a shared computer" is ticked once for all ways to sign in.
  const tick = document.querySelector('[type=checkbox][name=shared]');
  for (const shared of document.querySelectorAll('[data-shared]')) {
    shared.form.addEventListener('submit', () => { shared.name = tick.checked ? 'shared' : ''; }, true);
  }
  for (const box of document.querySelectorAll('[data-screen]')) if (!box.checkVisibility || box.checkVisibility()) screen(box);
})();
