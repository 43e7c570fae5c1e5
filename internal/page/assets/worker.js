// The worker of the companion app. It keeps no page of an account: what it keeps is
// one page that says that there is no connection.
'use strict';
const kept = 'sparekey-offline-1', offline = '/app/offline';

self.addEventListener('install', e => {
  e.waitUntil(caches.open(kept).then(c => c.add(new Request(offline, { credentials: 'omit' }))).then(() => self.skipWaiting()));
});
self.addEventListener('activate', e => {
  e.waitUntil(caches.keys().then(names => Promise.all(names.filter(n => n !== kept).map(n => caches.delete(n)))).then(() => self.clients.claim()));
});
self.addEventListener('fetch', e => {
  if (e.request.mode !== 'navigate') return;
  e.respondWith(fetch(e.request).catch(() => caches.match(offline)));
});

// What happened, in a sentence. Nothing is asked here, and nothing can be approved.
self.addEventListener('push', e => {
  const told = e.data.json();
  e.waitUntil(self.registration.showNotification(told.title, {
    body: told.body, lang: told.lang, dir: told.dir, tag: told.tag, icon: '/app/icon.svg', badge: '/app/icon.svg',
  }));
});
self.addEventListener('notificationclick', e => {
  e.notification.close();
  e.waitUntil(self.clients.openWindow('/account/activity'));
});
