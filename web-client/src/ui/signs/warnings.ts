// SPDX-License-Identifier: Apache-2.0
/** What a host has to hear of her jobs though the panel is closed: only what is new since the last message. Pure. */
import type { Fault, Jobs } from '../../core/api.ts';

export interface Warning {
  what: 'recording' | 'live' | 'rtmp' | 'camera';
  /** Of a receiver or a camera. */
  name: string;
  /** restarted: it failed and goes on by itself. behind: pictures are left out. */
  news: Fault | 'restarted' | 'behind';
  /** It is over: to be read, not to pass by. */
  over: boolean;
}

interface Job {
  id: string;
  name: string;
  state: string;
  error: Fault | null;
  behind: boolean;
}

const CRASHES: readonly (Fault | null)[] = ['job-crashed', 'job-stalled'];

function listOf(jobs: Jobs | null): { what: Warning['what']; job: Job }[] {
  if (!jobs) return [];
  const { recording, live, rtmp, cameras } = jobs;
  const plain = { name: '', behind: false };
  return [
    ...(recording ? [{ what: 'recording' as const, job: { ...plain, ...recording } }] : []),
    ...(live ? [{ what: 'live' as const, job: { ...plain, id: '', ...live } }] : []),
    ...rtmp.map((job) => ({ what: 'rtmp' as const, job: { ...plain, ...job } })),
    ...cameras.map((job) => ({ what: 'camera' as const, job: { ...plain, ...job } })),
  ];
}

export function newsOf(before: Jobs | null, after: Jobs | null): Warning[] {
  const known = new Map(listOf(before).map(({ what, job }) => [`${what} ${job.id}`, job]));
  return listOf(after).flatMap(({ what, job }): Warning[] => {
    const old = known.get(`${what} ${job.id}`);
    const { name, state, error, behind } = job;
    const over = state === 'failed';
    if (error && (error !== old?.error || (over && old.state !== 'failed')))
      return [{ what, name, news: !over && CRASHES.includes(error) ? 'restarted' : error, over }];
    return behind && !old?.behind ? [{ what, name, news: 'behind', over }] : [];
  });
}
