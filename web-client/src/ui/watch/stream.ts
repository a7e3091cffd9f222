// SPDX-License-Identifier: Apache-2.0
/** An HLS stream in a video element: hls.js where there is MediaSource, else the browser's own player (iPhones). */
import type Hls from 'hls.js';

export interface StreamEvents {
  /** The playlist has ended or cannot be loaded. */
  onCheck(): void;
  /** Something is wrong on the way; false: it plays again. */
  onTrouble(trouble: boolean): void;
}

export interface Stream {
  /** When the picture on the screen was made, milliseconds since 1970; null: not known. */
  date(): number | null;
  toLive(): void;
  close(): void;
}

const RETRY_MS = 2000;
/** Two segments behind the newest: some five seconds behind the meeting. */
const SEGMENTS_BEHIND = 2;

/** null: this browser plays no HLS. */
export async function openStream(video: HTMLVideoElement, url: string, events: StreamEvents): Promise<Stream | null> {
  const { default: Hls } = await import('hls.js/light');
  if (Hls.isSupported()) return ours(new Hls(settings()), Hls, video, url, events);
  return video.canPlayType('application/vnd.apple.mpegurl') ? native(video, url, events) : null;
}

function settings() {
  return {
    enableWorker: false, // fragmented MP4 needs no work
    liveSyncDurationCount: SEGMENTS_BEHIND,
    liveMaxLatencyDurationCount: 6,
    maxLiveSyncPlaybackRate: 1.1,
    backBufferLength: 20,
    capLevelToPlayerSize: true,
  };
}

function ours(hls: Hls, { Events, ErrorTypes }: typeof Hls, video: HTMLVideoElement, url: string, events: StreamEvents): Stream {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let ended = false;
  const later = (run: () => void) => {
    timer ??= setTimeout(() => {
      timer = null;
      run();
    }, RETRY_MS);
  };
  hls.on(Events.ERROR, (_event, { fatal, type }) => {
    if (!fatal) return;
    if (type === ErrorTypes.MEDIA_ERROR) {
      hls.recoverMediaError();
      return;
    }
    events.onTrouble(true);
    events.onCheck();
    later(() => (hls.levels.length > 0 ? hls.startLoad() : hls.loadSource(url)));
  });
  hls.on(Events.FRAG_BUFFERED, () => events.onTrouble(false));
  hls.on(Events.LEVEL_UPDATED, (_event, { details }) => {
    if (details.live || ended) return;
    ended = true; // what is buffered is still watched
    if (video.ended) events.onCheck();
  });
  const onEnded = () => events.onCheck();
  video.addEventListener('ended', onEnded);
  hls.attachMedia(video);
  hls.loadSource(url);
  return {
    date: () => hls.playingDate?.getTime() ?? null,
    toLive: () => {
      if (hls.liveSyncPosition !== null && hls.liveSyncPosition > video.currentTime) video.currentTime = hls.liveSyncPosition;
    },
    close: () => {
      if (timer) clearTimeout(timer);
      video.removeEventListener('ended', onEnded);
      hls.destroy();
    },
  };
}

function native(video: HTMLVideoElement & { getStartDate?: () => Date }, url: string, events: StreamEvents): Stream {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const onEnded = () => events.onCheck();
  const onError = () => {
    events.onTrouble(true);
    events.onCheck();
    timer ??= setTimeout(() => {
      timer = null;
      video.load();
    }, RETRY_MS);
  };
  const onPlaying = () => events.onTrouble(false);
  video.addEventListener('ended', onEnded);
  video.addEventListener('error', onError);
  video.addEventListener('playing', onPlaying);
  video.src = url;
  return {
    date: () => {
      const start = video.getStartDate?.().getTime() ?? NaN;
      return Number.isNaN(start) ? null : start + video.currentTime * 1000;
    },
    toLive: () => {
      if (video.seekable.length > 0) video.currentTime = video.seekable.end(video.seekable.length - 1) - 5;
    },
    close: () => {
      if (timer) clearTimeout(timer);
      video.removeEventListener('ended', onEnded);
      video.removeEventListener('error', onError);
      video.removeEventListener('playing', onPlaying);
      video.removeAttribute('src');
      video.load();
    },
  };
}
