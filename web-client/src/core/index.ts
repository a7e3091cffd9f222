// SPDX-License-Identifier: Apache-2.0
/** Joins the core to this browser: the one place that knows its globals. */
import { Failure, type Media, type Meeting, type Papers, type Session, type Sessions, type Studio } from './api.ts';
import { systemClock } from './clock.ts';
import { HttpPapers, HttpSessions } from './http.ts';
import { Link, type Socket } from './link.ts';
import { MediaClient } from './media.ts';
import { MeetingClient } from './meeting.ts';
import { HttpStudio } from './studio.ts';

export * from './api.ts';

export interface App {
  sessions: Sessions;
  connect(session: Session): { meeting: Meeting; media: Media; papers: Papers; studio: Studio };
}

/** Phones show few pictures, desks nine, a hall's wall the whole grid. A window that is small now may be made larger. */
function videoSlotsOf(screenWidth: number): number {
  if (screenWidth < 700) return 4;
  return screenWidth < 1800 ? 9 : 25;
}

/** The page is there to be seen, or one of its pictures floats above other windows (the browser's own picture-in-picture). */
function onScreenChange(run: (shown: boolean) => void): void {
  const look = () => run(document.visibilityState === 'visible' || Boolean(document.pictureInPictureElement));
  for (const event of ['visibilitychange', 'enterpictureinpicture', 'leavepictureinpicture']) document.addEventListener(event, look);
  look();
}

/** Phones tell when they go from Wi-Fi to mobile data; the event also comes for every new estimate of the line's speed. */
function onOtherNetwork(run: () => void): void {
  const connection = (navigator as { connection?: EventTarget & { type?: string } }).connection;
  let type = connection?.type;
  connection?.addEventListener('change', () => {
    if (connection.type === type) return;
    type = connection.type;
    if (type !== 'none') run();
  });
}

export function createApp(): App {
  const sessions = new HttpSessions(window.sessionStorage);
  return {
    sessions,
    connect(session) {
      const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws?s=${encodeURIComponent(session.s)}`;
      const verify = () => sessions.open(session.meeting.id, null).then(() => null, (e: unknown) => (e instanceof Failure ? e.code : null));
      const meeting = new MeetingClient(systemClock, verify, (events) =>
        new Link(() => new WebSocket(url) as unknown as Socket, systemClock, events));
      const media = new MediaClient(systemClock, meeting, videoSlotsOf(screen.width));
      window.addEventListener('online', () => meeting.link.retryNow());
      window.addEventListener('offline', () => meeting.link.reset());
      onOtherNetwork(() => {
        meeting.link.reset(); // it hangs on the address we had
        meeting.link.retryNow();
      });
      document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && meeting.link.probe());
      onScreenChange((shown) => media.onScreen(shown));
      window.addEventListener('pagehide', () => media.close());
      window.addEventListener('pageshow', (event) => event.persisted && location.reload());
      return { meeting, media, papers: new HttpPapers(session, systemClock), studio: new HttpStudio(session) };
    },
  };
}
