// SPDX-License-Identifier: Apache-2.0
/** Keeps the screen on while in a meeting, where the browser can. Returns what ends it. */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  let ended = false;

  async function take(): Promise<void> {
    if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    try {
      lock = await navigator.wakeLock.request('screen');
      if (ended) await lock.release();
    } catch {
      lock = null; // low battery or not allowed: the screen goes dark as always
    }
  }
  const again = () => void take();

  // The browser drops the lock whenever the page is hidden.
  document.addEventListener('visibilitychange', again);
  again();
  return () => {
    ended = true;
    document.removeEventListener('visibilitychange', again);
    void lock?.release().catch(() => undefined);
  };
}
