// Small comforts. Nothing needs this script: every page works without it.
// Texts come from the page, in its language, and are only ever set as text.
(() => {
  'use strict';
  const status = document.getElementById('status');
  const say = text => { status.textContent = ''; setTimeout(() => { status.textContent = text; }, 60); };

  // A line under a field that comes and goes; it is spoken when it comes.
  const line = (input, name) => {
    const box = input.closest('.f');
    const id = input.id + '-' + name;
    return text => {
      const old = document.getElementById(id);
      if (old) old.remove();
      if (!text) return;
      const p = document.createElement('p');
      p.className = 'aside';
      p.id = id;
      p.textContent = text;
      box.append(p);
      say(text);
    };
  };

  // Show and hide a password.
  for (const button of document.querySelectorAll('button[data-show]')) {
    const input = document.getElementById(button.getAttribute('aria-controls'));
    button.hidden = false;
    const set = shown => {
      input.type = shown ? 'text' : 'password';
      button.textContent = shown ? button.dataset.hide : button.dataset.show;
      button.setAttribute('aria-pressed', String(shown));
    };
    button.addEventListener('click', () => set(input.type === 'password'));
    // A password leaves as one, so that the browser offers to keep it as one.
    input.form.addEventListener('submit', () => set(false));
  }

  // What moves the page waits until a press is over: a button must not slip
  // away from under the pointer that presses it.
  let pressed = null;
  const still = f => pressed ? pressed.push(f) : f();
  addEventListener('pointerdown', () => { pressed = pressed || []; }, true);
  for (const end of ['pointerup', 'pointercancel']) {
    addEventListener(end, () => {
      const waiting = pressed || [];
      pressed = null;
      setTimeout(() => waiting.forEach(f => f()), 100);
    }, true);
  }

  // Caps Lock, blanks at either end, and whether two passwords are the same.
  for (const input of document.querySelectorAll('input[data-caps]')) {
    const caps = line(input, 'caps'), space = line(input, 'space'), twin = line(input, 'twin');
    let on = false;
    const look = e => {
      const now = !!(e.getModifierState && e.getModifierState('CapsLock'));
      if (now !== on) caps((on = now) ? input.dataset.caps : '');
    };
    input.addEventListener('keydown', look);
    input.addEventListener('keyup', look);
    input.addEventListener('blur', () => still(() => {
      if (on) { on = false; caps(''); }
      const v = input.value;
      space(v !== v.trim() ? input.dataset.space : '');
      if (!input.dataset.twin || !v) return;
      const same = v === document.getElementById(input.dataset.twin).value;
      twin(same ? input.dataset.match : input.dataset.differ);
    }));
    input.addEventListener('input', () => { space(''); twin(''); });
  }

  // The type of a long code shrinks until all of it can be seen.
  const code = document.querySelector('input.code');
  if (code) {
    const fit = () => code.classList.toggle('long', code.value.length > 12);
    code.addEventListener('input', fit);
    fit();
  }

  // A slow answer: the button says so. A second press is sent all the same: it
  // repeats the form's key, and gets the same answer.
  for (const form of document.forms) {
    form.addEventListener('submit', e => {
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
  addEventListener('pageshow', e => {
    for (const form of document.forms) {
      clearTimeout(form.wait);
      form.removeAttribute('aria-busy');
      if (e.persisted && form.label) form.label[0].textContent = form.label[1];
    }
  });

  // On a phone the menu is a strip: the entry of this page comes into sight.
  const here = document.querySelector('.menu [aria-current]');
  if (here) here.scrollIntoView({ block: 'nearest', inline: 'center' });

  // The end of the countdown is spoken once.
  const get = document.querySelector('button[data-ready]');
  if (get) {
    get.addEventListener('animationend', () => {
      say(get.dataset.ready);
      get.removeAttribute('aria-describedby');
      const clock = document.querySelector('.again .clock');
      if (clock) clock.textContent = '';
    });
  }

  // Times of day, in the reader's own zone where it is another one.
  for (const time of document.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    const clock = /^(\d\d):(\d\d)(:\d\d)?$/.exec(time.textContent);
    if (isNaN(at) || !clock) continue;
    const two = n => String(n).padStart(2, '0');
    time.textContent = two(at.getHours()) + ':' + two(at.getMinutes()) + (clock[3] ? ':' + two(at.getSeconds()) : '');
  }
})();
