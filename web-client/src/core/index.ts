// SPDX-License-Identifier: Apache-2.0
/** Joins the core to this browser: the one place that knows its globals. */
import type { Media, Meeting, Papers, Session, Sessions } from './api.ts';
import { systemClock } from './clock.ts';
import { HttpPapers, HttpSessions } from './http.ts';
import { Link, type Socket } from './link.ts';
import { MediaClient } from './media.ts';
import { MeetingClient } from './meeting.ts';

export * from './api.ts';

export interface App {
  sessions: Sessions;
  connect(session: Session): { meeting: Meeting; media: Media; papers: Papers };
}

/** Phones show few pictures, desks nine, a hall's wall the whole grid. */
function videoSlotsOf(screenWidth: number): number {
  if (screenWidth < 700) return 4;
  return screenWidth < 1800 ? 9 : 25;
}

export function createApp(): App {
  return {
    sessions: new HttpSessions(window.sessionStorage),
    connect(session) {
      const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws?s=${encodeURIComponent(session.s)}`;
      const meeting = new MeetingClient(systemClock, (events) =>
        new Link(() => new WebSocket(url) as unknown as Socket, systemClock, events));
      const media = new MediaClient(systemClock, meeting, videoSlotsOf(Math.min(window.innerWidth, screen.width)));
      window.addEventListener('online', () => meeting.link.retryNow());
      window.addEventListener('offline', () => meeting.link.reset());
      window.addEventListener('pagehide', () => media.close());
      return { meeting, media, papers: new HttpPapers(session, systemClock) };
    },
  };
}
