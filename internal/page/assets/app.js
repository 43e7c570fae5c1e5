// The companion app. Its key is made here, is given to nobody, and signs what its
// owner approves. Texts come from the page, in its language, and are only ever set
// as text.
(() => {
  'use strict';
  const byId = id => document.getElementById(id);
  const all = selector => document.querySelectorAll(selector);
  const on = (target, event, f) => target.addEventListener(event, f);

  // The key, and by which name the phone is known, in a store of the browser.
  const store = mode => new Promise((yes, no) => {
    const open = indexedDB.open('sparekey', 1);
    open.onupgradeneeded = () => open.result.createObjectStore('keys');
    open.onerror = () => no(open.error);
    open.onsuccess = () => yes(open.result.transaction('keys', mode).objectStore('keys'));
  });
  const done = request => new Promise((yes, no) => {
    request.onsuccess = () => yes(request.result);
    request.onerror = () => no(request.error);
  });
  // A key that was made just now is the next one, until it is known to be paired.
  const load = async name => done((await store('readonly')).get(name));
  const keep = async (key, name) => done((await store('readwrite')).put(key, name));
  const forget = async name => done((await store('readwrite')).delete(name));

  const text = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
  const sign = async (key, origin, ...words) => {
    const message = ['sparekey app 1', origin, ...words].join('\n');
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
    return text(await crypto.subtle.sign(algorithm, key.secret, new TextEncoder().encode(message)));
  };

  // Pairing: the form carries the public key, and that the phone has the other half.
  const pair = form => {
    const bad = form.querySelector('[data-bad]');
    let ready = false, busy = false;
    const make = async () => {
      const made = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
      const open = await crypto.subtle.exportKey('raw', made.publicKey);
      const key = { secret: made.privateKey, device: text(await crypto.subtle.digest('SHA-256', open)) };
      form.elements.app.value = text(open);
      form.elements.signature.value = await sign(key, form.dataset.origin, 'pair', form.dataset.pair, form.dataset.sign);
      await keep(key, 'next');
    };
    on(form, 'submit', async e => {
      if (ready) return;
      e.preventDefault();
      if (busy) return;
      busy = true;
      bad.textContent = '';
      try {
        await make();
        ready = true;
        form.requestSubmit(e.submitter);
      } catch (error) {
        bad.textContent = bad.dataset.bad;
      }
      busy = false;
    });
    on(self, 'pageshow', () => { ready = false; });
  };

  const app = byId('app');
  const can = self.indexedDB && self.crypto && crypto.subtle;
  if (can) {
    for (const e of all('[data-needs=app]')) e.hidden = false;
    for (const e of all('[data-lacks=app]')) e.hidden = true;
    for (const form of all('[data-pair]')) pair(form);
  }
  if (!app || !can) return;

  const { origin, seen } = app.dataset;
  const head = byId('head'), first = document.title.replace(head.textContent, '');
  let key = null, request = null, practice = false, camera = null, again = null, turn = 0;

  // One view at a time. What began in an earlier one ends with it.
  const show = (name, heading) => {
    turn++;
    stop();
    for (const v of all('[data-view]')) v.hidden = v.dataset.view !== name;
    const view = document.querySelector(`[data-view=${name}]`);
    head.textContent = heading || view.dataset.head;
    document.title = head.textContent + first;
    head.tabIndex = -1;
    head.focus();
  };
  const problem = (said, retry) => {
    byId('problem').textContent = said;
    again = retry;
    byId('retry').hidden = !retry;
    byId('wake').hidden = true;
    show('problem');
  };

  // Asks the server. What it refuses it says in a sentence for people.
  const ask = async (path, body) => {
    let got;
    try {
      got = await fetch('/api/v1/app/' + path, body && {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
      });
    } catch (e) {
      throw { offline: true };
    }
    const said = got.status === 204 ? {} : await got.json().catch(() => ({}));
    if (!got.ok) throw said;
    return said;
  };
  // What shows that this phone asks, now and in this browser.
  const signed = async () => {
    const q = await ask('question', {});
    return { device: key.device, question: q.question, signature: await sign(key, origin, 'home', key.device, q.sign) };
  };
  const failed = (error, retry) => {
    if (error.code === 'app.lost') return void lose();
    const words = byId('problem').dataset;
    problem(error.offline ? words.offline : error.detail || words.broken, error.offline && retry);
    byId('wake').hidden = error.code !== 'app.asleep';
  };

  // The server does not know the key. If it was a new one, pairing was not finished,
  // and the one before it may be good. That one is kept: who has removed the phone
  // can take it back.
  const lose = async () => {
    if (!key.next) return show('lost');
    await forget('next');
    key = await load('key');
    if (key) home();
    else show('lost');
  };

  const home = async () => {
    practice = false;
    show('home');
    const mine = turn;
    byId('offline').hidden = navigator.onLine;
    try {
      const told = await ask('home', await signed());
      if (told.push_key) tell(told);
      byId('phone').textContent = told.name;
      if (key.next) {
        key = { secret: key.secret, device: key.device };
        await keep(key, 'key');
        await forget('next');
      }
      if (!told.happened.length) return;
      byId('lately').replaceChildren(...told.happened.map(h => {
        const li = document.createElement('li');
        li.textContent = new Date(h.at).toLocaleString(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' }) + ' – ' + h.text;
        return li;
      }));
    } catch (error) {
      if (turn !== mine) return;
      if (error.offline) byId('offline').hidden = false;
      else failed(error);
    }
  };

  // Whether the phone is told what happens. Where it is, its browser says so again
  // each time, for the address may be another by now.
  const tell = async told => {
    if (!self.PushManager || !navigator.serviceWorker || !location.pathname.startsWith('/app')) return;
    const button = byId('tell-do'), bad = byId('tell-bad');
    const subscribe = async () => {
      const worker = await navigator.serviceWorker.ready;
      const was = await worker.pushManager.getSubscription();
      if (was && text(was.options.applicationServerKey) !== told.push_key) await was.unsubscribe();
      const at = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: told.push_key });
      await ask('push', { ...await signed(), push: at.toJSON() });
    };
    const draw = on => {
      byId('tell').hidden = false;
      button.textContent = on ? button.dataset.stop : button.dataset.start;
      button.onclick = async () => {
        bad.textContent = '';
        try {
          if (on) await ask('push', await signed());
          else await subscribe();
          draw(!on);
        } catch (e) {
          bad.textContent = e.detail || bad.dataset.no;
        }
      };
    };
    draw(told.told);
    if (told.told && Notification.permission === 'granted') subscribe().catch(() => {});
  };

  // What was scanned or typed. Then the other screen says who it is, soon.
  const saw = async code => {
    show('wait');
    const mine = turn;
    try {
      request = await ask('scan', { device: key.device, seen: code, signature: await sign(key, origin, 'scan', key.device, code) });
      for (const end = Date.now() + 60000; request.state === 'scanned'; ) {
        if (Date.now() > end) return problem(byId('problem').dataset.nobody);
        await new Promise(f => setTimeout(f, 700));
        if (turn !== mine) return;
        request = await ask('requests/' + request.id);
      }
      if (turn !== mine) return;
      if (request.state === 'asked') question();
      else ended(request.state === 'approved');
    } catch (error) {
      if (turn !== mine) return;
      if (error.field === 'seen') {
        show('type');
        byId('seen-bad').textContent = error.detail;
        byId('seen').setAttribute('aria-invalid', 'true');
        return;
      }
      failed(error, () => saw(code));
    }
  };
  const question = () => {
    const view = document.querySelector('[data-view=ask]'), words = view.dataset;
    const purpose = request.purpose.replace(/-(.)/g, (_, c) => c.toUpperCase());
    // What changes who can get in is set apart; the plainer a sign-in looks, the more.
    const danger = byId('danger'), warns = danger.dataset;
    danger.hidden = ['signIn', 'rehearse', 'exportData'].includes(purpose);
    danger.textContent = words[purpose] === words.recover ? warns.password : warns.change;
    byId('ask-browser').textContent = request.browser_shown || request.browser || '–';
    byId('ask-network').textContent = byId('ask-network').dataset[request.network];
    byId('ask-address').textContent = request.address;
    const age = Date.now() / 1000 - request.asked;
    byId('ask-when').textContent = age >= 0 && age < 60 ? byId('ask-when').dataset.now
      : new Date(request.asked * 1000).toLocaleTimeString(document.documentElement.lang, { timeStyle: 'short' });
    show('ask', words[purpose]);
  };
  const ended = yes => {
    byId('approved').textContent = byId('approved').dataset.text;
    show(yes ? 'approved' : 'declined');
  };
  const answer = async word => {
    if (practice) {
      if (word === 'decline') return show('declined');
      byId('approved').textContent = document.querySelector('[data-view=approved]').dataset.practice;
      return show('approved');
    }
    const r = request;
    try {
      const signature = await sign(key, origin, word, r.id, r.flow || '', r.purpose, r.browser || '', r.address, r.network, String(r.asked));
      await ask('requests/' + r.id, { answer: word, signature });
      ended(word === 'approve');
    } catch (error) {
      failed(error, () => answer(word));
    }
  };

  // The camera. A code of ours is an address of ours; nothing else is opened.
  const ours = found => found.startsWith(origin + '/q/') ? found.slice(origin.length + 3) : '';
  const reader = async () => {
    if (self.BarcodeDetector && (await BarcodeDetector.getSupportedFormats()).includes('qr_code')) {
      const detector = new BarcodeDetector({ formats: ['qr_code'] });
      return async video => (await detector.detect(video)).map(c => c.rawValue)[0];
    }
    if (!app.dataset.scanner) return null;
    const { decode } = await new Promise((yes, no) => {
      if (self.sparekeyScanner) return yes(self.sparekeyScanner);
      const s = document.createElement('script');
      s.nonce = app.dataset.nonce;
      s.src = app.dataset.scanner;
      s.onload = () => yes(self.sparekeyScanner);
      s.onerror = no;
      document.head.append(s);
    });
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    return async video => {
      canvas.canvas.width = video.videoWidth;
      canvas.canvas.height = video.videoHeight;
      canvas.drawImage(video, 0, 0);
      return decode(canvas.getImageData(0, 0, video.videoWidth, video.videoHeight));
    };
  };
  const stop = () => {
    if (!camera) return;
    for (const track of camera.getTracks()) track.stop();
    camera = null;
  };
  const scan = async () => {
    show('scan');
    const bad = byId('camera-bad'), video = byId('camera'), light = byId('torch'), here = turn;
    bad.textContent = '';
    light.hidden = video.hidden = true;
    let read, mine;
    try {
      read = await reader();
      if (!read || !navigator.mediaDevices) throw new Error('no reader');
      if (turn !== here || document.hidden) return;
      mine = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    } catch (e) {
      if (turn === here) bad.textContent = e.name === 'NotAllowedError' ? bad.dataset.denied : bad.dataset.none;
      return;
    }
    if (turn !== here || document.hidden) { // another view came while the browser asked
      for (const track of mine.getTracks()) track.stop();
      return;
    }
    camera = mine;
    const [track] = camera.getVideoTracks();
    if (track.getCapabilities && track.getCapabilities().torch) {
      let lit = false;
      light.hidden = false;
      light.onclick = () => {
        lit = !lit;
        light.setAttribute('aria-pressed', lit);
        track.applyConstraints({ advanced: [{ torch: lit }] }).catch(() => {});
      };
    }
    video.srcObject = camera;
    video.hidden = false;
    await video.play().catch(() => {});
    const look = async () => {
      if (camera !== mine) return;
      const found = video.videoWidth ? await Promise.resolve(read(video)).catch(() => '') : '';
      if (camera !== mine) return;
      if (found && ours(found)) return saw(ours(found));
      if (found && bad.textContent !== bad.dataset.foreign) bad.textContent = bad.dataset.foreign;
      setTimeout(look, 120);
    };
    look();
  };

  const views = {
    home, scan, seen: () => saw(seen), type: () => {
      byId('seen-bad').textContent = '';
      byId('seen').removeAttribute('aria-invalid');
      show('type');
      byId('seen').focus();
    }, pair: () => show('pair'),
    practice: () => {
      practice = true;
      const { browser } = document.querySelector('[data-view=ask]').dataset;
      request = { purpose: 'sign-in', browser, network: 'same', address: '203.0.113.7', asked: Date.now() / 1000 };
      question();
    },
  };
  for (const button of all('[data-go]')) on(button, 'click', () => views[button.dataset.go]());
  on(byId('typed'), 'submit', e => { e.preventDefault(); saw(byId('seen').value); });
  on(byId('approve'), 'click', () => answer('approve'));
  on(byId('decline'), 'click', () => answer('decline'));
  on(byId('retry'), 'click', () => again && again());
  // Nothing of a request stays to be seen where apps are switched.
  on(document, 'visibilitychange', () => {
    document.body.classList.toggle('blank', document.hidden);
    if (document.hidden) stop();
    else if (!document.querySelector('[data-view=scan]').hidden) scan();
  });

  byId('install').hidden = matchMedia('(display-mode: standalone)').matches;
  if (navigator.serviceWorker) navigator.serviceWorker.register('/app/worker.js', { scope: '/app' }).catch(() => {});
  const begin = async () => {
    const next = await load('next');
    key = next ? { ...next, next: true } : await load('key');
    if (!key) return show('pair');
    return seen ? show('seen') : home();
  };
  begin().catch(() => show('pair'));
})();
