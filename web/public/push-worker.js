// Shows what the server pushes, when no page is open, too: the text is made by the server, drills are marked there.
self.addEventListener('push', (event) => {
  const { title, body, alert, level, language } = event.data.json();
  event.waitUntil(
    self.registration.showNotification(title, {
      body,
      lang: language,
      icon: '/icon.svg',
      // The newest word on an alert takes the place of the one before, and is heard again.
      tag: alert,
      renotify: true,
      requireInteraction: level === 'red',
      data: { alert },
    }),
  );
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const path = `/#/alerts/${encodeURIComponent(event.notification.data.alert)}`;
  event.waitUntil(self.clients.openWindow(path));
});
