// Small comforts. Nothing needs this script: every page works without it.
// Texts come from the page, in its language, and are only ever set as text.
(() => {
  'use strict';
  const byId = id => document.getElementById(id);
  const one = selector => document.querySelector(selector);
  const all = selector => document.querySelectorAll(selector);
  const on = (target, event, f, how) => target.addEventListener(event, f, how);
  const status = byId('status');
  const say = text => { status.textContent = ''; setTimeout(() => { status.textContent = text; }, 60); };

  // A line in a box that comes and goes; it is spoken when it comes.
  const line = box => {
    const p = document.createElement('p');
    p.className = 'aside';
    return text => {
      p.remove();
      if (!text) return;
      p.textContent = text;
      box.append(p);
      say(text);
    };
  };

  // Show and hide a password.
  for (const button of all('[data-show]')) {
    const input = byId(button.getAttribute('aria-controls'));
    button.hidden = false;
    const set = shown => {
      input.type = shown ? 'text' : 'password';
      button.textContent = shown ? button.dataset.hide : button.dataset.show;
      button.setAttribute('aria-pressed', shown);
    };
    on(button, 'click', () => set(input.type === 'password'));
    // A password leaves as one, so that the browser offers to keep it as one.
    on(input.form, 'submit', () => set(false));
  }

  // Copy a code that is shown, without its blanks, or print the page. What cannot
  // be copied is selected.
  for (const button of all('[data-copy], [data-print]')) {
    const code = byId(button.dataset.copy);
    if (code && !navigator.clipboard) continue;
    button.hidden = false;
    on(button, 'click', () => {
      if (!code) return print();
      navigator.clipboard.writeText(code.textContent.replace(/\s/g, '')).then(() => {
        say(button.textContent = button.dataset.copied);
      }, () => getSelection().selectAllChildren(code));
    });
  }

  // What moves the page waits until a press is over: a button must not slip
  // away from under the pointer that presses it.
  let pressed = null;
  const still = f => pressed ? pressed.push(f) : f();
  on(self, 'pointerdown', () => { pressed = pressed || []; }, true);
  for (const end of ['pointerup', 'pointercancel']) {
    on(self, end, () => {
      const waiting = pressed || [];
      pressed = null;
      setTimeout(() => waiting.forEach(f => f()), 100);
    }, true);
  }

  // Caps Lock, blanks at either end, and whether two passwords are the same.
  for (const input of all('[data-caps]')) {
    const box = input.closest('.f'), caps = line(box), space = line(box), twin = line(box);
    let locked = false;
    const look = e => {
      const now = !!(e.getModifierState && e.getModifierState('CapsLock'));
      if (now !== locked) caps((locked = now) ? input.dataset.caps : '');
    };
    on(input, 'keydown', look);
    on(input, 'keyup', look);
    on(input, 'blur', () => still(() => {
      if (locked) { locked = false; caps(''); }
      const v = input.value;
      space(v !== v.trim() ? input.dataset.space : '');
      if (!input.dataset.twin || !v) return;
      const same = v === byId(input.dataset.twin).value;
      twin(same ? input.dataset.match : input.dataset.differ);
    }));
    on(input, 'input', () => { space(''); twin(''); });
  }

  // The type of a long code shrinks until all of it can be seen.
  const code = one('input.code');
  if (code) {
    const fit = () => code.classList.toggle('long', code.value.length > 12);
    on(code, 'input', fit);
    fit();
  }

  // A passkey answers a question and the form carries the answer. One form asks
  // for one, one makes one, and that of the sign-in offers one as well.
  const PK = self.PublicKeyCredential;
  const passkey = form => {
    const { passkey: answer, challenge, key } = form.elements;
    const { passkey: kind, options, url, have, cancelled } = form.dataset;
    const note = line(form);
    // In stage 1 an answer is asked for, in stage 2 it has left.
    let stage = 0, offered = null;

    // The question stands on the page; that of the sign-in is fetched when it is
    // put, for such a page may have been open for long.
    const question = async () => {
      if (kind !== 'signin') return { options: JSON.parse(options) };
      const got = await fetch(url, { method: 'POST', body: new URLSearchParams({ key: key.value }) });
      return got.json();
    };
    const ask = async how => {
      const q = await question();
      const got = kind === 'create'
        ? await navigator.credentials.create({ publicKey: PK.parseCreationOptionsFromJSON(q.options) })
        : await navigator.credentials.get({ publicKey: PK.parseRequestOptionsFromJSON(q.options), ...how });
      if (q.challenge) challenge.value = q.challenge;
      answer.value = JSON.stringify(got);
    };

    // The browser offers a passkey in the login field, with a new question every
    // four minutes, while somebody may look.
    const offer = async () => {
      const mine = offered = new AbortController();
      const renew = setTimeout(() => {
        mine.abort();
        if (document.hidden) on(document, 'visibilitychange', offer, { once: true });
        else offer();
      }, 240000);
      try {
        await ask({ mediation: 'conditional', signal: mine.signal });
        form.requestSubmit();
      } catch (e) { /* the button is there all the same */ }
      clearTimeout(renew);
    };

    // The button. The browser puts one question at a time, and each answer leaves
    // once.
    on(form, 'submit', async e => {
      if (answer.value && stage < 2) return void (stage = 2);
      e.preventDefault();
      if (stage) return;
      stage = 1;
      note('');
      if (offered) offered.abort();
      try {
        await ask();
        form.requestSubmit(e.submitter);
      } catch (error) {
        stage = 0;
        note(have && error.name === 'InvalidStateError' ? have : cancelled);
        if (offered) offer();
      }
    });
    // Browsers fill in what a page held before, an answer among it.
    const clear = () => { answer.value = ''; stage = 0; };
    on(self, 'pageshow', clear);
    clear();
    if (kind === 'signin' && PK.isConditionalMediationAvailable) {
      PK.isConditionalMediationAvailable().then(yes => yes && !stage && offer());
    }
  };
  if (PK && PK.parseRequestOptionsFromJSON) {
    for (const e of all('[data-needs=passkey]')) e.hidden = false;
    for (const e of all('[data-lacks=passkey]')) e.hidden = true;
    for (const form of all('[data-passkey]')) passkey(form);
    // A device forgets the passkeys that the account has no more.
    for (const e of PK.signalAllAcceptedCredentials ? all('[data-signal]') : []) {
      PK.signalAllAcceptedCredentials(JSON.parse(e.dataset.signal)).catch(() => {});
    }
  }

  // A slow answer: the button says so. A second press is sent all the same: it
  // repeats the form's key, and gets the same answer.
  for (const form of document.forms) {
    on(form, 'submit', e => {
      if (e.defaultPrevented) return;
      const button = e.submitter;
      clearTimeout(form.wait);
      form.wait = setTimeout(() => {
        form.setAttribute('aria-busy', 'true');
        if (!button || button.classList.contains('link') || button.querySelector('b')) return;
        form.label = [button, button.textContent];
        button.textContent = document.body.dataset.sending;
        say(document.body.dataset.sending);
      }, 400);
    });
  }
  // Back again, from the browser's memory: as it was.
  on(self, 'pageshow', e => {
    for (const form of document.forms) {
      clearTimeout(form.wait);
      form.removeAttribute('aria-busy');
      if (e.persisted && form.label) form.label[0].textContent = form.label[1];
    }
  });

  // On a phone the menu is a strip: the entry of this page comes into sight.
  const here = one('.menu [aria-current]');
  if (here) here.scrollIntoView({ block: 'nearest', inline: 'center' });

  // The end of the countdown is spoken once.
  const get = one('[data-ready]');
  if (get) {
    on(get, 'animationend', () => {
      say(get.dataset.ready);
      get.removeAttribute('aria-describedby');
      const clock = one('.again .clock');
      if (clock) clock.textContent = '';
    });
  }

  // Times of day, in the reader's own zone where it is another one.
  for (const time of all('time[datetime]')) {
    const at = new Date(time.dateTime);
    const clock = /^(\d\d):(\d\d)(:\d\d)?$/.exec(time.textContent);
    if (isNaN(at) || !clock) continue;
    const two = n => String(n).padStart(2, '0');
    time.textContent = two(at.getHours()) + ':' + two(at.getMinutes()) + (clock[3] ? ':' + two(at.getSeconds()) : '');
  }
})();
